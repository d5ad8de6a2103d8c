//! Why a clip or a manifest could not be read.

use std::{fmt, io, path::PathBuf};

/// One of the two streams a clip must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// The pictures.
    Video,
    /// The sound.
    Audio,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
        })
    }
}

/// What went wrong, without the path: [`ClipError`] adds that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Nothing is at the path.
    #[error("no such file")]
    NotFound,
    /// The path names a pipe, socket, device or other thing that cannot be read twice.
    #[error("not a regular file but a {kind}")]
    NotAFile {
        /// What it is instead.
        kind: &'static str,
    },
    /// The operating system refused a read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The file holds no bytes.
    #[error("the file is empty")]
    Empty,
    /// No known container starts like this.
    #[error("not a media file")]
    NotMedia,
    /// A container this build has no reader for.
    #[error("unsupported container {container}")]
    UnsupportedContainer {
        /// Its name, such as `AVI` or `WebM`.
        container: &'static str,
    },
    /// The container breaks its own rules.
    #[error("malformed {container}: {what}")]
    Malformed {
        /// `MP4`, `WAV`, `PNG`...
        container: &'static str,
        /// Which rule, and where.
        what: String,
    },
    /// The clip has only one of its two streams.
    #[error("no {stream} stream")]
    MissingStream {
        /// The one that is absent.
        stream: Stream,
    },
    /// The stream is coded in a way this build cannot decode.
    #[error("unsupported {stream} codec {codec}")]
    UnsupportedCodec {
        /// Which stream.
        stream: Stream,
        /// The codec, with profile or bit depth where that is what is unsupported.
        codec: String,
    },
    /// The file ends before its own index says it does.
    #[error("truncated: the {stream} stream needs {needed} bytes, the file has {size}")]
    Truncated {
        /// Which stream reaches past the end.
        stream: Stream,
        /// The end of that stream's last sample, in bytes from the start of the file.
        needed: u64,
        /// The size of the file, in bytes.
        size: u64,
    },
    /// The container is sound but the coded data is not.
    #[error("damaged {stream} stream: {what}")]
    Damaged {
        /// Which stream.
        stream: Stream,
        /// What the decoder said, and at which sample.
        what: String,
    },
    /// Less sound than one fbank frame.
    #[error("audio too short: {samples} samples, one fbank frame needs {needed}")]
    TooShort {
        /// Samples in a channel.
        samples: usize,
        /// Samples that one 25 ms frame takes at this rate.
        needed: usize,
    },
    /// A clip in which not one window fits.
    #[error("{seconds:.2} s of picture and sound, a window takes {window} s")]
    ShorterThanWindow {
        /// What there is of both, in seconds.
        seconds: f64,
        /// Length of a window, in seconds.
        window: f64,
    },
    /// Whoever asked for the pictures wants no more of them; not a fault of the clip.
    #[error("reading was stopped")]
    Stopped,
    /// A size beyond what this reader accepts; the limits keep a hostile file from eating memory.
    #[error("{what} of {value} is over the limit of {limit}")]
    TooLarge {
        /// The quantity.
        what: &'static str,
        /// Its value in the file.
        value: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// A clip spec that no tensor can be made from.
    #[error(transparent)]
    Spec(#[from] crate::spec::SpecError),
    /// A setting of the loader, an augmentation or the cache that cannot be used.
    #[error("{field} is {value}, it must be {rule}")]
    Setting {
        /// The field, as a path from the root of the configuration.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        rule: String,
    },
    /// A decoder panicked; nothing of the clip is used.
    #[error("a decoder panicked: {what}")]
    Panicked {
        /// The panic's message.
        what: String,
    },
    /// A split that cannot be made of a manifest.
    #[error(transparent)]
    Split(#[from] crate::protocol::SplitError),
    /// A sample rate that no filterbank can be computed at.
    #[error("no filterbank at {rate} Hz: {reason}")]
    SampleRate {
        /// Samples a second.
        rate: u32,
        /// What is too small at that rate.
        reason: &'static str,
    },
    /// No face to crop to.
    #[error("no face: the main one was found in {found} of {looked} pictures")]
    NoFace {
        /// Pictures with the main face; 0 where there is none at all.
        found: usize,
        /// Pictures that were looked at.
        looked: usize,
    },
    /// A name that is no layout's.
    #[error("no layout is named `{name}`")]
    NoSuchLayout {
        /// What was asked for.
        name: String,
    },
    /// The root of a data set is something else than a folder.
    #[error("not a folder")]
    NotAFolder,
    /// A root without any sign of the layout asked for.
    #[error("not {layout}: looked for {expected}, found {found}{}", alike(like))]
    NotLayout {
        /// The data set.
        layout: &'static str,
        /// What has to lie below its root.
        expected: &'static str,
        /// What lies there.
        found: String,
        /// The names of the layouts it looks like.
        like: String,
    },
    /// A root that looks like no layout, or like several.
    #[error("cannot tell the data set: {}, found {found}", choices(candidates))]
    UnknownLayout {
        /// The names of the layouts it looks like.
        candidates: String,
        /// What lies there.
        found: String,
    },
    /// A data set of which nothing is there.
    #[error("no clips: {listed} are listed, none is there")]
    NoClips {
        /// Clips that metadata lists.
        listed: u64,
    },
    /// A manifest row or header that cannot be used.
    #[error("line {line}: {what}")]
    Manifest {
        /// The line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

fn alike(like: &str) -> String {
    if like.is_empty() { String::new() } else { format!("; it looks like {like}") }
}

fn choices(candidates: &str) -> String {
    if candidates.is_empty() {
        "it looks like none".to_owned()
    } else {
        format!("it looks like {candidates}")
    }
}

impl DataError {
    /// The part of the path from file to tensors that failed: `open`, `video`, `face`, `audio`,
    /// `manifest` or `internal`.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::MissingStream { stream }
            | Self::UnsupportedCodec { stream, .. }
            | Self::Truncated { stream, .. }
            | Self::Damaged { stream, .. } => match stream {
                Stream::Video => "video",
                Stream::Audio => "audio",
            },
            Self::TooShort { .. } | Self::SampleRate { .. } => "audio",
            Self::NoFace { .. } => "face",
            Self::Manifest { .. } | Self::Split(_) => "manifest",
            Self::Panicked { .. } => "internal",
            _ => "open",
        }
    }

    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotFound => {
                "check the path; in a CSV, relative ones start at its folder or --root"
            }
            Self::NotAFile { .. } => "copy the clip to a regular file first",
            Self::Empty | Self::Truncated { .. } => "copy or download the file again",
            Self::NotMedia => hints::NOT_MEDIA,
            Self::UnsupportedContainer { .. } | Self::UnsupportedCodec { .. } => hints::UNSUPPORTED,
            Self::MissingStream { .. } => "AVFF compares picture and sound: a clip needs both",
            Self::NotLayout { .. } | Self::NotAFolder => {
                "give the folder that the data set was unpacked into"
            }
            Self::UnknownLayout { .. } => "name the layout instead of `auto`",
            Self::NoClips { .. } => "give the folder that holds the clips beside their metadata",
            Self::Malformed { container: "Arrow stream", .. } => {
                "save the table again with `Dataset.save_to_disk`"
            }
            Self::Malformed { container: "MP4", .. } => {
                "the file is damaged; fetch it again, or repair it with `ffmpeg -i IN OUT.mp4`"
            }
            Self::Malformed { container: "frame folder", .. } => {
                "a clip folder holds the PNG or JPEG frames of one clip, all of one size, and one WAV file; \
                 to score a folder of clips, name each, or list them in a CSV for `avff eval`"
            }
            Self::Malformed { .. } | Self::Damaged { .. } => "the file is damaged; fetch it again",
            Self::TooShort { .. } => "leave the clip out: it is too short to say anything about",
            Self::ShorterThanWindow { .. } => {
                "use a shorter window, or score clips whole as Open-AVFF does"
            }
            Self::TooLarge { .. } => "re-encode the clip at a smaller size, or cut it",
            Self::NoFace { .. } => {
                "only faces that look at the camera are found; take the whole picture with `--no-face \
                 full`, or leave such clips out with `--no-face skip`"
            }
            Self::SampleRate { .. } => "resample the sound, for example to 16 kHz",
            Self::Panicked { .. } => "please report this file",
            Self::Io(_)
            | Self::Spec(_)
            | Self::Split(_)
            | Self::Setting { .. }
            | Self::NoSuchLayout { .. }
            | Self::Manifest { .. }
            | Self::Stopped => return None,
        })
    }
}

/// What helps against formats depends on whether FFmpeg is built in.
#[cfg(feature = "ffmpeg")]
mod hints {
    pub(super) const NOT_MEDIA: &str = "neither the embedded reader nor FFmpeg knows it: give a \
        video file with sound, or a folder of PNG or JPEG frames with a WAV file";
    pub(super) const UNSUPPORTED: &str = "the decoder `auto` asks FFmpeg for what the embedded reader \
        does not take; if it was asked, its libraries here lack the decoder: convert with `ffmpeg \
        -i IN -c:v libx264 -pix_fmt yuv420p -c:a aac -ac 2 OUT.mp4` where an ffmpeg has it, and \
        `-c:v copy` where the picture is H.264 already: coding it again can change a score";
}

/// What helps against formats depends on whether FFmpeg is built in.
#[cfg(not(feature = "ffmpeg"))]
mod hints {
    pub(super) const NOT_MEDIA: &str = "give an MP4 file, or a folder of PNG or JPEG frames with a \
        WAV file; built with `--features ffmpeg`, more kinds of file are known";
    pub(super) const UNSUPPORTED: &str = "build with `--features ffmpeg` to read what FFmpeg reads; \
        this build takes MP4 or MOV with H.264 (8 bit, 4:2:0, progressive) and AAC-LC, ALAC, FLAC, \
        MP3 or PCM of one or two channels; convert with `ffmpeg -i IN -c:v libx264 -pix_fmt \
        yuv420p -c:a aac -ac 2 OUT.mp4`, and `-c:v copy` where the picture is H.264 already: coding \
        it again can change a score";
}

/// A [`DataError`] and the file it is about.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ClipError {
    /// The clip, as it was asked for.
    pub path: PathBuf,
    /// What went wrong with it.
    pub source: DataError,
}

impl ClipError {
    /// Attaches a path to an error from inside a reader.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, source: DataError) -> Self {
        Self { path: path.into(), source }
    }
}
