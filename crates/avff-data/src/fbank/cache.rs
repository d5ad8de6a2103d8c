//! Process-wide filterbank tables. Building tables costs more than the filterbank of a short clip.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Fbank, Framing};
use crate::error::DataError;

/// Maximum number of cached tables. A data set has a few sample rates; a hostile one could have
/// thousands.
const MAX_TABLES: usize = 8;

/// The cached tables, the most recently used last.
static TABLES: Mutex<Vec<Arc<Fbank>>> = Mutex::new(Vec::new());

impl Fbank {
    /// Returns the process-wide tables for `mels` bins with this framing at `rate` Hz. The tables
    /// are built on first use.
    ///
    /// # Errors
    /// See [`Fbank::with_framing`].
    pub fn shared(rate: u32, mels: usize, framing: Framing) -> Result<Arc<Self>, DataError> {
        // A panic elsewhere leaves the list valid, because every change to it is a single call.
        let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        let requested = (rate, mels, framing);
        let cached =
            tables.iter().position(|table| (table.rate, table.mels(), table.framing) == requested);
        let table = match cached {
            Some(index) => tables.remove(index),
            None => Arc::new(Self::with_framing(rate, mels, framing)?),
        };
        if tables.len() >= MAX_TABLES {
            tables.remove(0);
        }
        tables.push(Arc::clone(&table));
        Ok(table)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_shared_and_bounded() {
        let shared = |rate, mels, length_ms| {
            Fbank::shared(rate, mels, Framing { length_ms, ..Framing::default() }).unwrap()
        };
        let first = shared(16_000, 77, 25.0);
        assert!(Arc::ptr_eq(&first, &shared(16_000, 77, 25.0)));
        assert!(!Arc::ptr_eq(&first, &shared(16_000, 78, 25.0)));
        assert!(!Arc::ptr_eq(&first, &shared(16_000, 77, 16.0)));
        assert_eq!((first.rate(), first.mels()), (16_000, 77));
        for rate in 20_000..20_100 {
            shared(rate, 77, 25.0);
        }
        assert!(TABLES.lock().unwrap().len() <= MAX_TABLES);
    }
}
