//! The random number generators of a synthetic dataset, keyed by seed, split and index.

use avff_datasets::layout::Split;
use avff_rng::{Purpose, Rng, RngKey};

/// The purpose of a random number. The discriminants are part of the key, so they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum SynthPurpose {
    /// The plan of a clip: its method, its face and its voices.
    Plan = 0,
    /// A face; the index is that of a person, not of a clip.
    Face = 1,
    /// A voice; the index is that of a voice.
    Voice = 2,
    /// The syllables that the frames were recorded with.
    OwnWords = 3,
    /// The syllables of another voice.
    OtherWords = 4,
    /// The syllables of a third utterance.
    ThirdWords = 5,
    /// The movements of the head and the blinking of the eyes.
    Pose = 6,
    /// The background, light and camera.
    Camera = 7,
    /// The noise of the camera.
    Grain = 8,
    /// The room and the microphone.
    Room = 9,
    /// The noise in a voice.
    Breath = 10,
    /// The artifacts of a redrawn mouth.
    Traces = 11,
    /// The start position in the proportions of a split.
    Shares = 12,
    /// The utterances of a clip of recorded speech.
    Casting = 48,
    /// The part of the own utterance that is shown.
    OwnPart = 49,
    /// The part of another utterance.
    OtherPart = 50,
    /// The part of a third utterance.
    ThirdPart = 51,
    /// How a speaker moves the lips.
    Habits = 52,
    /// The room and the microphone of recorded speech.
    Microphone = 53,
    /// The noise of that recording.
    Channel = 54,
    /// A person as a mesh; the index is that of a face, not of a clip.
    MeshPerson = 32,
    /// The movements of a mesh.
    MeshMotion = 33,
    /// The light on a mesh.
    MeshLight = 34,
    /// The camera in front of a mesh.
    MeshCamera = 35,
    /// The background of a mesh.
    MeshBackground = 36,
    /// The electronics of the camera.
    MeshFilm = 37,
    /// The noise of the camera.
    MeshGrain = 38,
    /// The artifacts of a redrawn mouth of a mesh.
    MeshPatch = 39,
    /// What is between a mesh and the camera.
    MeshBetween = 40,
    /// How the mouth of a mesh articulates.
    MeshArticulation = 41,
    /// Another person beside a mesh.
    MeshOther = 42,
}

/// Returns the generator for one purpose of clip, face or voice `index` of a split.
pub(super) fn rng(seed: u64, split: Split, index: u64, purpose: SynthPurpose) -> Rng {
    part_rng(seed, split, index, purpose, 0)
}

/// Like [`rng`], for one part of many, such as a frame.
pub(super) fn part_rng(
    seed: u64,
    split: Split,
    index: u64,
    purpose: SynthPurpose,
    part: u32,
) -> Rng {
    let epoch = match split {
        Split::Train => 0,
        Split::Val => 1,
        Split::Test => 2,
    };
    RngKey { seed, epoch, row: index, occurrence: purpose as u32 | part << 8 }.rng(Purpose::Synth)
}
