//! The kinds of damage. Each has a generator; those of clips give damaged bytes, and others give their result.

mod audio;
mod fragments;
mod lost_bytes;
mod lost_packets;
mod pictures;
mod slices;
mod structure;
mod text;
mod transport;
mod weights;

use std::path::{Path, PathBuf};

pub use self::{pictures::Folders, text::Texts, weights::Weights};
use super::{fixtures::Clip, oracle::Observed, random::Random};

/// A damaged copy of a clip.
pub struct Damaged {
    /// The clip, by its place among the fixtures.
    pub clip: usize,
    /// What is damaged, in the words of [`super::undetectable`].
    pub site: String,
    /// How, to find the place again.
    pub what: String,
    pub bytes: Vec<u8>,
}

/// The result of a mutant that is no clip file.
pub struct Result {
    pub site: String,
    pub what: String,
    pub observed: Observed,
}

/// Damages one of the clips.
type OfClips = fn(&[Clip], &mut Random) -> Damaged;

/// How a kind makes a mutant.
#[derive(Clone, Copy)]
pub enum Generator {
    Clips(OfClips),
    /// Kinds of clips that need FFmpeg.
    FfmpegClips(OfClips),
    Pictures,
    Weights,
    Text,
}

/// A kind of damage.
pub struct Kind {
    pub name: &'static str,
    /// Its share of all mutants, in hundredths.
    pub percent: u64,
    pub generator: Generator,
}

/// All kinds. The shares add up to 100.
pub const KINDS: [Kind; 10] = [
    kind("structure", 20, Generator::Clips(structure::damage)),
    kind("slice payload", 20, Generator::Clips(slices::damage)),
    kind("audio payload", 14, Generator::Clips(audio::damage)),
    kind("lost packets", 12, Generator::Clips(lost_packets::damage)),
    kind("lost fragments", 3, Generator::Clips(fragments::damage)),
    kind("transport packets", 4, Generator::FfmpegClips(transport::damage)),
    kind("lost bytes", 7, Generator::FfmpegClips(lost_bytes::damage)),
    kind("pictures", 6, Generator::Pictures),
    kind("checkpoints", 4, Generator::Weights),
    kind("text", 10, Generator::Text),
];

const fn kind(name: &'static str, percent: u64, generator: Generator) -> Kind {
    Kind { name, percent, generator }
}

impl Kind {
    /// Returns the kind of the mutant with this number.
    pub fn of(number: u64) -> &'static Self {
        // 37 is coprime to 100, so every hundred numbers have all kinds, spread out.
        let mut left = number.wrapping_mul(37) % 100;
        KINDS
            .iter()
            .find(|kind| {
                let here = left < kind.percent;
                left = left.saturating_sub(kind.percent);
                here
            })
            .unwrap()
    }

    /// Whether this build can read its files.
    pub fn is_built_in(&self) -> bool {
        !matches!(self.generator, Generator::FfmpegClips(_)) || cfg!(feature = "ffmpeg")
    }
}

/// Chooses a clip that fits.
fn choose(clips: &[Clip], random: &mut Random, fits: impl Fn(&Clip) -> bool) -> usize {
    let fitting: Vec<usize> = (0..clips.len()).filter(|&index| fits(&clips[index])).collect();
    random.choose(&fitting)
}

/// The file of a thread with this name.
fn scratch(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}
