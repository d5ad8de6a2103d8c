//! What is said: phrases of syllables, as movements of mouth and throat.

use super::{
    phones::{CONSONANTS, Manner, VOWELS, Vowel},
    track::{Part, Posture, Track},
    voice::Voice,
};
use avff_rng::Rng;

/// How long before a clip speech begins, in ms, at least; the phrase that a clip starts in is then any
/// part of any phrase, and so it is for sound that was shifted.
const LEAD: f64 = 4000.0;
/// Where the kept part of a track starts, and how far it reaches beyond the clip, in ms: further than
/// the largest shift and what filters need to forget their start.
const MARGIN: i32 = 1500;

/// A mouth at rest, between phrases.
const REST: Posture = [0.02, 0.0, 0.0, 0.0, 0.0, 3000.0, 500.0, 1400.0, 2450.0, 0.0];

/// Targets, written one after the other.
struct Score {
    /// Time of the next, in ms.
    now: f64,
    /// The kept ones.
    postures: Vec<Posture>,
    end: i32,
}

impl Score {
    /// Holds a posture for a time in ms.
    fn hold(&mut self, ms: f64, posture: Posture) {
        let from = self.now.round() as i32;
        self.now += ms;
        let to = (self.now.round() as i32).min(self.end);
        let kept = usize::try_from(to.saturating_sub(from.max(-MARGIN))).unwrap_or(0);
        self.postures.extend(std::iter::repeat_n(posture, kept));
    }

    fn is_full(&self) -> bool {
        self.now >= f64::from(self.end)
    }
}

/// What a voice says around a clip of this many seconds.
pub(super) fn say(voice: &Voice, seconds: f64, rng: &mut Rng) -> Track {
    let end = (seconds * 1000.0).ceil() as i32 + MARGIN;
    let mut score = Score { now: -LEAD - rng.between(0.0, 3000.0), postures: Vec::new(), end };
    while !score.is_full() {
        let syllables = 3 + rng.index(5);
        for at in 0..syllables {
            syllable(&mut score, voice, at as f64 / syllables as f64, rng);
        }
        score.hold(1000.0 * voice.pause * rng.between(0.6, 1.4), REST);
    }
    Track::new(-MARGIN, score.postures)
}

/// A consonant and a vowel; `along` is where in the phrase, from 0 to 1.
fn syllable(score: &mut Score, voice: &Voice, along: f64, rng: &mut Rng) {
    let consonant = pick(&CONSONANTS, |consonant| consonant.weight, rng);
    let vowel = pick(&VOWELS, |vowel| vowel.weight, rng);
    let length = 1000.0 / voice.pace * (1.0 + voice.swing * rng.between(-1.0, 1.0));
    let onset = (0.32 * length).clamp(90.0, 140.0);
    let stress = rng.between(0.75, 1.1);
    // Falls through a phrase, and moves with stress.
    let pitch = voice.melody * (0.8 - 1.6 * along + 2.0 * (stress - 0.92)) + rng.normal() * 0.4;

    let mut posture = shape(&consonant.formants, consonant.open, consonant.round, pitch);
    set(&mut posture, Part::HissAt, consonant.hiss_at.max(500.0));
    let open = |posture: Posture, share: f32| {
        let mut opening = posture;
        set(&mut opening, Part::Open, consonant.open + share * (vowel.open - consonant.open));
        opening
    };
    let vocal = spoken(&vowel, stress, pitch, &posture);
    match consonant.manner {
        Manner::Stop { voiced } => {
            set(&mut posture, Part::Voice, if voiced { 0.10 } else { 0.0 });
            let (burst, breath) = if voiced { (10.0, 0.0) } else { (14.0, 30.0) };
            score.hold(onset - burst, posture);
            set(&mut posture, Part::Hiss, if voiced { 0.16 } else { 0.30 });
            score.hold(burst, open(posture, 0.3));
            let mut breathed = open(vocal, 0.6);
            set(&mut breathed, Part::Voice, 0.0);
            set(&mut breathed, Part::Breath, 0.22);
            score.hold(breath, breathed);
        }
        Manner::Fricative { hiss } => {
            set(&mut posture, Part::Hiss, hiss);
            score.hold(onset, posture);
        }
        Manner::Nasal => {
            set(&mut posture, Part::Voice, 0.22);
            score.hold(onset, posture);
        }
        Manner::Glide => {
            set(&mut posture, Part::Voice, 0.3);
            score.hold(onset, posture);
        }
    }
    let left = (length - onset).max(80.0);
    score.hold(0.7 * left, vocal);
    // The end of a vowel is softer.
    let mut end = vocal;
    set(&mut end, Part::Voice, 0.65 * value(&vocal, Part::Voice));
    set(&mut end, Part::Open, 0.8 * value(&vocal, Part::Open));
    score.hold(0.3 * left, end);
}

/// A vowel with its stress.
fn spoken(vowel: &Vowel, stress: f64, pitch: f64, before: &Posture) -> Posture {
    let stress = stress as f32;
    let mut posture = shape(&vowel.formants, (vowel.open * stress).min(1.0), vowel.round, pitch);
    set(&mut posture, Part::Voice, vowel.loud * stress);
    set(&mut posture, Part::HissAt, value(before, Part::HissAt));
    posture
}

fn shape(formants: &[f32; 3], open: f32, round: f32, pitch: f64) -> Posture {
    let [first, second, third] = *formants;
    let mut posture = REST;
    for (part, value) in [
        (Part::Open, open),
        (Part::Round, round),
        (Part::First, first),
        (Part::Second, second),
        (Part::Third, third),
        (Part::Pitch, pitch as f32),
    ] {
        set(&mut posture, part, value);
    }
    posture
}

fn set(posture: &mut Posture, part: Part, value: f32) {
    if let Some(place) = posture.get_mut(part as usize) {
        *place = value;
    }
}

/// One part of a posture.
pub(super) fn value(posture: &Posture, part: Part) -> f32 {
    posture.get(part as usize).copied().unwrap_or_default()
}

fn pick<T: Copy, const N: usize>(of: &[T; N], weight: impl Fn(&T) -> f64, rng: &mut Rng) -> T {
    let mut left = rng.unit() * of.iter().map(&weight).sum::<f64>();
    let mut last = of[0];
    for &phone in of {
        last = phone;
        left -= weight(&phone);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{SynthPurpose, rng};
    use avff_datasets::layout::Split;

    /// Over a minute of each of some voices: lips that open, shut, and are shut in the pauses, at the
    /// voice's pace.
    #[test]
    fn mouths_open_and_shut_at_the_pace_of_their_voice() {
        for index in 0..4 {
            let voice = Voice::new(1, Split::Train, index);
            let track = say(&voice, 60.0, &mut rng(1, Split::Train, index, SynthPurpose::OwnWords));
            let line = |part: Part| -> Vec<f32> {
                (0..60_000).map(|ms| value(&track.at(ms), part)).collect()
            };
            let (open, loud) = (line(Part::Open), line(Part::Voice));
            assert!(open.iter().all(|open| (0.0..=1.0).contains(open)));
            let share = |low: f32, high: f32| {
                open.iter().filter(|&&open| (low..=high).contains(&open)).count() as f64 / 60_000.0
            };
            // Pauses and lips that meet; wide vowels.
            assert!((0.15..0.55).contains(&share(0.0, 0.06)), "{}", share(0.0, 0.06));
            assert!(share(0.6, 1.0) > 0.1, "{}", share(0.6, 1.0));
            let quiet = open.iter().zip(&loud).filter(|(_, loud)| **loud < 0.01);
            let (count, sum) =
                quiet.fold((0, 0.0), |(count, sum), (open, _)| (count + 1, sum + open));
            assert!(count > 6_000 && sum / (count as f32) < 0.12, "{count}, {sum}");
            // A syllable crosses the middle of loudness upwards about once; nasals may do without.
            let rises = loud.windows(2).filter(|pair| pair[0] < 0.35 && pair[1] >= 0.35).count();
            let pace = rises as f64 / 60.0;
            assert!(pace < voice.pace && pace > 0.45 * voice.pace, "{pace} of {}", voice.pace);
        }
    }
}
