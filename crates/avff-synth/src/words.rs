//! Generates utterances: phrases of syllables, as movements of mouth and vocal tract.

use super::{
    phones::{CONSONANTS, Manner, VOWELS, Vowel},
    track::{Parameter, Posture, Track},
    voice::Voice,
};
use avff_rng::Rng;

/// The minimum lead of speech before a clip, in ms. It makes a clip start at a random point of a
/// phrase, even with shifted audio.
const LEAD: f64 = 4000.0;
/// The margin of a track before and after the clip, in ms. It exceeds the largest shift plus the
/// time that filters need to settle.
const MARGIN: i32 = 1500;

/// The rest posture, between phrases.
const REST: Posture = [0.02, 0.0, 0.0, 0.0, 0.0, 3000.0, 500.0, 1400.0, 2450.0, 0.0];

/// A sequence of target postures.
struct Targets {
    /// The time of the next posture, in ms.
    now: f64,
    /// The postures within the margins.
    postures: Vec<Posture>,
    end: i32,
}

impl Targets {
    /// Appends a posture that is held for `ms` milliseconds.
    fn hold(&mut self, ms: f64, posture: Posture) {
        let from = self.now.round() as i32;
        self.now += ms;
        let to = (self.now.round() as i32).min(self.end);
        let count = usize::try_from(to.saturating_sub(from.max(-MARGIN))).unwrap_or(0);
        self.postures.extend(std::iter::repeat_n(posture, count));
    }

    fn is_full(&self) -> bool {
        self.now >= f64::from(self.end)
    }
}

/// Generates the utterance of a voice for a clip of this many seconds.
pub(super) fn articulate(voice: &Voice, seconds: f64, rng: &mut Rng) -> Track {
    let end = (seconds * 1000.0).ceil() as i32 + MARGIN;
    let mut targets = Targets { now: -LEAD - rng.between(0.0, 3000.0), postures: Vec::new(), end };
    while !targets.is_full() {
        let syllables = 3 + rng.index(5);
        for at in 0..syllables {
            syllable(&mut targets, voice, at as f64 / syllables as f64, rng);
        }
        targets.hold(1000.0 * voice.pause * rng.between(0.6, 1.4), REST);
    }
    Track::new(-MARGIN, targets.postures)
}

/// Appends a consonant and a vowel. `along` is the position in the phrase, from 0 to 1.
fn syllable(targets: &mut Targets, voice: &Voice, along: f64, rng: &mut Rng) {
    let consonant = pick(&CONSONANTS, |consonant| consonant.weight, rng);
    let vowel = pick(&VOWELS, |vowel| vowel.weight, rng);
    let length =
        1000.0 / voice.syllable_rate * (1.0 + voice.rhythm_variation * rng.between(-1.0, 1.0));
    let onset = (0.32 * length).clamp(90.0, 140.0);
    let stress = rng.between(0.75, 1.1);
    // Pitch falls during a phrase and rises with stress.
    let pitch =
        voice.pitch_range * (0.8 - 1.6 * along + 2.0 * (stress - 0.92)) + rng.normal() * 0.4;

    let mut posture = shape(&consonant.formants, consonant.open, consonant.round, pitch);
    set(&mut posture, Parameter::FricationFrequency, consonant.noise_frequency.max(500.0));
    let open = |posture: Posture, share: f32| {
        let mut opening = posture;
        set(
            &mut opening,
            Parameter::MouthOpening,
            consonant.open + share * (vowel.open - consonant.open),
        );
        opening
    };
    let vocal = stressed(&vowel, stress, pitch, &posture);
    match consonant.manner {
        Manner::Stop { voiced } => {
            set(&mut posture, Parameter::Voicing, if voiced { 0.10 } else { 0.0 });
            let (burst, aspiration) = if voiced { (10.0, 0.0) } else { (14.0, 30.0) };
            targets.hold(onset - burst, posture);
            set(&mut posture, Parameter::Frication, if voiced { 0.16 } else { 0.30 });
            targets.hold(burst, open(posture, 0.3));
            let mut aspirated = open(vocal, 0.6);
            set(&mut aspirated, Parameter::Voicing, 0.0);
            set(&mut aspirated, Parameter::Aspiration, 0.22);
            targets.hold(aspiration, aspirated);
        }
        Manner::Fricative { noise } => {
            set(&mut posture, Parameter::Frication, noise);
            targets.hold(onset, posture);
        }
        Manner::Nasal => {
            set(&mut posture, Parameter::Voicing, 0.22);
            targets.hold(onset, posture);
        }
        Manner::Glide => {
            set(&mut posture, Parameter::Voicing, 0.3);
            targets.hold(onset, posture);
        }
    }
    let vowel_length = (length - onset).max(80.0);
    targets.hold(0.7 * vowel_length, vocal);
    // A vowel becomes softer at its end.
    let mut end = vocal;
    set(&mut end, Parameter::Voicing, 0.65 * value(&vocal, Parameter::Voicing));
    set(&mut end, Parameter::MouthOpening, 0.8 * value(&vocal, Parameter::MouthOpening));
    targets.hold(0.3 * vowel_length, end);
}

/// Returns the posture of a stressed vowel.
fn stressed(vowel: &Vowel, stress: f64, pitch: f64, before: &Posture) -> Posture {
    let stress = stress as f32;
    let mut posture = shape(&vowel.formants, (vowel.open * stress).min(1.0), vowel.round, pitch);
    set(&mut posture, Parameter::Voicing, vowel.loudness * stress);
    set(&mut posture, Parameter::FricationFrequency, value(before, Parameter::FricationFrequency));
    posture
}

fn shape(formants: &[f32; 3], open: f32, round: f32, pitch: f64) -> Posture {
    let [first, second, third] = *formants;
    let mut posture = REST;
    for (parameter, value) in [
        (Parameter::MouthOpening, open),
        (Parameter::LipRounding, round),
        (Parameter::Formant1, first),
        (Parameter::Formant2, second),
        (Parameter::Formant3, third),
        (Parameter::Pitch, pitch as f32),
    ] {
        set(&mut posture, parameter, value);
    }
    posture
}

fn set(posture: &mut Posture, parameter: Parameter, value: f32) {
    if let Some(place) = posture.get_mut(parameter as usize) {
        *place = value;
    }
}

/// Returns one parameter of a posture.
pub(super) fn value(posture: &Posture, parameter: Parameter) -> f32 {
    posture.get(parameter as usize).copied().unwrap_or_default()
}

fn pick<T: Copy, const N: usize>(of: &[T; N], weight: impl Fn(&T) -> f64, rng: &mut Rng) -> T {
    let mut remaining = rng.unit() * of.iter().map(&weight).sum::<f64>();
    let mut last = of[0];
    for &phone in of {
        last = phone;
        remaining -= weight(&phone);
        if remaining < 0.0 {
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

    /// Checks one minute of several voices: lips open and close, are closed in pauses, and move at
    /// the voice's syllable rate.
    #[test]
    fn mouths_move_at_the_syllable_rate() {
        for index in 0..4 {
            let voice = Voice::new(1, Split::Train, index);
            let track =
                articulate(&voice, 60.0, &mut rng(1, Split::Train, index, SynthPurpose::OwnWords));
            let line = |parameter: Parameter| -> Vec<f32> {
                (0..60_000).map(|ms| value(&track.at(ms), parameter)).collect()
            };
            let (open, loud) = (line(Parameter::MouthOpening), line(Parameter::Voicing));
            assert!(open.iter().all(|open| (0.0..=1.0).contains(open)));
            let share = |low: f32, high: f32| {
                open.iter().filter(|&&open| (low..=high).contains(&open)).count() as f64 / 60_000.0
            };
            // Pauses and closed lips; wide vowels.
            assert!((0.15..0.55).contains(&share(0.0, 0.06)), "{}", share(0.0, 0.06));
            assert!(share(0.6, 1.0) > 0.1, "{}", share(0.6, 1.0));
            let quiet = open.iter().zip(&loud).filter(|(_, loud)| **loud < 0.01);
            let (count, sum) =
                quiet.fold((0, 0.0), |(count, sum), (open, _)| (count + 1, sum + open));
            assert!(count > 6_000 && sum / (count as f32) < 0.12, "{count}, {sum}");
            // The loudness of a syllable rises past the mean level about once; nasals may not.
            let rises = loud.windows(2).filter(|pair| pair[0] < 0.35 && pair[1] >= 0.35).count();
            let rate = rises as f64 / 60.0;
            assert!(
                rate < voice.syllable_rate && rate > 0.45 * voice.syllable_rate,
                "{rate} of {}",
                voice.syllable_rate
            );
        }
    }
}
