//! Media properties of the clips by class.
//!
//! A property that differs between the classes but is unrelated to manipulation is a shortcut. A
//! detector may learn the shortcut instead of learning to detect fakes.

use std::collections::BTreeMap;

use avff_data::statistics::{ClipFacts, Moments};
use avff_metrics::roc_auc;
use serde::Serialize;

/// The least distance of an AUC from 0.5 that raises a warning: an AUC of 0.6.
const SEPARATES: f64 = 0.1;
/// The distance must also reach this many standard errors under the null hypothesis, so that a few clips raise
/// no warning.
const STANDARD_ERRORS: f64 = 3.0;

/// Counts of clips by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ClassCounts {
    /// Clips with target 0.
    pub real: usize,
    /// Clips with target 1.
    pub fake: usize,
    /// Clips without a target.
    pub unknown: usize,
}

impl ClassCounts {
    fn add(&mut self, target: Option<u8>) {
        *match target {
            Some(1) => &mut self.fake,
            Some(_) => &mut self.real,
            None => &mut self.unknown,
        } += 1;
    }
}

/// The distribution of a quantity over all clips that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// The minimum.
    pub min: f64,
    /// The median; for an even count, the mean of the two middle values.
    pub median: f64,
    /// The maximum.
    pub max: f64,
    /// The median over reals.
    pub median_real: Option<f64>,
    /// The median over fakes.
    pub median_fake: Option<f64>,
    /// The AUC of the quantity as a score for fake; `None` unless both classes occur.
    pub auc: Option<f64>,
    /// Whether the AUC differs from 0.5 enough for a warning.
    pub separates: bool,
}

/// Mean and standard deviation of the filterbank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fbank {
    /// The split; `None` for all clips.
    pub split: Option<String>,
    /// The number of clips.
    pub clips: u64,
    /// The mean over all values of all clips.
    pub mean: f64,
    /// The population standard deviation.
    pub std: f64,
}

/// Properties of the readable clips.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Media {
    /// Duration, in seconds.
    pub seconds: Option<Distribution>,
    /// Frames per second.
    pub frame_rate: Option<Distribution>,
    /// Leading silence, in seconds.
    pub leading_silence: Option<Distribution>,
    /// Clips whose audio is silent throughout.
    pub silent: ClassCounts,
    /// Clips by container.
    pub containers: BTreeMap<String, ClassCounts>,
    /// Clips by video codec.
    pub video_codecs: BTreeMap<String, ClassCounts>,
    /// Clips by audio codec.
    pub audio_codecs: BTreeMap<String, ClassCounts>,
    /// Clips by frame width and height.
    pub sizes: BTreeMap<String, ClassCounts>,
    /// Clips by audio sample rate, in Hz.
    pub sample_rates: BTreeMap<String, ClassCounts>,
    /// Clips by number of audio channels.
    pub channels: BTreeMap<String, ClassCounts>,
    /// Filterbank statistics: of each split if there are several, then of all clips.
    pub fbank: Vec<Fbank>,
}

/// Accumulates media properties, a few numbers per clip.
pub(super) struct MediaAccumulator {
    seconds: Column,
    frame_rate: Column,
    leading_silence: Column,
    silent: ClassCounts,
    counts: [BTreeMap<String, ClassCounts>; 6],
    /// Clip count and moments by split; the last entry covers all clips.
    fbank: Vec<(u64, Moments)>,
}

impl MediaAccumulator {
    pub(super) fn new(splits: usize) -> Self {
        Self {
            seconds: Column::default(),
            frame_rate: Column::default(),
            leading_silence: Column::default(),
            silent: ClassCounts::default(),
            counts: Default::default(),
            fbank: vec![(0, Moments::default()); splits + 1],
        }
    }

    pub(super) fn add(&mut self, facts: &ClipFacts, split: Option<usize>, target: Option<u8>) {
        self.seconds.add(facts.seconds, target);
        if let Some(rate) = facts.frame_rate {
            self.frame_rate.add(rate, target);
        }
        self.leading_silence.add(facts.leading_silence, target);
        if facts.silent {
            self.silent.add(target);
        }
        let info = &facts.info;
        let values = [
            info.container.clone(),
            info.video_codec.clone(),
            info.audio_codec.clone(),
            format!("{}x{}", info.width, info.height),
            info.sample_rate.to_string(),
            info.channels.to_string(),
        ];
        for (counts, value) in self.counts.iter_mut().zip(values) {
            counts.entry(value).or_default().add(target);
        }
        let all = self.fbank.len().checked_sub(1);
        for slot in [split, all].into_iter().flatten() {
            if let Some((clips, moments)) = self.fbank.get_mut(slot) {
                *clips += 1;
                moments.merge(&facts.fbank);
            }
        }
    }

    pub(super) fn finish(self, names: &[String]) -> Media {
        let [containers, video_codecs, audio_codecs, sizes, sample_rates, channels] = self.counts;
        let splits = names.iter().map(|name| Some(name.clone())).chain([None]);
        // A single split equals all clips and is not listed twice.
        let skip = if names.len() == 1 { 1 } else { 0 };
        let fbank = |(split, (clips, moments)): (Option<String>, (u64, Moments))| {
            let (mean, std) = (moments.mean()?, moments.std()?);
            Some(Fbank { split, clips, mean, std })
        };
        Media {
            seconds: self.seconds.distribution(),
            frame_rate: self.frame_rate.distribution(),
            leading_silence: self.leading_silence.distribution(),
            silent: self.silent,
            containers,
            video_codecs,
            audio_codecs,
            sizes,
            sample_rates,
            channels,
            fbank: splits.zip(self.fbank).skip(skip).filter_map(fbank).collect(),
        }
    }
}

/// The values of one quantity by class.
#[derive(Default)]
struct Column {
    real: Vec<f64>,
    fake: Vec<f64>,
    unknown: Vec<f64>,
}

impl Column {
    fn add(&mut self, value: f64, target: Option<u8>) {
        // Times in a container are finite, but their quotient may not be.
        if value.is_finite() {
            match target {
                Some(1) => self.fake.push(value),
                Some(_) => self.real.push(value),
                None => self.unknown.push(value),
            }
        }
    }

    fn distribution(&self) -> Option<Distribution> {
        let mut all = [&self.real[..], &self.fake, &self.unknown].concat();
        let median_of_all = median(&mut all)?;
        let auc = self.auc();
        Some(Distribution {
            min: *all.first()?,
            median: median_of_all,
            max: *all.last()?,
            median_real: median(&mut self.real.clone()),
            median_fake: median(&mut self.fake.clone()),
            auc,
            separates: auc.is_some_and(|auc| self.separates(auc)),
        })
    }

    fn auc(&self) -> Option<f64> {
        let scores = [&self.fake[..], &self.real].concat();
        let is_fake: Vec<bool> = (0..scores.len()).map(|clip| clip < self.fake.len()).collect();
        roc_auc(&scores, &is_fake).ok()
    }

    /// Compares the AUC with the Mann-Whitney variance of U under the null hypothesis,
    /// `fakes * reals * (fakes + reals + 1) / 12`. Ties only reduce this variance.
    fn separates(&self, auc: f64) -> bool {
        let (fakes, reals) = (self.fake.len() as f64, self.real.len() as f64);
        let error = ((fakes + reals + 1.0) / (12.0 * fakes * reals)).sqrt();
        (auc - 0.5).abs() >= SEPARATES.max(STANDARD_ERRORS * error)
    }
}

/// Returns the median and sorts `values`.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(lower / 2.0 + upper / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even_counts() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 8.0]), Some(3.0));
    }

    #[test]
    fn few_clips_raise_no_warning() {
        let column = |count: usize| {
            let mut column = Column::default();
            for clip in 0..count {
                column.add(0.03 + clip as f64, Some(1));
                column.add(-1.0, Some(0));
            }
            column.distribution().map(|values| (values.auc, values.separates))
        };
        // 3 * sqrt((2n + 1) / (12 n^2)) falls below 0.5 at n = 7.
        assert_eq!(column(2), Some((Some(1.0), false)));
        assert_eq!(column(6), Some((Some(1.0), false)));
        assert_eq!(column(7), Some((Some(1.0), true)));
    }

    #[test]
    fn one_class_has_no_auc() {
        let mut column = Column::default();
        column.add(2.0, Some(1));
        column.add(f64::NAN, Some(0));
        let distribution = column.distribution();
        assert_eq!(distribution.map(|n| (n.auc, n.separates, n.max)), Some((None, false, 2.0)));
    }
}
