//! Opens a container with FFmpeg through a bounded reader.
//!
//! FFmpeg receives bytes and no file name. Only demuxers whose containers hold their own media are
//! allowed. Demuxers of playlists, which name other files, are excluded, and no protocol is left to
//! open a file.

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
    Dictionary, Error, Packet, Stream as FfStream,
    error::{EIO, ENOMEM, register_all},
    format::{
        context::{self, StreamIo},
        input_from_stream,
    },
    log,
    media::Type,
};

use crate::{
    error::{MediaError, Stream},
    mp4::limits::{MAX_SAMPLE_BYTES, MAX_TRACKS},
};

/// The name of MP4, MOV and related containers.
pub(super) const MP4: &str = "MP4";
/// The name of AVI.
pub(super) const AVI: &str = "AVI";
/// The name of MPEG transport streams.
pub(super) const TRANSPORT_STREAM: &str = "MPEG transport stream";
/// The name of Matroska and WebM.
pub(super) const MATROSKA: &str = "Matroska";

/// The allowed demuxers by FFmpeg's name, and their containers. None opens a second file.
const FORMATS: [(&str, &str); 13] = [
    ("mov", MP4),
    ("matroska", MATROSKA),
    ("avi", AVI),
    ("mpegts", TRANSPORT_STREAM),
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

/// How often a file's bytes may be read. A demuxer usually reads most bytes once. But if audio and
/// video are stored far apart, it fills its buffer anew for every packet.
const MAX_READS: u64 = 64;
/// The number of bytes that may be read of even the smallest file.
const MIN_BUDGET: u64 = 64 << 20;

/// Whether FFmpeg applies the edit lists of MP4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EditLists {
    /// As FFmpeg applies them, for the whole audio.
    Applied,
    /// Not at all: the [timeline](crate::timeline) applies them.
    Ignored,
}

/// An open container.
pub(super) struct Input {
    context: context::Input,
    budget: Arc<AtomicU64>,
}

/// A file with a limited number of bytes to read.
struct BoundedFile {
    file: File,
    budget: Arc<AtomicU64>,
}

impl Read for BoundedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let rest = self.budget.load(Ordering::Relaxed).saturating_sub(read as u64);
        self.budget.store(rest, Ordering::Relaxed);
        if rest == 0 { Err(io::Error::other("the read budget is used up")) } else { Ok(read) }
    }
}

impl Seek for BoundedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Input {
    /// Opens a regular file.
    ///
    /// # Errors
    ///
    /// `NotMedia` where no allowed demuxer accepts the file, `Malformed`, `Io`.
    pub(super) fn open(path: &Path, edit_lists: EditLists) -> Result<Self, MediaError> {
        static SETUP: Once = Once::new();
        SETUP.call_once(|| {
            register_all();
            // Relevant messages are returned as errors; all others would go to stderr.
            log::set_level(log::Level::Quiet);
        });
        let file = File::open(path)?;
        let bytes = file.metadata()?.len().saturating_mul(MAX_READS).max(MIN_BUDGET);
        let budget = Arc::new(AtomicU64::new(bytes));
        let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        let (names, tracks) = (names.join(","), MAX_TRACKS.to_string());
        let options = [
            ("format_whitelist", names.as_str()),
            // Matches no protocol.
            ("protocol_whitelist", "none"),
            ("max_streams", tracks.as_str()),
            ("err_detect", "crccheck+explode"),
            ("ignore_editlist", if edit_lists == EditLists::Ignored { "1" } else { "0" }),
        ];
        let reader = BoundedFile { file, budget: budget.clone() };
        let opened = StreamIo::from_read_seek(reader).and_then(|reader| {
            input_from_stream(reader, None, Some(options.into_iter().collect::<Dictionary<'_>>()))
        });
        match opened {
            Ok(context) => Ok(Self { context, budget }),
            Err(error) => Err(match demux_error(error, &budget) {
                // At this point it only means that no allowed demuxer recognizes the bytes.
                MediaError::Malformed { .. } => MediaError::NotMedia,
                error => error,
            }),
        }
    }

    /// Returns the common name of the container.
    pub(super) fn container(&self) -> &'static str {
        let format = self.context.format();
        let named = |name: &str| format.name().split(',').any(|one| one == name);
        FORMATS.iter().find(|(name, _)| named(name)).map_or("media", |(_, container)| container)
    }

    /// Iterates over the streams of a kind, covers included.
    pub(super) fn of_kind(&self, stream: Stream) -> impl Iterator<Item = FfStream<'_>> {
        let kind = match stream {
            Stream::Video => Type::Video,
            Stream::Audio => Type::Audio,
        };
        self.context.streams().filter(move |one| one.parameters().medium() == kind)
    }

    /// Returns whether the container is that of broadcasts. Recordings of them may start mid-stream,
    /// and their clock may jump.
    pub(super) fn is_broadcast(&self) -> bool {
        matches!(self.container(), TRANSPORT_STREAM | "MPEG program stream")
    }

    /// Returns whether each stream has packets. Reads the file up to the first packet of every stream
    /// of video and audio.
    ///
    /// # Errors
    ///
    /// The errors of [`next`](Self::next).
    pub(super) fn filled(mut self) -> Result<Vec<bool>, MediaError> {
        let kinds = [Stream::Video, Stream::Audio];
        let mut filled = vec![true; self.streams().len()];
        let empty = kinds.iter().flat_map(|&kind| self.of_kind(kind)).map(|one| one.index());
        let mut rest = 0;
        for index in empty.collect::<Vec<usize>>() {
            if let Some(filled) = filled.get_mut(index) {
                (*filled, rest) = (false, rest + 1);
            }
        }
        while rest > 0
            && let Some(packet) = self.next()?
        {
            if let Some(filled) = filled.get_mut(packet.stream()).filter(|filled| !**filled) {
                (*filled, rest) = (true, rest - 1);
            }
        }
        Ok(filled)
    }

    /// Reads the next packet of any stream; returns `None` at the end.
    ///
    /// # Errors
    ///
    /// `Damaged` for a packet that the demuxer marks as corrupt, `TooLarge`, `Malformed`, `Io`.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, MediaError> {
        let mut packet = Packet::empty();
        match packet.read(&mut self.context) {
            Ok(()) => {}
            Err(Error::Eof) => return Ok(None),
            Err(error) => return Err(demux_error(error, &self.budget)),
        }
        let size = packet.size() as u64;
        if size > MAX_SAMPLE_BYTES {
            let what = "coded packet size in bytes";
            return Err(MediaError::TooLarge { what, value: size, limit: MAX_SAMPLE_BYTES });
        }
        Ok(Some(packet))
    }

    /// Seeks to the last position before `time`, in microseconds, from which decoding can start.
    pub(super) fn seek(&mut self, time: i64) -> Result<(), MediaError> {
        self.context.seek(time, ..time).map_err(|error| demux_error(error, &self.budget))
    }

    /// Moves to the start of the file after it was read, if the demuxer can. The first packets may
    /// then be others than those of a file that was just opened.
    pub(super) fn rewind(&mut self) -> bool {
        self.context.seek(0, ..).is_ok()
    }
}

impl Deref for Input {
    type Target = context::Input;

    fn deref(&self) -> &context::Input {
        &self.context
    }
}

/// Converts the error of a demuxer.
fn demux_error(error: Error, budget: &AtomicU64) -> MediaError {
    if budget.load(Ordering::Relaxed) == 0 {
        let limit = MAX_READS;
        return MediaError::TooLarge {
            what: "number of reads of the whole file",
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

/// Checks that a packet is complete.
///
/// # Errors
///
/// `Damaged` where the demuxer marks the packet as corrupt.
pub(super) fn check(packet: &Packet, stream: Stream) -> Result<(), MediaError> {
    if packet.is_corrupt() {
        let what = format!("the container's packet at byte {} is incomplete", packet.position());
        return Err(MediaError::Damaged { stream, what });
    }
    Ok(())
}
