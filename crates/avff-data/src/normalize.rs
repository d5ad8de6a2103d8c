//! From 8-bit levels to network values: torchvision's `ToTensor` and `Normalize`.

use crate::{picture::Picture, spec::VideoSpec};

/// The value of every 8-bit level in every channel.
///
/// A level becomes `(level / 255 - mean) / std`, each step rounded to f32 in the reference's
/// order; 256 levels being all there are, looking them up gives the very same floats.
#[derive(Debug, Clone)]
pub struct Normalizer {
    channels: [[f32; 256]; 3],
}

impl Normalizer {
    /// The tables for a spec's mean and deviation.
    #[must_use]
    pub fn new(spec: &VideoSpec) -> Self {
        let channels = std::array::from_fn(|channel| {
            let (mean, std) = (spec.mean[channel], spec.std[channel]);
            std::array::from_fn(|level| (level as f32 / 255.0 - mean) / std)
        });
        Self { channels }
    }

    /// Appends `pictures`, all of one size, as `[3, pictures, height, width]`.
    pub fn append<'a>(
        &self,
        pictures: impl Iterator<Item = &'a Picture> + Clone,
        tensor: &mut Vec<f32>,
    ) {
        for (channel, table) in self.channels.iter().enumerate() {
            for picture in pictures.clone() {
                let pixels = picture.rgb.as_chunks::<3>().0;
                tensor.extend(pixels.iter().map(|pixel| table[usize::from(pixel[channel])]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ClipSpec;

    #[test]
    fn channels_come_first_and_values_are_the_references() {
        let picture = |rgb: [u8; 6]| Picture { width: 2, height: 1, rgb: rgb.to_vec() };
        let pictures = [picture([0, 1, 2, 255, 128, 3]), picture([4, 5, 6, 7, 8, 9])];
        let mut tensor = Vec::new();
        Normalizer::new(&ClipSpec::open_avff().video).append(pictures.iter(), &mut tensor);
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
}
