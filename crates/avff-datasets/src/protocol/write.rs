//! Writes rows to CSV.

use std::{
    io::{self, Write},
    path::{Component, Path, PathBuf},
};

use super::table::Table;
use crate::manifest::NAME_COLUMN;

/// How to write `video_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Verbatim.
    Verbatim,
    /// Relative to this folder: a relative name is prefixed with the path from the folder to the
    /// table's root. Absolute names are unchanged. Both folders must be canonical, because
    /// otherwise `..` may lead elsewhere.
    RelativeTo(PathBuf),
}

/// The values of a column, which is appended if it does not exist.
pub struct ColumnValues<'a> {
    /// The column.
    pub column: &'a str,
    /// Returns the cell of a row.
    pub cells: &'a dyn Fn(usize) -> String,
}

impl Table {
    /// Writes `rows` as CSV: `video_name`, then all columns in order and verbatim. The columns of
    /// `values` are replaced or appended.
    ///
    /// # Errors
    /// The system's error.
    pub fn write(
        &self,
        out: impl Write,
        rows: impl Iterator<Item = usize>,
        values: &[ColumnValues<'_>],
        names: &Names,
    ) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        let find = |column: &str| values.iter().find(|value| value.column == column);
        let replaced: Vec<Option<&ColumnValues<'_>>> =
            self.columns().iter().map(|c| find(c)).collect();
        let appended: Vec<&ColumnValues<'_>> =
            values.iter().filter(|value| self.column(value.column).is_none()).collect();
        let header = self.columns().iter().map(String::as_str);
        let header = [NAME_COLUMN].into_iter().chain(header);
        writer.write_record(header.chain(appended.iter().map(|value| value.column)))?;
        for row in rows {
            writer.write_field(self.name_for(row, names))?;
            for (column, value) in replaced.iter().enumerate() {
                match value {
                    Some(value) => writer.write_field((value.cells)(row))?,
                    None => writer.write_field(self.cell(row, column))?,
                }
            }
            for value in &appended {
                writer.write_field((value.cells)(row))?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    }

    fn name_for(&self, row: usize, names: &Names) -> String {
        let name = self.name(row);
        let root = self.files().get(self.file_of(row)).map_or(Path::new(""), |file| &file.root);
        match names {
            Names::RelativeTo(folder) if Path::new(name).is_relative() && root != folder => {
                let path = relative(folder, root).join(name);
                // The conversion is lossless, because the name and the folder are text.
                path.to_str().map_or_else(|| name.to_owned(), str::to_owned)
            }
            _ => name.to_owned(),
        }
    }
}

/// Returns the path from one folder to another, both absolute. The path is absolute if they share
/// no root.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return to.to_owned();
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_between_folders() {
        for (from, to, expected) in [
            ("/a/b", "/a/b", ""),
            ("/a/b", "/a/b/c", "c"),
            ("/a/b/x", "/a/b/c", "../c"),
            ("/x/y", "/a/c", "../../a/c"),
            ("/", "/a", "a"),
        ] {
            assert_eq!(
                relative(Path::new(from), Path::new(to)),
                Path::new(expected),
                "{from} {to}"
            );
        }
    }
}
