//! Reads WAV files: PCM of 8 to 32 bits and float, any sample rate, any number of channels.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
};

use super::{
    audio_track::{append, sample_range},
    pcm::{Coding, Pcm},
    source::AudioStream,
};
use crate::{
    audio::Audio,
    error::{MediaError, Stream},
};

/// Bytes read at a time.
const BLOCK: u64 = 1 << 20;
/// The limit on chunks before the audio; real files have a handful.
const MAX_CHUNKS: usize = 1000;
/// The size that a writer to a pipe leaves, because it cannot go back to fill it in.
const UNKNOWN: u32 = u32::MAX;

/// A WAV file with a parsed header.
#[derive(Debug)]
pub(crate) struct Wav<R = BufReader<File>> {
    file: R,
    pcm: Pcm,
    /// Offset of the samples, in bytes from the start of the file.
    start: u64,
    length: u64,
    /// When the audio starts on the clip's clock, in seconds.
    origin: f64,
}

fn malformed(what: impl Into<String>) -> MediaError {
    MediaError::Malformed { container: "WAV", what: what.into() }
}

impl Wav {
    /// Reads the header of a file.
    ///
    /// # Errors
    ///
    /// `Malformed`, `Truncated`, `UnsupportedCodec`, `Io`.
    pub(crate) fn open(path: &Path) -> Result<Self, MediaError> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Self::new(BufReader::new(file), size)
    }
}

impl<R: Read + Seek> Wav<R> {
    /// Like [`open`](Wav::open), but reads any seekable reader of `size` bytes.
    pub(crate) fn new(mut file: R, size: u64) -> Result<Self, MediaError> {
        let mut head = [0; 12];
        if size < 12 {
            return Err(malformed("the file is too short"));
        }
        file.read_exact(&mut head)?;
        if !(head.starts_with(b"RIFF") || head.starts_with(b"RF64")) || !head.ends_with(b"WAVE") {
            return Err(malformed("the file does not start with RIFF and WAVE"));
        }
        let mut at = 12;
        let mut pcm = None;
        for _ in 0..MAX_CHUNKS {
            if size.saturating_sub(at) < 8 {
                return Err(malformed("no 'data' chunk"));
            }
            file.seek(SeekFrom::Start(at))?;
            let mut chunk = [0; 8];
            file.read_exact(&mut chunk)?;
            let [k0, k1, k2, k3, s0, s1, s2, s3] = chunk;
            let length = u32::from_le_bytes([s0, s1, s2, s3]);
            let start = at + 8;
            match &[k0, k1, k2, k3] {
                b"fmt " => pcm = Some(format(&mut file, length)?),
                b"data" => {
                    let pcm =
                        pcm.ok_or_else(|| malformed("no 'fmt ' chunk before the 'data' chunk"))?;
                    let length = match length {
                        UNKNOWN => size - start,
                        length => u64::from(length),
                    };
                    let needed = start + length;
                    if needed > size {
                        return Err(MediaError::Truncated { stream: Stream::Audio, needed, size });
                    }
                    return Ok(Self { file, pcm, start, length, origin: 0.0 });
                }
                _ => {}
            }
            // Chunks are padded to an even length.
            at = start + u64::from(length).next_multiple_of(2);
        }
        Err(malformed("too many chunks"))
    }

    /// Sets when the audio starts on the clip's clock, in seconds.
    pub(crate) fn start_at(&mut self, seconds: f64) {
        self.origin = seconds;
    }

    /// Returns the layout of the samples.
    pub(crate) fn pcm(&self) -> Pcm {
        self.pcm
    }

    /// Returns the number of samples per channel.
    pub(crate) fn samples(&self) -> u64 {
        self.length / u64::from(self.pcm.frame_bytes().max(1))
    }

    /// Reads samples `range` of every channel, cut to the samples that exist.
    fn read(&mut self, range: Range<u64>) -> Result<Audio, MediaError> {
        let mut audio =
            Audio { rate: self.pcm.rate, channels: vec![Vec::new(); self.pcm.channels as usize] };
        let mut planes = audio.channels.clone();
        let frame = u64::from(self.pcm.frame_bytes());
        let end = range.end.min(self.samples());
        let start = range.start.min(end);
        let mut remaining = (end - start) * frame;
        self.file.seek(SeekFrom::Start(self.start + start * frame))?;
        let mut block = Vec::new();
        while remaining > 0 {
            let bytes = remaining.min(BLOCK.next_multiple_of(frame));
            block.clear();
            if (&mut self.file).take(bytes).read_to_end(&mut block)? as u64 != bytes {
                return Err(MediaError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            planes.iter_mut().for_each(Vec::clear);
            self.pcm.decode(&block, &mut planes);
            append(&mut audio, &planes).map_err(|error| {
                error.unwrap_or_else(|| MediaError::Damaged {
                    stream: Stream::Audio,
                    what: "a sample is infinite or not a number".to_owned(),
                })
            })?;
            remaining -= bytes;
        }
        Ok(audio)
    }
}

impl<R: Read + Seek> AudioStream for Wav<R> {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        self.read(0..u64::MAX)
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let range = sample_range(start - self.origin, end - self.origin, self.pcm.rate);
        self.read(range.start as u64..range.end as u64)
    }
}

/// Reads a `fmt ` chunk.
fn format(file: &mut impl Read, length: u32) -> Result<Pcm, MediaError> {
    /// Format tags of Microsoft's mmreg.h.
    const TAG_PCM: u16 = 1;
    const TAG_FLOAT: u16 = 3;
    const TAG_EXTENSIBLE: u16 = 0xfffe;
    let mut body = Vec::new();
    file.take(u64::from(length.min(64))).read_to_end(&mut body)?;
    let short = || malformed("chunk 'fmt ' is truncated");
    let word = |at: usize| {
        body.get(at..).and_then(<[u8]>::first_chunk::<2>).map(|b| u16::from_le_bytes(*b))
    };
    let tag = match word(0).ok_or_else(short)? {
        // The first two bytes of the sub-format's GUID are the tag.
        TAG_EXTENSIBLE => word(24).ok_or_else(short)?,
        tag => tag,
    };
    let channels = word(2).ok_or_else(short)?;
    let rate = body.get(4..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(short)?;
    let bits = word(14).ok_or_else(short)?;
    let coding = match (tag, bits) {
        (TAG_PCM, 8) => Coding::Unsigned8,
        (TAG_PCM, _) => Coding::Signed,
        (TAG_FLOAT, _) => Coding::Float,
        _ => {
            let codec = format!("WAV of format 0x{tag:04x}");
            return Err(MediaError::UnsupportedCodec { stream: Stream::Audio, codec });
        }
    };
    let rate = u32::from_le_bytes(*rate);
    Pcm::new(coding, u32::from(bits), false, u32::from(channels), rate).ok_or_else(|| {
        malformed(format!("{bits} bits, {channels} channels and {rate} Hz are not a valid format"))
    })
}
