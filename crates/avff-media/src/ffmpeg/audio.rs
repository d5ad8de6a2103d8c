//! Decodes the audio of a clip with FFmpeg, which applies the container's trimming.

use std::path::{Path, PathBuf};

use video_rs::ffmpeg::{Error, codec::Id, decoder, error::EAGAIN, frame};

use super::{
    decoder::open_decoder,
    errors::{codec_name, damaged, decode_error},
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

/// Reads an audio stream through the decoder.
pub(super) struct AudioReader {
    path: PathBuf,
    stream: usize,
    /// When the audio starts on the clip's clock, in seconds.
    start: f64,
    state: Option<DecodeState>,
}

/// The properties of the first decoded audio.
pub(super) struct FirstAudio {
    /// The start time, in seconds on the container's clock.
    pub(super) time: f64,
    /// Samples per second.
    pub(super) rate: u32,
    /// Channels.
    pub(super) channels: usize,
    /// The codec.
    pub(super) codec: String,
}

/// A decoding position that starts at the first packet and buffers the decoded audio.
struct DecodeState {
    input: Input,
    stream: usize,
    decoder: decoder::Audio,
    codec: Id,
    frame: frame::Audio,
    /// The index of the next packet.
    next: usize,
    /// Samples per channel that were already released from the buffer.
    released: usize,
    /// The decoded audio that was not yet released; without channels before the first frame.
    buffered: Audio,
    planes: Vec<Vec<f32>>,
}

impl DecodeState {
    fn open(path: &Path, stream: usize) -> Result<Self, MediaError> {
        let input = Input::open(path)?;
        let ffmpeg_stream = input.stream(stream);
        let ffmpeg_stream =
            ffmpeg_stream.ok_or(MediaError::MissingStream { stream: Stream::Audio })?;
        let codec = ffmpeg_stream.parameters().id();
        let decoder = open_decoder(&ffmpeg_stream, Stream::Audio)?
            .audio()
            .map_err(|error| decode_error(Stream::Audio, codec, "the stream", error))?;
        let buffered = Audio { rate: 0, channels: Vec::new() };
        let (frame, planes) = (frame::Audio::empty(), Vec::new());
        Ok(Self { input, stream, decoder, codec, frame, next: 0, released: 0, buffered, planes })
    }

    /// Decodes the next audio frame; returns `false` after the last.
    fn step(&mut self) -> Result<bool, MediaError> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => {
                    self.buffer_frame()?;
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

    fn buffer_frame(&mut self) -> Result<(), MediaError> {
        let fault = |what: &str| damaged(Stream::Audio, format!("packet {}: {what}", self.next));
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            return Err(fault("the audio is incomplete"));
        }
        let rate = self.frame.rate();
        planar(&self.frame, &mut self.planes).ok_or_else(|| fault("contains no channel"))?;
        if self.buffered.channels.is_empty() {
            if self.planes.len() > MAX_CHANNELS as usize || rate == 0 {
                return Err(fault("contains no channel"));
            }
            self.buffered = Audio { rate, channels: vec![Vec::new(); self.planes.len()] };
        }
        if (self.buffered.rate, self.buffered.channels.len()) != (rate, self.planes.len()) {
            return Err(fault("the sample rate or the channel count changes"));
        }
        append(&mut self.buffered, &self.planes)
            .map_err(|error| error.unwrap_or_else(|| fault("a sample is infinite or not a number")))
    }

    fn fault(&self, error: Error) -> MediaError {
        decode_error(Stream::Audio, self.codec, &format!("packet {}", self.next), error)
    }

    /// Releases all samples before sample `index` of the audio.
    fn release_before(&mut self, index: usize) {
        let samples = index.saturating_sub(self.released).min(self.buffered.len());
        for channel in &mut self.buffered.channels {
            channel.drain(..samples.min(channel.len()));
        }
        self.released += samples;
    }
}

impl AudioReader {
    /// Opens a stream and decodes its first audio frame.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `Damaged`, `Malformed`, `Io`; `MissingStream` where the stream has no
    /// audio.
    pub(super) fn open(path: &Path, stream: usize) -> Result<(FirstAudio, Self), MediaError> {
        let mut state = DecodeState::open(path, stream)?;
        if !state.step()? {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        let tick = state.input.stream(stream).map_or(0.0, |stream| stream.time_base().into());
        let first = FirstAudio {
            time: state.frame.timestamp().unwrap_or(0) as f64 * tick,
            rate: state.buffered.rate,
            channels: state.buffered.channels.len(),
            codec: codec_name(state.codec),
        };
        let reader = Self { path: path.to_owned(), stream, start: 0.0, state: Some(state) };
        Ok((first, reader))
    }

    /// Sets when the audio starts on the clip's clock, in seconds.
    pub(super) fn started_at(mut self, start: f64) -> Self {
        self.start = start;
        self
    }

    /// Returns the current state if it still holds sample `first`, otherwise a new one.
    fn state_from(&mut self, first: usize) -> Result<DecodeState, MediaError> {
        match self.state.take().filter(|state| state.released <= first) {
            Some(state) => Ok(state),
            None => DecodeState::open(&self.path, self.stream),
        }
    }
}

impl AudioStream for AudioReader {
    fn whole(&mut self) -> Result<Audio, MediaError> {
        let mut state = self.state_from(0)?;
        while state.step()? {}
        if state.buffered.channels.is_empty() {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        Ok(state.buffered)
    }

    fn between(&mut self, start: f64, end: f64) -> Result<Audio, MediaError> {
        let mut state = self.state_from(usize::MAX)?;
        // The rate is known only after the first packet.
        while state.buffered.channels.is_empty() && state.step()? {}
        let range = sample_range(start - self.start, end - self.start, state.buffered.rate);
        if range.start < state.released {
            state = DecodeState::open(&self.path, self.stream)?;
        }
        state.release_before(range.start);
        while state.released + state.buffered.len() < range.end && state.step()? {
            state.release_before(range.start);
        }
        if state.buffered.channels.is_empty() {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        let before = |index: usize| index.saturating_sub(state.released);
        let part = state.buffered.part(before(range.start), before(range.end));
        self.state = Some(state);
        Ok(part)
    }
}
