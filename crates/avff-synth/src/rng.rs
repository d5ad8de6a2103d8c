//! What chance decides in a set, and from what: seed, split and number alone.

use avff_datasets::layout::Split;
use avff_rng::{Purpose, Rng, RngKey};

/// What a draw is for. The numbers are part of what a seed means and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum SynthPurpose {
    /// What becomes of a clip: its category, who is seen and who is heard.
    Plan = 0,
    /// A face; the number is a person's, not a clip's.
    Face = 1,
    /// A voice; the number is a voice's.
    Voice = 2,
    /// The syllables that the picture was taken with.
    OwnWords = 3,
    /// Syllables of somebody else.
    OtherWords = 4,
    /// Syllables of a third one.
    ThirdWords = 5,
    /// How the head moves and the eyes blink.
    Pose = 6,
    /// Background, light and camera.
    Camera = 7,
    /// The noise of the camera.
    Grain = 8,
    /// Room and microphone.
    Room = 9,
    /// The noise in a voice.
    Breath = 10,
    /// What gives a re-drawn mouth away.
    Traces = 11,
    /// Where the shares of a split begin.
    Shares = 12,
}

/// The generator of one lot of clip, face or voice `index` of a split.
pub(super) fn rng(seed: u64, split: Split, index: u64, lot: SynthPurpose) -> Rng {
    part_rng(seed, split, index, lot, 0)
}

/// As [`rng`], for one part of many, such as a picture.
pub(super) fn part_rng(seed: u64, split: Split, index: u64, lot: SynthPurpose, part: u32) -> Rng {
    let epoch = match split {
        Split::Train => 0,
        Split::Val => 1,
        Split::Test => 2,
    };
    RngKey { seed, epoch, row: index, occurrence: lot as u32 | part << 8 }.rng(Purpose::Synth)
}
