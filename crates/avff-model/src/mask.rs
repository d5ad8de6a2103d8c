//! Complementary masks: slices masked in audio are visible in video. Names in the code call masked
//! slices hidden, in contrast to visible ones.

use burn::{
    prelude::*,
    tensor::{Int, TensorData},
};
use rand::{Rng, seq::index};

use crate::config::{AvffConfig, MaskScope};

/// The slices of each clip that are masked in audio. Video masks the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    slices: usize,
    /// For each clip, `slices / 2` sorted slices.
    hidden_from_audio: Vec<Vec<usize>>,
}

impl Mask {
    /// Masks a random half of the slices. The caller's random number generator makes a step
    /// reproducible.
    #[must_use]
    pub fn random(config: &AvffConfig, batch: usize, rng: &mut impl Rng) -> Self {
        let mut random_half = || {
            let mut hidden = index::sample(rng, config.slices, config.slices / 2).into_vec();
            hidden.sort_unstable();
            hidden
        };
        let hidden_from_audio = match config.mask {
            MaskScope::PerBatch => vec![random_half(); batch],
            MaskScope::PerClip => (0..batch).map(|_| random_half()).collect(),
        };
        Self { slices: config.slices, hidden_from_audio }
    }

    /// Masks the given slices of every clip. Returns `None` unless they are half of `slices`,
    /// without duplicates and each below `slices`.
    #[must_use]
    pub fn shared(slices: usize, hidden_from_audio: &[usize], batch: usize) -> Option<Self> {
        let mut hidden = hidden_from_audio.to_vec();
        hidden.sort_unstable();
        hidden.dedup();
        let fits = hidden.len() * 2 == slices
            && hidden.len() == hidden_from_audio.len()
            && hidden.last().is_none_or(|&last| last < slices);
        fits.then(|| Self { slices, hidden_from_audio: vec![hidden; batch] })
    }

    /// Returns the number of clips.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.hidden_from_audio.len()
    }

    /// Returns the sorted slices masked in audio, one list per clip.
    #[must_use]
    pub fn hidden_from_audio(&self) -> &[Vec<usize>] {
        &self.hidden_from_audio
    }

    /// Returns the mask of some clips, in the given order, for gradient accumulation. Clips without
    /// a mask are left out.
    #[must_use]
    pub fn subset(&self, clips: impl IntoIterator<Item = usize>) -> Self {
        let rows = clips.into_iter().filter_map(|clip| self.hidden_from_audio.get(clip).cloned());
        Self { slices: self.slices, hidden_from_audio: rows.collect() }
    }

    /// Selects the patches masked in audio: `[batch, tokens, patch]` to `[batch, tokens / 2,
    /// patch]`.
    #[must_use]
    pub fn hidden_audio<B: Backend>(&self, patches: Tensor<B, 3>) -> Tensor<B, 3> {
        self.audio().hidden(patches)
    }

    /// Selects the tubelets masked in video: `[batch, tokens, patch]` to `[batch, tokens / 2,
    /// patch]`.
    #[must_use]
    pub fn hidden_video<B: Backend>(&self, patches: Tensor<B, 3>) -> Tensor<B, 3> {
        self.video().hidden(patches)
    }

    pub(crate) fn audio(&self) -> ModalityMask {
        ModalityMask::new(self.slices, &self.hidden_from_audio)
    }

    pub(crate) fn video(&self) -> ModalityMask {
        let hidden: Vec<Vec<usize>> = self
            .hidden_from_audio
            .iter()
            .map(|audio| (0..self.slices).filter(|slice| !audio.contains(slice)).collect())
            .collect();
        ModalityMask::new(self.slices, &hidden)
    }
}

/// The mask of one modality, as row numbers of `[batch * slices, ..]`.
#[derive(Debug, Clone)]
pub(crate) struct ModalityMask {
    batch: usize,
    slices: usize,
    visible: Vec<usize>,
    hidden: Vec<usize>,
}

impl ModalityMask {
    fn new(slices: usize, hidden_by_clip: &[Vec<usize>]) -> Self {
        let (mut visible, mut hidden) = (Vec::new(), Vec::new());
        for (clip, hidden_slices) in hidden_by_clip.iter().enumerate() {
            for slice in 0..slices {
                let rows = if hidden_slices.contains(&slice) { &mut hidden } else { &mut visible };
                rows.push(clip * slices + slice);
            }
        }
        Self { batch: hidden_by_clip.len(), slices, visible, hidden }
    }

    /// Selects the visible slices.
    ///
    /// # Shapes
    /// - `x`: `[batch, tokens, features]`
    /// - output: `[batch, tokens / 2, features]`, the visible slices in order
    pub(crate) fn visible<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.take(x, &self.visible)
    }

    /// Selects the masked slices, with the shapes of [`visible`](Self::visible).
    pub(crate) fn hidden<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.take(x, &self.hidden)
    }

    /// Returns 1 for every value of a masked patch and 0 otherwise, in the shape of `patches`,
    /// which is `[batch, tokens, patch]`.
    pub(crate) fn as_patches<B: Backend>(&self, patches: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, length] = patches.dims();
        let rows = self.batch * self.slices;
        let slice = tokens * batch / rows.max(1);
        let mut values = vec![0.0f32; rows];
        for &row in &self.hidden {
            values[row] = 1.0;
        }
        Tensor::<B, 1>::from_data(TensorData::new(values, [rows]), &patches.device())
            .reshape([rows, 1, 1])
            .expand([rows, slice, length])
            .reshape([batch, tokens, length])
    }

    fn take<B: Backend>(&self, x: Tensor<B, 3>, rows: &[usize]) -> Tensor<B, 3> {
        let [batch, tokens, features] = x.dims();
        let slice = tokens / self.slices;
        let device = x.device();
        x.reshape([batch * self.slices, slice, features])
            .select(0, indices(rows, &device))
            .reshape([batch, tokens / 2, features])
    }

    /// Puts visible and predicted slices back in their original order.
    ///
    /// # Shapes
    /// - `visible`, `predicted`: `[batch, tokens / 2, features]`
    /// - output: `[batch, tokens, features]`
    pub(crate) fn restore<B: Backend>(
        &self,
        visible: Tensor<B, 3>,
        predicted: Tensor<B, 3>,
    ) -> Tensor<B, 3> {
        let [batch, half, features] = visible.dims();
        let slice = 2 * half / self.slices;
        let device = visible.device();
        let flat = |x: Tensor<B, 3>| x.reshape([batch * self.slices / 2, slice, features]);
        let mut source = vec![0; self.batch * self.slices];
        for (from, &row) in self.visible.iter().chain(&self.hidden).enumerate() {
            source[row] = from;
        }
        Tensor::cat(vec![flat(visible), flat(predicted)], 0)
            .select(0, indices(&source, &device))
            .reshape([batch, 2 * half, features])
    }
}

fn indices<B: Backend>(rows: &[usize], device: &B::Device) -> Tensor<B, 1, Int> {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn_flex::Flex;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn masks_are_random_complementary_halves() {
        let mut config = AvffConfig::avff();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mask = Mask::random(&config, 16, &mut rng);
        assert!(mask.hidden_from_audio().windows(2).any(|pair| pair[0] != pair[1]));
        for (audio, video) in mask.audio().hidden.chunks(4).zip(mask.video().hidden.chunks(4)) {
            assert!(audio.iter().all(|slice| !video.contains(slice)));
        }
        config.mask = MaskScope::PerBatch;
        let mask = Mask::random(&config, 16, &mut rng);
        assert!(mask.hidden_from_audio().windows(2).all(|pair| pair[0] == pair[1]));
        let again = Mask::random(&config, 16, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(again, Mask::random(&config, 16, &mut ChaCha8Rng::seed_from_u64(3)));
    }

    #[test]
    fn shared_mask_must_be_half() {
        assert!(Mask::shared(8, &[1, 2, 5, 6], 2).is_some());
        for bad in [&[1, 2, 5][..], &[1, 2, 5, 8], &[1, 1, 2, 5], &[]] {
            assert!(Mask::shared(8, bad, 2).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn restore_undoes_the_split() {
        let device = Default::default();
        let config = AvffConfig::avff();
        let mask = Mask::random(&config, 3, &mut ChaCha8Rng::seed_from_u64(1)).audio();
        let x = Tensor::<Flex, 1, Int>::arange(0..3 * 16 * 5, &device).float().reshape([3, 16, 5]);
        let back = mask.restore(mask.visible(x.clone()), mask.hidden(x.clone()));
        assert_eq!(back.into_data(), x.into_data());
    }
}
