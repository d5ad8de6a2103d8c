//! Text tables.

use std::{
    fmt::Display,
    sync::atomic::{AtomicU16, Ordering},
};

use avff_metrics::Interval;
use comfy_table::{ContentArrangement, Table, TableComponent, presets};

/// Columns that a table may take; 0 for any number.
static WIDTH: AtomicU16 = AtomicU16::new(0);

/// Wraps the cells of all tables so that they fit into so many columns, or into any number for `None`.
///
/// The command calls it where a terminal shows its output.
pub fn set_width(columns: Option<u16>) {
    WIDTH.store(columns.unwrap_or(0), Ordering::Relaxed);
}

/// A table whose columns are set apart by spaces.
#[derive(Debug)]
pub struct Text(Table);

impl Text {
    /// A table without a header.
    #[must_use]
    pub fn plain() -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        let width = WIDTH.load(Ordering::Relaxed);
        if width > 0 {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        Self(table)
    }

    /// A table under a header.
    #[must_use]
    pub fn with_header<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        let Self(mut table) = Self::plain();
        table
            .set_header(header.into_iter().collect::<Vec<_>>())
            .set_style(TableComponent::HeaderLines, '-');
        Self(table)
    }

    /// Adds a row. Control characters, such as a line break in a file name, are escaped.
    pub fn row<C: Display>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.0.add_row(cells.into_iter().map(|cell| printable(&cell.to_string())));
    }
}

/// `text` without control characters, so that a file name can neither break a line nor steer a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

impl Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.trim_fmt())
    }
}

/// Formats a metric with its interval, if any.
pub(crate) fn interval_cell(
    value: Option<f64>,
    interval: Option<Interval>,
    digits: usize,
) -> String {
    match (value, interval) {
        (None, _) => "undefined".into(),
        (Some(value), None) => format!("{value:.digits$}"),
        (Some(value), Some(Interval { low, high })) => {
            format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_on_its_line() {
        let mut table = Text::plain();
        table.row(["a\nb\u{1b}[2J.mp4", "0.5"]);
        assert_eq!(table.to_string().lines().count(), 1);
        assert!(table.to_string().contains(r"a\nb\u{1b}[2J.mp4"), "{table}");
    }
}
