//! torchvision's `ColorJitter` on 8-bit RGB, which is Pillow's `ImageEnhance` and its HSV.

use serde::{Deserialize, Serialize};

use super::{FrameStep, within};
use avff_media::{Frame, SettingError};
use avff_rng::Rng;

/// Changes the colours of all pictures of a sample alike: four steps in random order, each by a factor
/// of its own. A range of 0 leaves that step out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    /// The factor is uniform in `1 ± brightness`, not below 0.
    pub brightness: f64,
    /// The factor is uniform in `1 ± contrast`, not below 0.
    pub contrast: f64,
    /// The factor is uniform in `1 ± saturation`, not below 0.
    pub saturation: f64,
    /// The turn is uniform in `± hue`, in whole turns of the colour wheel; at most 0.5.
    pub hue: f64,
}

/// The most of a range but the hue's.
const MOST: f64 = 10.0;

/// What is done to one sample, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    /// In whole turns.
    Hue(f64),
}

impl ColorJitter {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.color.brightness", self.brightness, 0.0, MOST)?;
        within("augment.color.contrast", self.contrast, 0.0, MOST)?;
        within("augment.color.saturation", self.saturation, 0.0, MOST)?;
        within("augment.color.hue", self.hue, 0.0, 0.5)
    }

    pub(super) fn draw(self, draws: &mut Rng) -> FrameStep {
        let mut factor = |range: f64| draws.between((1.0 - range).max(0.0), 1.0 + range) as f32;
        let mut steps = vec![
            (self.brightness, Step::Brightness(factor(self.brightness))),
            (self.contrast, Step::Contrast(factor(self.contrast))),
            (self.saturation, Step::Saturation(factor(self.saturation))),
            (self.hue, Step::Hue(draws.between(-self.hue, self.hue))),
        ];
        draws.shuffle(&mut steps);
        let used = steps.into_iter().filter(|(range, _)| *range > 0.0);
        FrameStep::Color(Steps(used.map(|(_, step)| step).collect()))
    }
}

impl Steps {
    pub(super) fn apply(&self, picture: &mut Frame) {
        for &step in &self.0 {
            step.apply(picture);
        }
    }
}

impl Step {
    fn apply(self, picture: &mut Frame) {
        let pixels = picture.rgb.as_chunks_mut::<3>().0;
        match self {
            Self::Brightness(factor) => levels(pixels, |level| blend(0, level, factor)),
            Self::Contrast(factor) => {
                let sum: u64 = pixels.iter().map(|&pixel| u64::from(luma(pixel))).sum();
                let mean = (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
                levels(pixels, |level| blend(mean, level, factor));
            }
            Self::Saturation(factor) => {
                for pixel in pixels {
                    let grey = luma(*pixel);
                    *pixel = pixel.map(|level| blend(grey, level, factor));
                }
            }
            Self::Hue(turn) => {
                // Truncated and wrapped, as torchvision adds it to an 8-bit hue.
                let shift = (turn * 255.0) as i32 as u8;
                for pixel in pixels {
                    let [hue, saturation, value] = hsv(*pixel);
                    *pixel = rgb([hue.wrapping_add(shift), saturation, value]);
                }
            }
        }
    }
}

/// The same function of every level: looked up.
fn levels(pixels: &mut [[u8; 3]], function: impl Fn(u8) -> u8) {
    let table: [u8; 256] = std::array::from_fn(|level| function(level as u8));
    for level in pixels.iter_mut().flatten() {
        *level = table[usize::from(*level)];
    }
}

/// Pillow's `Image.blend`: from `grey` at 0 to `level` at 1 and on beyond, truncated and clipped.
fn blend(grey: u8, level: u8, factor: f32) -> u8 {
    let (grey, level) = (f32::from(grey), f32::from(level));
    // A cast to u8 truncates towards 0 and clips on both sides.
    (grey + factor * (level - grey)) as u8
}

/// Pillow's conversion to grey: ITU-R 601 in 16-bit fixed point, rounded.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    // The weights add up to 2^16: at most 255.
    ((sum + 0x8000) >> 16) as u8
}

/// Pillow's conversion to HSV, each of 0 to 255.
fn hsv(pixel: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = pixel;
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let from_most = |level: u8| f32::from(most - level) / range;
    let sixths = if red == most {
        f64::from(from_most(blue) - from_most(green))
    } else if green == most {
        2.0 + f64::from(from_most(red)) - f64::from(from_most(blue))
    } else {
        4.0 + f64::from(from_most(green)) - f64::from(from_most(red))
    };
    // In f32 from here on, as Pillow's variables are.
    let hue = ((sixths as f32) as f64 / 6.0 + 1.0) % 1.0;
    let saturation = range / f32::from(most);
    [(f64::from(hue as f32) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

/// Pillow's conversion back.
fn rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let (sector, share) = (sixths.floor(), f64::from((sixths - sixths.floor()) as f32));
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let faded = |by: f64| (f64::from(value) * (1.0 - by)).round() as u8;
    let low = faded(saturation);
    let falling = faded(saturation * share);
    let rising = faded(saturation * (1.0 - share));
    match sector as u8 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    #[derive(Deserialize)]
    struct Known {
        step: String,
        factor: f64,
        rgb: Vec<u8>,
    }

    /// The picture of `tests/reference/color.py`: every hue, dark to bright, and greys.
    fn picture() -> Frame {
        let rgb = (0..16 * 12_u32)
            .flat_map(|i| match i % 12 {
                11 => [(i * 255 / 191) as u8; 3],
                _ => [i * 37 + 11, i * 101 + i * i, i * 17 + i * i * 3].map(|v| (v % 256) as u8),
            })
            .collect();
        Frame { width: 16, height: 12, rgb }
    }

    #[test]
    fn equals_pillow() {
        let text = include_str!("../../tests/fixtures/loader/color.json");
        let known: Vec<Known> = serde_json::from_str(text).unwrap();
        assert_eq!(known.len(), 19);
        for Known { step: name, factor, rgb } in known {
            let step = match name.as_str() {
                "brightness" => Step::Brightness(factor as f32),
                "contrast" => Step::Contrast(factor as f32),
                "saturation" => Step::Saturation(factor as f32),
                _ => Step::Hue(factor),
            };
            let mut got = picture();
            step.apply(&mut got);
            let off = got.rgb.iter().zip(&rgb).filter(|(a, b)| a != b).count();
            assert_eq!(off, 0, "{name} by {factor}: {off} of {} differ", rgb.len());
        }
    }

    #[test]
    fn factors_stay_in_range_and_orders_vary() {
        let jitter = ColorJitter { brightness: 0.4, contrast: 2.0, saturation: 0.1, hue: 0.2 };
        let mut firsts = [0; 4];
        for row in 0..2_000 {
            let mut draws = RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Color);
            let FrameStep::Color(Steps(steps)) = jitter.draw(&mut draws) else { unreachable!() };
            assert_eq!(steps.len(), 4);
            for step in &steps {
                assert!(match *step {
                    Step::Brightness(factor) => (0.6..=1.4).contains(&factor),
                    Step::Contrast(factor) => (0.0..=3.0).contains(&factor),
                    Step::Saturation(factor) => (0.9..=1.1).contains(&factor),
                    Step::Hue(turn) => (-0.2..=0.2).contains(&turn),
                });
            }
            firsts[match steps[0] {
                Step::Brightness(_) => 0,
                Step::Contrast(_) => 1,
                Step::Saturation(_) => 2,
                Step::Hue(_) => 3,
            }] += 1;
        }
        // 500 each, deviation 19.4; five are allowed.
        assert!(firsts.iter().all(|count| (403..=597).contains(count)), "{firsts:?}");
        let mut draws = RngKey { seed: 0, epoch: 0, row: 0, occurrence: 0 }.rng(Purpose::Color);
        assert_eq!(ColorJitter::default().draw(&mut draws), FrameStep::Color(Steps(Vec::new())));
    }
}
