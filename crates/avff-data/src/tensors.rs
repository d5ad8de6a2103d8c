//! Converts fitted frames and filterbanks to tensors.

use avff_media::{
    Audio, Frame,
    frame::luma,
    memory::{self, Reservation},
};

use crate::{
    augment::Plan,
    decode::{DecodedAudio, DecodedClip},
    error::DataError,
    fbank::concatenated_fbank,
    spec::{AudioSpec, ClipSpec, FrameColor, Standardize, VideoSpec},
};

/// The least standard deviation of levels that divides a sample, so that the noise of an even picture
/// stays small.
const LEAST_LEVEL_STD: f32 = 0.02;
/// The least standard deviation of log-mel energies that divides a sample.
const LEAST_ENERGY_STD: f32 = 0.1;

/// A clip as tensors, before it is batched.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Normalized log-mel filterbank, `[frames, mels]`.
    pub audio: Vec<f32>,
    /// Normalized frames, `[3, frames, height, width]`.
    pub video: Vec<f32>,
}

impl Clip {
    /// Reserves the memory of the tensors for as long as they wait in a queue.
    ///
    /// # Errors
    /// [`MediaError::OverBudget`](avff_media::MediaError::OverBudget).
    pub fn reserve(&self) -> Result<Reservation, DataError> {
        let bytes = size_of::<f32>() * (self.audio.len() + self.video.len());
        Ok(memory::reserve("the tensors of a window", bytes as u64)?.queued())
    }
}

/// Converts a decoded window to tensors. In training, `plan` augments it.
///
/// # Errors
/// An error of the filterbank or an augmentation.
pub fn tensors(
    mut decoded: DecodedClip,
    spec: &ClipSpec,
    plan: Option<&mut Plan>,
) -> Result<Clip, DataError> {
    let audio = decoded.audio.take().unwrap_or(DecodedAudio::Waves(Vec::new()));
    let Some(plan) = plan else {
        let mut audio = audio.fbank(&spec.audio)?;
        normalize(&mut audio, &spec.audio);
        return Ok(Clip { audio, video: video_tensor(&decoded.frames, &spec.video) });
    };
    plan.frames(&mut decoded.frames)?;
    let video = video_tensor(&decoded.frames, &spec.video);
    let mut audio = audio;
    if let DecodedAudio::Waves(waves) = &mut audio {
        waves.iter_mut().for_each(|wave| plan.wave(wave));
    }
    let mut audio = audio.fbank(&spec.audio)?;
    plan.fbank(&mut audio, &spec.audio);
    normalize(&mut audio, &spec.audio);
    plan.normalized(&mut audio, &spec.audio);
    Ok(Clip { audio, video })
}

/// Converts fitted frames to the video tensor, like torchvision's `ToTensor` and `Normalize`.
///
/// A level becomes `(level / 255 - mean) / std`, with each step rounded to f32 in the reference's
/// order. There are only 256 levels, so a table gives identical floats. With
/// [`Standardize::Sample`], mean and standard deviation are those of all levels of all frames.
///
/// # Shapes
/// `[3, frames, height, width]`
#[must_use]
pub fn video_tensor(frames: &[Frame], spec: &VideoSpec) -> Vec<f32> {
    let mut tensor = Vec::with_capacity(spec.values());
    let gray: Vec<Frame>;
    let frames = match spec.color {
        FrameColor::Rgb => frames,
        FrameColor::Gray => {
            gray = frames.iter().map(to_gray).collect();
            &gray
        }
    };
    let (mean, std) = match spec.standardize {
        Standardize::Fixed => (spec.mean, spec.std),
        Standardize::Sample => {
            let (mean, std) = level_statistics(frames);
            ([mean; 3], [std; 3])
        }
    };
    for channel in 0..3 {
        let (mean, std) = (mean[channel], std[channel]);
        let table: [f32; 256] = std::array::from_fn(|level| (level as f32 / 255.0 - mean) / std);
        for frame in frames {
            let pixels = frame.rgb.as_chunks::<3>().0;
            tensor.extend(pixels.iter().map(|pixel| table[usize::from(pixel[channel])]));
        }
    }
    tensor
}

/// Sets all channels to the luma (ITU-R BT.601, as Pillow's `L`).
fn to_gray(frame: &Frame) -> Frame {
    let pixels = frame.rgb.as_chunks::<3>().0.iter();
    let rgb = pixels.flat_map(|&pixel| [luma(pixel); 3]).collect();
    Frame { width: frame.width, height: frame.height, rgb }
}

/// Returns the mean and the standard deviation of all levels, where 255 is 1. The deviation is at
/// least [`LEAST_LEVEL_STD`].
fn level_statistics(frames: &[Frame]) -> (f32, f32) {
    let mut counts = [0_u64; 256];
    for &level in frames.iter().flat_map(|frame| &frame.rgb) {
        counts[usize::from(level)] += 1;
    }
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let sum = |power: i32| -> f64 {
        let terms = (0_i32..)
            .zip(counts)
            .map(|(level, count)| count as f64 * (f64::from(level) / 255.0).powi(power));
        terms.sum::<f64>() / total
    };
    let mean = sum(1);
    let std = (sum(2) - mean * mean).max(0.0).sqrt();
    (mean as f32, (std as f32).max(LEAST_LEVEL_STD))
}

/// Converts a waveform to the audio tensor: its filterbank, stretched and normalized.
///
/// # Shapes
/// `[frames, mels]`
///
/// # Errors
/// See [`concatenated_fbank`].
pub fn audio_tensor(audio: &Audio, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    let mut rows = concatenated_fbank(std::slice::from_ref(audio), spec)?;
    normalize(&mut rows, spec);
    Ok(rows)
}

/// Normalizes a filterbank in place.
fn normalize(rows: &mut [f32], spec: &AudioSpec) {
    let (mean, std) = match spec.standardize {
        Standardize::Fixed => (spec.mean, spec.std),
        Standardize::Sample => {
            let count = rows.len().max(1) as f64;
            let mean = rows.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
            let squares = rows.iter().map(|&value| (f64::from(value) - mean).powi(2));
            let std = (squares.sum::<f64>() / count).sqrt();
            (mean as f32, (std as f32).max(LEAST_ENERGY_STD))
        }
    };
    for value in rows {
        *value = (*value - mean) / std;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fbank::Fbank;

    #[test]
    fn samples_are_standardized_by_their_own_statistics() {
        let frame = |levels: [u8; 6]| Frame { width: 2, height: 1, rgb: levels.to_vec() };
        let frames = [frame([10, 20, 30, 40, 50, 60]), frame([70, 80, 90, 100, 110, 120])];
        let mut spec = ClipSpec::open_avff().video;
        spec.standardize = Standardize::Sample;
        let tensor = video_tensor(&frames, &spec);
        // (10 - 65) / 34.52...: the mean and the population deviation of 10, 20 to 120.
        assert!((tensor[0] - -1.593_255).abs() < 1e-4, "{tensor:?}");
        assert!(tensor.iter().sum::<f32>().abs() < 1e-4);
        let even = video_tensor(&[frame([200; 6])], &spec);
        assert!(even.iter().all(|value| value.abs() < 1e-3), "an even picture stays finite");

        spec.color = FrameColor::Gray;
        let gray = video_tensor(&frames, &spec);
        let (red, rest) = gray.split_at(4);
        assert_eq!((red, red), rest.split_at(4));

        let mut audio = ClipSpec::open_avff().audio;
        audio.standardize = Standardize::Sample;
        let mut rows = vec![1.0, 3.0, 1.0, 3.0];
        normalize(&mut rows, &audio);
        assert_eq!(rows, [-1.0, 1.0, -1.0, 1.0]);
    }

    #[test]
    fn channels_come_first_and_values_match_reference() {
        let frame = |rgb: [u8; 6]| Frame { width: 2, height: 1, rgb: rgb.to_vec() };
        let frames = [frame([0, 1, 2, 255, 128, 3]), frame([4, 5, 6, 7, 8, 9])];
        let tensor = video_tensor(&frames, &ClipSpec::open_avff().video);
        let levels = [0, 255, 4, 7, 1, 128, 5, 8, 2, 3, 6, 9];
        let statistics = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225_f32)];
        let expected: Vec<f32> = levels
            .iter()
            .zip((0..3).flat_map(|channel| [channel; 4]))
            .map(|(&level, channel)| {
                let (mean, std): (f32, f32) = statistics[channel];
                (level as f32 / 255.0 - mean) / std
            })
            .collect();
        assert_eq!(tensor, expected);
        // Values of torchvision's ToTensor and Normalize for black and white, red channel.
        assert_eq!((tensor[0], tensor[1]), (-2.117_904, 2.248_908_3));
    }

    #[test]
    fn audio_is_normalized() {
        let wave = Audio {
            rate: 8_000,
            channels: vec![(0..8_000).map(|i| (i as f32 * 0.3).sin()).collect()],
        };
        let mut spec = ClipSpec::open_avff();
        (spec.audio.frames, spec.audio.mels, spec.video.frames) = (7, 8, 0);
        let plain = Fbank::new(8_000, 8).unwrap().stretched(&wave, 7).unwrap();
        let expected: Vec<f32> = plain.iter().map(|value| (value + 5.081) / 4.4849).collect();
        let audio = Some(DecodedAudio::Waves(vec![wave]));
        let decoded = DecodedClip { frames: Vec::new(), audio, without_face: false };
        assert_eq!(tensors(decoded, &spec, None).unwrap().audio, expected);
    }
}
