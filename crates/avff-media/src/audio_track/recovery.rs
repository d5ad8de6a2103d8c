//! Reading on after a damaged audio packet.

use std::ops::Range;

use symphonia::core::{
    codecs::audio::{
        AudioCodecId, AudioDecoder,
        well_known::{CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_MP3},
    },
    packet::PacketRef,
};

use crate::audio_recovery::{Settling, Verdict, equal};

/// The state of a decoder with a memory after a damaged packet.
pub(super) struct Recovery {
    /// The decoder that was in use before.
    old: Box<dyn AudioDecoder>,
    settling: Settling,
    planes: Vec<Vec<f32>>,
}

impl Recovery {
    /// Starts after a damaged packet; `None` for codecs without a memory.
    pub(super) fn new(codec: AudioCodecId, old: Box<dyn AudioDecoder>) -> Option<Self> {
        let settling = match codec {
            CODEC_ID_FLAC | CODEC_ID_ALAC => return None,
            CODEC_ID_MP3 => Settling::of_mp3(),
            _ => Settling::of_overlap(),
        };
        Some(Self { old, settling, planes: Vec::new() })
    }

    /// Compares the audio of the next packet with that of the old decoder.
    pub(super) fn compare(&mut self, packet: &PacketRef<'_>, planes: &[Vec<f32>]) -> Verdict {
        let equal = match self.old.decode_ref(packet) {
            Ok(decoded) => {
                decoded.copy_to_vecs_planar(&mut self.planes);
                equal(&self.planes, planes)
            }
            Err(_) => false,
        };
        self.settling.judge(equal, packet.data.len())
    }
}

/// Damaged packets, and those that depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DamagedPackets {
    /// The packets.
    pub(super) packets: Range<usize>,
    /// Where those lie that are damaged themselves.
    pub(super) bytes: Option<Range<u64>>,
    /// What is wrong with the first.
    pub(super) what: String,
}
