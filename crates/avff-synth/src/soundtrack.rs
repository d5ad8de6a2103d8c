//! The audio of a clip, from synthetic articulation or from recorded speech.

use avff_datasets::layout::Split;

use super::{
    config::SynthConfig,
    rng::{SynthPurpose, rng},
    room::Room,
    speech::{run_up, synthesize},
    track::Track,
    voice::Voice,
    voices::Take,
};

/// The audio of a clip.
#[derive(Debug, Clone)]
pub(super) enum Soundtrack {
    /// A synthetic voice and its articulation.
    Synthetic { voice: Voice, track: Track },
    /// Recorded speech.
    Recorded(Take),
}

impl Soundtrack {
    /// Renders the samples of clip `index` of a split.
    pub(super) fn render(&self, config: &SynthConfig, split: Split, index: u64) -> Vec<f32> {
        let (seed, rate) = (config.seed, config.rate);
        match self {
            Self::Synthetic { voice, track } => {
                let mut breath = rng(seed, split, index, SynthPurpose::Breath);
                let speech = synthesize(voice, track, config.samples(), rate, &mut breath);
                let mut room = rng(seed, split, index, SynthPurpose::Room);
                Room::new(&mut room).record(&speech, run_up(rate), rate, &mut room)
            }
            Self::Recorded(take) => {
                let mut channel = rng(seed, split, index, SynthPurpose::Channel);
                take.record(config.samples(), rate, &mut channel)
            }
        }
    }
}
