//! One set of tables for all threads: building them costs more than a short clip's filterbank.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Fbank, Framing};
use crate::error::DataError;

/// Tables that are kept. A data set has a few sample rates; a hostile one could have thousands.
const KEPT: usize = 8;

/// The tables in use, the latest used last.
static TABLES: Mutex<Vec<Arc<Fbank>>> = Mutex::new(Vec::new());

impl Fbank {
    /// The process-wide tables for `mels` bins of such frames at `rate` samples a second, built at first
    /// use.
    ///
    /// # Errors
    /// As [`Fbank::framed`].
    pub fn shared(rate: u32, mels: usize, framing: Framing) -> Result<Arc<Self>, DataError> {
        // A panic elsewhere leaves the list whole: every change to it is one call.
        let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = (rate, mels, framing);
        let known =
            tables.iter().position(|table| (table.rate, table.mels(), table.framing) == wanted);
        let table = match known {
            Some(index) => tables.remove(index),
            None => Arc::new(Self::framed(rate, mels, framing)?),
        };
        if tables.len() >= KEPT {
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
        assert!(TABLES.lock().unwrap().len() <= KEPT);
    }
}
