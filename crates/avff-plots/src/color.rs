//! Colors and color maps.

use colorous::Gradient;
use plotters::style::RGBColor;

/// Red, green and blue.
pub type Color = [u8; 3];

/// Text and borders.
pub const BLACK: Color = [20, 20, 20];
/// Secondary text.
pub const FAINT: Color = [90, 90, 90];
/// Masked areas.
pub const GRAY: Color = [128, 128, 128];
/// The page background.
pub const WHITE: Color = [255, 255, 255];
/// Warnings.
pub const RED: Color = [190, 20, 20];
/// The border of areas that were masked from a network.
pub const MASKED: Color = [255, 140, 0];

/// Spectral energy; perceptually uniform.
pub const ENERGY: Gradient = colorous::MAGMA;
/// Reconstruction error.
pub const ERROR: Gradient = colorous::VIRIDIS;
/// Attention weights.
pub const ATTENTION: Gradient = colorous::VIRIDIS;

/// Line colors that people with color vision deficiency can distinguish. They are the colors of
/// Okabe and Ito, "Color Universal Design" (2008), and some darker ones. Yellow is absent, because
/// it is invisible on white.
pub(crate) const LINES: [Color; 10] = [
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

/// Mixes a color with `white` parts of white. The result is opaque, so SVG and PNG render it alike.
pub(crate) fn pale(color: Color, white: u16) -> Color {
    color.map(|value| ((u16::from(value) + white * 255) / (white + 1)) as u8)
}

pub(crate) fn rgb([red, green, blue]: Color) -> RGBColor {
    RGBColor(red, green, blue)
}
