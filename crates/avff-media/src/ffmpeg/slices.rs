//! Checks the macroblocks of H.264 in the packets that are decoded, as the embedded reader does.
//!
//! FFmpeg notices most damage inside a slice, but not all of it.

use video_rs::ffmpeg::{Packet, codec::Id};

use super::{errors::damaged, pictures::Expected};
use crate::{
    access_units::{AnnexB, CodedPictures, names_x264},
    avc::{Nals, is_disposable, is_slice},
    error::{MediaError, Stream},
};

/// Checks packets in the order in which they are decoded.
#[derive(Debug, Clone)]
pub(super) struct SliceCheck {
    pictures: CodedPictures,
    /// Bytes of the length before each NAL unit; `None` where packets hold start codes.
    length_size: Option<usize>,
    is_broadcast: bool,
    /// Whether the last pictures could be read.
    reads: bool,
}

impl SliceCheck {
    /// Starts with the parameter sets of the container; returns `None` for another codec than H.264.
    pub(super) fn new(codec: Id, expected: &Expected) -> Option<Self> {
        let sets = expected.avc.as_ref().map_or(&[][..], |avc| &avc.annex_b);
        (codec == Id::H264).then(|| Self {
            pictures: CodedPictures::new(sets, false),
            length_size: expected.avc.as_ref().map(|avc| avc.length_size),
            is_broadcast: expected.is_broadcast,
            reads: false,
        })
    }

    /// Learns from the first packet whether the encoder leaves no data behind a slice.
    pub(super) fn learn(&mut self, first: &Packet) {
        let data = first.data().unwrap_or_default();
        let is_known = match self.length_size {
            Some(size) => names_x264(Nals::new(data, size).flatten()),
            None => names_x264(AnnexB::new(data)),
        };
        if is_known {
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
        let data = packet.data().unwrap_or_default();
        let checked = match self.length_size {
            Some(size) => self.units(Nals::new(data, size).flatten(), requested),
            None if self.is_broadcast || AnnexB::is(data) => {
                self.units(AnnexB::new(data), requested)
            }
            None => Ok(()),
        };
        checked.map_err(|what| damaged(Stream::Video, format!("packet {number}: {what}")))
    }

    fn units<'a>(
        &mut self,
        nals: impl Iterator<Item = &'a [u8]> + Clone,
        requested: bool,
    ) -> Result<(), String> {
        let is_decoded = requested || nals.clone().any(|nal| is_slice(nal) && !is_disposable(nal));
        if is_decoded {
            self.reads = self.pictures.check(nals)?;
        }
        Ok(())
    }
}
