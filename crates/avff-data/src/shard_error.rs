//! What can be wrong with shards.

use std::{io, path::PathBuf};

/// Says how many clips are missing with a shard.
fn with_clips(clips: Option<usize>) -> String {
    let clips = clips.filter(|&clips| clips > 0);
    clips.map(|clips| format!(", and with it {clips} of the clips")).unwrap_or_default()
}

/// Why shards cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Shards are on a web server, but this build reads none.
    #[error("{}: this build reads no shards from a web server (cargo feature `http`)", path.display())]
    NoHttp {
        /// The address.
        path: PathBuf,
    },
    /// There is no index of a shard in the folder.
    #[error("{}: no shards, which `avff pack` writes: there is no {first}", path.display())]
    NoShards {
        /// The folder.
        path: PathBuf,
        /// The index that is looked for first.
        first: String,
    },
    /// An index was changed, cut, or is of another version.
    #[error("{}: the index of a shard is damaged: {reason}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A shard or its index is not there.
    #[error("{}: the shard is missing{}", path.display(), with_clips(*clips))]
    Missing {
        /// The shard, or its index.
        path: PathBuf,
        /// The number of its clips, if the index is there.
        clips: Option<usize>,
    },
    /// No clip can be read.
    #[error("{}: the shards hold no clip that can be read", path.display())]
    NoClips {
        /// The folder.
        path: PathBuf,
    },
    /// Another process packs into the same shards.
    #[error("{}: another process packs into these shards", path.display())]
    Busy {
        /// The file that it locks.
        path: PathBuf,
    },
    /// A shard is shorter or longer than its index says.
    #[error("{}: the shard has {actual} bytes, but {expected} were written", path.display())]
    Size {
        /// The shard.
        path: PathBuf,
        /// Bytes of the file.
        actual: u64,
        /// Bytes by the index.
        expected: u64,
    },
    /// Shards of different runs of `avff pack` lie together.
    #[error("{}: this shard is of another run of `avff pack`: {what}", path.display())]
    Mixed {
        /// The index.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// The clips were prepared for another network.
    #[error("{}: the clips were prepared with {packed}, but {wanted} is wanted", path.display())]
    Spec {
        /// The folder of the shards.
        path: PathBuf,
        /// A setting and its value in the shards.
        packed: String,
        /// The setting that is wanted.
        wanted: String,
    },
    /// A packed clip is damaged.
    #[error("in the shard, {0}")]
    Sample(String),
    /// The shards hold filterbanks, but waveforms are needed.
    #[error("the shards hold filterbanks, but waveforms are augmented: pack with --audio wave")]
    NoWave,
    /// Whole clips cannot be joined from what shards hold.
    #[error("`mix` joins whole clips, but shards hold chosen frames: train on the files")]
    NoConcat,
}

impl ShardError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { path: path.into(), source }
    }
}
