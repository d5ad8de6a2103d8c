//! Pictures for people: charts of training runs, and sheets of frames, spectrograms, heat maps and bars.
//!
//! Everything is drawn on a [`Canvas`], which stands on `plotters` and a font of its own, so that a
//! picture looks the same on machines that have no fonts. [`svg`] and [`picture`] give a function a
//! canvas and return what it drew.
//!
//! | file | concept |
//! |---|---|
//! | `canvas.rs`, `shapes.rs`, `text.rs` | [`Canvas`]: rectangles, paths, text and pictures |
//! | `output.rs` | [`svg`], [`picture`], [`png`]: from drawing to file |
//! | `axis.rs`, `mel.rs` | [`Axis`]: where numbers go and which are named; [`frequencies`] on the mel scale |
//! | `chart.rs`, `lines.rs` | [`Chart`]: lines over steps, with legend and axes |
//! | `panels.rs`, `spectrogram.rs` | [`Frames`], [`Spectrogram`], [`Range`]: arrays as pictures |
//! | `marks.rs` | names, colour bars, frequencies and text around panels |
//! | `colour.rs` | colours and colour maps |
//!
//! ```
//! use avff_plots::{Align, colour::BLACK, picture};
//!
//! let drawn = picture([80, 20], |canvas| canvas.line([40, 2], Align::Centre, "avff", BLACK))?;
//! assert_eq!(drawn.dimensions(), (80, 20));
//! # Ok::<(), avff_plots::PlotError>(())
//! ```

#![forbid(unsafe_code)]

mod axis;
mod canvas;
mod chart;
pub mod colour;
mod error;
mod lines;
pub mod marks;
mod mel;
mod output;
mod panels;
mod shapes;
mod spectrogram;
mod text;

pub use axis::{Axis, Scale};
pub use canvas::{Align, Canvas, PictureCanvas, Place};
pub use chart::Chart;
pub use error::PlotError;
pub use lines::{Line, MOST_LINES, Stroke};
pub use mel::frequencies;
pub use output::{picture, png, svg};
pub use panels::{Frames, Range, decibels, fitted};
pub use spectrogram::Spectrogram;
pub use text::{LINE_HEIGHT, text_width, wrapped};
