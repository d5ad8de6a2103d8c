//! Reads WAV files: PCM of 8 to 32 bits and float, any sample rate, any number of channels.
//!
//! `chunks` walks the chunks of the container: RIFF, RF64 or Sony Wave64. `header` finds the format
//! and the audio among them, `format` reads the format.

mod chunks;
mod format;
mod header;

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
};

use self::header::Header;
use super::{
    pcm::Pcm,
    source::{AudioStream, BlockSink},
};
use crate::{
    audio::{Audio, sample_range},
    audio_blocks::{Blocks, collect},
    audio_bound::AudioBound,
    error::{MediaError, Stream},
};

/// Bytes read at a time.
const BLOCK: u64 = 1 << 20;

/// A WAV file with a parsed header.
#[derive(Debug)]
pub(crate) struct Wav<R = BufReader<File>> {
    file: R,
    header: Header,
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
        let header = Header::read(&mut file, size)?;
        Ok(Self { file, header, origin: 0.0 })
    }

    /// Sets when the audio starts on the clip's clock, in seconds.
    pub(crate) fn start_at(&mut self, seconds: f64) {
        self.origin = seconds;
    }

    /// Returns the layout of the samples.
    pub(crate) fn pcm(&self) -> Pcm {
        self.header.pcm
    }

    /// Returns the number of samples per channel.
    pub(crate) fn samples(&self) -> u64 {
        self.header.samples()
    }

    /// Returns what the reader assumed about the file, as sentences; empty for ordinary files.
    pub(crate) fn notes(&self) -> &[String] {
        &self.header.notes
    }

    /// Reads samples `range` of every channel, cut to the samples that exist, block by block. There is
    /// at least one block.
    fn read(&mut self, range: Range<u64>, sink: BlockSink<'_>) -> Result<(), MediaError> {
        let pcm = self.header.pcm;
        let mut planes = vec![Vec::new(); pcm.channels as usize];
        let frame = u64::from(pcm.frame_bytes());
        let end = range.end.min(self.samples());
        let start = range.start.min(end);
        let mut remaining = (end - start) * frame;
        self.file.seek(SeekFrom::Start(self.header.start + start * frame))?;
        let mut block = Vec::new();
        let expected = (end - start).saturating_mul(u64::from(pcm.channels));
        let mut blocks = Blocks::new(0, expected)?;
        loop {
            let bytes = remaining.min(BLOCK.next_multiple_of(frame));
            block.clear();
            if (&mut self.file).take(bytes).read_to_end(&mut block)? as u64 != bytes {
                return Err(MediaError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            planes.iter_mut().for_each(Vec::clear);
            pcm.decode(&block, &mut planes);
            if planes.iter().flatten().any(|sample| !sample.is_finite()) {
                return Err(MediaError::Damaged {
                    stream: Stream::Audio,
                    what: "a sample is infinite or not a number".to_owned(),
                });
            }
            remaining -= bytes;
            if blocks.pass(pcm.rate, &planes, sink)?.is_break() || remaining == 0 {
                return Ok(());
            }
        }
    }
}

impl<R: Read + Seek> AudioStream for Wav<R> {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        let bound = AudioBound::new(self.samples() as f64 / f64::from(self.pcm().rate.max(1)));
        collect(bound, |sink| self.blocks(sink))
    }

    fn blocks(&mut self, sink: BlockSink<'_>) -> Result<(), MediaError> {
        self.read(0..u64::MAX, sink)
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let rate = self.header.pcm.rate;
        let range = sample_range(start - self.origin, end - self.origin, rate);
        let range = range.start as u64..range.end as u64;
        collect(AudioBound::new(0.0), |sink| self.read(range, sink))
    }
}

#[cfg(test)]
mod tests;
