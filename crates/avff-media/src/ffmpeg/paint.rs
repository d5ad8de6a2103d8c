//! Decoded pictures to RGB.
//!
//! 8-bit 4:2:0 goes through the embedded reader's conversion, so a clip looks the same by either
//! reader and with every version of FFmpeg. All else goes through FFmpeg's own scaler, as decord
//! does it.

use video_rs::ffmpeg::{
    Error,
    color::{Range, Space},
    filter,
    format::Pixel,
    frame,
};

use super::fault::damaged;
use crate::{
    color::{Colour, Planes},
    error::{MediaError, Stream},
    frame::Frame,
};

/// The first libavfilter whose sources must be told matrix and range (FFmpeg 7.0). Earlier ones
/// refuse to be, and take them from each picture.
const TOLD_COLOURS: u32 = 10;

/// A converter that keeps its filters from picture to picture.
#[derive(Default)]
pub(super) struct Painter {
    graph: Option<(Kind, filter::Graph)>,
}

/// What a graph is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    format: Pixel,
    size: (u32, u32),
    space: Space,
    range: Range,
}

impl Painter {
    /// Converts a picture.
    ///
    /// # Errors
    ///
    /// `Damaged` where its planes are not what its format says or FFmpeg's filters fail.
    pub(super) fn picture(&mut self, frame: &frame::Video) -> Result<Frame, MediaError> {
        match own(frame) {
            Some(picture) => Ok(picture),
            None => self.filtered(frame).map_err(|error| {
                damaged(Stream::Video, format!("conversion of {:?}: {error}", frame.format()))
            })?,
        }
    }

    fn filtered(&mut self, frame: &frame::Video) -> Result<Result<Frame, MediaError>, Error> {
        let kind = Kind {
            format: frame.format(),
            size: (frame.width(), frame.height()),
            space: frame.color_space(),
            range: frame.color_range(),
        };
        let mut graph = match self.graph.take() {
            Some((made_for, graph)) if made_for == kind => graph,
            _ => kind.graph(filter::version() >> 16)?,
        };
        let mut rgb = frame::Video::empty();
        graph.get("in").ok_or(Error::FilterNotFound)?.source().add(frame)?;
        graph.get("out").ok_or(Error::FilterNotFound)?.sink().frame(&mut rgb)?;
        self.graph = Some((kind, graph));
        let picture = packed(&rgb).ok_or_else(|| {
            damaged(Stream::Video, "the converted picture has another size".to_owned())
        });
        Ok(picture)
    }
}

impl Kind {
    fn arguments(self, filter_version: u32) -> String {
        let (width, height) = self.size;
        // Pictures go in and out one by one; their times do not matter.
        let mut text = format!(
            "video_size={width}x{height}:pix_fmt={}:time_base=1/1000",
            self.format.descriptor().map_or("none", |format| format.name())
        );
        if filter_version >= TOLD_COLOURS {
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

/// The conversion that the embedded reader shares; `None` for a format that it does not know.
fn own(frame: &frame::Video) -> Option<Frame> {
    let full = match frame.format() {
        Pixel::YUV420P => frame.color_range() == Range::JPEG,
        Pixel::YUVJ420P => true,
        _ => return None,
    };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    // FFmpeg's scaler interpolates the chroma of an odd last row, which this does not.
    if height % 2 != 0 {
        return None;
    }
    let (y, u, v) = (plane(frame, 0)?, plane(frame, 1)?, plane(frame, 2)?);
    let colour = Colour { matrix: matrix(frame.color_space()), full_range: full };
    Planes { size: (width, height), y, u, v }.to_rgb((0, 0), colour)
}

/// A plane and its stride; `None` for rows that lie bottom up, whose stride is negative.
fn plane(frame: &frame::Video, index: usize) -> Option<(&[u8], usize)> {
    let stride = (index < frame.planes()).then(|| frame.stride(index))?;
    let rows = frame.plane_height(index) as usize;
    (stride.checked_mul(rows)? <= isize::MAX.unsigned_abs()).then(|| (frame.data(index), stride))
}

/// `matrix_coefficients` of ITU-T H.273 for those that differ in our conversion.
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

/// RGB without the padding of its rows.
fn packed(frame: &frame::Video) -> Option<Frame> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (data, stride) = plane(frame, 0)?;
    let bytes = width.checked_mul(3)?;
    let mut rgb = Vec::with_capacity(bytes.checked_mul(height)?);
    for row in data.chunks(stride.max(1)).take(height) {
        rgb.extend_from_slice(row.get(..bytes)?);
    }
    (rgb.len() == bytes * height).then_some(Frame { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_what_they_can_be_told() {
        let kind = Kind {
            format: Pixel::YUV422P10LE,
            size: (64, 48),
            space: Space::BT709,
            range: Range::MPEG,
        };
        let plain = "video_size=64x48:pix_fmt=yuv422p10le:time_base=1/1000";
        assert_eq!(kind.arguments(8), plain);
        assert_eq!(kind.arguments(10), format!("{plain}:colorspace=bt709:range=tv"));
        let bare = Kind { space: Space::Unspecified, range: Range::Unspecified, ..kind };
        assert_eq!(bare.arguments(11), format!("{plain}:colorspace=unknown:range=unknown"));
    }
}
