//! Conditions on a column, by which rows of a manifest are selected.

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
    str::FromStr,
};

use csv::ByteRecord;
use serde::{Deserialize, Serialize};

use super::quote;
use crate::error::Reason;

/// Number of different cells of a column that a message lists.
const LISTED: usize = 20;

/// Selects the rows whose cell in a column is one of some values: `split=test`, `language=en,de`.
///
/// Cells are compared without spaces around them. A value with a comma is written in quotes, as in
/// a CSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    column: String,
    values: Vec<String>,
}

/// Text that is not a [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not COLUMN=VALUE or COLUMN=VALUE,VALUE, such as split=test")]
pub struct NotACondition;

impl FromStr for Condition {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Self, NotACondition> {
        let (column, values) = text.split_once('=').ok_or(NotACondition)?;
        let column = column.trim();
        if column.is_empty() {
            return Err(NotACondition);
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(values.as_bytes());
        let mut records = reader.records();
        let values = match records.next() {
            // An empty cell.
            None => vec![String::new()],
            Some(record) => record.map_err(|_| NotACondition)?.iter().map(str::to_owned).collect(),
        };
        if records.next().is_some() {
            return Err(NotACondition);
        }
        Ok(Self { column: column.into(), values })
    }
}

impl TryFrom<String> for Condition {
    type Error = NotACondition;

    fn try_from(text: String) -> Result<Self, NotACondition> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.column)?;
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            if value.contains([',', '"', '\n', '\r']) {
                write!(f, "\"{}\"", value.replace('"', "\"\""))?;
            } else {
                f.write_str(value)?;
            }
        }
        Ok(())
    }
}

/// The conditions on the rows of a file, and what was seen of its columns.
#[derive(Debug, Default)]
pub(super) struct Selection {
    filters: Vec<Filter>,
    /// Whether a row was selected.
    any: bool,
}

/// A condition and the position of its column.
#[derive(Debug)]
struct Filter {
    condition: Condition,
    index: usize,
    /// Whether each value occurred.
    occurred: Vec<bool>,
    /// Different cells of the column, up to a limit.
    seen: BTreeSet<String>,
}

impl Selection {
    /// Finds the columns of `conditions`. `header` has the columns by the file's own names and by
    /// the manifest's.
    pub(super) fn new(conditions: &[Condition], header: &[[&str; 2]]) -> Result<Self, Reason> {
        let mut filters = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let names = |names: &[&str; 2]| names.contains(&condition.column.as_str());
            let Some(index) = header.iter().position(names) else {
                let columns: Vec<String> = header.iter().map(|[own, _]| quote(own)).collect();
                return Err(Reason::Condition {
                    condition: condition.to_string(),
                    what: format!(
                        "there is no such column, the columns are {}",
                        columns.join(", ")
                    ),
                });
            };
            filters.push(Filter {
                condition: condition.clone(),
                index,
                occurred: vec![false; condition.values.len()],
                seen: BTreeSet::new(),
            });
        }
        Ok(Self { filters, any: false })
    }

    /// Whether a row meets all conditions.
    pub(super) fn selects(&mut self, record: &ByteRecord) -> bool {
        let mut selected = true;
        for filter in &mut self.filters {
            let cell = record.get(filter.index).unwrap_or_default().trim_ascii();
            let values = &filter.condition.values;
            match values.iter().position(|value| value.as_bytes() == cell) {
                Some(index) => filter.occurred[index] = true,
                None => selected = false,
            }
            if filter.seen.len() <= LISTED {
                filter.seen.insert(String::from_utf8_lossy(cell).into_owned());
            }
        }
        self.any |= selected;
        selected
    }

    /// Checks after the last row that every value occurred and that a row was selected.
    pub(super) fn finish(&self) -> Result<(), Reason> {
        for Filter { condition, occurred, seen, .. } in &self.filters {
            let absent = condition.values.iter().zip(occurred).find(|(_, occurred)| !**occurred);
            let Some((value, _)) = absent else { continue };
            let cells: Vec<String> = seen.iter().take(LISTED).map(|cell| quote(cell)).collect();
            let more = if seen.len() > LISTED { " and others" } else { "" };
            return Err(Reason::Condition {
                condition: condition.to_string(),
                what: format!(
                    "no row has {} in this column, whose values are {}{more}",
                    quote(value),
                    cells.join(", ")
                ),
            });
        }
        match self.filters.first() {
            Some(Filter { condition, .. }) if !self.any => Err(Reason::Condition {
                condition: condition.to_string(),
                what: "no row meets this and all other conditions".into(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn conditions_are_read_and_written() {
        for (text, column, values, written) in [
            ("split=test", "split", &["test"][..], "split=test"),
            (" split = test , val ", "split", &["test", "val"], "split=test,val"),
            ("split=", "split", &[""], "split="),
            ("a=x=y", "a", &["x=y"], "a=x=y"),
            ("a=\"x, y\",z", "a", &["x, y", "z"], "a=\"x, y\",z"),
            ("a=\"say \"\"x\"\"\"", "a", &["say \"x\""], "a=\"say \"\"x\"\"\""),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(condition.column, column);
            assert_eq!(condition.values, values);
            assert_eq!(condition.to_string(), written);
            assert_eq!(written.parse(), Ok(condition.clone()));
            let json = serde_json::to_string(&condition).unwrap();
            assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
        }
        for text in ["", "split", "=test", " =x", "a=b\nc=d"] {
            assert_eq!(text.parse::<Condition>(), Err(NotACondition), "{text}");
        }
    }
}
