//! Curves of a run.

use std::path::Path;

use super::{error::RunError, history::History};

/// Draws a run's charts anew.
///
/// # Errors
/// [`RunError::Write`] and [`RunError::Plot`].
pub fn draw(_folder: &Path, _history: &History) -> Result<(), RunError> {
    Ok(())
}
