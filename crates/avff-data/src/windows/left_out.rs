//! Windows that are left out because a part of the clip cannot be trusted.

use avff_media::{DamageCode, DamagedPart, Stream};
use serde::{Deserialize, Serialize};

use super::Span;

/// A window that is left out, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Start of the window, in seconds on the clip's clock.
    pub start: f64,
    /// End of the window, in seconds.
    pub end: f64,
    /// The stream that is damaged.
    pub stream: Stream,
    /// Whether the media is missing or damaged.
    pub code: DamageCode,
    /// What is wrong, and at which sample.
    pub message: String,
}

/// The windows of a clip that were read, and those that were not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Coverage {
    /// The number of windows of the clip.
    pub windows: usize,
    /// The windows that are left out, in order. Samples of them may have been passed on before the
    /// damage was found, and must be discarded.
    pub left_out: Vec<LeftOut>,
}

impl Coverage {
    /// Finds the windows that damaged parts touch.
    pub(crate) fn of(windows: &[Span], parts: &[DamagedPart]) -> Self {
        let left_out = windows.iter().filter_map(|window| {
            let part = parts.iter().find(|part| part.touches(window.start, window.end))?;
            let DamagedPart { stream, code, message, .. } = part.clone();
            Some(LeftOut { start: window.start, end: window.end, stream, code, message })
        });
        Self { windows: windows.len(), left_out: left_out.collect() }
    }

    /// Returns whether a window is left out.
    #[must_use]
    pub fn leaves_out(&self, window: Span) -> bool {
        self.left_out.iter().any(|out| (out.start, out.end) == (window.start, window.end))
    }

    /// Returns the note that says how many windows are left out.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let (count, all) = (self.left_out.len(), self.windows);
        let verb = if count == 1 { "is" } else { "are" };
        (count > 0).then(|| {
            format!("{count} of {all} windows {verb} left out, because damage touches them")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_windows_are_named_with_the_first_fault() {
        let windows: Vec<Span> =
            (0..4).map(|at| Span { start: f64::from(at), end: f64::from(at + 1) }).collect();
        let part = |start, end, message: &str| DamagedPart {
            start,
            end,
            stream: Stream::Audio,
            code: DamageCode::Damaged,
            message: message.to_owned(),
        };
        let parts = [part(1.5, 2.0, "one"), part(1.0, 3.5, "two")];
        let coverage = Coverage::of(&windows, &parts);
        let messages: Vec<(f64, &str)> =
            coverage.left_out.iter().map(|out| (out.start, &*out.message)).collect();
        assert_eq!(messages, [(1.0, "one"), (2.0, "two"), (3.0, "two")]);
        assert!(coverage.leaves_out(windows[2]) && !coverage.leaves_out(windows[0]));
        let note = "3 of 4 windows are left out, because damage touches them";
        assert_eq!(coverage.note().as_deref(), Some(note));
        assert_eq!(Coverage::of(&windows, &[]).note(), None);
    }
}
