//! The text table of an epoch.

use super::{names, progress::short, record::Record};

/// Formats the values of an epoch: one column per quantity, one row for each of train, val and
/// test, and the run's own values in a line below.
///
/// ```
/// use avff_train::run::{Record, Values, epoch_table};
///
/// let values = [("train/loss", 0.61), ("val/loss", 0.64), ("val/mAP", 0.7), ("lr", 1e-5)];
/// let table = epoch_table(&Record::epoch(3, 720, Values::from(values)));
/// assert_eq!(table, "\
/// epoch 3, step 720    loss     mAP
/// train              0.6100
/// val                0.6400  0.7000
/// lr 1.000e-5
/// ");
/// ```
#[must_use]
pub fn epoch_table(record: &Record) -> String {
    let (mut parts, mut quantities, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in record.values.iter() {
        let (part, quantity) = names::split(name);
        let Some(part) = part else {
            own.push(format!("{quantity} {}", short(value)));
            continue;
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
        if !quantities.contains(&quantity) {
            quantities.push(quantity);
        }
    }
    let title = format!("epoch {}, step {}", record.epoch, record.step);
    let mut rows = vec![[vec![title], quantities.iter().map(|&q| q.to_owned()).collect()].concat()];
    for part in parts {
        let cell = |quantity| {
            record.values.get(&format!("{part}/{quantity}")).map_or_else(String::new, short)
        };
        rows.push([vec![part.to_owned()], quantities.iter().map(cell).collect()].concat());
    }
    let mut text = aligned(&rows);
    if !own.is_empty() {
        text += &own.join(", ");
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Aligns rows of cells: the first column to the left, all others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            match column {
                0 => text += &format!("{cell:width$}"),
                _ => text += &format!("  {cell:>width$}"),
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
