//! Converts decoded frames to RGB.
//!
//! 8-bit 4:2:0 uses the embedded reader's conversion, so a clip looks the same with either reader
//! and with every version of FFmpeg. All other formats use FFmpeg's own scaler, as decord does.

use video_rs::ffmpeg::{
    Error,
    color::{Range, Space},
    filter,
    format::Pixel,
    frame,
};

use super::errors::damaged;
use crate::{
    color::{ColorSpace, Planes},
    error::{MediaError, Stream},
    frame::Frame,
};

/// The first libavfilter version whose sources require matrix and range (FFmpeg 7.0). Earlier
/// versions reject them and read them from each frame.
const EXPLICIT_COLOR_SPACE: u32 = 10;

/// A converter that reuses its filter graph from frame to frame.
#[derive(Default)]
pub(super) struct RgbConverter {
    graph: Option<(InputFormat, filter::Graph)>,
}

/// The input format that a graph is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InputFormat {
    format: Pixel,
    size: (u32, u32),
    space: Space,
    range: Range,
}

impl RgbConverter {
    /// Converts a frame.
    ///
    /// # Errors
    ///
    /// `Damaged` where the planes do not match the frame's format or FFmpeg's filters fail.
    pub(super) fn convert(&mut self, frame: &frame::Video) -> Result<Frame, MediaError> {
        match embedded(frame) {
            Some(frame) => Ok(frame),
            None => self.filtered(frame).map_err(|error| {
                damaged(Stream::Video, format!("conversion of {:?}: {error}", frame.format()))
            })?,
        }
    }

    fn filtered(&mut self, frame: &frame::Video) -> Result<Result<Frame, MediaError>, Error> {
        let input = InputFormat {
            format: frame.format(),
            size: (frame.width(), frame.height()),
            space: frame.color_space(),
            range: frame.color_range(),
        };
        let mut graph = match self.graph.take() {
            Some((made_for, graph)) if made_for == input => graph,
            _ => input.graph(filter::version() >> 16)?,
        };
        let mut rgb = frame::Video::empty();
        graph.get("in").ok_or(Error::FilterNotFound)?.source().add(frame)?;
        graph.get("out").ok_or(Error::FilterNotFound)?.sink().frame(&mut rgb)?;
        self.graph = Some((input, graph));
        let converted = packed(&rgb).ok_or_else(|| {
            damaged(Stream::Video, "the converted frame has a different size".to_owned())
        });
        Ok(converted)
    }
}

impl InputFormat {
    fn arguments(self, filter_version: u32) -> String {
        let (width, height) = self.size;
        // Frames go in and out one by one, so their times do not matter.
        let mut text = format!(
            "video_size={width}x{height}:pix_fmt={}:time_base=1/1000",
            self.format.descriptor().map_or("none", |format| format.name())
        );
        if filter_version >= EXPLICIT_COLOR_SPACE {
            let space = self.space.name().unwrap_or("unknown");
            let range = self.range.name().unwrap_or("unknown");
            text.push_str(&format!(":colorspace={space}:range={range}"));
        }
        text
    }

    fn graph(self, filter_version: u32) -> Result<filter::Graph, Error> {
        let find = |name| filter::find(name).ok_or(Error::FilterNotFound);
        let mut graph = filter::Graph::new();
        graph.add(&find("buffer")?, "in", &self.arguments(filter_version))?;
        graph.add(&find("buffersink")?, "out", "")?;
        graph
            .output("in", 0)?
            .input("out", 0)?
            .parse("scale=flags=bilinear,format=pix_fmts=rgb24")?;
        graph.validate()?;
        Ok(graph)
    }
}

/// Converts with the embedded reader's code; `None` for a format that it does not support.
fn embedded(frame: &frame::Video) -> Option<Frame> {
    let full = match frame.format() {
        Pixel::YUV420P => frame.color_range() == Range::JPEG,
        Pixel::YUVJ420P => true,
        _ => return None,
    };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    // FFmpeg's scaler interpolates the chroma of an odd last row; the embedded conversion does not.
    if height % 2 != 0 {
        return None;
    }
    let (y, u, v) = (plane(frame, 0)?, plane(frame, 1)?, plane(frame, 2)?);
    let color = ColorSpace { matrix: matrix(frame.color_space()), full_range: full };
    Planes { size: (width, height), y, u, v }.to_rgb((0, 0), color)
}

/// Returns a plane and its stride; `None` for bottom-up rows, whose stride is negative.
fn plane(frame: &frame::Video, index: usize) -> Option<(&[u8], usize)> {
    let stride = (index < frame.planes()).then(|| frame.stride(index))?;
    let rows = frame.plane_height(index) as usize;
    (stride.checked_mul(rows)? <= isize::MAX.unsigned_abs()).then(|| (frame.data(index), stride))
}

/// Returns `matrix_coefficients` of ITU-T H.273 for the matrices that the embedded conversion
/// knows.
fn matrix(space: Space) -> u8 {
    match space {
        Space::BT709 => 1,
        Space::FCC => 4,
        Space::BT470BG => 5,
        Space::SMPTE170M => 6,
        Space::SMPTE240M => 7,
        Space::BT2020NCL => 9,
        Space::BT2020CL => 10,
        _ => 2,
    }
}

/// Returns RGB without row padding.
fn packed(frame: &frame::Video) -> Option<Frame> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (data, stride) = plane(frame, 0)?;
    let bytes = width.checked_mul(3)?;
    let mut rgb = Vec::new();
    rgb.try_reserve_exact(bytes.checked_mul(height)?).ok()?;
    for row in data.chunks(stride.max(1)).take(height) {
        rgb.extend_from_slice(row.get(..bytes)?);
    }
    (rgb.len() == bytes * height).then_some(Frame { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_arguments_match_the_filter_version() {
        let input = InputFormat {
            format: Pixel::YUV422P10LE,
            size: (64, 48),
            space: Space::BT709,
            range: Range::MPEG,
        };
        let plain = "video_size=64x48:pix_fmt=yuv422p10le:time_base=1/1000";
        assert_eq!(input.arguments(8), plain);
        assert_eq!(input.arguments(10), format!("{plain}:colorspace=bt709:range=tv"));
        let bare = InputFormat { space: Space::Unspecified, range: Range::Unspecified, ..input };
        assert_eq!(bare.arguments(11), format!("{plain}:colorspace=unknown:range=unknown"));
    }
}
