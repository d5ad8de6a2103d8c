//! Samples made of two clips: stage 3 of the reference, which makes fakes out of what there is.

use avff_media::SettingError;
use serde::{Deserialize, Serialize};

use super::within;
use crate::spec::ClipSpec;
use avff_rng::Rng;

/// How often a sample is made of two clips, in proportion to each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// The clip as it is.
    pub none: f64,
    /// The clip and another one joined in time, pictures and sound; fake if either is fake.
    pub concat: f64,
    /// The clip's pictures with the sound of another one; fake.
    pub replace: f64,
}

/// What a sample is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixing {
    /// One clip.
    None,
    /// Two, joined in time.
    Concat,
    /// One's pictures, another's sound.
    Replace,
}

impl Mix {
    /// The reference's 5 : 1 : 1.
    #[must_use]
    pub fn open_avff() -> Self {
        Self { none: 5.0, concat: 1.0, replace: 1.0 }
    }

    pub(super) fn validate(&self, spec: &ClipSpec) -> Result<(), SettingError> {
        const MOST: f64 = 1e9;
        within("augment.mix.none", self.none, 0.0, MOST)?;
        within("augment.mix.concat", self.concat, 0.0, MOST)?;
        within("augment.mix.replace", self.replace, 0.0, MOST)?;
        let sum = self.none + self.concat + self.replace;
        if sum <= 0.0 {
            let rule = "more than 0 in one of its weights";
            return Err(SettingError::new("augment.mix", "all 0", rule));
        }
        if self.concat > 0.0 && !(spec.sampling.is_whole() && spec.trim_silence.is_none()) {
            // Joined clips have no true time, which is what a window is cut by.
            let rule = "0 unless clips are read whole and untrimmed";
            return Err(SettingError::new("augment.mix.concat", self.concat, rule));
        }
        Ok(())
    }

    /// What a sample is made of.
    pub fn draw(self, draws: &mut Rng) -> Mixing {
        let at = draws.unit() * (self.none + self.concat + self.replace);
        // Comparing with partial sums never picks a weight of 0, for all rounding.
        if at < self.none {
            Mixing::None
        } else if at < self.none + self.concat || self.replace <= 0.0 && self.concat > 0.0 {
            Mixing::Concat
        } else if self.replace > 0.0 {
            Mixing::Replace
        } else {
            Mixing::None
        }
    }
}

impl Mixing {
    /// The label of a sample of rows with these labels; 1 is fake.
    #[must_use]
    pub fn target(self, own: Option<u8>, partner: Option<u8>) -> Option<u8> {
        match self {
            Self::None => own,
            Self::Concat => own.zip(partner).map(|(own, partner)| own.max(partner)),
            Self::Replace => Some(1),
        }
    }
}

/// Another row than `row`, each of the others as likely. The reference may draw the row itself, and
/// then calls an untouched clip fake.
pub(crate) fn partner(row: usize, rows: usize, draws: &mut Rng) -> usize {
    let other = draws.index(rows.saturating_sub(1));
    if other < row { other } else { other + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avff_rng::{Purpose, RngKey};

    fn draws(row: u64) -> Rng {
        RngKey { seed: 0, epoch: 0, row, occurrence: 0 }.rng(Purpose::Mix)
    }

    #[test]
    fn five_to_one_to_one() {
        let count =
            |mix: Mix, what| (0..7_000).filter(|&row| mix.draw(&mut draws(row)) == what).count();
        let mix = Mix::open_avff();
        // Deviations 37.8 of 5,000 and 29.3 of 1,000; five are allowed.
        assert!(count(mix, Mixing::None).abs_diff(5_000) < 189);
        assert!(count(mix, Mixing::Concat).abs_diff(1_000) < 147);
        assert!(count(mix, Mixing::Replace).abs_diff(1_000) < 147);
        assert_eq!(count(Mix { none: 0.0, concat: 0.0, replace: 0.1 }, Mixing::Replace), 7_000);
        assert_eq!(count(Mix { none: 0.0, concat: 0.1, replace: 0.0 }, Mixing::Concat), 7_000);
        assert_eq!(count(Mix { none: 0.1, concat: 0.0, replace: 0.0 }, Mixing::None), 7_000);
    }

    #[test]
    fn labels() {
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
    fn partners_are_all_the_others() {
        let mut counts = [0; 5];
        for row in 0..4_000 {
            counts[partner(2, 5, &mut draws(row))] += 1;
        }
        assert_eq!(counts[2], 0);
        // 1,000 each, deviation 27.4; five are allowed.
        let others = [counts[0], counts[1], counts[3], counts[4]];
        assert!(others.iter().all(|count: &usize| count.abs_diff(1_000) < 137), "{counts:?}");
        assert_eq!(partner(0, 2, &mut draws(0)), 1);
    }

    #[test]
    fn joining_needs_whole_clips() {
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
