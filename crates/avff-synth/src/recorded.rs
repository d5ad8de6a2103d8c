//! A clip of recorded speech: its frames' movements and its audio.

use avff_rng::Rng;

use super::{
    config::SynthConfig,
    method::Method,
    movement::Movement,
    plan::Plan,
    rng::{SynthPurpose, rng},
    voices::{Casting, Channel, Habits, Library, Loudness, Performance, Role, Take, VoicesError},
};

/// The longest factor by which a warp makes speech faster.
const FASTEST: f64 = 1.15;

/// The frames and the audio of a clip.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) face: Movement,
    /// The movements of a patch over the mouth.
    pub(super) patch: Option<Movement>,
    pub(super) audio: Take,
    /// The loudness of what the visible person said, and the start of the clip in it, in seconds.
    pub(super) loudness: Loudness,
    pub(super) start: f64,
}

/// Returns the shortest utterance that clips can be taken from, in seconds.
#[must_use]
pub fn shortest_utterance(config: &SynthConfig) -> f64 {
    FASTEST * (config.seconds + 2.0 * margin(config))
}

/// Returns the distance of a clip from the ends of its utterance, in seconds. It is that of the
/// largest shift for all methods, so that no method is known by it.
fn margin(config: &SynthConfig) -> f64 {
    f64::from(config.shift_ms.1) / 1000.0
}

impl Recorded {
    /// Reads the utterances of a clip.
    ///
    /// # Errors
    /// The errors of [`Library::speakers`] and of [`Utterance::read`](crate::voices::Utterance::read).
    pub(super) fn new(
        config: &SynthConfig,
        library: &Library,
        plan: &Plan,
    ) -> Result<Self, VoicesError> {
        let of = |purpose| rng(config.seed, plan.split, plan.index, purpose);
        let casting = Casting::new(config, library, plan.split, plan.index)?;
        let perform = |role: Role<'_>, rng: &mut Rng| {
            Performance::new(role, config.seconds, margin(config), rng)
        };
        let own = perform(casting.own, &mut of(SynthPurpose::OwnPart))?;
        let other = || perform(casting.other, &mut of(SynthPurpose::OtherPart));
        let third = || perform(casting.third, &mut of(SynthPurpose::ThirdPart));
        // One face has one speaker's habits, whatever it says.
        let habits = Habits::new(&mut of(SynthPurpose::Habits));
        let (loudness, start) = (Loudness::new(&own.recording.samples), own.start);
        let movement = |performance: &Performance| Movement::Recorded {
            lips: Box::new(performance.lips(&habits)),
            start: performance.start,
        };
        let (face, patch, audio) = match plan.method {
            Method::Real | Method::TimeShift => (movement(&own), None, own),
            Method::VoiceSwap => (movement(&own), None, other()?),
            Method::MouthSwap => (movement(&other()?), None, own),
            Method::MouthSwapTraces => (movement(&own), Some(movement(&other()?)), own),
            Method::LipSync => {
                let other = other()?;
                (movement(&own), Some(movement(&other)), other)
            }
            Method::BothSwap => (movement(&own), Some(movement(&third()?)), other()?),
        };
        let channel = Channel::new(&mut of(SynthPurpose::Microphone));
        let background = if channel.has_babble() { casting.babble.as_slice() } else { &[] };
        let babble = background
            .iter()
            .map(|utterance| Ok(utterance.read()?.samples))
            .collect::<Result<_, VoicesError>>()?;
        let delay = f64::from(plan.shift_ms) / 1000.0;
        Ok(Self { face, patch, audio: Take::new(audio, delay, channel, babble), loudness, start })
    }
}
