//! Errors of a folder of voices.

use std::{io, path::PathBuf};

use avff_media::MediaError;

use super::phone_track::PhoneFault;

/// Why a folder of voices cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoicesError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file is larger than any file of its kind.
    #[error("`{}` has {size} bytes, but the limit is {limit}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The table of utterances is not valid.
    #[error("line {line} of `{}`: {fault}", .path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        fault: String,
    },
    /// A phone track is not valid.
    #[error("line {line} of `{}`: {fault}", .path.display())]
    Phones {
        /// The phone track.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        fault: PhoneFault,
    },
    /// The audio of an utterance cannot be decoded.
    #[error("cannot decode the audio of `{}`: {source}", .path.display())]
    Audio {
        /// The audio file.
        path: PathBuf,
        /// The error of the decoder.
        source: MediaError,
    },
    /// The audio of an utterance has another format than a folder of voices holds.
    #[error("`{}` has {channels} channels at {rate} Hz, but one channel at {expected} Hz is needed", .path.display())]
    Format {
        /// The audio file.
        path: PathBuf,
        /// The number of channels.
        channels: usize,
        /// The sample rate, in Hz.
        rate: u32,
        /// The sample rate of a folder of voices, in Hz.
        expected: u32,
    },
    /// There are too few utterances or speakers.
    #[error(
        "`{}` has {found} {what} with utterances of {shortest:.1} s or more, but at least {least} are needed",
        .path.display()
    )]
    TooFew {
        /// The folder.
        path: PathBuf,
        /// What there is too little of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
        /// The duration that utterances must have, in seconds.
        shortest: f64,
    },
}
