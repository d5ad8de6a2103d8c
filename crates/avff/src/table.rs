//! Tables for people.

use std::fmt::Display;

use comfy_table::{Table, TableComponent, presets};

/// Rows of cells, columns set apart by space: reads well and pastes anywhere.
#[derive(Debug)]
pub struct Text(Table);

impl Text {
    /// Without a header.
    #[must_use]
    pub fn plain() -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        Self(table)
    }

    /// Under a header.
    #[must_use]
    pub fn with_header<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        let Self(mut table) = Self::plain();
        table
            .set_header(header.into_iter().collect::<Vec<_>>())
            .set_style(TableComponent::HeaderLines, '-');
        Self(table)
    }

    /// One more row.
    pub fn row<C: Display>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.0.add_row(cells.into_iter().map(|cell| cell.to_string()));
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.trim_fmt())
    }
}
