//! Explains a header without the column of clip names.

use super::{NAME_COLUMN, TARGET_COLUMN, quote, row_error};
use crate::error::{NoColumn, Reason};

/// Names that other tables give to the column of clips.
const LIKELY: [&str; 14] = [
    "video_name",
    "videoname",
    "video",
    "video_path",
    "name",
    "clip",
    "file",
    "filename",
    "file_name",
    "file_path",
    "filepath",
    "path",
    "uri",
    "url",
];

/// Returns the reason why a header with these columns is refused. `separator` stands between them
/// in the file, and `column` is missing.
pub(super) fn without_column(
    columns: &[String],
    separator: char,
    column: &str,
    line: u64,
) -> Reason {
    let header = columns.join(&separator.to_string());
    if header.contains('\0') {
        return row_error(
            line,
            "the header has zero bytes, as UTF-16 without a byte order mark and UTF-32 do: save \
             the file as UTF-8",
        );
    }
    let likely = columns.iter().find(|column| LIKELY.contains(&&*column.to_ascii_lowercase()));
    let likely = likely.filter(|_| column == NAME_COLUMN).cloned();
    let advice = match &likely {
        Some(likely) => format!(": rename {} to `{column}`", quote(likely)),
        None if column == NAME_COLUMN => {
            format!(": the first line must be like `{NAME_COLUMN},{TARGET_COLUMN}`")
        }
        None => String::new(),
    };
    let (column, header) = (column.to_owned(), quote(&header));
    Reason::NoColumn(NoColumn { line, column, header, advice, likely }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_shows_the_header_and_the_fix() {
        for (header, separator, reason) in [
            (
                "id,Path",
                ',',
                "the header has no `video_name` column, it is `id,Path`: rename `Path` to `video_name`",
            ),
            (
                "id;file",
                ';',
                "the header has no `video_name` column, it is `id;file`: rename `file` to `video_name`",
            ),
            (
                "id\tx",
                '\t',
                "the header has no `video_name` column, it is `id\\tx`: the first line must be like \
                 `video_name,target`",
            ),
            (
                "a.mp4,1",
                ',',
                "the header has no `video_name` column, it is `a.mp4,1`: the first line must be like \
                 `video_name,target`",
            ),
        ] {
            let columns: Vec<String> = header.split(separator).map(str::to_owned).collect();
            let error = without_column(&columns, separator, NAME_COLUMN, 2);
            assert_eq!(error.to_string(), format!("line 2: {reason}"));
        }
        let columns: Vec<String> = vec!["id".into(), "path".into()];
        let other = without_column(&columns, ',', "clip", 1).to_string();
        assert_eq!(other, "line 1: the header has no `clip` column, it is `id,path`");
        let wide = without_column(&["v\0i\0".to_owned()], ',', NAME_COLUMN, 1).to_string();
        assert!(wide.contains("UTF-16") && wide.ends_with("save the file as UTF-8"), "{wide}");
    }
}
