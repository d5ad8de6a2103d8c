//! torchvision's `ColorJitter` on 8-bit RGB, based on Pillow's `ImageEnhance` and HSV conversion.

use serde::{Deserialize, Serialize};

use super::{FrameStep, within};
use avff_media::{Frame, SettingError, frame::luma};
use avff_rng::Rng;

/// Changes the colors of all frames of a sample alike. Four steps are applied in random order, each
/// with its own random factor. A range of 0 disables a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    /// The factor is uniform in `1 ± brightness`, not below 0.
    pub brightness: f64,
    /// The factor is uniform in `1 ± contrast`, not below 0.
    pub contrast: f64,
    /// The factor is uniform in `1 ± saturation`, not below 0.
    pub saturation: f64,
    /// The shift is uniform in `± hue`, in full turns of the color wheel; at most 0.5.
    pub hue: f64,
}

/// Maximum of every range except hue.
const MAX_RANGE: f64 = 10.0;

/// The steps for one sample, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    /// Full turns of the color wheel.
    Hue(f64),
}

impl ColorJitter {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        within("augment.color.brightness", self.brightness, 0.0, MAX_RANGE)?;
        within("augment.color.contrast", self.contrast, 0.0, MAX_RANGE)?;
        within("augment.color.saturation", self.saturation, 0.0, MAX_RANGE)?;
        within("augment.color.hue", self.hue, 0.0, 0.5)
    }

    pub(super) fn draw(self, rng: &mut Rng) -> FrameStep {
        let mut factor = |range: f64| rng.between((1.0 - range).max(0.0), 1.0 + range) as f32;
        let mut steps = vec![
            (self.brightness, Step::Brightness(factor(self.brightness))),
            (self.contrast, Step::Contrast(factor(self.contrast))),
            (self.saturation, Step::Saturation(factor(self.saturation))),
            (self.hue, Step::Hue(rng.between(-self.hue, self.hue))),
        ];
        rng.shuffle(&mut steps);
        let enabled = steps.into_iter().filter(|(range, _)| *range > 0.0);
        FrameStep::Color(Steps(enabled.map(|(_, step)| step).collect()))
    }
}

impl Steps {
    pub(super) fn apply(&self, frame: &mut Frame) {
        for &step in &self.0 {
            step.apply(frame);
        }
    }
}

impl Step {
    fn apply(self, frame: &mut Frame) {
        let pixels = frame.rgb.as_chunks_mut::<3>().0;
        match self {
            Self::Brightness(factor) => levels(pixels, |level| blend(0, level, factor)),
            Self::Contrast(factor) => {
                let sum: u64 = pixels.iter().map(|&pixel| u64::from(luma(pixel))).sum();
                let mean = (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
                levels(pixels, |level| blend(mean, level, factor));
            }
            Self::Saturation(factor) => {
                for pixel in pixels {
                    let gray = luma(*pixel);
                    *pixel = pixel.map(|level| blend(gray, level, factor));
                }
            }
            Self::Hue(shift) => {
                // Truncated and wrapped, as torchvision adds the shift to an 8-bit hue.
                let offset = (shift * 255.0) as i32 as u8;
                for pixel in pixels {
                    let [hue, saturation, value] = hsv(*pixel);
                    *pixel = rgb([hue.wrapping_add(offset), saturation, value]);
                }
            }
        }
    }
}

/// Applies a function to every level through a lookup table.
fn levels(pixels: &mut [[u8; 3]], function: impl Fn(u8) -> u8) {
    let table: [u8; 256] = std::array::from_fn(|level| function(level as u8));
    for level in pixels.iter_mut().flatten() {
        *level = table[usize::from(*level)];
    }
}

/// Pillow's `Image.blend`: interpolates from `gray` at factor 0 to `level` at factor 1, and
/// extrapolates beyond. The result is truncated and clipped.
fn blend(gray: u8, level: u8, factor: f32) -> u8 {
    let (gray, level) = (f32::from(gray), f32::from(level));
    // A cast to u8 truncates towards 0 and clips on both sides.
    (gray + factor * (level - gray)) as u8
}

/// Pillow's conversion to HSV; each component ranges from 0 to 255.
fn hsv(pixel: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = pixel;
    let (max, min) = (red.max(green).max(blue), red.min(green).min(blue));
    if max == min {
        return [0, 0, max];
    }
    let range = f32::from(max - min);
    let below_max = |level: u8| f32::from(max - level) / range;
    let sixths = if red == max {
        f64::from(below_max(blue) - below_max(green))
    } else if green == max {
        2.0 + f64::from(below_max(red)) - f64::from(below_max(blue))
    } else {
        4.0 + f64::from(below_max(green)) - f64::from(below_max(red))
    };
    // Rounded to f32 from here on, like Pillow's variables.
    let hue = ((sixths as f32) as f64 / 6.0 + 1.0) % 1.0;
    let saturation = range / f32::from(max);
    [(f64::from(hue as f32) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, max]
}

/// Pillow's conversion from HSV to RGB.
fn rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let (sector, fraction) = (sixths.floor(), f64::from((sixths - sixths.floor()) as f32));
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let scaled = |by: f64| (f64::from(value) * (1.0 - by)).round() as u8;
    let low = scaled(saturation);
    let falling = scaled(saturation * fraction);
    let rising = scaled(saturation * (1.0 - fraction));
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
    struct Case {
        step: String,
        factor: f64,
        rgb: Vec<u8>,
    }

    /// The image of `tests/reference/color.py`: all hues, dark to bright, and grays.
    fn image() -> Frame {
        let rgb = (0..16 * 12_u32)
            .flat_map(|i| match i % 12 {
                11 => [(i * 255 / 191) as u8; 3],
                _ => [i * 37 + 11, i * 101 + i * i, i * 17 + i * i * 3].map(|v| (v % 256) as u8),
            })
            .collect();
        Frame { width: 16, height: 12, rgb }
    }

    #[test]
    fn matches_pillow() {
        let text = include_str!("../../tests/fixtures/loader/color.json");
        let cases: Vec<Case> = serde_json::from_str(text).unwrap();
        assert_eq!(cases.len(), 19);
        for Case { step: name, factor, rgb } in cases {
            let step = match name.as_str() {
                "brightness" => Step::Brightness(factor as f32),
                "contrast" => Step::Contrast(factor as f32),
                "saturation" => Step::Saturation(factor as f32),
                _ => Step::Hue(factor),
            };
            let mut actual = image();
            step.apply(&mut actual);
            let errors = actual.rgb.iter().zip(&rgb).filter(|(a, b)| a != b).count();
            assert_eq!(errors, 0, "{name} by {factor}: {errors} of {} differ", rgb.len());
        }
    }

    #[test]
    fn factors_stay_in_range_and_orders_vary() {
        let jitter = ColorJitter { brightness: 0.4, contrast: 2.0, saturation: 0.1, hue: 0.2 };
        let mut first_steps = [0; 4];
        for row in 0..2_000 {
            let mut rng = RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Color);
            let FrameStep::Color(Steps(steps)) = jitter.draw(&mut rng) else { unreachable!() };
            assert_eq!(steps.len(), 4);
            for step in &steps {
                assert!(match *step {
                    Step::Brightness(factor) => (0.6..=1.4).contains(&factor),
                    Step::Contrast(factor) => (0.0..=3.0).contains(&factor),
                    Step::Saturation(factor) => (0.9..=1.1).contains(&factor),
                    Step::Hue(shift) => (-0.2..=0.2).contains(&shift),
                });
            }
            first_steps[match steps[0] {
                Step::Brightness(_) => 0,
                Step::Contrast(_) => 1,
                Step::Saturation(_) => 2,
                Step::Hue(_) => 3,
            }] += 1;
        }
        // 500 each, standard deviation 19.4; the tolerance is five deviations.
        assert!(first_steps.iter().all(|count| (403..=597).contains(count)), "{first_steps:?}");
        let mut rng = RngKey { seed: 0, epoch: 0, row: 0, occurrence: 0 }.rng(Purpose::Color);
        assert_eq!(ColorJitter::default().draw(&mut rng), FrameStep::Color(Steps(Vec::new())));
    }
}
