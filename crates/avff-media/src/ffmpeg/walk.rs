//! An input and a decoder on their way through the pictures of a clip.

use std::path::Path;

use video_rs::ffmpeg::Packet;

use super::{count::Seen, decode::Eye, index::Packets, input::Input};
use crate::error::{MediaError, Stream};

/// Packets that are read over rather than sought past.
const NEAR: usize = 64;

/// Where a stream is being read.
pub(super) struct Walk {
    input: Input,
    eye: Eye,
    stream: usize,
    /// The number of the next packet.
    next: usize,
    /// That packet, where it was read already.
    waiting: Option<Packet>,
    /// Whether packets before a key frame are to be expected, and none has come.
    headless: bool,
    /// Pictures that came so far.
    came: usize,
    ended: bool,
}

impl Walk {
    /// Starts at the first packet.
    pub(super) fn open(path: &Path, stream: usize) -> Result<Self, MediaError> {
        let input = Input::open(path)?;
        let found = input.stream(stream);
        let eye = Eye::open(&found.ok_or(MediaError::MissingStream { stream: Stream::Video })?)?;
        let headless = input.joins_midway();
        Ok(Self { input, eye, stream, next: 0, waiting: None, headless, came: 0, ended: false })
    }

    /// The input, for what it tells of the stream.
    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// The decoder, whose picture is the last that came.
    pub(super) fn eye(&self) -> &Eye {
        &self.eye
    }

    /// Pictures that came since the start.
    pub(super) fn came(&self) -> usize {
        self.came
    }

    /// What the decoder says of the picture that came last.
    pub(super) fn seen(&self) -> Seen {
        (self.eye.frame().pts(), self.eye.frame().timestamp())
    }

    /// Decodes on to the next picture; `false` after the last.
    pub(super) fn picture(&mut self) -> Result<bool, MediaError> {
        self.picture_until(usize::MAX, |_| true)
    }

    /// Decodes on to the next picture; `false` after the last of those before packet `end`.
    pub(super) fn picture_until(
        &mut self,
        end: usize,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<bool, MediaError> {
        loop {
            if self.eye.next()? {
                self.came += 1;
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            let packet = if self.next < end { self.packet()? } else { None };
            match packet {
                Some(packet) if self.headless && !packet.is_key() => {}
                Some(packet) => {
                    self.headless = false;
                    let number = self.next - 1;
                    self.eye.feed(&packet, number, wanted(number))?;
                }
                None => {
                    self.eye.end()?;
                    self.ended = true;
                }
            }
        }
    }

    /// Goes to packet `start` with a decoder that knows nothing of what came before.
    pub(super) fn go(
        mut self,
        start: usize,
        packets: &Packets,
        path: &Path,
    ) -> Result<Self, MediaError> {
        let near = self.next <= start && start - self.next <= NEAR;
        if !near && packets.seekable {
            self.seek(start, packets)?;
        }
        if self.next > start {
            self = Self::open(path, self.stream)?;
        }
        while self.next < start {
            if self.packet()?.is_none() {
                return Err(MediaError::MissingStream { stream: Stream::Video });
            }
        }
        self.eye.restart();
        (self.came, self.ended) = (0, false);
        Ok(self)
    }

    /// Seeks packet `start`. Where the demuxer went is seen by the packet that it gives next: any
    /// that is not known counts as beyond.
    fn seek(&mut self, start: usize, packets: &Packets) -> Result<(), MediaError> {
        self.waiting = None;
        self.next = usize::MAX;
        if self.input.seek(packets.microseconds(start)).is_err() {
            return Ok(());
        }
        let Some(packet) = self.read()? else { return Ok(()) };
        let found = packet.pts().and_then(|time| packets.at(time));
        self.next = found.unwrap_or(usize::MAX);
        self.waiting = Some(packet);
        Ok(())
    }

    /// The next packet, counted.
    fn packet(&mut self) -> Result<Option<Packet>, MediaError> {
        let packet = match self.waiting.take() {
            Some(packet) => Some(packet),
            None => self.read()?,
        };
        self.next = self.next.saturating_add(usize::from(packet.is_some()));
        Ok(packet)
    }

    /// The next packet of the stream.
    fn read(&mut self) -> Result<Option<Packet>, MediaError> {
        while let Some(packet) = self.input.next()? {
            if packet.stream() == self.stream {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }
}
