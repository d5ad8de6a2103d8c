//! Reads and decodes the video stream of a clip: an input combined with a decoder.

use std::path::Path;

use video_rs::ffmpeg::Packet;

use super::{
    decoder::VideoDecoder,
    display_order::Timestamps,
    index::Packets,
    input::{EditLists, Input},
    slices::SliceCheck,
};
use crate::error::{MediaError, Stream};

/// Up to this many packets are skipped by reading instead of seeking.
const MAX_SKIPPED: usize = 64;

/// A decoding position in a video stream.
pub(super) struct VideoReader {
    input: Input,
    decoder: VideoDecoder,
    slices: Option<SliceCheck>,
    stream: usize,
    /// The index of the next packet.
    next: usize,
    /// The next packet, if it was already read.
    peeked: Option<Packet>,
    /// Whether packets are still skipped until the first key frame.
    awaiting_key_frame: bool,
    /// The number of frames decoded since the start.
    decoded: usize,
    ended: bool,
}

impl VideoReader {
    /// Opens a stream at its first packet.
    pub(super) fn open(path: &Path, stream: usize, packets: &Packets) -> Result<Self, MediaError> {
        let input = Input::open(path, EditLists::Ignored)?;
        let ffmpeg_stream = input.stream(stream);
        let decoder = VideoDecoder::open(
            &ffmpeg_stream.ok_or(MediaError::MissingStream { stream: Stream::Video })?,
        )?;
        let awaiting_key_frame = input.is_broadcast();
        Ok(Self {
            input,
            decoder,
            slices: packets.slices.clone(),
            stream,
            next: 0,
            peeked: None,
            awaiting_key_frame,
            decoded: 0,
            ended: false,
        })
    }

    /// Returns whether the macroblocks of the packets so far could be checked.
    pub(super) fn reads_slices(&self) -> bool {
        self.slices.as_ref().is_some_and(SliceCheck::reads)
    }

    /// Returns the input, for its stream properties.
    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// Returns the decoder, which holds the last decoded frame.
    pub(super) fn decoder(&self) -> &VideoDecoder {
        &self.decoder
    }

    /// Returns the number of frames decoded since the start.
    pub(super) fn decoded_count(&self) -> usize {
        self.decoded
    }

    /// Returns the timestamps of the last decoded frame.
    pub(super) fn timestamps(&self) -> Timestamps {
        (self.decoder.frame().pts(), self.decoder.frame().timestamp())
    }

    /// Decodes the next frame; returns `false` after the last.
    pub(super) fn next_frame(&mut self) -> Result<bool, MediaError> {
        self.next_frame_until(usize::MAX, |_| true)
    }

    /// Decodes the next frame; returns `false` after the last frame of the packets before `end`.
    pub(super) fn next_frame_until(
        &mut self,
        end: usize,
        requested: impl Fn(usize) -> bool,
    ) -> Result<bool, MediaError> {
        loop {
            if self.decoder.next()? {
                self.decoded += 1;
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            let packet = if self.next < end { self.packet()? } else { None };
            match packet {
                Some(packet) if self.awaiting_key_frame && !packet.is_key() => {}
                Some(packet) => {
                    self.awaiting_key_frame = false;
                    let number = self.next - 1;
                    let requested = requested(number);
                    self.decoder.feed(&packet, number, requested)?;
                    if let Some(slices) = &mut self.slices {
                        slices.check(&packet, number, requested)?;
                    }
                }
                None => {
                    self.decoder.end()?;
                    self.ended = true;
                }
            }
        }
    }

    /// Moves to packet `start` and resets the decoder.
    pub(super) fn start_at(
        mut self,
        start: usize,
        packets: &Packets,
        path: &Path,
    ) -> Result<Self, MediaError> {
        let is_near = self.next <= start && start - self.next <= MAX_SKIPPED;
        if !is_near && packets.seekable {
            self.seek(start, packets)?;
        }
        if self.next > start {
            self = Self::open(path, self.stream, packets)?;
        }
        while self.next < start {
            if self.packet()?.is_none() {
                return Err(MediaError::MissingStream { stream: Stream::Video });
            }
        }
        self.decoder.restart();
        self.slices.clone_from(&packets.slices);
        (self.decoded, self.ended) = (0, false);
        Ok(self)
    }

    /// Seeks packet `start`. The next packet of the demuxer shows where it went; an unknown packet
    /// counts as past the target.
    fn seek(&mut self, start: usize, packets: &Packets) -> Result<(), MediaError> {
        self.peeked = None;
        self.next = usize::MAX;
        if self.input.seek(packets.microseconds(start)).is_err() {
            return Ok(());
        }
        let Some(packet) = self.read()? else { return Ok(()) };
        let number = packet.pts().and_then(|time| packets.at(time));
        self.next = number.unwrap_or(usize::MAX);
        self.peeked = Some(packet);
        Ok(())
    }

    /// Returns the next packet and advances the index.
    fn packet(&mut self) -> Result<Option<Packet>, MediaError> {
        let packet = match self.peeked.take() {
            Some(packet) => Some(packet),
            None => self.read()?,
        };
        self.next = self.next.saturating_add(usize::from(packet.is_some()));
        Ok(packet)
    }

    /// Reads the next packet of the stream.
    fn read(&mut self) -> Result<Option<Packet>, MediaError> {
        while let Some(packet) = self.input.next()? {
            if packet.stream() == self.stream {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }
}
