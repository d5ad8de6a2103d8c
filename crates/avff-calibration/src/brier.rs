//! The Brier score and the calibration error of probabilities.

use avff_metrics::MetricError;
use serde::{Deserialize, Serialize};

/// Computes the Brier score: the mean squared difference of P(fake) and the label. 0 is perfect;
/// 0.25 is that of 0.5 for every clip.
///
/// # Errors
/// [`MetricError`] if the lists are empty or differ in length, or a probability is not
/// finite.
pub fn brier(probabilities: &[f64], is_fake: &[bool]) -> Result<f64, MetricError> {
    let clips = checked(probabilities, is_fake)?;
    Ok(clips.iter().map(|(p, label)| (p - label).powi(2)).sum::<f64>() / clips.len() as f64)
}

/// The calibration error by bins of equal numbers of clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationErrorByBin {
    /// The expected calibration error (ECE): the mean of |share of fakes - mean P(fake)| over bins,
    /// weighted by clips. It is above 0 even for perfect probabilities.
    pub ece: f64,
    /// The root of the mean squared error, without the part that chance adds. 0 where chance
    /// explains the whole.
    ///
    /// Source: A. Kumar, P. Liang and T. Ma, "Verified uncertainty calibration", NeurIPS 2019.
    pub debiased: f64,
    /// The bins, by ascending probability.
    pub bins: Vec<Bin>,
}

/// Clips of similar probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The mean of P(fake).
    pub probability: f64,
    /// The share of fakes.
    pub share: f64,
    /// The number of clips.
    pub clips: usize,
}

/// Computes the calibration error over `bins` bins of equal numbers of clips. Clips of equal
/// probability stay together, so there may be fewer bins.
///
/// # Errors
/// Those of [`brier`].
pub fn calibration_error(
    probabilities: &[f64],
    is_fake: &[bool],
    bins: usize,
) -> Result<CalibrationErrorByBin, MetricError> {
    let mut clips = checked(probabilities, is_fake)?;
    clips.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = clips.len();
    let wanted = count.div_ceil(bins.clamp(1, count));
    let mut all = Vec::new();
    let mut open: Vec<(f64, f64)> = Vec::new();
    for tied in clips.chunk_by(|a, b| a.0 == b.0) {
        open.extend(tied);
        if open.len() >= wanted {
            all.push(bin(&open));
            open.clear();
        }
    }
    if !open.is_empty() {
        all.push(bin(&open));
    }
    let weight = |bin: &Bin| bin.clips as f64 / count as f64;
    let ece = all.iter().map(|bin| weight(bin) * (bin.share - bin.probability).abs()).sum();
    let squared: f64 = all
        .iter()
        .map(|bin| {
            // A bin of one clip says nothing about its variance.
            let others = bin.clips.saturating_sub(1).max(1) as f64;
            let chance = bin.share * (1.0 - bin.share) / others;
            weight(bin) * ((bin.share - bin.probability).powi(2) - chance)
        })
        .sum();
    Ok(CalibrationErrorByBin { ece, debiased: squared.max(0.0).sqrt(), bins: all })
}

fn bin(clips: &[(f64, f64)]) -> Bin {
    let mean = |of: fn(&(f64, f64)) -> f64| clips.iter().map(of).sum::<f64>() / clips.len() as f64;
    Bin { probability: mean(|clip| clip.0), share: mean(|clip| clip.1), clips: clips.len() }
}

/// Pairs probabilities with labels.
fn checked(probabilities: &[f64], is_fake: &[bool]) -> Result<Vec<(f64, f64)>, MetricError> {
    let (scores, labels) = (probabilities.len(), is_fake.len());
    if scores != labels {
        return Err(MetricError::LengthMismatch { scores, labels });
    }
    if scores == 0 {
        return Err(MetricError::Empty);
    }
    if let Some((index, &value)) = probabilities.iter().enumerate().find(|(_, p)| !p.is_finite()) {
        return Err(MetricError::NotFinite { index, value });
    }
    let labels = is_fake.iter().map(|&fake| f64::from(u8::from(fake)));
    Ok(probabilities.iter().copied().zip(labels).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand() {
        let p = [0.1, 0.2, 0.8, 0.9];
        let fake = [false, true, true, true];
        let expected = (0.01 + 0.64 + 0.04 + 0.01) / 4.0;
        assert!((brier(&p, &fake).unwrap() - expected).abs() < 1e-15);
        let error = calibration_error(&p, &fake, 2).unwrap();
        assert_eq!(error.bins.len(), 2);
        let ece = ((0.5_f64 - 0.15).abs() + (1.0_f64 - 0.85).abs()) / 2.0;
        assert!((error.ece - ece).abs() < 1e-12, "{error:?}");
        // The first bin's variance, 0.25 over one other clip, exceeds its squared error.
        let squared = ((0.35_f64.powi(2) - 0.25) + 0.15_f64.powi(2)) / 2.0;
        assert!(squared < 0.0);
        assert_eq!(error.debiased, 0.0);
        assert!(brier(&[], &[]).is_err() && brier(&[f64::NAN], &[true]).is_err());
    }

    #[test]
    fn equal_probabilities_share_a_bin() {
        let error =
            calibration_error(&[0.5; 6], &[true, false, true, false, true, false], 3).unwrap();
        assert_eq!(error.bins, [Bin { probability: 0.5, share: 0.5, clips: 6 }]);
        assert_eq!((error.ece, error.debiased), (0.0, 0.0));
    }
}
