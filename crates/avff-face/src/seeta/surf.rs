//! SURF features: sums of gradients over the quarters of patches of a window. Also the small
//! networks that classify a window from these features.

use super::WINDOW;
use crate::gray::Gray;

/// The number of sums of a quarter. They are sums of the horizontal gradient and of its magnitude,
/// separately for rising and falling vertical gradients, and the other way round.
const CHANNELS: usize = 8;
/// The smallest side of a patch, and the stride between patches.
const PATCH: usize = 16;
/// The aspect ratios of patches, width to height.
const SHAPES: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)];
/// The row length of the integral image, which starts with a row and a column of zeros.
const STRIDE: usize = WINDOW + 1;

/// The integral image of a window: sums of gradients above and left of each pixel.
pub(super) struct Window {
    sums: Vec<[i32; CHANNELS]>,
}

impl Window {
    /// Computes the sums. `gray` has [`WINDOW`] pixels per side.
    pub(super) fn new(gray: &Gray) -> Self {
        let level =
            |x: usize, y: usize| i32::from(gray.levels.get(y * WINDOW + x).copied().unwrap_or(0));
        let mut sums = vec![[0; CHANNELS]; STRIDE * STRIDE];
        for y in 0..WINDOW {
            let mut row = [0; CHANNELS];
            for x in 0..WINDOW {
                let right = slope(x, |x| level(x, y));
                let down = slope(y, |y| level(x, y));
                for (sum, value) in row.iter_mut().zip(channels(right, down)) {
                    *sum += value;
                }
                let at = y * STRIDE + x + 1;
                let above = sums.get(at).copied().unwrap_or_default();
                if let Some(sum) = sums.get_mut(at + STRIDE) {
                    for ((sum, above), row) in sum.iter_mut().zip(above).zip(row) {
                        *sum = above + row;
                    }
                }
            }
        }
        Self { sums }
    }

    fn at(&self, x: usize, y: usize) -> [i32; CHANNELS] {
        self.sums.get(y * STRIDE + x).copied().unwrap_or_default()
    }

    /// Appends the sums over a patch's quarters to `out`, normalized to length one.
    fn append(&self, patch: &Patch, out: &mut Vec<f32>) {
        let (width, height) = (patch.width / 2, patch.height / 2);
        let start = out.len();
        let mut square = 0.0;
        for (right, below) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let (x, y) = (patch.x + right * width, patch.y + below * height);
            let corners = [
                self.at(x + width, y + height),
                self.at(x, y),
                self.at(x + width, y),
                self.at(x, y + height),
            ];
            let [end, start, top, left] = corners;
            for (((end, start), top), left) in end.iter().zip(start).zip(top).zip(left) {
                let value = end + start - top - left;
                square += f64::from(value) * f64::from(value);
                out.push(value as f32);
            }
        }
        let length = square.sqrt() as f32;
        if length != 0.0 {
            out.iter_mut().skip(start).for_each(|value| *value /= length);
        }
    }
}

/// Returns the difference of a sample's neighbors; at an edge, twice the difference to the only
/// neighbor.
fn slope(at: usize, level: impl Fn(usize) -> i32) -> i32 {
    if at == 0 {
        2 * (level(1) - level(0))
    } else if at + 1 == WINDOW {
        2 * (level(at) - level(at - 1))
    } else {
        level(at + 1) - level(at - 1)
    }
}

fn channels(right: i32, down: i32) -> [i32; CHANNELS] {
    let pair = |value: i32, rising: bool| if rising { [value, value.abs()] } else { [0, 0] };
    let [a, b] = pair(right, down >= 0);
    let [c, d] = pair(right, down < 0);
    let [e, f] = pair(down, right >= 0);
    let [g, h] = pair(down, right < 0);
    [a, b, c, d, e, f, g, h]
}

/// A rectangle in the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// Returns every patch, in the order of the weights.
pub(super) fn patches() -> Vec<Patch> {
    let mut all = Vec::new();
    for (across, down) in SHAPES {
        for height in (PATCH..=WINDOW).filter(|height| height % 2 == 0 && height % down == 0) {
            let width = height / down * across;
            if width % 2 != 0 || !(PATCH..=WINDOW).contains(&width) {
                continue;
            }
            for y in (0..=WINDOW - height).step_by(PATCH) {
                for x in (0..=WINDOW - width).step_by(PATCH) {
                    all.push(Patch { x, y, width, height });
                }
            }
        }
    }
    all
}

/// A network over some of a window's patches.
pub(super) struct Perceptron {
    patches: Vec<Patch>,
    layers: Vec<Layer>,
    /// The first output exceeds this value for a face.
    threshold: f32,
}

pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

/// The number of values of a patch.
pub(super) const PATCH_VALUES: usize = 4 * CHANNELS;
/// The outputs: face score, horizontal shift, vertical shift, growth. The last three map 0 to 1 to
/// -1 to 1 sides of the window.
const OUTPUTS: usize = 4;

impl Perceptron {
    /// Creates a network; returns `None` where the layers do not match each other or the patches.
    pub(super) fn new(patches: Vec<Patch>, layers: Vec<Layer>, threshold: f32) -> Option<Self> {
        let mut values = patches.len() * PATCH_VALUES;
        for layer in &layers {
            if layer.inputs != values || layer.inputs * layer.biases.len() != layer.weights.len() {
                return None;
            }
            values = layer.biases.len();
        }
        (values >= OUTPUTS && !layers.is_empty()).then_some(Self { patches, layers, threshold })
    }

    /// Returns the outputs, or `None` where the window is no face.
    pub(super) fn classify(&self, window: &Window) -> Option<[f32; OUTPUTS]> {
        let mut values = Vec::with_capacity(self.patches.len() * PATCH_VALUES);
        for patch in &self.patches {
            window.append(patch, &mut values);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let last = index + 1 == self.layers.len();
            let outputs = layer.weights.chunks_exact(layer.inputs.max(1)).zip(&layer.biases);
            values = outputs
                .map(|(weights, bias)| {
                    let sum: f32 =
                        values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                    let sum = sum + bias;
                    if last { 1.0 / (1.0 + (-sum).exp()) } else { sum.max(0.0) }
                })
                .collect();
        }
        let outputs = *values.first_chunk::<OUTPUTS>()?;
        (outputs.first()? > &self.threshold).then_some(outputs)
    }
}
