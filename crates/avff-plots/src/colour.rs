//! Colours, and colour maps of values.

use colorous::Gradient;
use plotters::style::RGBColor;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// Text and frames.
pub const BLACK: Colour = [20, 20, 20];
/// Text that matters less.
pub const FAINT: Colour = [90, 90, 90];
/// What was covered.
pub const GREY: Colour = [128, 128, 128];
/// Paper.
pub const WHITE: Colour = [255, 255, 255];
/// Warnings.
pub const RED: Colour = [190, 20, 20];
/// The border of what was hidden from a network.
pub const HIDDEN: Colour = [255, 140, 0];

/// Energies, in a perceptually uniform map.
pub const ENERGY: Gradient = colorous::MAGMA;
/// Errors, in another one.
pub const ERROR: Gradient = colorous::VIRIDIS;
/// Shares of attention.
pub const ATTENTION: Gradient = colorous::VIRIDIS;

/// Colours that people who see fewer colours can tell apart as well: those of Okabe and Ito, "Color
/// Universal Design" (2008), without yellow, which is lost on white, and some darker ones.
pub(crate) const LINES: [Colour; 10] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [90, 90, 90],
    [136, 34, 85],
    [140, 130, 0],
    [110, 70, 40],
];

/// Mixed with so many parts of white; opaque, as SVG and PNG draw that alike.
pub(crate) fn pale(colour: Colour, white: u16) -> Colour {
    colour.map(|value| ((u16::from(value) + white * 255) / (white + 1)) as u8)
}

pub(crate) fn rgb([red, green, blue]: Colour) -> RGBColor {
    RGBColor(red, green, blue)
}
