//! From fitted frames and filterbanks to the numbers a network takes.

use avff_media::{Audio, Frame};

use crate::{
    augment::Plan,
    decode::{DecodedAudio, DecodedClip},
    error::DataError,
    fbank::stretched_parts,
    spec::{AudioSpec, ClipSpec, VideoSpec},
};

/// A clip as tensors, before it is batched.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Normalised log-mel filterbank, `[frames, mels]`.
    pub audio: Vec<f32>,
    /// Normalised frames, `[3, frames, height, width]`.
    pub video: Vec<f32>,
}

/// The tensors of a decoded window; training's `plan` varies it on the way.
///
/// # Errors
/// What computing the filterbank or an augmentation reports.
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

/// The video tensor of frames that fit the spec already: torchvision's `ToTensor` and `Normalize`.
///
/// A level becomes `(level / 255 - mean) / std`, each step rounded to f32 in the reference's order. 256
/// levels are all there are, so a table gives the very same floats.
///
/// # Shapes
/// `[3, frames, height, width]`
#[must_use]
pub fn video_tensor(frames: &[Frame], spec: &VideoSpec) -> Vec<f32> {
    let mut tensor = Vec::with_capacity(spec.values());
    for channel in 0..3 {
        let (mean, std) = (spec.mean[channel], spec.std[channel]);
        let table: [f32; 256] = std::array::from_fn(|level| (level as f32 / 255.0 - mean) / std);
        for frame in frames {
            let pixels = frame.rgb.as_chunks::<3>().0;
            tensor.extend(pixels.iter().map(|pixel| table[usize::from(pixel[channel])]));
        }
    }
    tensor
}

/// The audio tensor of a wave: its filterbank, stretched and normalised.
///
/// # Shapes
/// `[frames, mels]`
///
/// # Errors
/// As [`stretched_parts`].
pub fn audio_tensor(audio: &Audio, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    let mut rows = stretched_parts(std::slice::from_ref(audio), spec)?;
    normalize(&mut rows, spec);
    Ok(rows)
}

/// Normalises a filterbank in place.
fn normalize(rows: &mut [f32], spec: &AudioSpec) {
    for value in rows {
        *value = (*value - spec.mean) / spec.std;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fbank::Fbank;

    #[test]
    fn channels_come_first_and_values_are_the_references() {
        let picture = |rgb: [u8; 6]| Frame { width: 2, height: 1, rgb: rgb.to_vec() };
        let pictures = [picture([0, 1, 2, 255, 128, 3]), picture([4, 5, 6, 7, 8, 9])];
        let tensor = video_tensor(&pictures, &ClipSpec::open_avff().video);
        let levels = [0, 255, 4, 7, 1, 128, 5, 8, 2, 3, 6, 9];
        let statistics = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225_f32)];
        let want: Vec<f32> = levels
            .iter()
            .zip((0..3).flat_map(|channel| [channel; 4]))
            .map(|(&level, channel)| {
                let (mean, std): (f32, f32) = statistics[channel];
                (level as f32 / 255.0 - mean) / std
            })
            .collect();
        assert_eq!(tensor, want);
        // ToTensor and Normalize of torchvision on black and white, red channel.
        assert_eq!((tensor[0], tensor[1]), (-2.117_904, 2.248_908_3));
    }

    #[test]
    fn audio_is_normalised() {
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
