//! Kaldi's triangular mel filters: `get_mel_banks` of `torchaudio.compliance.kaldi`.

/// Lower edge of the lowest filter, in Hz. The highest filter ends at Nyquist.
pub const LOW_HZ: f64 = 20.0;

/// Triangular filters of equal width that overlap by half on the mel scale, `1127 ln(1 + f / 700)`.
/// They are stored sparsely: a filter covers a few FFT bins, and a dense product would cover all.
#[derive(Debug, Clone)]
pub struct MelBanks {
    filters: Vec<Filter>,
}

#[derive(Debug, Clone)]
struct Filter {
    /// The first FFT bin with a weight.
    start: usize,
    weights: Vec<f64>,
}

impl MelBanks {
    /// Creates `count` filters over the bins of a power spectrum of `padded` samples at `rate` Hz.
    ///
    /// At low rates or with many filters, some filters lie between two bins and have no weights.
    /// Their energy is the floor, as in Kaldi. The Nyquist bin never has a weight.
    #[must_use]
    pub fn new(rate: u32, padded: usize, count: usize) -> Self {
        let rate = f64::from(rate);
        // As in torchaudio, scalars are f64 (Python floats) and tables f32. A filter's edge is
        // sometimes so close to a bin that f64 tables would put the bin on the other side.
        let low = mel(LOW_HZ);
        let width = ((mel(0.5 * rate) - low) / (count as f64 + 1.0)) as f32;
        let low = low as f32;
        let bin_hz = (rate / padded as f64) as f32;
        let bins: Vec<f32> = (0..padded / 2).map(|bin| mel_f32(bin_hz * bin as f32)).collect();
        let filters = (0..count)
            .map(|index| {
                let index = index as f32;
                let left = low + index * width;
                let center = low + (index + 1.0) * width;
                let right = low + (index + 2.0) * width;
                let weight = |&mel: &f32| {
                    let up = (mel - left) / (center - left);
                    let down = (right - mel) / (right - center);
                    f64::from(up.min(down))
                };
                let start = bins.iter().position(|mel| weight(mel) > 0.0).unwrap_or(0);
                let weights =
                    bins.iter().skip(start).map(weight).take_while(|&w| w > 0.0).collect();
                Filter { start, weights }
            })
            .collect();
        Self { filters }
    }

    /// Returns the number of filters, which is the number of mel bins.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filters.len()
    }

    /// Returns whether there are no filters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Computes the energy of every filter from a power spectrum. Sums use independent lanes, so
    /// that an addition does not wait for the previous one.
    #[inline(always)]
    pub fn energies(&self, power: &[f64], energies: &mut [f64]) {
        for (energy, filter) in energies.iter_mut().zip(&self.filters) {
            let bins = power.get(filter.start..).unwrap_or_default();
            let (bins, last_bins) =
                bins.get(..filter.weights.len()).unwrap_or(bins).as_chunks::<4>();
            let (weights, last_weights) = filter.weights.as_chunks::<4>();
            let mut lanes = [0.0; 4];
            for (bins, weights) in bins.iter().zip(weights) {
                for ((lane, bin), weight) in lanes.iter_mut().zip(bins).zip(weights) {
                    *lane += bin * weight;
                }
            }
            let last: f64 =
                last_bins.iter().zip(last_weights).map(|(bin, weight)| bin * weight).sum();
            *energy = lanes.iter().sum::<f64>() + last;
        }
    }
}

fn mel(hz: f64) -> f64 {
    1127.0 * (1.0 + hz / 700.0).ln()
}

fn mel_f32(hz: f32) -> f32 {
    1127.0 * (1.0 + hz / 700.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn energies(banks: &MelBanks, power: &[f64]) -> Vec<f64> {
        let mut energies = vec![f64::NAN; banks.len()];
        banks.energies(power, &mut energies);
        energies
    }

    #[test]
    fn energies_are_weighted_sums() {
        let banks = MelBanks::new(48_000, 2048, 128);
        let power: Vec<f64> = (0..1025).map(|bin| f64::from(bin * 37 % 101)).collect();
        for (actual, filter) in energies(&banks, &power).iter().zip(&banks.filters) {
            let bins = power.iter().skip(filter.start).zip(&filter.weights);
            let expected: f64 = bins.map(|(bin, weight)| bin * weight).sum();
            assert!((actual - expected).abs() <= 1e-13 * expected, "{actual}, expected {expected}");
        }
    }

    #[test]
    fn filters_tile_the_mel_scale() {
        let banks = MelBanks::new(48_000, 2048, 128);
        assert_eq!(banks.len(), 128);
        // Neighboring triangles sum to one between the first center and the last.
        let mut total = vec![0.0; 1024];
        for filter in &banks.filters {
            for (total, weight) in total.iter_mut().skip(filter.start).zip(&filter.weights) {
                *total += weight;
            }
        }
        let first_center = banks.filters[1].start;
        let last_center = banks.filters[127].start;
        assert!(total[first_center..last_center].iter().all(|sum| (sum - 1.0).abs() < 1e-4));
        // The DC bin is below 20 Hz.
        assert_eq!(total[0], 0.0);
    }

    #[test]
    fn narrow_filters_are_empty_and_none_reaches_nyquist() {
        let banks = MelBanks::new(16_000, 512, 128);
        assert!(banks.filters.iter().any(|filter| filter.weights.is_empty()));
        let end = banks.filters.iter().map(|filter| filter.start + filter.weights.len()).max();
        assert_eq!(end, Some(256));
        let mut nyquist = vec![0.0; 257];
        nyquist[256] = 1e9;
        assert!(energies(&banks, &nyquist).iter().all(|&energy| energy == 0.0));
    }

    #[test]
    fn lowest_rate_has_filters() {
        let banks = MelBanks::new(100, 2, 128);
        assert_eq!((banks.len(), energies(&banks, &[1.0, 1.0]).iter().sum::<f64>()), (128, 0.0));
    }
}
