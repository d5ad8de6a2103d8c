//! The decoder of one video stream. Every sign of damage is an error.

use video_rs::ffmpeg::{
    Dictionary, Discard, Error, Packet, Stream as FfStream,
    codec::{Compliance, Context, Flags, Id, threading},
    decoder::{self, Check, Opened},
    error::EAGAIN,
    frame,
};

use super::{
    errors::{damaged, decode_error},
    held_frames,
    picture_bound::{check_size, macroblocks},
};
use crate::{
    error::{MediaError, Stream},
    sps::{MAX_MACROBLOCKS, MAX_REFERENCE_MACROBLOCKS},
};

/// Pixels of a macroblock.
const MACROBLOCK: u64 = 256;

/// Opens the decoder of a stream with one thread, as several clips are decoded in parallel.
///
/// # Errors
///
/// `UnsupportedCodec` where FFmpeg has no decoder, `Damaged` where it rejects the configuration.
pub(super) fn open_decoder(stream: &FfStream<'_>, kind: Stream) -> Result<Opened, MediaError> {
    let opened = open_bounded(stream, kind, MAX_MACROBLOCKS * MACROBLOCK);
    if opened.is_err() && kind == Stream::Video {
        // FFmpeg does not say that the frames are too large.
        let unbounded = open_bounded(stream, kind, u64::from(u32::MAX) / 2);
        if let Ok(Ok(decoder)) = unbounded.map(Opened::video) {
            check_size(u64::from(decoder.width()), u64::from(decoder.height()))?;
        }
    }
    opened
}

/// Opens a decoder of frames with at most `pixels` pixels.
fn open_bounded(stream: &FfStream<'_>, kind: Stream, pixels: u64) -> Result<Opened, MediaError> {
    let parameters = stream.parameters();
    let codec = parameters.id();
    let fault = |error| decode_error(kind, codec, "the decoder's configuration", error);
    let mut context = Context::from_parameters(parameters).map_err(fault)?;
    context.set_threading(threading::Config::count(1));
    // A frame that is cropped at the left must start exactly there, not at an aligned address.
    context.set_flags(Flags::UNALIGNED);
    if codec == Id::H264 {
        // A stream without a declared reorder depth gets the largest possible one. FFmpeg's
        // default, a guess, loses frames when the guess is too low.
        context.compliance(Compliance::Strict);
    }
    let mut decoder = context.decoder();
    decoder.check(Check::CRC | Check::EXPLODE);
    decoder.set_packet_time_base(stream.time_base());
    let pixels = pixels.to_string();
    let options: Dictionary<'_> = [("max_pixels", pixels.as_str())].into_iter().collect();
    let implementation = decoder::find(codec).ok_or(Error::DecoderNotFound).map_err(fault)?;
    decoder.open_as_with(implementation, options).map_err(fault)
}

/// A video decoder and the frame that it returned last.
pub(super) struct VideoDecoder {
    decoder: decoder::Video,
    codec: Id,
    frame: frame::Video,
    /// The input of the last call, for messages.
    at: String,
}

impl VideoDecoder {
    pub(super) fn open(stream: &FfStream<'_>) -> Result<Self, MediaError> {
        let codec = stream.parameters().id();
        let decoder = open_decoder(stream, Stream::Video)?
            .video()
            .map_err(|error| decode_error(Stream::Video, codec, "the stream", error))?;
        check_size(u64::from(decoder.width()), u64::from(decoder.height()))?;
        let decoder = Self { decoder, codec, frame: frame::Video::empty(), at: String::new() };
        decoder.check_held()?;
        Ok(decoder)
    }

    /// Sends a packet to the decoder. If it is not `requested`, a non-reference picture may be
    /// skipped.
    pub(super) fn feed(
        &mut self,
        packet: &Packet,
        number: usize,
        requested: bool,
    ) -> Result<(), MediaError> {
        // Other codecs are less certain: in HEVC, pictures of higher layers may reference such
        // pictures.
        let skip = !requested && self.codec == Id::H264;
        self.decoder.skip_frame(if skip { Discard::NonReference } else { Discard::Default });
        self.at = format!("packet {number}");
        self.decoder.send_packet(packet).map_err(|error| self.fault(error))?;
        self.check_references()?;
        self.check_held().map(drop)
    }

    /// Checks the memory of the frames that the decoder holds, and returns it in bytes. A packet can
    /// change their size and format.
    ///
    /// # Errors
    ///
    /// `TooLarge`.
    pub(super) fn check_held(&self) -> Result<u64, MediaError> {
        let decoder = &self.decoder;
        let order = (decoder.references(), decoder.has_b_frames());
        held_frames::check_held(
            self.codec,
            (decoder.width(), decoder.height()),
            decoder.format(),
            order,
        )
    }

    /// Checks the references that a stream declares. In H.264 the first packet states them.
    fn check_references(&self) -> Result<(), MediaError> {
        let size = macroblocks(self.decoder.width().into(), self.decoder.height().into());
        let value = (self.decoder.references() as u64).saturating_mul(size);
        let (what, limit) = ("reference pictures in macroblocks", MAX_REFERENCE_MACROBLOCKS);
        if self.codec == Id::H264 && value > limit {
            return Err(MediaError::TooLarge { what, value, limit });
        }
        Ok(())
    }

    /// Requests the frames that the decoder still holds. No packet may follow before
    /// [`restart`](Self::restart).
    pub(super) fn end(&mut self) -> Result<(), MediaError> {
        "the last packets".clone_into(&mut self.at);
        self.decoder.send_eof().map_err(|error| self.fault(error))
    }

    /// Resets the decoder, so that decoding can start elsewhere.
    pub(super) fn restart(&mut self) {
        self.decoder.flush();
    }

    /// Receives the next frame, available as [`frame`](Self::frame); returns `false` if there is
    /// none yet.
    ///
    /// # Errors
    ///
    /// `Damaged` where the decoder failed, or reports that it concealed a part of the frame.
    pub(super) fn next(&mut self) -> Result<bool, MediaError> {
        match self.decoder.receive_frame(&mut self.frame) {
            Ok(()) => {}
            Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(false),
            Err(error) => return Err(self.fault(error)),
        }
        if self.frame.is_corrupt() || self.frame.has_decode_errors() {
            let what = format!("{}: the frame is incomplete", self.at);
            return Err(damaged(Stream::Video, what));
        }
        Ok(true)
    }

    /// Returns width and height of the frames, in pixels; 0 where they are unknown.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.decoder.width(), self.decoder.height())
    }

    /// Returns the last decoded frame.
    pub(super) fn frame(&self) -> &frame::Video {
        &self.frame
    }

    fn fault(&self, error: Error) -> MediaError {
        decode_error(Stream::Video, self.codec, &self.at, error)
    }
}
