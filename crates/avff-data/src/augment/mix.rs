//! Samples combined from two clips: stage 3 of the reference creates additional fakes in this way.

use avff_media::SettingError;
use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::ClipSpec;
use avff_rng::Rng;

/// Relative frequencies of the ways to combine clips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// Weight of unmodified clips.
    pub none: f64,
    /// Weight of two clips concatenated in time, frames and audio; fake if either clip is fake.
    pub concat: f64,
    /// Weight of the clip's frames with the audio of another clip; fake.
    pub replace: f64,
    /// Weight of the frames of a window with the audio of another window of the clip; fake. A clip
    /// with a single window stays as it is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// How a sample is combined from clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixing {
    /// A single clip.
    None,
    /// Two clips, concatenated in time.
    Concat,
    /// The frames of one clip with the audio of another.
    Replace,
    /// The frames of a window with the audio of another window of the clip.
    Shift,
}

impl Mix {
    /// The reference's weights 5 : 1 : 1.
    #[must_use]
    pub fn open_avff() -> Self {
        Self { none: 5.0, concat: 1.0, replace: 1.0, shift: 0.0 }
    }

    pub(super) fn validate(&self, spec: &ClipSpec) -> Result<(), SettingError> {
        const MAX_WEIGHT: f64 = 1e9;
        within("augment.mix.none", self.none, 0.0, MAX_WEIGHT)?;
        within("augment.mix.concat", self.concat, 0.0, MAX_WEIGHT)?;
        within("augment.mix.replace", self.replace, 0.0, MAX_WEIGHT)?;
        within("augment.mix.shift", self.shift, 0.0, MAX_WEIGHT)?;
        if self.shift > 0.0 && spec.sampling.is_whole() {
            let rule = "0 unless windows are read";
            return Err(SettingError::new("augment.mix.shift", self.shift, rule));
        }
        let sum = self.none + self.concat + self.replace + self.shift;
        if sum <= 0.0 {
            let rule = "at least one positive weight";
            return Err(SettingError::new("augment.mix", "all 0", rule));
        }
        if self.concat > 0.0 && !(spec.sampling.is_whole() && spec.trim_silence.is_none()) {
            // Concatenated clips have no common time axis, which windows need.
            let rule = "0 unless complete, untrimmed clips are read";
            return Err(SettingError::new("augment.mix.concat", self.concat, rule));
        }
        Ok(())
    }

    /// Draws how a sample is combined from clips.
    pub fn draw(self, rng: &mut Rng) -> Mixing {
        let kinds = [
            (Mixing::None, self.none),
            (Mixing::Concat, self.concat),
            (Mixing::Replace, self.replace),
            (Mixing::Shift, self.shift),
        ];
        let at = rng.unit() * (self.none + self.concat + self.replace + self.shift);
        // The last kind takes what rounding leaves, and a weight of 0 is never selected.
        let (mut until, mut drawn) = (0.0, Mixing::None);
        for (kind, weight) in kinds.into_iter().filter(|&(_, weight)| weight > 0.0) {
            until += weight;
            drawn = kind;
            if at < until {
                break;
            }
        }
        drawn
    }
}

impl Mixing {
    /// Returns the label of a sample combined from rows with these labels; 1 is fake.
    #[must_use]
    pub fn target(self, own: Option<u8>, partner: Option<u8>) -> Option<u8> {
        match self {
            Self::None => own,
            Self::Concat => own.zip(partner).map(|(own, partner)| own.max(partner)),
            Self::Replace | Self::Shift => Some(1),
        }
    }
}

/// Returns a uniformly random row, or window of a clip, other than `row`. The reference may select the row itself, and
/// then labels an unmodified clip as fake.
pub(crate) fn partner(row: usize, rows: usize, rng: &mut Rng) -> usize {
    let other = rng.index(rows.saturating_sub(1));
    if other < row { other } else { other + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    fn rng(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Mix)
    }

    #[test]
    fn mixing_follows_the_weights() {
        let count =
            |mix: Mix, what| (0..7_000).filter(|&row| mix.draw(&mut rng(row)) == what).count();
        let only = |[none, concat, replace, shift]: [f64; 4]| Mix { none, concat, replace, shift };
        let mix = Mix::open_avff();
        // Standard deviations 37.8 of 5,000 and 29.3 of 1,000; the tolerance is five deviations.
        assert!(count(mix, Mixing::None).abs_diff(5_000) < 189);
        assert!(count(mix, Mixing::Concat).abs_diff(1_000) < 147);
        assert!(count(mix, Mixing::Replace).abs_diff(1_000) < 147);
        assert_eq!(count(only([0.0, 0.0, 0.1, 0.0]), Mixing::Replace), 7_000);
        assert_eq!(count(only([0.0, 0.1, 0.0, 0.0]), Mixing::Concat), 7_000);
        assert_eq!(count(only([0.1, 0.0, 0.0, 0.0]), Mixing::None), 7_000);
        assert_eq!(count(only([0.0, 0.0, 0.0, 0.1]), Mixing::Shift), 7_000);
    }

    #[test]
    fn target_of_mixed_samples() {
        for own in [0, 1] {
            for other in [0, 1] {
                let target = |mixing: Mixing| mixing.target(Some(own), Some(other));
                assert_eq!(target(Mixing::None), Some(own));
                assert_eq!(target(Mixing::Concat), Some(u8::from(own + other > 0)));
                assert_eq!(target(Mixing::Replace), Some(1));
            }
        }
        assert_eq!(Mixing::Concat.target(Some(0), None), None);
    }

    #[test]
    fn partner_is_any_other_row() {
        let mut counts = [0; 5];
        for row in 0..4_000 {
            counts[partner(2, 5, &mut rng(row))] += 1;
        }
        assert_eq!(counts[2], 0);
        // 1,000 each, standard deviation 27.4; the tolerance is five deviations.
        let others = [counts[0], counts[1], counts[3], counts[4]];
        assert!(others.iter().all(|count: &usize| count.abs_diff(1_000) < 137), "{counts:?}");
        assert_eq!(partner(0, 2, &mut rng(0)), 1);
    }

    #[test]
    fn concat_needs_complete_clips() {
        use crate::spec::{Sampling, TrimSilence};
        let mut spec = ClipSpec::open_avff();
        assert!(Mix::open_avff().validate(&spec).is_ok());
        spec.trim_silence = Some(TrimSilence::default());
        assert!(Mix::open_avff().validate(&spec).is_err());
        spec.trim_silence = None;
        spec.sampling = Sampling::Window { seconds: 3.2, fps: 5.0, stride: 3.2 };
        assert!(Mix::open_avff().validate(&spec).is_err());
        assert!(Mix { concat: 0.0, ..Mix::open_avff() }.validate(&spec).is_ok());
    }
}
