//! The part of an utterance that a clip shows or plays.

use avff_rng::Rng;

use super::{
    casting::Role,
    channel::Channel,
    error::VoicesError,
    habits::Habits,
    lip_track::LipTrack,
    loudness::Loudness,
    recording::{RATE, Recording},
    resample::resampled,
};

/// The time that audio starts before the clip, in seconds, so that echoes have settled.
const RUN_UP: f64 = 0.3;
/// The fraction of speech in the part that a clip shows: neither a long pause nor speech without a
/// pause, which are weak evidence.
const SPEECH: std::ops::Range<f64> = 0.5..0.96;
/// The time around a part and its shifts that is warped with it, in seconds.
const SPARE: f64 = 0.5;
/// The number of parts that are tried.
const TRIES: usize = 6;

/// An utterance of a speaker, and the start of a clip in it.
#[derive(Debug, Clone)]
pub(crate) struct Performance {
    pub(crate) recording: Recording,
    /// The start of the clip, in seconds of the utterance.
    pub(crate) start: f64,
}

impl Performance {
    /// Reads and warps an utterance, and chooses `seconds` of it that are at least `margin` seconds
    /// from either end.
    ///
    /// # Errors
    /// The errors of [`Recording::read`].
    pub(crate) fn new(
        role: Role<'_>,
        seconds: f64,
        margin: f64,
        rng: &mut Rng,
    ) -> Result<Self, VoicesError> {
        let whole = role.utterance.read()?;
        // Times of the utterance before the warp, as only a part of it is warped.
        let tempo = role.warp.tempo;
        let (seconds, margin) = (seconds * tempo, margin * tempo);
        let last = whole.seconds() - seconds - margin;
        // A table may promise more than a file holds; then the part is in the middle.
        let (low, high) =
            if last > margin { (margin, last) } else { (0.0, (last + margin).max(0.0)) };
        let mut start = low;
        for _ in 0..TRIES {
            start = rng.between(low, high);
            // With the margins, so that the audio of a shifted clip is chosen like any other.
            let share = whole.phones.speech_share(start - margin, start + seconds + margin);
            if SPEECH.contains(&share) {
                break;
            }
        }
        let spare = margin + SPARE;
        let part = whole.part(start - spare, start + seconds + spare);
        let before = start.min(spare);
        Ok(Self { recording: role.warp.apply(&part), start: before / tempo })
    }

    /// Returns the movements of a mouth that says this.
    pub(crate) fn lips(&self, habits: &Habits) -> LipTrack {
        LipTrack::new(&self.recording.phones, &Loudness::new(&self.recording.samples), habits)
    }
}

/// The audio of a clip: a part of an utterance and people in the background.
#[derive(Debug, Clone)]
pub(crate) struct Take {
    samples: Vec<f32>,
    /// The start of the clip, in seconds of the utterance.
    start: f64,
    channel: Channel,
    babble: Vec<Vec<f32>>,
}

impl Take {
    /// Creates the audio from a performance, `delay` seconds late.
    pub(crate) fn new(
        performance: Performance,
        delay: f64,
        channel: Channel,
        babble: Vec<Vec<f32>>,
    ) -> Self {
        let start = performance.start - delay;
        Self { samples: performance.recording.samples, start, channel, babble }
    }

    /// Records `count` samples at sample rate `rate`.
    pub(crate) fn record(&self, count: usize, rate: u32, rng: &mut Rng) -> Vec<f32> {
        let own = f64::from(RATE);
        let factor = own / f64::from(rate.max(1));
        // A few samples more than needed, as the last ones have no neighbors to interpolate with.
        let length = (count as f64 * factor).ceil() as usize + 64;
        let lead = (RUN_UP * own) as usize;
        let first = (self.start * own).round() as i64 - lead as i64;
        let sample = |at: usize| {
            let at = usize::try_from(first + at as i64).ok();
            at.and_then(|at| self.samples.get(at)).copied().unwrap_or(0.0)
        };
        let speech: Vec<f32> = (0..lead + length).map(sample).collect();
        let others: Vec<&[f32]> = self.babble.iter().map(Vec::as_slice).collect();
        let mut out = self.channel.record(&speech, lead, &others, rng);
        if rate != RATE {
            out = resampled(&out, factor);
        }
        out.resize(count, 0.0);
        out
    }
}
