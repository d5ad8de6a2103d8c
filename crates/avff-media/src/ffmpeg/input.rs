//! A container that FFmpeg reads, through a bounded reader of ours.
//!
//! FFmpeg is given bytes and no name. The demuxers it may use hold their media themselves; those of
//! playlists, which name other files, are not among them, and no protocol is left to open one with.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Deref,
    path::Path,
    sync::{
        Arc, Once,
        atomic::{AtomicU64, Ordering},
    },
};

use video_rs::ffmpeg::{
    Dictionary, Error, Packet,
    error::{EIO, ENOMEM, register_all},
    format::{
        context::{self, StreamIo},
        input_from_stream,
    },
    log,
};

use crate::{
    error::{MediaError, Stream},
    mp4::limits::{MAX_SAMPLE_BYTES, MAX_TRACKS},
};

/// The name of MP4, MOV and their kin.
pub(super) const MP4: &str = "MP4";

/// Demuxers by FFmpeg's name, and what they read. None opens a second file.
const FORMATS: [(&str, &str); 13] = [
    ("mov", MP4),
    ("matroska", "Matroska"),
    ("avi", "AVI"),
    ("mpegts", "MPEG transport stream"),
    ("mpeg", "MPEG program stream"),
    ("asf", "ASF (WMV)"),
    ("flv", "FLV"),
    ("ogg", "Ogg"),
    ("mxf", "MXF"),
    ("rm", "RealMedia"),
    ("nut", "NUT"),
    ("dv", "DV"),
    ("wtv", "WTV"),
];

/// How often a file's bytes may be read again. A demuxer reads most once, but one that finds sound
/// and pictures far apart fills its buffer anew for every packet.
const MAX_PASSES: u64 = 64;
/// Bytes that may be read of the smallest file.
const MIN_BUDGET: u64 = 64 << 20;

/// An open container.
pub(super) struct Input {
    context: context::Input,
    left: Arc<AtomicU64>,
}

/// A file that is read only so often.
struct Bounded {
    file: File,
    left: Arc<AtomicU64>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed).saturating_sub(read as u64);
        self.left.store(left, Ordering::Relaxed);
        if left == 0 { Err(io::Error::other("read too often")) } else { Ok(read) }
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Input {
    /// Opens a regular file.
    ///
    /// # Errors
    ///
    /// `NotMedia` where no allowed demuxer takes it, `Malformed`, `Io`.
    pub(super) fn open(path: &Path) -> Result<Self, MediaError> {
        static SETUP: Once = Once::new();
        SETUP.call_once(|| {
            register_all();
            // What matters comes back as an error; the rest would go to stderr.
            log::set_level(log::Level::Quiet);
        });
        let file = File::open(path)?;
        let budget = file.metadata()?.len().saturating_mul(MAX_PASSES).max(MIN_BUDGET);
        let left = Arc::new(AtomicU64::new(budget));
        let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        let (names, tracks) = (names.join(","), MAX_TRACKS.to_string());
        let options = [
            ("format_whitelist", names.as_str()),
            // Matches no protocol.
            ("protocol_whitelist", "none"),
            ("max_streams", tracks.as_str()),
            ("err_detect", "crccheck+explode"),
        ];
        let reader = Bounded { file, left: left.clone() };
        let opened = StreamIo::from_read_seek(reader).and_then(|reader| {
            input_from_stream(reader, None, Some(options.into_iter().collect::<Dictionary<'_>>()))
        });
        match opened {
            Ok(context) => Ok(Self { context, left }),
            Err(error) => Err(match demuxing(error, &left) {
                // This early it only means that no demuxer knows the bytes, or none that is allowed.
                MediaError::Malformed { .. } => MediaError::NotMedia,
                error => error,
            }),
        }
    }

    /// What people call the container.
    pub(super) fn container(&self) -> &'static str {
        let format = self.context.format();
        let named = |name: &str| format.name().split(',').any(|one| one == name);
        FORMATS.iter().find(|(name, _)| named(name)).map_or("media", |(_, container)| container)
    }

    /// Whether recordings begin anywhere, as those of broadcasts do: what comes before the first key
    /// frame was never to be seen.
    pub(super) fn joins_midway(&self) -> bool {
        matches!(self.container(), "MPEG transport stream" | "MPEG program stream")
    }

    /// The next packet of any stream, or `None` at the end.
    ///
    /// # Errors
    ///
    /// `Damaged` for a packet that the demuxer calls corrupt, `TooLarge`, `Malformed`, `Io`.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, MediaError> {
        let mut packet = Packet::empty();
        match packet.read(&mut self.context) {
            Ok(()) => {}
            Err(Error::Eof) => return Ok(None),
            Err(error) => return Err(demuxing(error, &self.left)),
        }
        let size = packet.size() as u64;
        if size > MAX_SAMPLE_BYTES {
            let what = "coded picture or sound packet in bytes";
            return Err(MediaError::TooLarge { what, value: size, limit: MAX_SAMPLE_BYTES });
        }
        Ok(Some(packet))
    }

    /// Goes to the last place before a time, in microseconds, from which decoding can start.
    pub(super) fn seek(&mut self, time: i64) -> Result<(), MediaError> {
        self.context.seek(time, ..time).map_err(|error| demuxing(error, &self.left))
    }
}

impl Deref for Input {
    type Target = context::Input;

    fn deref(&self) -> &context::Input {
        &self.context
    }
}

/// What a demuxer said.
fn demuxing(error: Error, left: &AtomicU64) -> MediaError {
    if left.load(Ordering::Relaxed) == 0 {
        let limit = MAX_PASSES;
        return MediaError::TooLarge {
            what: "times that the file is read",
            value: limit + 1,
            limit,
        };
    }
    match error {
        Error::Other { errno } if errno == EIO || errno == ENOMEM => {
            MediaError::Io(io::Error::from_raw_os_error(errno))
        }
        error => MediaError::Malformed { container: "container", what: error.to_string() },
    }
}

/// Whether a packet of a stream is whole.
///
/// # Errors
///
/// `Damaged` where the demuxer says that it is not.
pub(super) fn check(packet: &Packet, stream: Stream) -> Result<(), MediaError> {
    if packet.is_corrupt() {
        let what = format!("the container's packet at byte {} is incomplete", packet.position());
        return Err(MediaError::Damaged { stream, what });
    }
    Ok(())
}
