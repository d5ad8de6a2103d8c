//! Rows back to CSV.

use std::{
    io::{self, Write},
    path::{Component, Path, PathBuf},
};

use super::table::Table;
use crate::manifest::NAME_COLUMN;

/// What becomes of `video_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// As it was.
    Verbatim,
    /// So that it is found from this folder: relative names get the way from here to the table's root
    /// in front, absolute ones stay. Both folders must be canonical, or `..` may lead elsewhere.
    From(PathBuf),
}

/// Cells of a column that is filled in, added at the end where it is not there.
pub struct Marks<'a> {
    /// The column.
    pub column: &'a str,
    /// A cell for every row of the table.
    pub cells: &'a dyn Fn(usize) -> String,
}

impl Table {
    /// Writes `rows` as CSV: `video_name`, then all columns in order and verbatim, but those filled
    /// in by `marks`.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(
        &self,
        out: impl Write,
        rows: impl Iterator<Item = usize>,
        marks: &[Marks<'_>],
        names: &Names,
    ) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        let mark = |column: &str| marks.iter().find(|mark| mark.column == column);
        let own: Vec<Option<&Marks<'_>>> = self.columns().iter().map(|c| mark(c)).collect();
        let added: Vec<&Marks<'_>> =
            marks.iter().filter(|mark| self.column(mark.column).is_none()).collect();
        let header = self.columns().iter().map(String::as_str);
        let header = [NAME_COLUMN].into_iter().chain(header);
        writer.write_record(header.chain(added.iter().map(|mark| mark.column)))?;
        for row in rows {
            writer.write_field(self.name_for(row, names))?;
            for (column, mark) in own.iter().enumerate() {
                match mark {
                    Some(mark) => writer.write_field((mark.cells)(row))?,
                    None => writer.write_field(self.cell(row, column))?,
                }
            }
            for mark in &added {
                writer.write_field((mark.cells)(row))?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    }

    fn name_for(&self, row: usize, names: &Names) -> String {
        let name = self.name(row);
        let root = self.files().get(self.file_of(row)).map_or(Path::new(""), |file| &file.root);
        match names {
            Names::From(folder) if Path::new(name).is_relative() && root != folder => {
                let path = relative(folder, root).join(name);
                // Lossless: the name is text, and so was a folder that text led to.
                path.to_str().map_or_else(|| name.to_owned(), str::to_owned)
            }
            _ => name.to_owned(),
        }
    }
}

/// The way from one folder to another, both absolute; absolute where they share no root.
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
    fn folders_are_found_from_each_other() {
        for (from, to, want) in [
            ("/a/b", "/a/b", ""),
            ("/a/b", "/a/b/c", "c"),
            ("/a/b/x", "/a/b/c", "../c"),
            ("/x/y", "/a/c", "../../a/c"),
            ("/", "/a", "a"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(want), "{from} {to}");
        }
    }
}
