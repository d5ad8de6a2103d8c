//! A picture to draw on: rectangles, pictures and text.

use avff_media::Frame;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Of text, in pixels.
const HEIGHT: RasterHeight = RasterHeight::Size16;
const WEIGHT: FontWeight = FontWeight::Regular;

/// A colour, R, G, B.
pub(crate) type Colour = [u8; 3];

pub(crate) const BLACK: Colour = [20, 20, 20];
pub(crate) const FAINT: Colour = [90, 90, 90];
pub(crate) const GREY: Colour = [128, 128, 128];
pub(crate) const WHITE: Colour = [255, 255, 255];
pub(crate) const RED: Colour = [190, 20, 20];

/// Where text stands relative to the place it is given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

pub(crate) struct Canvas(Frame);

impl Canvas {
    /// Pixels from the top of a line of text to the top of the next.
    pub(crate) const LINE: usize = 20;

    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self(Frame { width, height, rgb: vec![WHITE[0]; 3 * width * height] })
    }

    pub(crate) fn finish(self) -> Frame {
        self.0
    }

    /// Pixels that a text takes from left to right.
    pub(crate) fn width_of(text: &str) -> usize {
        text.chars().count() * get_raster_width(WEIGHT, HEIGHT)
    }

    fn pixel(&mut self, x: usize, y: usize) -> Option<&mut [u8]> {
        if x >= self.0.width || y >= self.0.height {
            return None;
        }
        let at = 3 * (y * self.0.width + x);
        self.0.rgb.get_mut(at..at + 3)
    }

    pub(crate) fn fill(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], colour: Colour) {
        for row in y..y + height {
            for column in x..x + width {
                if let Some(pixel) = self.pixel(column, row) {
                    pixel.copy_from_slice(&colour);
                }
            }
        }
    }

    /// A line one pixel wide around a rectangle.
    pub(crate) fn outline(
        &mut self,
        [x, y]: [usize; 2],
        [width, height]: [usize; 2],
        colour: Colour,
    ) {
        let (left, top) = (x.saturating_sub(1), y.saturating_sub(1));
        self.fill([left, top], [width + 2, 1], colour);
        self.fill([left, y + height], [width + 2, 1], colour);
        self.fill([left, top], [1, height + 2], colour);
        self.fill([x + width, top], [1, height + 2], colour);
    }

    pub(crate) fn place(&mut self, [x, y]: [usize; 2], picture: &Frame) {
        let rows = picture.rgb.chunks_exact(3 * picture.width.max(1));
        for (row, line) in rows.enumerate() {
            for (column, colour) in line.as_chunks::<3>().0.iter().enumerate() {
                if let Some(pixel) = self.pixel(x + column, y + row) {
                    pixel.copy_from_slice(colour);
                }
            }
        }
    }

    /// One line of text, its top at `y`. Characters that the font lacks are shown as `?`.
    pub(crate) fn text(&mut self, [x, y]: [usize; 2], align: Align, text: &str, colour: Colour) {
        let width = Self::width_of(text);
        let mut left = match align {
            Align::Left => x,
            Align::Centre => x.saturating_sub(width / 2),
            Align::Right => x.saturating_sub(width),
        };
        for character in text.chars() {
            let glyph = get_raster(character, WEIGHT, HEIGHT);
            let Some(glyph) = glyph.or_else(|| get_raster('?', WEIGHT, HEIGHT)) else { continue };
            for (row, line) in glyph.rows().enumerate() {
                for (column, &ink) in line.iter().enumerate() {
                    let Some(pixel) = self.pixel(left + column, y + row) else { continue };
                    for (level, &to) in pixel.iter_mut().zip(&colour) {
                        let (paper, ink) = (u16::from(*level), u16::from(ink));
                        *level = ((paper * (255 - ink) + u16::from(to) * ink) / 255) as u8;
                    }
                }
            }
            left += glyph.width();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_drawn_where_it_is_aligned_and_never_beyond_the_edge() {
        let inked = |align, x| {
            let mut canvas = Canvas::new(60, 30);
            canvas.text([x, 5], align, "avff", BLACK);
            let picture = canvas.finish();
            let columns = (0..60).filter(|&x| (0..30).any(|y| picture.rgb[3 * (60 * y + x)] < 100));
            let columns: Vec<usize> = columns.collect();
            (columns.first().copied(), columns.last().copied())
        };
        let width = Canvas::width_of("avff");
        let (Some(first), Some(last)) = inked(Align::Left, 10) else {
            unreachable!("nothing was drawn")
        };
        assert!(first >= 10 && last < 10 + width, "{first} {last}");
        assert_eq!(inked(Align::Right, 10 + width), (Some(first), Some(last)));
        assert_eq!(inked(Align::Centre, 10 + width / 2), (Some(first), Some(last)));
        // Letters that stand half outside are cut.
        assert!(inked(Align::Left, 55).1 <= Some(59));
    }

    #[test]
    fn outlines_lie_around() {
        let mut canvas = Canvas::new(10, 10);
        canvas.outline([3, 3], [4, 4], RED);
        let picture = canvas.finish();
        let at = |x: usize, y: usize| &picture.rgb[3 * (10 * y + x)..][..3];
        assert_eq!((at(2, 2), at(7, 7), at(7, 4)), (&RED[..], &RED[..], &RED[..]));
        assert_eq!((at(3, 3), at(6, 6), at(8, 8)), (&WHITE[..], &WHITE[..], &WHITE[..]));
    }
}
