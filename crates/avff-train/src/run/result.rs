//! `result.csv`: one row per epoch.
//!
//! Columns are `epoch`, `step` and the names of the first epoch's values. Names that first occur
//! later have columns after those, with empty cells in earlier rows; a missing value is an empty
//! cell. Non-finite values are `NaN`, `inf` or `-inf`. The file is rebuilt from `metrics.jsonl` at
//! each epoch, so both agree after any number of interruptions.

use std::{fs::File, io::BufWriter, path::Path};

use super::{
    error::{RunError, written},
    record::Record,
};

/// Writes the table of epochs.
///
/// # Errors
/// [`RunError::Write`]; an existing file then stays unchanged.
pub fn write(path: &Path, epochs: &[Record]) -> Result<(), RunError> {
    let names = names(epochs);
    let table = |file: &mut BufWriter<File>| {
        let mut table = csv::Writer::from_writer(file);
        table.write_record(["epoch", "step"].into_iter().chain(names.iter().copied()))?;
        for record in epochs {
            let numbers = names.iter().map(|name| {
                record.values.get(name).map_or_else(String::new, |value| value.to_string())
            });
            let row = [record.epoch.to_string(), record.step.to_string()].into_iter();
            table.write_record(row.chain(numbers))?;
        }
        table.flush()
    };
    written(path, avff_files::write_with(path, table))
}

/// Returns the names of all values, in order of appearance.
pub(super) fn names(epochs: &[Record]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in epochs.iter().flat_map(|record| record.values.iter()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::run::record::Values;

    #[test]
    fn late_and_missing_values_keep_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.csv");
        let epochs = [
            Record::epoch(1, 10, Values::from([("train/loss", 0.5), ("val/loss", f64::NAN)])),
            Record::epoch(2, 20, Values::from([("val/a,b", 1e-7), ("train/loss", 0.25)])),
        ];
        write(&path, &epochs).unwrap();
        let text =
            "epoch,step,train/loss,val/loss,\"val/a,b\"\n1,10,0.5,NaN,\n2,20,0.25,,0.0000001\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        write(&path, &epochs[..1]).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("\n1,10,0.5,NaN\n"));
    }
}
