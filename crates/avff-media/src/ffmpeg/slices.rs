//! Checks the macroblocks of H.264 in the packets that are decoded, as the embedded reader does.
//!
//! FFmpeg notices most damage inside a slice, but not all of it.

use video_rs::ffmpeg::{Packet, codec::Id};

use super::{
    errors::damaged,
    pictures::{Expected, Packing},
};
use crate::{
    access_units::{CodedPictures, names_x264},
    avc::{is_disposable, is_slice},
    error::{MediaError, Stream},
};

/// Checks packets in the order in which they are decoded.
#[derive(Debug, Clone)]
pub(super) struct SliceCheck {
    pictures: CodedPictures,
    packing: Packing,
    /// Whether the last pictures could be read.
    reads: bool,
}

impl SliceCheck {
    /// Starts with the parameter sets of the container; returns `None` for another codec than H.264.
    pub(super) fn new(codec: Id, expected: &Expected) -> Option<Self> {
        let sets = expected.avc.as_ref().map_or(&[][..], |avc| &avc.annex_b);
        (codec == Id::H264).then(|| Self {
            pictures: CodedPictures::new(sets, false),
            packing: Packing::of(expected),
            reads: false,
        })
    }

    /// Learns from the first packet whether the encoder leaves no data behind a slice.
    pub(super) fn learn(&mut self, first: &Packet) {
        if let Ok(Some(nals)) = self.packing.nals(first)
            && names_x264(nals)
        {
            self.pictures.be_strict();
        }
    }

    /// Returns whether the last pictures could be checked.
    pub(super) fn reads(&self) -> bool {
        self.reads
    }

    /// Checks a packet, unless it holds a picture that is skipped because it is not `requested`.
    ///
    /// # Errors
    ///
    /// `Damaged`.
    pub(super) fn check(
        &mut self,
        packet: &Packet,
        number: usize,
        requested: bool,
    ) -> Result<(), MediaError> {
        let checked = match self.packing.nals(packet) {
            Ok(Some(nals)) => self.units(&nals, requested),
            Ok(None) => Ok(()),
            Err(what) => Err(what),
        };
        checked.map_err(|what| damaged(Stream::Video, format!("packet {number}: {what}")))
    }

    fn units(&mut self, nals: &[&[u8]], requested: bool) -> Result<(), String> {
        let is_decoded = requested || nals.iter().any(|nal| is_slice(nal) && !is_disposable(nal));
        if is_decoded {
            self.reads = self.pictures.check(nals.iter().copied())?;
        }
        Ok(())
    }
}
