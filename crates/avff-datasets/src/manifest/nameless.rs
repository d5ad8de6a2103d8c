//! Explains a header without the column of clip names.

use super::{NAME_COLUMN, TARGET_COLUMN, quote};

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
/// in the file, and `name` is the missing column.
pub(super) fn without_name(columns: &[String], separator: char, name: &str) -> String {
    let header = columns.join(&separator.to_string());
    if header.contains('\0') {
        return "the header has zero bytes, as UTF-16 without a byte order mark and UTF-32 do: save \
                the file as UTF-8"
            .to_owned();
    }
    let missing = format!("the header has no {} column, it is {}", quote(name), quote(&header));
    if name != NAME_COLUMN {
        return missing;
    }
    let likely = columns.iter().find(|column| LIKELY.contains(&&*column.to_ascii_lowercase()));
    match likely {
        Some(column) => format!(
            "{missing}: rename {} to `{NAME_COLUMN}`, or name the column with --name-column",
            quote(column)
        ),
        None => format!("{missing}: the first line must be like `{NAME_COLUMN},{TARGET_COLUMN}`"),
    }
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
                "the header has no `video_name` column, it is `id,Path`: rename `Path` to `video_name`, or \
                 name the column with --name-column",
            ),
            (
                "id;file",
                ';',
                "the header has no `video_name` column, it is `id;file`: rename `file` to `video_name`, or \
                 name the column with --name-column",
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
            assert_eq!(without_name(&columns, separator, NAME_COLUMN), reason);
        }
        let columns: Vec<String> = vec!["id".into(), "path".into()];
        let other = without_name(&columns, ',', "clip");
        assert_eq!(other, "the header has no `clip` column, it is `id,path`");
        let wide = without_name(&["v\0i\0".to_owned()], ',', NAME_COLUMN);
        assert!(wide.contains("UTF-16") && wide.ends_with("save the file as UTF-8"), "{wide}");
    }
}
