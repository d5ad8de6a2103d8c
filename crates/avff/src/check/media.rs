//! What the clips are like, class by class: what differs between the classes and has nothing to do
//! with faking is a shortcut that a detector learns instead.

use std::collections::BTreeMap;

use avff_data::statistics::{ClipFacts, Moments};
use avff_metrics::roc_auc;
use serde::Serialize;

/// How far from chance a quantity separates the classes before it is a warning: an AUC of 0.6.
const SEPARATES: f64 = 0.1;
/// Standard errors of the AUC under chance that it must be off too, so that few clips prove nothing.
const STANDARD_ERRORS: f64 = 3.0;

/// Clips of each class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ClassCounts {
    /// With target 0.
    pub real: usize,
    /// With target 1.
    pub fake: usize,
    /// Without target.
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

/// A quantity over all clips that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Numbers {
    /// The smallest.
    pub min: f64,
    /// The middle one, of an even number the mean of the middle two.
    pub median: f64,
    /// The largest.
    pub max: f64,
    /// The median over reals.
    pub median_real: Option<f64>,
    /// The median over fakes.
    pub median_fake: Option<f64>,
    /// The AUC of the quantity as a score of being fake; none without both classes.
    pub auc: Option<f64>,
    /// Whether the AUC is off chance by more than chance would have it.
    pub separates: bool,
}

/// Mean and deviation of the filterbank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fbank {
    /// The split; none for all clips.
    pub split: Option<String>,
    /// Clips.
    pub clips: u64,
    /// Over all values of all clips.
    pub mean: f64,
    /// As a population.
    pub std: f64,
}

/// What the readable clips are like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Media {
    /// Length, in seconds.
    pub seconds: Option<Numbers>,
    /// Pictures a second.
    pub picture_rate: Option<Numbers>,
    /// Silence at the start, in seconds.
    pub leading_silence: Option<Numbers>,
    /// Clips whose sound is silent throughout.
    pub silent: ClassCounts,
    /// Clips by container.
    pub containers: BTreeMap<String, ClassCounts>,
    /// Clips by picture codec.
    pub video_codecs: BTreeMap<String, ClassCounts>,
    /// Clips by sound codec.
    pub audio_codecs: BTreeMap<String, ClassCounts>,
    /// Clips by width and height.
    pub sizes: BTreeMap<String, ClassCounts>,
    /// Clips by samples a second.
    pub sample_rates: BTreeMap<String, ClassCounts>,
    /// Clips by sound channels.
    pub channels: BTreeMap<String, ClassCounts>,
    /// Of each split where there are several, then of all clips.
    pub fbank: Vec<Fbank>,
}

/// What is kept of the clips while they are looked at: a few numbers each.
pub(super) struct Gathered {
    seconds: Column,
    picture_rate: Column,
    leading_silence: Column,
    silent: ClassCounts,
    kinds: [BTreeMap<String, ClassCounts>; 6],
    /// By split, the last of all clips.
    fbank: Vec<(u64, Moments)>,
}

impl Gathered {
    pub(super) fn new(splits: usize) -> Self {
        Self {
            seconds: Column::default(),
            picture_rate: Column::default(),
            leading_silence: Column::default(),
            silent: ClassCounts::default(),
            kinds: Default::default(),
            fbank: vec![(0, Moments::default()); splits + 1],
        }
    }

    pub(super) fn add(&mut self, facts: &ClipFacts, part: Option<usize>, target: Option<u8>) {
        self.seconds.add(facts.seconds, target);
        if let Some(rate) = facts.frame_rate {
            self.picture_rate.add(rate, target);
        }
        self.leading_silence.add(facts.leading_silence, target);
        if facts.silent {
            self.silent.add(target);
        }
        let info = &facts.info;
        let words = [
            info.container.clone(),
            info.video_codec.clone(),
            info.audio_codec.clone(),
            format!("{}x{}", info.width, info.height),
            info.sample_rate.to_string(),
            info.channels.to_string(),
        ];
        for (kind, word) in self.kinds.iter_mut().zip(words) {
            kind.entry(word).or_default().add(target);
        }
        let all = self.fbank.len().checked_sub(1);
        for slot in [part, all].into_iter().flatten() {
            if let Some((clips, moments)) = self.fbank.get_mut(slot) {
                *clips += 1;
                moments.join(&facts.fbank);
            }
        }
    }

    pub(super) fn media(self, names: &[String]) -> Media {
        let [containers, video_codecs, audio_codecs, sizes, sample_rates, channels] = self.kinds;
        let splits = names.iter().map(|name| Some(name.clone())).chain([None]);
        // One split is all there is.
        let skip = if names.len() == 1 { 1 } else { 0 };
        let fbank = |(split, (clips, moments)): (Option<String>, (u64, Moments))| {
            let (mean, std) = (moments.mean()?, moments.std()?);
            Some(Fbank { split, clips, mean, std })
        };
        Media {
            seconds: self.seconds.numbers(),
            picture_rate: self.picture_rate.numbers(),
            leading_silence: self.leading_silence.numbers(),
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

/// A number of every clip, by class.
#[derive(Default)]
struct Column {
    real: Vec<f64>,
    fake: Vec<f64>,
    unknown: Vec<f64>,
}

impl Column {
    fn add(&mut self, value: f64, target: Option<u8>) {
        // Times of a container are finite; a quotient of them need not be.
        if value.is_finite() {
            match target {
                Some(1) => self.fake.push(value),
                Some(_) => self.real.push(value),
                None => self.unknown.push(value),
            }
        }
    }

    fn numbers(&self) -> Option<Numbers> {
        let mut all = [&self.real[..], &self.fake, &self.unknown].concat();
        let median_of_all = median(&mut all)?;
        let auc = self.auc();
        Some(Numbers {
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

    /// Mann and Whitney's variance of U under chance, `fakes * reals * (fakes + reals + 1) / 12`;
    /// ties only make it smaller.
    fn separates(&self, auc: f64) -> bool {
        let (fakes, reals) = (self.fake.len() as f64, self.real.len() as f64);
        let error = ((fakes + reals + 1.0) / (12.0 * fakes * reals)).sqrt();
        (auc - 0.5).abs() >= SEPARATES.max(STANDARD_ERRORS * error)
    }
}

/// Sorts, too.
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
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 8.0]), Some(3.0));
    }

    #[test]
    fn few_clips_prove_nothing() {
        let column = |count: usize| {
            let mut column = Column::default();
            for clip in 0..count {
                column.add(0.03 + clip as f64, Some(1));
                column.add(-1.0, Some(0));
            }
            column.numbers().map(|numbers| (numbers.auc, numbers.separates))
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
        let numbers = column.numbers();
        assert_eq!(numbers.map(|n| (n.auc, n.separates, n.max)), Some((None, false, 2.0)));
    }
}
