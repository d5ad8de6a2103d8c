//! Valid, malformed and malicious manifests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use avff_datasets::{
    DatasetError, Reason,
    manifest::{ManifestReader, Row},
};
use proptest::prelude::*;
use tempfile::TempDir;

fn write(bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clips.csv");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn rows(bytes: impl AsRef<[u8]>) -> Vec<Result<Row, String>> {
    let (_folder, path) = write(bytes);
    let reader = ManifestReader::open(&path, Some(Path::new("/clips"))).unwrap();
    reader.map(|row| row.map_err(|error| error.source.to_string())).collect()
}

fn valid_rows(bytes: impl AsRef<[u8]>) -> Vec<Row> {
    rows(bytes).into_iter().collect::<Result<_, _>>().unwrap()
}

fn header_error(bytes: impl AsRef<[u8]>) -> DatasetError {
    let (_folder, path) = write(bytes);
    ManifestReader::open(path, None).unwrap_err()
}

#[test]
fn cells_are_verbatim_and_in_order() {
    let (_folder, path) =
        write("split,video_name,target,note\ntest, a.mp4 ,1,\"x, \"\"y\"\"\"\nval,b/c.mp4,, z \n");
    let mut reader = ManifestReader::open(&path, Some(Path::new("/clips"))).unwrap();
    assert_eq!(reader.columns(), ["split", "target", "note"]);
    assert!(reader.has_target());
    let first = reader.next().unwrap().unwrap();
    assert_eq!(first.name, " a.mp4 ");
    assert_eq!(first.path, Path::new("/clips/ a.mp4 "));
    assert_eq!((first.target, first.line), (Some(1), 2));
    assert_eq!(first.extra, ["test", "1", "x, \"y\""]);
    let second = reader.next().unwrap().unwrap();
    assert_eq!((second.target, second.line), (None, 3));
    assert_eq!(second.extra, ["val", "", " z "]);
    assert!(reader.next().is_none());
    assert!(reader.next().is_none());
}

#[test]
fn paths_start_at_the_root_or_the_folder_of_the_manifest() {
    let (folder, path) = write("video_name\nsub/a.mp4\n/abs/b.mp4\n");
    let resolved = |root: Option<&Path>| -> Vec<PathBuf> {
        ManifestReader::open(&path, root).unwrap().map(|row| row.unwrap().path).collect()
    };
    let absolute = PathBuf::from("/abs/b.mp4");
    assert_eq!(resolved(None), [folder.path().join("sub/a.mp4"), absolute.clone()]);
    assert_eq!(resolved(Some(Path::new("/r"))), [PathBuf::from("/r/sub/a.mp4"), absolute]);
}

#[test]
fn lines_are_counted_for_all_line_endings() {
    // (text, lines of its rows): `\r\n`, blank lines, multi-line cells, no final newline, records
    // separated by a bare `\r`.
    let cases: [(&str, &[u64]); 8] = [
        ("video_name\na\nb\n", &[2, 3]),
        ("video_name\r\na\r\nb\r\n", &[2, 3]),
        ("\u{feff}video_name\r\na\r\nb", &[2, 3]),
        ("\n\nvideo_name\n\na\n\n\n\nb\n\n", &[5, 9]),
        ("\r\nvideo_name\r\n\r\na\r\n\r\nb\r\n", &[4, 6]),
        ("video_name,n\n\"a\n\nx\",1\nb,\"2\r\n3\"\r\nc,4\n", &[2, 5, 7]),
        ("video_name\na\n\"b\"\nc", &[2, 3, 4]),
        ("video_name\na\rb\nc\rd", &[2, 2, 3, 3]),
    ];
    for (text, expected) in cases {
        let lines: Vec<u64> = valid_rows(text).iter().map(|row| row.line).collect();
        assert_eq!(lines, expected, "{text:?}");
    }
}

#[test]
fn byte_order_mark_is_skipped() {
    for text in
        ["\u{feff}video_name,target\na,0\n", "\u{feff}\"video_name\",\" target\"\r\na,0\r\n"]
    {
        let rows = valid_rows(text);
        assert_eq!((rows[0].name.as_str(), rows[0].target), ("a", Some(0)), "{text:?}");
    }
}

#[test]
fn reading_continues_after_an_invalid_row() {
    let text = b"video_name,target\na,2\nb\nc,1,d\n ,0\n\xff\xfe,0\n\xffx,y\ng,fake\nh, 1 \n";
    let results = rows(text);
    let expected = [
        "line 2: `target` is `2`",
        "line 3: 1 cells where the header has 2",
        "line 4: 3 cells where the header has 2",
        "line 5: the `video_name` cell is empty",
        "line 6: not UTF-8",
        "line 7: not UTF-8",
        "line 8: `target` is `fake`",
    ];
    assert_eq!(results.len(), expected.len() + 1);
    for (result, expected) in results.iter().zip(expected) {
        assert!(
            result.as_ref().unwrap_err().starts_with(expected),
            "{result:?}, expected {expected}"
        );
    }
    assert_eq!(results.last().unwrap().as_ref().unwrap().target, Some(1));
}

#[test]
fn header_errors_state_the_fix() {
    let cases = [
        ("name,target\na,1\n", "line 1: the header has no `video_name` column"),
        ("\n\nvideo_name,target,target\n", "line 3: column `target` appears twice"),
        ("video_name,video_name\n", "line 1: column `video_name` appears twice"),
        ("\n\r\n\n", "line 1: there is no header"),
        ("\u{feff}", "line 1: there is no header"),
    ];
    for (text, expected) in cases {
        let error = header_error(text);
        assert!(error.source.to_string().starts_with(expected), "{text:?}: {error}");
    }
    assert!(header_error(b"video_name,\xff\n").to_string().contains("UTF-8"));
    assert!(header_error("a,".repeat(5000)).to_string().contains("remove all but"));
}

#[test]
fn file_errors_contain_the_path() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("none.csv");
    let error = ManifestReader::open(&missing, None).unwrap_err();
    assert!(matches!(error.source, Reason::NotFound));
    assert_eq!(error.path, missing);
    let error = ManifestReader::open(folder.path(), None).unwrap_err();
    assert!(matches!(error.source, Reason::NotAFile { kind: "folder" }));
    assert!(matches!(header_error("").source, Reason::Empty));
}

#[test]
fn unclosed_quote_is_an_error_in_bounded_memory() {
    let mut text = b"video_name,target\na,1\n\"b,1\n".to_vec();
    text.extend(b"c,0\n".repeat(1 << 20));
    let results = rows(&text);
    assert_eq!(results.len(), 2, "one row, then one error about the rest");
    let error = results[1].as_ref().unwrap_err();
    assert!(error.starts_with("line 3: a record exceeds 1048576 bytes"), "{error}");
}

#[test]
fn messages_quote_a_bounded_excerpt() {
    let results = rows(format!("video_name,target\na,\"\u{1b}[2J\n{}\"\n", "x".repeat(100_000)));
    let error = results[0].as_ref().unwrap_err();
    assert!(error.len() < 300 && !error.contains(['\u{1b}', '\n']), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_give_rows_or_errors(
        head in prop_oneof![Just(""), Just("video_name,target\n"), Just("video_name\r\n")],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            proptest::collection::vec(proptest::sample::select(b"a,\"\r\n01\xef\xbb\xbf".to_vec()), 0..400),
        ],
    ) {
        let bytes = [head.as_bytes(), &body].concat();
        let newlines = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let (_folder, path) = write(&bytes);
        if let Ok(reader) = ManifestReader::open(&path, None) {
            let width = reader.columns().len();
            let mut last = 1;
            for row in reader {
                let line = match row {
                    Ok(row) => {
                        prop_assert_eq!(row.extra.len(), width);
                        prop_assert!(!row.name.is_empty());
                        row.line
                    }
                    Err(DatasetError { source: Reason::Row { line, .. }, .. }) => line,
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                };
                prop_assert!((last..=newlines + 1).contains(&line), "{} after {}", line, last);
                last = line;
            }
        }
    }

    #[test]
    fn written_rows_round_trip(
        names in proptest::collection::vec("[a-z \",\n\r]{0,6}x", 1..20),
        targets in proptest::collection::vec(proptest::option::of(0..2_u8), 20),
        crlf: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = format!("video_name,target{end}");
        for (name, target) in names.iter().zip(&targets) {
            let target = target.map_or(String::new(), |target| target.to_string());
            text += &format!("\"{}\",{target}{end}", name.replace('"', "\"\""));
        }
        let rows = valid_rows(text);
        prop_assert_eq!(rows.len(), names.len());
        for ((row, name), target) in rows.iter().zip(&names).zip(&targets) {
            prop_assert_eq!((&row.name, &row.target), (name, target));
        }
    }
}
