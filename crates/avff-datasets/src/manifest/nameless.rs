//! Explains a header without the column of clip names.

use super::{NAME_COLUMN, TARGET_COLUMN, quote};

/// Other separators of tables, and their names.
const SEPARATORS: [(char, &str); 2] = [(';', "semicolons"), ('\t', "tabs")];
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

/// Returns the reason why a header with these columns is refused.
pub(super) fn without_name(columns: &[String]) -> String {
    let header = columns.join(",");
    if let Some((_, name)) = SEPARATORS.iter().find(|(separator, _)| header.contains(*separator)) {
        return format!(
            "the header {} is separated by {name}: separate columns by commas",
            quote(&header)
        );
    }
    let likely = columns.iter().find(|column| LIKELY.contains(&&*column.to_ascii_lowercase()));
    let advice = match likely {
        Some(column) => format!("rename {} to `{NAME_COLUMN}`", quote(column)),
        None => format!("the first line must be like `{NAME_COLUMN},{TARGET_COLUMN}`"),
    };
    format!("the header has no `{NAME_COLUMN}` column, it is {}: {advice}", quote(&header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_shows_the_header_and_the_fix() {
        for (header, reason) in [
            (
                "video_name;target",
                "the header `video_name;target` is separated by semicolons: separate columns by commas",
            ),
            (
                "video_name\ttarget",
                "the header `video_name\\ttarget` is separated by tabs: separate columns by commas",
            ),
            (
                "id,Path",
                "the header has no `video_name` column, it is `id,Path`: rename `Path` to `video_name`",
            ),
            (
                "a.mp4,1",
                "the header has no `video_name` column, it is `a.mp4,1`: the first line must be like \
                 `video_name,target`",
            ),
        ] {
            let columns: Vec<String> = header.split(',').map(str::to_owned).collect();
            assert_eq!(without_name(&columns), reason);
        }
    }
}
