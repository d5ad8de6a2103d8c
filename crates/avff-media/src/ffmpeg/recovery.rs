//! Reading on after a damaged audio packet, with FFmpeg's decoders.

use std::ops::Range;

use video_rs::ffmpeg::{Packet, codec::Id, decoder, frame};

use super::samples::{is_uncompressed, planar};
use crate::audio_recovery::{Settling, Verdict, equal};

/// Damaged audio, in ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DamagedTicks {
    pub(super) start: i64,
    /// The end; `i64::MAX` for the end of the stream.
    pub(super) end: i64,
    /// Where the packets lie that are damaged themselves.
    pub(super) bytes: Option<Range<u64>>,
    /// What is wrong.
    pub(super) what: String,
}

/// The state of a decoder with a memory after a damaged packet.
pub(super) struct Recovery {
    /// The decoder that was in use before.
    old: decoder::Audio,
    settling: Settling,
    frame: frame::Audio,
    planes: Vec<Vec<f32>>,
}

impl Recovery {
    /// Returns how the audio of a codec settles: `Some(None)` for codecs without a memory, and `None`
    /// where nothing is known of the memory, or a packet is not always one frame.
    pub(super) fn settling(codec: Id) -> Option<Option<Settling>> {
        match codec {
            Id::FLAC | Id::ALAC => Some(None),
            codec if is_uncompressed(codec) => Some(None),
            Id::AAC => Some(Some(Settling::of_overlap())),
            Id::MP3 => Some(Some(Settling::of_mp3())),
            _ => None,
        }
    }

    pub(super) fn new(old: decoder::Audio, settling: Settling) -> Self {
        Self { old, settling, frame: frame::Audio::empty(), planes: Vec::new() }
    }

    /// Sends a packet to the old decoder. Where that fails, its next frame is another one.
    pub(super) fn feed(&mut self, packet: &Packet) {
        let _ = self.old.send_packet(packet);
    }

    /// Compares the audio of the last packet with that of the old decoder.
    pub(super) fn compare(&mut self, planes: &[Vec<f32>], bytes: usize) -> Verdict {
        let received = self.old.receive_frame(&mut self.frame).is_ok();
        let decoded = received && planar(&self.frame, &mut self.planes).is_some();
        self.settling.judge(decoded && equal(&self.planes, planes), bytes)
    }
}
