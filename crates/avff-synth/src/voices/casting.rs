//! Who speaks in a clip, and what.

use avff_datasets::layout::Split;
use avff_rng::Rng;

use super::{
    error::VoicesError,
    library::{Library, Utterance},
    warp::Warp,
};
use crate::{
    config::SynthConfig,
    method::Method,
    plan::Plan,
    rng::{SynthPurpose, rng},
};

/// How often another utterance is one of the same speaker: a swap that neither the sex of a face nor
/// its habits reveal.
const SAME_SPEAKER: f64 = 0.5;
/// The number of people who babble in the background.
const BABBLE: usize = 3;

/// An utterance and the change of its speaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Role<'a> {
    pub(crate) utterance: &'a Utterance,
    pub(crate) warp: Warp,
}

/// The utterances of a clip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Casting<'a> {
    /// What the visible person said.
    pub(crate) own: Role<'a>,
    /// Another utterance, of the same speaker or another one.
    pub(crate) other: Role<'a>,
    /// A third utterance.
    pub(crate) third: Role<'a>,
    /// Utterances of people in the background.
    pub(crate) babble: Vec<&'a Utterance>,
}

impl<'a> Casting<'a> {
    /// Chooses the utterances of clip `index` of a split.
    ///
    /// # Errors
    /// [`VoicesError::TooFew`] where the split has fewer than two speakers.
    pub(crate) fn new(
        config: &SynthConfig,
        library: &'a Library,
        split: Split,
        index: u64,
    ) -> Result<Self, VoicesError> {
        let speakers = library.speakers(split)?;
        let mut rng = rng(config.seed, split, index, SynthPurpose::Casting);
        let own_speaker = speaker(speakers, None, &mut rng);
        let of = |at: usize| speakers.get(at).map_or(&[][..], Vec::as_slice);
        let own = utterance(of(own_speaker), None, &mut rng);
        let warp = Warp::new(&mut rng);
        let same = rng.bernoulli(SAME_SPEAKER) && of(own_speaker).len() > 1;
        let other_speaker =
            if same { own_speaker } else { speaker(speakers, Some(own_speaker), &mut rng) };
        let other = utterance(of(other_speaker), own, &mut rng);
        // The same speaker keeps the voice.
        let other_warp = if same { warp } else { Warp::new(&mut rng) };
        let third_speaker = speaker(speakers, Some(other_speaker), &mut rng);
        let third = utterance(of(third_speaker), own, &mut rng);
        let third_warp = Warp::new(&mut rng);
        let babble = (0..BABBLE)
            .filter_map(|_| utterance(of(speaker(speakers, None, &mut rng)), None, &mut rng))
            .collect();
        let (Some(own), Some(other), Some(third)) = (own, other, third) else {
            // Every speaker has an utterance, so that this is a library without speakers.
            return Err(library.too_few(split));
        };
        Ok(Self {
            own: Role { utterance: own, warp },
            other: Role { utterance: other, warp: other_warp },
            third: Role { utterance: third, warp: third_warp },
            babble,
        })
    }

    /// Returns the utterance in the audio of a clip.
    pub(crate) fn audio(&self, method: Method) -> Role<'a> {
        match method {
            Method::VoiceSwap | Method::LipSync | Method::BothSwap => self.other,
            Method::Real | Method::TimeShift | Method::MouthSwap | Method::MouthSwapTraces => {
                self.own
            }
        }
    }
}

/// Returns the name of the speaker in the audio of a clip.
///
/// # Errors
/// [`VoicesError::TooFew`] where the split has fewer than two speakers.
pub fn audio_speaker(
    config: &SynthConfig,
    library: &Library,
    plan: &Plan,
) -> Result<String, VoicesError> {
    let casting = Casting::new(config, library, plan.split, plan.index)?;
    Ok(casting.audio(plan.method).utterance.speaker.clone())
}

/// Chooses a speaker other than `not`. Speakers with more utterances are more frequent, but not in
/// proportion, so that many speakers are seen.
fn speaker(speakers: &[Vec<Utterance>], not: Option<usize>, rng: &mut Rng) -> usize {
    let share = |(at, of): (usize, &Vec<Utterance>)| {
        if Some(at) == not { 0.0 } else { (of.len() as f64).sqrt() }
    };
    let sum: f64 = speakers.iter().enumerate().map(share).sum();
    let mut remaining = rng.unit() * sum;
    let mut last = 0;
    for (at, of) in speakers.iter().enumerate() {
        let share = share((at, of));
        if share > 0.0 {
            last = at;
            if remaining < share {
                break;
            }
            remaining -= share;
        }
    }
    last
}

/// Chooses an utterance other than `not`, if there is another one.
fn utterance<'a>(
    of: &'a [Utterance],
    not: Option<&Utterance>,
    rng: &mut Rng,
) -> Option<&'a Utterance> {
    let others: Vec<&Utterance> =
        of.iter().filter(|utterance| not.is_none_or(|not| not.path != utterance.path)).collect();
    let at = rng.index(others.len().max(1));
    others.get(at).copied().or(of.first())
}
