//! The damage that is found while the windows of a clip are decoded.

use std::{cell::RefCell, ops::ControlFlow};

use avff_media::{DamagedPart, FrameStream, MAX_DAMAGED_PARTS, MediaError, Stream};

use crate::{error::DataError, windows::Window};

/// Collects damaged parts.
#[derive(Default)]
pub(super) struct Damage(RefCell<Vec<DamagedPart>>);

impl Damage {
    /// Takes the damaged part of an error, after which the rest of the clip can be read.
    ///
    /// # Errors
    /// Any other error, and the last of too many parts.
    pub(super) fn add(&self, error: DataError) -> Result<(), DataError> {
        match error {
            DataError::Media { source: MediaError::DamagedPart(part), .. }
                if self.0.borrow().len() < MAX_DAMAGED_PARTS =>
            {
                self.0.borrow_mut().push(part);
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Returns whether damage touches a window. It touches every window without a time span.
    pub(super) fn touches(&self, window: &Window) -> bool {
        let touches =
            |part: &DamagedPart| window.span.is_none_or(|span| part.touches(span.start, span.end));
        self.0.borrow().iter().any(touches)
    }

    /// Returns the parts.
    pub(super) fn into_parts(self) -> Vec<DamagedPart> {
        self.0.into_inner()
    }

    /// Finds the damage of all frames of `windows`, without any other work on them.
    ///
    /// # Errors
    /// Any other error of the stream.
    pub(super) fn find(
        &self,
        stream: &mut dyn FrameStream,
        windows: &[&Window],
    ) -> Result<(), DataError> {
        let mut from = 0;
        loop {
            let rest = windows.get(from..).unwrap_or_default();
            let rest: Vec<&Window> =
                rest.iter().copied().filter(|window| !self.touches(window)).collect();
            let mut last = None;
            let read = stream.frames(&frames_of(&rest), &mut |index, _| {
                last = Some(index);
                ControlFlow::Continue(())
            });
            let Err(error) = read else { return Ok(()) };
            self.add(DataError::while_reading(Stream::Video)(error.into()))?;
            // The windows whose frames were all read are not read again.
            from = windows.partition_point(|window| window.frames.last().copied() <= last);
        }
    }
}

/// Returns the frames of windows, each once and in order.
pub(super) fn frames_of(windows: &[&Window]) -> Vec<usize> {
    let frames = windows.iter().flat_map(|window| window.frames.iter().copied());
    let mut indices: Vec<usize> = frames.collect();
    indices.sort_unstable();
    indices.dedup();
    indices
}
