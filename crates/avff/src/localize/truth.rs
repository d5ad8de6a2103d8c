//! The fake segments that a manifest names.

use crate::input::InputError;

/// The columns that a manifest may have, in order of preference.
const SEGMENTS: &str = "fake_segments";
const FROM: &str = "fake_from";
const TO: &str = "fake_to";

/// Where a manifest names fake segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// `fake_segments`: starts and ends in seconds, as `1.5-2;3-4` ([data sets](avff_datasets::layout)) or as the JSON
    /// list of LAV-DF and AV-Deepfake1M.
    List(usize),
    /// `fake_from` and `fake_to`, as `avff synth` writes them: one segment, or empty cells.
    Ends(usize, usize),
}

impl Truth {
    /// Finds the columns; `None` if there are none.
    pub(super) fn of(columns: &[String]) -> Option<Self> {
        let position = |name: &str| columns.iter().position(|column| column == name);
        let list = position(SEGMENTS).map(Self::List);
        list.or_else(|| Some(Self::Ends(position(FROM)?, position(TO)?)))
    }

    /// Reads the segments of a row. `Ok(None)` if the row does not say, as in a test set.
    pub(super) fn read(
        self,
        cells: &[String],
        target: Option<u8>,
        invalid: impl Fn(String) -> InputError,
    ) -> Result<Option<Vec<[f64; 2]>>, InputError> {
        let cell = |at: usize| cells.get(at).map_or("", |cell| cell.trim());
        let segments: Vec<[f64; 2]> = match self {
            Self::List(at) if cell(at).is_empty() => {
                return Ok(target.filter(|t| *t == 0).map(|_| Vec::new()));
            }
            Self::List(at) => list(cell(at)).ok_or_else(|| invalid(cell(at).to_owned()))?,
            Self::Ends(from, to) if cell(from).is_empty() && cell(to).is_empty() => {
                return Ok(target.filter(|t| *t == 0).map(|_| Vec::new()));
            }
            Self::Ends(from, to) => {
                let number = |at: usize| cell(at).parse().map_err(|_| invalid(cell(at).to_owned()));
                vec![[number(from)?, number(to)?]]
            }
        };
        let valid = |[start, end]: &[f64; 2]| start.is_finite() && end.is_finite() && start < end;
        match segments.iter().find(|segment| !valid(segment)) {
            Some([start, end]) => Err(invalid(format!("{start} to {end}"))),
            None => Ok(Some(segments)),
        }
    }
}

/// Parses a list of segments.
fn list(cell: &str) -> Option<Vec<[f64; 2]>> {
    if cell.starts_with('[') {
        return serde_json::from_str(cell).ok();
    }
    let segment = |text: &str| {
        let (start, end) = text.split_once('-')?;
        Some([start.trim().parse().ok()?, end.trim().parse().ok()?])
    };
    cell.split(';').map(segment).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(columns: &[&str], cells: &[&str], target: u8) -> Result<Option<Vec<[f64; 2]>>, String> {
        let own = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let invalid = |cell| InputError::UnknownColumn {
            path: "a.csv".into(),
            column: cell,
            known: String::new(),
        };
        let truth = Truth::of(&own(columns)).unwrap();
        truth.read(&own(cells), Some(target), invalid).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_and_ends_are_read() {
        let list = ["split", "fake_segments"];
        assert_eq!(
            read(&list, &["test", "[[1.0, 2.5], [3, 4]]"], 1),
            Ok(Some(vec![[1.0, 2.5], [3.0, 4.0]]))
        );
        assert_eq!(read(&list, &["test", "1-2.5;3-4"], 1), Ok(Some(vec![[1.0, 2.5], [3.0, 4.0]])));
        assert_eq!(read(&list, &["test", "[]"], 0), Ok(Some(vec![])));
        assert_eq!(read(&list, &["test", ""], 1), Ok(None));
        let ends = ["fake_from", "fake_to"];
        assert_eq!(read(&ends, &["0.4", "1.2"], 1), Ok(Some(vec![[0.4, 1.2]])));
        assert_eq!(read(&ends, &["", ""], 0), Ok(Some(vec![])));
        for cells in [["2", "1"], ["x", "1"], ["1", ""]] {
            assert!(read(&ends, &cells, 1).is_err(), "{cells:?}");
        }
        assert!(read(&list, &["", "[[1]]"], 1).is_err());
        assert_eq!(Truth::of(&["other".to_owned()]), None);
    }
}
