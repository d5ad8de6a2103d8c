//! Valid, malformed and malicious manifests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use avff_datasets::{
    DatasetError, Reason,
    manifest::{ColumnNames, ManifestOptions, ManifestReader, Row},
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
    let reader = ManifestReader::open(&path, &ManifestOptions::with_root("/clips")).unwrap();
    reader.map(|row| row.map_err(|error| error.source.to_string())).collect()
}

fn valid_rows(bytes: impl AsRef<[u8]>) -> Vec<Row> {
    rows(bytes).into_iter().collect::<Result<_, _>>().unwrap()
}

fn header_error(bytes: impl AsRef<[u8]>) -> DatasetError {
    let (_folder, path) = write(bytes);
    ManifestReader::open(path, &ManifestOptions::default()).unwrap_err()
}

#[test]
fn cells_are_verbatim_and_in_order() {
    let (_folder, path) =
        write("split,video_name,target,note\ntest, a.mp4 ,1,\"x, \"\"y\"\"\"\nval,b/c.mp4,, z \n");
    let mut reader = ManifestReader::open(&path, &ManifestOptions::with_root("/clips")).unwrap();
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
    let resolved = |options: &ManifestOptions| -> Vec<PathBuf> {
        ManifestReader::open(&path, options).unwrap().map(|row| row.unwrap().path).collect()
    };
    let absolute = PathBuf::from("/abs/b.mp4");
    assert_eq!(
        resolved(&ManifestOptions::default()),
        [folder.path().join("sub/a.mp4"), absolute.clone()]
    );
    assert_eq!(
        resolved(&ManifestOptions::with_root("/r")),
        [PathBuf::from("/r/sub/a.mp4"), absolute]
    );
}

#[test]
fn columns_may_have_other_names() {
    let named = |name: &str, target: &str| ManifestOptions {
        columns: ColumnNames { name: name.into(), target: target.into() },
        ..ManifestOptions::default()
    };
    let read = |text: &str, options: &ManifestOptions| {
        let reader = ManifestReader::from_reader(text.as_bytes(), "list.csv", options);
        let reader = reader.map_err(|error| error.source.to_string())?;
        let columns = reader.columns().join(" ");
        let rows: Vec<Row> = reader.map(|row| row.unwrap()).collect();
        Ok::<_, String>((columns, rows))
    };
    // The separator is that of the header with the other name.
    let (columns, rows) =
        read("id;label;path, as found\n7;fake;a.mp4\n", &named("path, as found", "label")).unwrap();
    assert_eq!(columns, "id target");
    assert_eq!((rows[0].name.as_str(), rows[0].target), ("a.mp4", Some(1)));
    assert_eq!(rows[0].extra, ["7", "fake"]);
    let (columns, rows) = read("path\na.mp4\n", &named("path", "target")).unwrap();
    assert_eq!((columns.as_str(), rows[0].target), ("", None));
    for (text, name, target, reason) in [
        (
            "path,note\n",
            "path",
            "label",
            "line 1: the header has no `label` column, it is `path,note`",
        ),
        (
            "path,note\n",
            "clip",
            "target",
            "line 1: the header has no `clip` column, it is `path,note`",
        ),
        (
            "path,video_name\n",
            "path",
            "target",
            "line 1: columns `path` and `video_name` would both be `video_name`: rename or remove one",
        ),
        (
            "video_name,target,label\n",
            "video_name",
            "label",
            "line 1: columns `target` and `label` would both be `target`: rename or remove one",
        ),
        ("a,a\n", "a", "a", "line 1: `a` cannot hold both names and labels: name two columns"),
    ] {
        assert_eq!(read(text, &named(name, target)).unwrap_err(), reason);
    }
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
    let text = b"video_name,target\na,2\nb\nc,1,d\n ,0\n\xff\xfe,0\n\xffx,y\ng,true\nh, 1 \n";
    let results = rows(text);
    let expected = [
        "line 2: `target` is `2`",
        "line 3: 1 cells where the header has 2",
        "line 4: 3 cells where the header has 2",
        "line 5: the `video_name` cell is empty",
        "line 6: not UTF-8",
        "line 7: not UTF-8",
        "line 8: `target` is `true`: write 1 or fake, 0 or real, or nothing",
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

/// Tables as spreadsheets export them: separators, a line that states it, and encodings.
#[test]
fn tables_of_spreadsheets_equal_the_plain_table() {
    let plain = "video_name,target,note\na.mp4,0,x\n\u{e9}.mp4,1,\"y, z\"\n";
    let semicolons = "video_name;target;note\r\na.mp4;0;x\r\n\u{e9}.mp4;1;y, z\r\n";
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let units = ["\u{feff}", text].concat().encode_utf16().collect::<Vec<_>>();
        units.iter().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let expected: Vec<_> = valid_rows(plain).into_iter().map(|row| (row.line, row)).collect();
    // (table, how many lines precede its header)
    let cases: [(Vec<u8>, u64); 11] = [
        (semicolons.into(), 0),
        (plain.replace("y, z", "y, z;").replace("z;", "z").into(), 0),
        (semicolons.replace(';', "\t").into(), 0),
        (format!("sep=;\n{semicolons}").into(), 1),
        (format!("\u{feff}sep=;\r\n{semicolons}").into(), 1),
        (format!("\"sep=,\"\n{plain}").into(), 1),
        (utf16(plain, false), 0),
        (utf16(plain, true), 0),
        (utf16(&format!("sep=\t\r\n{}", semicolons.replace(';', "\t")), false), 1),
        (format!("{semicolons};;\r\n;;\r\n").into(), 0),
        (
            "video_name,target,note,,\na.mp4,0,x,,\n\u{e9}.mp4,1,\"y, z\",,\n,,,,\n , ,,,\n".into(),
            0,
        ),
    ];
    for (bytes, before) in cases {
        let rows = valid_rows(&bytes);
        assert_eq!(rows.len(), 2, "{}", String::from_utf8_lossy(&bytes));
        for (mut row, (line, expected)) in rows.into_iter().zip(expected.clone()) {
            assert_eq!(row.line, line + before, "{}", String::from_utf8_lossy(&bytes));
            row.line = line;
            assert_eq!(row, expected, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn empty_rows_and_columns_are_skipped_wherever_they_are() {
    let rows = valid_rows(",,\nvideo_name,target,,\n,,,\na,1\n\"\",\n ,\nb,0,,,,\n");
    let read: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.target, row.line)).collect();
    assert_eq!(read, [("a", Some(1), 4), ("b", Some(0), 7)]);
    assert!(rows.iter().all(|row| row.extra.len() == 1));
    // An index without a name, as pandas writes it, is a column.
    let rows = valid_rows(",video_name,target\n0,a,1\n");
    assert_eq!(rows[0].extra, ["0", "1"]);
}

/// What could mean several things is refused with its line and the remedy.
#[test]
fn ambiguous_tables_are_refused() {
    for (text, parts) in [
        ("sep=|\nvideo_name|target\n", &["line 1: ", "`sep=|`", "separate columns by commas"][..]),
        ("\n\nname;target\na;1\n", &["line 3: ", "`name;target`", "rename `name`"]),
        ("sep=;\nvideo_name,target\n", &["line 2: ", "no `video_name` column"]),
        ("v\0i\0d\0e\0o\0", &["line 1: ", "UTF-16", "save the file as UTF-8"]),
    ] {
        let error = header_error(text).source.to_string();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    for (text, parts) in [
        ("video_name;target\na;b;1\n", &["line 2: 3 cells", "a cell that holds a semicolon"][..]),
        ("video_name\ttarget\na\n", &["line 2: 1 cells", "a cell that holds a tab"]),
        ("video_name,target,\na,1,x\n", &["line 2: 3 cells", "name every column"]),
        ("video_name,target\n\na,true\n", &["line 3: `target` is `true`", "1 or fake, 0 or real"]),
    ] {
        let error = rows(text)[0].clone().unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn labels_in_words_are_read_and_kept_verbatim() {
    let rows = valid_rows("video_name,target\na,REAL\nb,Fake\nc,bonafide\nd, spoof \ne,\n");
    let targets: Vec<_> = rows.iter().map(|row| row.target).collect();
    assert_eq!(targets, [Some(0), Some(1), Some(0), Some(1), None]);
    assert_eq!(rows[0].extra, ["REAL"]);
    assert_eq!(rows[3].extra, [" spoof "]);
}

/// The name stays verbatim; only the path of the file follows the disk.
#[test]
fn names_in_another_normal_form_or_notation_find_their_file() {
    let (folder, path) = write("video_name\nsub/caf\u{e9}.mp4\nsub\\plain.mp4\nabsent\u{e9}.mp4\n");
    fs::create_dir(folder.path().join("sub")).unwrap();
    for name in ["cafe\u{301}.mp4", "plain.mp4"] {
        fs::write(folder.path().join("sub").join(name), "").unwrap();
    }
    let rows: Vec<Row> = ManifestReader::open(&path, &ManifestOptions::default())
        .unwrap()
        .map(|row| row.unwrap())
        .collect();
    assert_eq!(rows[0].name, "sub/caf\u{e9}.mp4");
    assert!(rows[0].path.exists() && rows[1].path.exists());
    assert_eq!(rows[1].name, "sub\\plain.mp4");
    assert_eq!(rows[2].path, folder.path().join("absent\u{e9}.mp4"));
}

#[test]
#[cfg(unix)]
fn absolute_paths_of_windows_are_refused_with_their_line() {
    let results = rows("video_name,target\na,1\nC:\\clips\\b.mp4,0\nc,1\n");
    assert!(results[0].is_ok() && results[2].is_ok());
    let error = results[1].as_ref().unwrap_err();
    assert!(error.starts_with("line 3: `C:\\\\clips"), "{error}");
    assert!(error.contains("root folder"), "{error}");
}

#[test]
fn file_errors_contain_the_path() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("none.csv");
    let error = ManifestReader::open(&missing, &ManifestOptions::default()).unwrap_err();
    assert!(matches!(error.source, Reason::NotFound));
    assert_eq!(error.path, missing);
    let error = ManifestReader::open(folder.path(), &ManifestOptions::default()).unwrap_err();
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

/// A quote that is never closed would take all later rows into its cell.
#[test]
fn unclosed_quote_is_an_error() {
    for text in ["a,1,x\nb,0,\"y\nc,1,z\n", "a,1,x\nb,0,\"y\r\nc,1,z", "a,1,x\nb,0,\"y\n"] {
        let results = rows(format!("video_name,target,fold\n{text}"));
        assert_eq!(results.len(), 2, "{text:?}: {results:?}");
        let error = results[1].as_ref().unwrap_err();
        assert_eq!(error, "line 3: a quote in this row is never closed", "{text:?}");
    }
    for text in
        ["a,1,\"x\ny\"\nb,0,5\" disk\n", "a,1,x\nb,0,\"y \"\"z\"\"\n\"", "a,1,x\nb,0,5\"\n\n\n"]
    {
        let results = rows(format!("video_name,target,fold\n{text}"));
        assert!(results.len() == 2 && results.iter().all(Result::is_ok), "{text:?}: {results:?}");
    }
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
        head in prop_oneof![
            Just(""),
            Just("video_name,target\n"),
            Just("video_name\r\n"),
            Just("sep=;\nvideo_name;target\n"),
            Just("video_name\ttarget\t\n"),
        ],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..400),
            proptest::collection::vec(proptest::sample::select(b"a,;\t\\:\"\r\n01\xef\xbb\xbf".to_vec()), 0..400),
        ],
    ) {
        let bytes = [head.as_bytes(), &body].concat();
        let newlines = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let (_folder, path) = write(&bytes);
        if let Ok(reader) = ManifestReader::open(&path, &ManifestOptions::default()) {
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

    /// A table in UTF-16 is read like the table in UTF-8.
    #[test]
    fn encodings_give_equal_rows(
        text in "(sep=;\n)?video_name[,;\t]target[,;]?\r?\n[a\u{e9}01,;\t\"\n\r]{0,60}",
        big: bool,
    ) {
        let units = ["\u{feff}", &text].concat().encode_utf16().collect::<Vec<_>>();
        let bytes: Vec<u8> = units
            .iter()
            .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
            .collect();
        let read = |bytes: &[u8]| {
            let reader = ManifestReader::from_reader(bytes, "list.csv", &ManifestOptions::default());
            let reader = reader.map_err(|error| error.to_string())?;
            let columns = reader.columns().to_vec();
            let rows: Vec<_> = reader.map(|row| row.map_err(|error| error.to_string())).collect();
            Ok::<_, String>((columns, rows))
        };
        prop_assert_eq!(read(&bytes), read(text.as_bytes()));
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

#[test]
fn conditions_select_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    let text = "clip,label,split,language\n\
                a.mp4,1,test,en\n\
                b.mp4,0,train,de\n\
                c.mp4,0, test ,\"fr, be\"\n\
                d.mp4,1,test,de\n\
                e.mp4,unclear,train,en\n";
    fs::write(&path, text).unwrap();
    let read = |conditions: &[&str]| -> Result<Vec<Row>, DatasetError> {
        let options = ManifestOptions {
            columns: ColumnNames { name: "clip".into(), target: "label".into() },
            conditions: conditions.iter().map(|text| text.parse().unwrap()).collect(),
            ..ManifestOptions::default()
        };
        ManifestReader::open(&path, &options)?.collect()
    };
    let names = |conditions: &[&str]| -> Vec<String> {
        read(conditions).unwrap().into_iter().map(|row| row.name).collect()
    };
    // A row that is not selected may have a label that means nothing.
    assert_eq!(names(&["split=test"]), ["a.mp4", "c.mp4", "d.mp4"]);
    assert_eq!(names(&["split=test", "language=de,en"]), ["a.mp4", "d.mp4"]);
    assert_eq!(names(&["language=\"fr, be\""]), ["c.mp4"]);
    // Columns have the file's name and the manifest's.
    assert_eq!(names(&["label=0"]), ["b.mp4", "c.mp4"]);
    assert_eq!(names(&["target=0", "video_name=b.mp4,c.mp4"]), ["b.mp4", "c.mp4"]);
    let lines: Vec<u64> = read(&["split=test"]).unwrap().iter().map(|row| row.line).collect();
    assert_eq!(lines, [2, 4, 5]);
    let message = |conditions: &[&str]| {
        let reason = read(conditions).unwrap_err().source;
        assert!(matches!(reason, Reason::Condition { .. }), "{reason}");
        reason.to_string()
    };
    assert_eq!(
        message(&["splits=test"]),
        "splits=test: there is no such column, the columns are `clip`, `label`, `split`, `language`"
    );
    assert_eq!(
        message(&["split=test,tset"]),
        "split=test,tset: no row has `tset` in this column, whose values are `test`, `train`"
    );
    assert_eq!(
        message(&["split=train", "language=\"fr, be\""]),
        "split=train: no row meets this and all other conditions"
    );
    // A selected row must be right.
    assert!(matches!(read(&["split=train"]).unwrap_err().source, Reason::Row { line: 6, .. }));
    assert!(matches!(read(&[]).unwrap_err().source, Reason::Row { line: 6, .. }));
}

#[test]
fn many_values_are_listed_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    let rows: String = (0..100).map(|index| format!("{index}.mp4,{index:02}\n")).collect();
    fs::write(&path, format!("video_name,number\n{rows}")).unwrap();
    let options = ManifestOptions {
        conditions: vec!["number=99,x".parse().unwrap()],
        ..ManifestOptions::default()
    };
    let rows: Vec<_> = ManifestReader::open(&path, &options).unwrap().collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].as_ref().unwrap().name, "99.mp4");
    let error = rows[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("`00`, `01`") && error.ends_with("`19` and others"), "{error}");
}
