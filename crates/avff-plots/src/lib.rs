//! Charts of training runs, and contact sheets with frames, spectrograms, heat maps and color bars.
//!
//! All drawing uses a [`Canvas`], which is based on `plotters` and an embedded font. The output
//! therefore does not depend on the fonts of the machine. [`svg`] and [`bitmap`] pass a canvas to a
//! function and return the drawing.
//!
//! | file | concept |
//! |---|---|
//! | `canvas.rs`, `shapes.rs`, `text.rs` | [`Canvas`]: rectangles, paths, text and images |
//! | `output.rs` | [`svg`], [`bitmap`], [`png`]: rendering and encoding |
//! | `axis.rs`, `mel.rs` | [`Axis`]: positions and ticks; [`frequencies`]: ticks on the mel scale |
//! | `chart.rs`, `lines.rs` | [`Chart`]: lines over steps, with legend and axes |
//! | `panels.rs`, `spectrogram.rs` | [`Frames`], [`Spectrogram`], [`Range`]: arrays as images |
//! | `annotations.rs` | labels, color bars, frequency and time ticks around panels |
//! | `color.rs` | colors and color maps |
//!
//! ```
//! use avff_plots::{Align, bitmap, color::BLACK};
//!
//! let image = bitmap([80, 20], |canvas| canvas.line([40, 2], Align::Center, "avff", BLACK))?;
//! assert_eq!(image.dimensions(), (80, 20));
//! # Ok::<(), avff_plots::PlotError>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod annotations;
mod axis;
mod canvas;
mod chart;
pub mod color;
mod error;
mod lines;
mod mel;
mod output;
mod panels;
mod shapes;
mod spectrogram;
mod text;

pub use axis::{Axis, Scale};
pub use canvas::{Align, BitmapCanvas, Canvas, Point};
pub use chart::{Across, Chart};
pub use error::PlotError;
pub use lines::{Line, MAX_LINES, Stroke};
pub use mel::frequencies;
pub use output::{bitmap, png, svg};
pub use panels::{Frames, Range, decibels, fitted};
pub use spectrogram::Spectrogram;
pub use text::{LINE_HEIGHT, text_width, wrapped};
