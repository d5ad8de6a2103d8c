//! Reads a CSV list of clips.
#![no_main]

use avff_datasets::{ManifestOptions, ManifestReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = ManifestOptions::default();
    let Ok(reader) = ManifestReader::from_reader(bytes, "list.csv", &options) else { return };
    let columns = reader.columns().len();
    let mut line = 0;
    for row in reader.flatten() {
        assert_eq!(row.extra.len(), columns);
        assert!(row.line >= line && row.target.is_none_or(|target| target <= 1));
        line = row.line;
    }
});
