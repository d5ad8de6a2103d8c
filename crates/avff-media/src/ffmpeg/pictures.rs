//! Checks the H.264 pictures of packets before any is decoded, as the embedded reader does.

use std::ops::Range;

use video_rs::ffmpeg::{Packet, codec::Id};

use super::errors::damaged;
use crate::{
    access_units::{AccessUnits, AnnexB},
    avc::{AvcConfig, whole_nals},
    error::{MediaError, Stream},
};

/// What the container says about its pictures.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    /// The decoder configuration record of H.264. Without one, packets hold start codes.
    pub(super) avc: Option<AvcConfig>,
    /// The display times of all pictures in decode order; empty where they are unknown.
    pub(super) times: Vec<i64>,
    /// Parts without pictures, in ticks.
    pub(super) holes: Vec<Range<i64>>,
    /// Whether packets are passed over until the first key picture, and hold start codes.
    pub(super) is_broadcast: bool,
    /// A longer step of decode times is a jump of the clock, in ticks; 0 for none.
    pub(super) jump: i64,
}

/// How the packets of a stream hold NAL units.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
    /// Each after its length of so many bytes.
    Lengths(usize),
    /// After start codes.
    StartCodes,
    /// After start codes where a packet begins with one; nothing is known of other packets.
    Unknown,
}

impl Packing {
    pub(super) fn of(expected: &Expected) -> Self {
        match &expected.avc {
            Some(avc) => Self::Lengths(avc.length_size),
            None if expected.is_broadcast => Self::StartCodes,
            None => Self::Unknown,
        }
    }

    /// Returns the NAL units of a packet; `None` where they cannot be told apart.
    ///
    /// # Errors
    ///
    /// What is wrong, for a message.
    pub(super) fn nals(self, packet: &Packet) -> Result<Option<Vec<&[u8]>>, String> {
        let data = packet.data().unwrap_or_default();
        match self {
            Self::Lengths(size) => whole_nals(data, size).map(Some),
            Self::Unknown if !AnnexB::is(data) => Ok(None),
            Self::StartCodes | Self::Unknown => Ok(Some(AnnexB::new(data).collect())),
        }
    }
}

/// Checks the packets of one stream, one after the other.
pub(super) struct PictureCheck {
    units: AccessUnits,
    expected: Expected,
    number: usize,
    hole: usize,
    decode_time: Option<i64>,
    awaits_key: bool,
}

impl PictureCheck {
    /// Starts at the first packet; returns `None` for another codec than H.264.
    pub(super) fn new(codec: Id, expected: Expected) -> Option<Self> {
        let sets = expected.avc.as_ref().map_or(&[][..], |avc| &avc.annex_b);
        let units = AccessUnits::new(sets);
        (codec == Id::H264).then_some(Self {
            units,
            awaits_key: expected.is_broadcast,
            expected,
            number: 0,
            hole: 0,
            decode_time: None,
        })
    }

    /// Returns whether the last fault was a wrong number of a frame.
    pub(super) fn misnumbered(&self) -> bool {
        self.units.misnumbered()
    }

    /// Takes the number of the next frame as it is.
    pub(super) fn restart(&mut self) {
        self.units.restart();
    }

    /// Checks the next packet.
    ///
    /// # Errors
    ///
    /// `Damaged`.
    pub(super) fn check(&mut self, packet: &Packet) -> Result<(), MediaError> {
        let number = self.number;
        self.number += 1;
        if self.awaits_key && !packet.is_key() {
            return Ok(());
        }
        self.awaits_key = false;
        let next_hole = self.expected.holes.get(self.hole);
        let time = self.expected.times.get(number);
        if let (Some(hole), Some(&time)) = (next_hole, time)
            && time >= hole.end
        {
            self.hole += 1;
            self.units.restart();
        }
        let before = std::mem::replace(&mut self.decode_time, packet.dts());
        if let (Some(before), Some(now)) = (before, packet.dts())
            && self.expected.jump > 0
            && (now < before || now.saturating_sub(before) > self.expected.jump)
        {
            self.units.restart();
        }
        let nals = Packing::of(&self.expected).nals(packet);
        let checked = nals.and_then(|nals| nals.map_or(Ok(()), |nals| self.units.check(nals)));
        checked.map_err(|what| damaged(Stream::Video, format!("packet {number}: {what}")))
    }
}
