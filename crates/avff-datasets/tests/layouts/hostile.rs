//! Malformed and malicious metadata and folders.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    path::PathBuf,
};

use avff_datasets::{
    Reason,
    layout::{
        Event, Layout, ScanOptions,
        metadata::{Counts, Format},
        scan,
    },
};
use proptest::prelude::*;

use crate::setup::{Set, assert_lines};

/// A valid file of each format, so that mutations pass the first checks.
fn seed(format: Format) -> Vec<u8> {
    let text = match format {
        Format::FakeAvCeleb => {
            "source,target1,target2,method,category,type,race,gender,path,\n\
             id1,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,FakeAVCeleb/x\n"
        }
        Format::Dfdc => r#"{"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"}}"#,
        Format::DfdcLabels => "filename,label\na.mp4,1\n",
        Format::Kodf => {
            "\u{feff}영상ID,타겟영상,타겟UUID,소스UUID,변조모델\na.mp4,b.mp4,u1,u2,dfl\n"
        }
        Format::LavDf => {
            r#"[{"file": "test/1.mp4", "n_fakes": 1, "fake_periods": [[1, 2]], "original": null,
                "modify_video": true, "modify_audio": false, "split": "test"}]"#
        }
        Format::AvDeepfake1m => {
            r#"[{"file": "a/b/c.mp4", "original": null, "split": "train",
                "modify_type": "both_modified", "audio_model": "vits", "fake_segments": [[1, 2]]}]"#
        }
        Format::AvDeepfake1mNames => "a.mp4\nb.mp4\n",
        Format::Kinetics400 => "label,youtube_id,time_start,time_end,split\nyoga,b,1,11,val\n",
        Format::MavosDdState => r#"{"_data_files": [{"filename": "data-0.arrow"}]}"#,
        _ => return std::fs::read(shard()).unwrap(),
    };
    text.into()
}

fn shard() -> PathBuf {
    let folder = "tests/fixtures/layouts/mavos-dd";
    PathBuf::from(folder).join("data-00000-of-00002.arrow")
}

#[test]
fn every_seed_is_valid() {
    for format in Format::ALL {
        let counts = format.check(seed(format).as_slice()).unwrap();
        assert!(counts.valid > 0 && counts.invalid == 0, "{format:?}: {counts:?}");
    }
}

/// A reader that returns one byte at a time.
struct OneByteReader<'a>(&'a [u8]);

impl Read for OneByteReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let max = buffer.len().min(1);
        self.0.read(&mut buffer[..max])
    }
}

#[test]
fn chunk_size_does_not_matter() {
    for format in Format::ALL {
        // Fuzzing found byte order marks that were detected only in one chunk.
        let bom = if format == Format::MavosDdRows { "" } else { "\u{feff}" };
        let bytes = [bom.as_bytes(), &seed(format)].concat();
        let counts = format.check(bytes.as_slice()).unwrap();
        assert!(counts.valid > 0, "{format:?}");
        assert_eq!(format.check(OneByteReader(&bytes)).unwrap(), counts, "{format:?}");
    }
}

#[test]
fn truncated_arrow_streams_never_panic_or_add_rows() {
    let complete = seed(Format::MavosDdRows);
    let rows = Format::MavosDdRows.check(complete.as_slice()).unwrap();
    assert_eq!(rows, Counts { valid: 3, invalid: 0 });
    for end in 0..complete.len() {
        if let Ok(counts) = Format::MavosDdRows.check(&complete[..end]) {
            assert!(counts.valid <= rows.valid, "{end}");
        }
    }
}

#[test]
fn declared_sizes_in_arrow_streams_allocate_nothing() {
    // A header of 2 GB. Then every 8 bytes of the file are replaced by extreme numbers in turn.
    let mut huge = u32::MAX.to_le_bytes().to_vec();
    huge.extend(0x7fff_ffffu32.to_le_bytes());
    let error = Format::MavosDdRows.check(huge.as_slice()).unwrap_err();
    assert!(matches!(error, Reason::TooLarge { limit: 1_048_576, .. }), "{error}");
    let complete = seed(Format::MavosDdRows);
    for at in (0..complete.len() - 8).step_by(4) {
        for value in [u64::MAX, i64::MAX as u64, 1 << 31, 0] {
            let mut bytes = complete.clone();
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let _ = Format::MavosDdRows.check(bytes.as_slice());
        }
    }
}

#[test]
fn long_records_and_deep_nesting_are_errors() {
    let long = "x".repeat(5 << 20);
    let deep = format!(r#"{{"a.mp4": {{"more": {}"#, "[".repeat(100_000));
    let cases = [
        (Format::FakeAvCeleb, format!("source,\"{long}")),
        (Format::DfdcLabels, format!("filename,label\n\"{long}")),
        (Format::AvDeepfake1mNames, long.clone()),
        (Format::Dfdc, format!("{{\"{long}\": {{}}}}")),
        (Format::LavDf, format!("[{{\"file\": \"{long}\"}}]")),
        (Format::MavosDdState, format!("{{\"_data_files\": [{{\"filename\": \"{long}\"}}]}}")),
        (Format::Dfdc, deep),
    ];
    for (format, text) in cases {
        let error = format.check(text.as_bytes()).unwrap_err();
        assert!(matches!(error, Reason::Row { .. }), "{format:?}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        for format in Format::ALL {
            let _ = format.check(bytes.as_slice());
        }
    }

    #[test]
    fn mutated_metadata_never_panics(
        which in 0..Format::ALL.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let format = Format::ALL[which];
        let mut bytes = seed(format);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = format.check(bytes.as_slice());
        let _ = format.check(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn no_row_is_outside_the_root(name in "[./\\\\a:]{0,12}") {
        let set = Set::new(&["a.mp4"])
            .with("labels.csv", format!("filename,label\n\"{name}\",0\na.mp4,1\n"));
        let result = set.try_scan(Layout::Dfdc, true).unwrap();
        for row in &result.rows {
            let path = row.split('|').next().unwrap();
            prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
        }
    }
}

#[test]
fn scan_can_be_stopped() {
    let set = Set::new(&["real/a.mp4", "real/b.mp4", "fake/c.mp4"]);
    let mut count = 0;
    let mut emit = |_: Event<'_>| {
        count += 1;
        ControlFlow::Break(())
    };
    scan(Layout::Folder, set.root(), ScanOptions::default(), &mut emit).unwrap();
    assert_eq!(count, 1);
}

#[cfg(unix)]
mod unix {
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn links_are_followed_except_cycles() {
        let elsewhere = Set::new(&["b.mp4"]);
        let set = Set::new(&["real/a.mp4"]);
        symlink(elsewhere.root(), set.root().join("fake")).unwrap();
        symlink(set.root(), set.root().join("real/circle")).unwrap();
        symlink("nowhere", set.root().join("real/broken.mp4")).unwrap();
        let result = set.scan(Layout::Folder);
        assert_lines(&result.rows, &["fake/b.mp4|1||||||", "real/a.mp4|0||RVRA|||real/a.mp4|"]);
        let mut problems = result.problems;
        problems.sort();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("unreadable real/broken.mp4"), "{problems:?}");
        assert_eq!(problems[1], "unreadable real/circle: a cycle of links");
    }

    #[test]
    fn names_that_are_not_utf8_are_reported() {
        let set = Set::new(&["real/a.mp4"]);
        fs::write(set.root().join("real").join(OsStr::from_bytes(b"\xff.mp4")), "").unwrap();
        let result = set.scan(Layout::Folder);
        assert_eq!(result.rows.len(), 1);
        assert_lines(&result.problems, &["unnamed real/\u{fffd}.mp4"]);
    }

    #[test]
    fn pipe_as_metadata_does_not_block() {
        let set = Set::new(&["a.mp4"]);
        let pipe = set.root().join("labels.csv");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // A pipe is not a regular file, so it is no metadata.
        assert!(set.error(Layout::Dfdc).starts_with("not DFDC"));
    }
}
