//! Allocates memory whose size a file decides. Where the system has no memory left, the clip fails
//! and not the process.

use crate::error::MediaError;

/// Makes room for `more` values, for `what`.
///
/// # Errors
///
/// `NoMemory`.
pub(crate) fn reserve<T>(
    vector: &mut Vec<T>,
    more: usize,
    what: &'static str,
) -> Result<(), MediaError> {
    vector.try_reserve(more).map_err(|_| no_memory::<T>(vector.len().saturating_add(more), what))
}

/// Makes room for exactly `more` values, for `what`.
///
/// # Errors
///
/// `NoMemory`.
pub(crate) fn reserve_exact<T>(
    vector: &mut Vec<T>,
    more: usize,
    what: &'static str,
) -> Result<(), MediaError> {
    let wanted = vector.len().saturating_add(more);
    vector.try_reserve_exact(more).map_err(|_| no_memory::<T>(wanted, what))
}

/// Returns `count` zeros, for `what`.
///
/// # Errors
///
/// `NoMemory`.
pub(crate) fn zeros<T: Clone + Default>(
    count: usize,
    what: &'static str,
) -> Result<Vec<T>, MediaError> {
    let mut zeros = Vec::new();
    reserve_exact(&mut zeros, count, what)?;
    zeros.resize(count, T::default());
    Ok(zeros)
}

fn no_memory<T>(values: usize, what: &'static str) -> MediaError {
    MediaError::NoMemory { what, bytes: (values as u64).saturating_mul(size_of::<T>() as u64) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn an_allocation_that_fails_is_an_error() {
        let mut samples = vec![1.0_f32; 2];
        let error = reserve(&mut samples, usize::MAX / 8, "audio").unwrap_err();
        assert_eq!(error.to_string(), "no memory for audio: 9223372036854775812 bytes");
        assert_eq!(samples, [1.0; 2]);
        assert!(reserve_exact(&mut samples, usize::MAX, "audio").is_err());
        assert!(zeros::<u8>(usize::MAX, "a frame").is_err());
        assert_eq!(zeros::<u8>(2, "a frame").unwrap(), [0, 0]);
    }
}
