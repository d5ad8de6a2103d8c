//! What sheets of pictures are drawn with.

pub(crate) mod axis;
pub(crate) mod canvas;
pub(crate) mod marks;
pub(crate) mod panels;

/// Between frames, and between panels, in pixels.
pub(crate) const GAP: usize = 6;
/// Around everything.
pub(crate) const MARGIN: usize = 16;
