//! The decoder of one picture stream, whose every sign of damage is an error.

use video_rs::ffmpeg::{
    Dictionary, Discard, Error, Packet, Stream as FfStream,
    codec::{Compliance, Context, Flags, Id, threading},
    decoder::{self, Check, Opened},
    error::EAGAIN,
    frame,
};

use super::fault::{damaged, decoding};
use crate::{
    error::{MediaError, Stream},
    mp4::MAX_DIMENSION,
};

/// Opens a stream's decoder, to run in this thread alone: clips are decoded side by side.
///
/// # Errors
///
/// `UnsupportedCodec` where FFmpeg has none, `Damaged` where it refuses the configuration.
pub(super) fn open(stream: &FfStream<'_>, kind: Stream) -> Result<Opened, MediaError> {
    let parameters = stream.parameters();
    let codec = parameters.id();
    let fault = |error| decoding(kind, codec, "the decoder's configuration", error);
    let mut context = Context::from_parameters(parameters).map_err(fault)?;
    context.set_threading(threading::Config::count(1));
    // A picture cropped at the left starts where it should, not at an address that suits.
    context.set_flags(Flags::UNALIGNED);
    if codec == Id::H264 {
        // Streams that do not say how far they reorder get the most there can be. Guessing, as
        // FFmpeg does otherwise, loses pictures when the guess turns out too low.
        context.compliance(Compliance::Strict);
    }
    let mut decoder = context.decoder();
    decoder.check(Check::CRC | Check::EXPLODE);
    decoder.set_packet_time_base(stream.time_base());
    let pixels = (MAX_DIMENSION * MAX_DIMENSION).to_string();
    let options: Dictionary<'_> = [("max_pixels", pixels.as_str())].into_iter().collect();
    let implementation = decoder::find(codec).ok_or(Error::DecoderNotFound).map_err(fault)?;
    decoder.open_as_with(implementation, options).map_err(fault)
}

/// A picture decoder and the picture that it gave last.
pub(super) struct Eye {
    decoder: decoder::Video,
    codec: Id,
    frame: frame::Video,
    /// What it was given last, for messages.
    at: String,
}

impl Eye {
    pub(super) fn open(stream: &FfStream<'_>) -> Result<Self, MediaError> {
        let codec = stream.parameters().id();
        let decoder = open(stream, Stream::Video)?
            .video()
            .map_err(|error| decoding(Stream::Video, codec, "the stream", error))?;
        Ok(Self { decoder, codec, frame: frame::Video::empty(), at: String::new() })
    }

    /// Hands over a packet. Unless it is `wanted`, a picture that no other needs may be left out.
    pub(super) fn feed(
        &mut self,
        packet: &Packet,
        number: usize,
        wanted: bool,
    ) -> Result<(), MediaError> {
        // Elsewhere this is less certain: in HEVC, pictures of higher layers may refer to them.
        let skips = !wanted && self.codec == Id::H264;
        self.decoder.skip_frame(if skips { Discard::NonReference } else { Discard::Default });
        self.at = format!("packet {number}");
        self.decoder.send_packet(packet).map_err(|error| self.fault(error))
    }

    /// Asks for what is still held back. Nothing can be fed before [`restart`](Self::restart).
    pub(super) fn end(&mut self) -> Result<(), MediaError> {
        "the last packets".clone_into(&mut self.at);
        self.decoder.send_eof().map_err(|error| self.fault(error))
    }

    /// Forgets everything before, for another start.
    pub(super) fn restart(&mut self) {
        self.decoder.flush();
    }

    /// Whether another picture has come, which is then [`frame`](Self::frame).
    ///
    /// # Errors
    ///
    /// `Damaged` where the decoder failed, or says that it guessed a part of the picture.
    pub(super) fn next(&mut self) -> Result<bool, MediaError> {
        match self.decoder.receive_frame(&mut self.frame) {
            Ok(()) => {}
            Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(false),
            Err(error) => return Err(self.fault(error)),
        }
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            let what = format!("{}: the picture is incomplete", self.at);
            return Err(damaged(Stream::Video, what));
        }
        Ok(true)
    }

    /// The last picture that came.
    pub(super) fn frame(&self) -> &frame::Video {
        &self.frame
    }

    fn fault(&self, error: Error) -> MediaError {
        decoding(Stream::Video, self.codec, &self.at, error)
    }
}
