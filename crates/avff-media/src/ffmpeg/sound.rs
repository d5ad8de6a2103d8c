//! The sound of a clip through FFmpeg, which trims what the container hides.

use std::path::{Path, PathBuf};

use video_rs::ffmpeg::{Error, codec::Id, decoder, error::EAGAIN, frame};

use super::{
    decode,
    fault::{codec_name, damaged, decoding},
    input::Input,
    samples::planar,
};
use crate::{
    audio::Audio,
    audio_track::{append, sample_range},
    error::{MediaError, Stream},
    pcm::MAX_CHANNELS,
    source::AudioStream,
};

/// A sound stream on its way through the decoder.
pub(super) struct Speaker {
    path: PathBuf,
    stream: usize,
    /// When the sound starts on the clip's clock, in seconds.
    start: f64,
    pass: Option<Pass>,
}

/// What the first sound tells.
pub(super) struct SoundStart {
    /// When it is heard, in seconds of the container.
    pub(super) time: f64,
    /// Samples a second.
    pub(super) rate: u32,
    /// Channels.
    pub(super) channels: usize,
    /// How it is coded.
    pub(super) codec: String,
}

/// One pass from the first packet on. Holds what was decoded and not yet let go.
struct Pass {
    input: Input,
    stream: usize,
    decoder: decoder::Audio,
    codec: Id,
    frame: frame::Audio,
    /// The number of the next packet.
    next: usize,
    /// Samples a channel that were let go.
    gone: usize,
    /// No channels before the first sound.
    held: Audio,
    planes: Vec<Vec<f32>>,
}

impl Pass {
    fn open(path: &Path, stream: usize) -> Result<Self, MediaError> {
        let input = Input::open(path)?;
        let found = input.stream(stream);
        let found = found.ok_or(MediaError::MissingStream { stream: Stream::Audio })?;
        let codec = found.parameters().id();
        let decoder = decode::open(&found, Stream::Audio)?
            .audio()
            .map_err(|error| decoding(Stream::Audio, codec, "the stream", error))?;
        let held = Audio { rate: 0, channels: Vec::new() };
        let (frame, planes) = (frame::Audio::empty(), Vec::new());
        Ok(Self { input, stream, decoder, codec, frame, next: 0, gone: 0, held, planes })
    }

    /// Decodes on to the next sound; `false` after the last.
    fn step(&mut self) -> Result<bool, MediaError> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => {
                    self.hold()?;
                    return Ok(true);
                }
                Err(Error::Eof) => return Ok(false),
                Err(Error::Other { errno: EAGAIN }) => self.feed()?,
                Err(error) => return Err(self.fault(error)),
            }
        }
    }

    fn feed(&mut self) -> Result<(), MediaError> {
        while let Some(packet) = self.input.next()? {
            if packet.stream() == self.stream {
                self.next += 1;
                return self.decoder.send_packet(&packet).map_err(|error| self.fault(error));
            }
        }
        self.decoder.send_eof().map_err(|error| self.fault(error))
    }

    fn hold(&mut self) -> Result<(), MediaError> {
        let fault = |what: &str| damaged(Stream::Audio, format!("packet {}: {what}", self.next));
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            return Err(fault("the sound is incomplete"));
        }
        let rate = self.frame.rate();
        planar(&self.frame, &mut self.planes).ok_or_else(|| fault("no channel in it"))?;
        if self.held.channels.is_empty() {
            if self.planes.len() > MAX_CHANNELS as usize || rate == 0 {
                return Err(fault("no channel in it"));
            }
            self.held = Audio { rate, channels: vec![Vec::new(); self.planes.len()] };
        }
        if (self.held.rate, self.held.channels.len()) != (rate, self.planes.len()) {
            return Err(fault("rate or channels change"));
        }
        append(&mut self.held, &self.planes)
            .map_err(|error| error.unwrap_or_else(|| fault("not a number")))
    }

    fn fault(&self, error: Error) -> MediaError {
        decoding(Stream::Audio, self.codec, &format!("packet {}", self.next), error)
    }

    /// Lets go of all before sample `index` of the sound.
    fn release_before(&mut self, index: usize) {
        let samples = index.saturating_sub(self.gone).min(self.held.len());
        for channel in &mut self.held.channels {
            channel.drain(..samples.min(channel.len()));
        }
        self.gone += samples;
    }
}

impl Speaker {
    /// Opens a stream and decodes the first of it.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `Damaged`, `Malformed`, `Io`; `MissingStream` where nothing is heard.
    pub(super) fn open(path: &Path, stream: usize) -> Result<(SoundStart, Self), MediaError> {
        let mut pass = Pass::open(path, stream)?;
        if !pass.step()? {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        let tick = pass.input.stream(stream).map_or(0.0, |stream| stream.time_base().into());
        let start = SoundStart {
            time: pass.frame.timestamp().unwrap_or(0) as f64 * tick,
            rate: pass.held.rate,
            channels: pass.held.channels.len(),
            codec: codec_name(pass.codec),
        };
        let speaker = Self { path: path.to_owned(), stream, start: 0.0, pass: Some(pass) };
        Ok((start, speaker))
    }

    /// Sets when the sound starts on the clip's clock, in seconds.
    pub(super) fn started_at(mut self, start: f64) -> Self {
        self.start = start;
        self
    }

    /// The pass under way if it still holds sample `first`, otherwise a fresh one.
    fn pass(&mut self, first: usize) -> Result<Pass, MediaError> {
        match self.pass.take().filter(|pass| pass.gone <= first) {
            Some(pass) => Ok(pass),
            None => Pass::open(&self.path, self.stream),
        }
    }
}

impl AudioStream for Speaker {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        let mut pass = self.pass(0)?;
        while pass.step()? {}
        if pass.held.channels.is_empty() {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        Ok(pass.held)
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let mut pass = self.pass(usize::MAX)?;
        // The rate is known once a packet is decoded.
        while pass.held.channels.is_empty() && pass.step()? {}
        let range = sample_range(start - self.start, end - self.start, pass.held.rate);
        if range.start < pass.gone {
            pass = Pass::open(&self.path, self.stream)?;
        }
        pass.release_before(range.start);
        while pass.gone + pass.held.len() < range.end && pass.step()? {
            pass.release_before(range.start);
        }
        if pass.held.channels.is_empty() {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        let before = |index: usize| index.saturating_sub(pass.gone);
        let part = pass.held.part(before(range.start), before(range.end));
        self.pass = Some(pass);
        Ok(part)
    }
}
