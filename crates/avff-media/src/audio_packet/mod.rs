//! Checks the coded audio of a packet before it is decoded.
//!
//! Decoders continue where they can: after a damaged packet they return silence or noise. The
//! formats hold a few facts that damage breaks: checksums, the end of a packet, and how many samples
//! it holds.

mod end_tag;
mod flac;
mod mp3;

use symphonia::core::codecs::audio::{
    AudioCodecParameters,
    well_known::{CODEC_ID_AAC, CODEC_ID_ALAC, CODEC_ID_FLAC, CODEC_ID_MP3},
};

pub(crate) use self::{end_tag::ends_in_tag, flac::StreamInfo};
use self::{end_tag::ends_in_tag_without_padding, mp3::Reservoir};
use super::{alac::Cookie, bits::Bits};

/// The samples per channel of an AAC-LC packet.
const AAC_SAMPLES: usize = 1024;

/// Checks the packets of one stream, in order.
#[derive(Debug)]
pub(crate) struct PacketCheck {
    format: Format,
}

#[derive(Debug)]
enum Format {
    /// Whether packets end in the end tag, as all known encoders write them.
    Aac {
        end_tag: bool,
    },
    /// The number of samples of a whole packet.
    Alac {
        frame_length: usize,
    },
    Flac(StreamInfo),
    Mp3(Reservoir),
    /// Nothing is known of the packets.
    Unknown,
}

impl PacketCheck {
    /// Creates the check of a codec. `end_tag` says whether the packets of AAC end in the end tag.
    pub(crate) fn new(params: &AudioCodecParameters, end_tag: bool) -> Self {
        let config = params.extra_data.as_deref().unwrap_or_default();
        let format = match params.codec {
            CODEC_ID_AAC => Format::Aac { end_tag },
            CODEC_ID_ALAC => Cookie::read(config).map_or(Format::Unknown, |cookie| Format::Alac {
                frame_length: cookie.frame_length as usize,
            }),
            CODEC_ID_FLAC => StreamInfo::read(config).map_or(Format::Unknown, Format::Flac),
            CODEC_ID_MP3 => Format::Mp3(Reservoir::default()),
            _ => Format::Unknown,
        };
        Self { format }
    }

    /// Checks the next packet and returns how many samples per channel it holds; `None` where that is
    /// unknown.
    ///
    /// # Errors
    ///
    /// What is wrong with the packet.
    pub(crate) fn check(&mut self, packet: &[u8]) -> Result<Option<usize>, String> {
        match &mut self.format {
            Format::Aac { end_tag } => match !*end_tag || ends_in_tag(packet) {
                true => Ok(Some(AAC_SAMPLES)),
                false => Err("it does not end in the end tag of AAC".to_owned()),
            },
            Format::Alac { frame_length } => match ends_in_tag_without_padding(packet) {
                true => Ok(Some(alac_samples(packet).unwrap_or(*frame_length))),
                false => Err("it does not end in the end tag of ALAC".to_owned()),
            },
            Format::Flac(info) => info.check(packet).map(Some),
            Format::Mp3(reservoir) => reservoir.check(packet).map(Some),
            Format::Unknown => Ok(None),
        }
    }
}

/// Returns the number of samples that the first element of an ALAC packet states; `None` where it
/// has the number of the configuration.
fn alac_samples(packet: &[u8]) -> Option<usize> {
    let mut bits = Bits::new(packet);
    // The tags of an element with one channel, with two, and of the low-frequency channel.
    if !matches!(bits.bits(3)?, 0 | 1 | 3) {
        return None;
    }
    // The instance and unused bits.
    bits.bits(16)?;
    let partial = bits.flag()?;
    // Whether low bits are stored apart, and whether samples are stored as they are.
    bits.bits(3)?;
    if partial { usize::try_from(bits.bits(32)?).ok() } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    fn checks() -> [PacketCheck; 4] {
        let info = StreamInfo { bits: 16, channels: 2, rate: 48_000 };
        [
            Format::Aac { end_tag: true },
            Format::Alac { frame_length: 4096 },
            Format::Flac(info),
            Format::Mp3(Reservoir::default()),
        ]
        .map(|format| PacketCheck { format })
    }

    proptest! {
        #[test]
        fn any_bytes_are_accepted_or_refused(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8),
            start in prop::sample::select(vec![vec![], vec![0xff, 0xf8], vec![0xff, 0xfb, 0x90]]),
        ) {
            for mut check in checks() {
                for packet in &packets {
                    let _ = check.check(&[start.as_slice(), packet].concat());
                }
            }
        }
    }

    #[test]
    fn alac_packet_states_its_samples() {
        // An element with two channels, without a number of samples.
        let packet = [0x20, 0, 0, 0, 0, 0x02, 0x01];
        assert_eq!(alac_samples(&packet), None);
        // Tag 001, instance 0000, 12 unused bits, partial 1, no shift, compressed, 32 bits.
        let bits = format!("001{}1000{:032b}", "0".repeat(16), 1234);
        let bytes: Vec<u8> = bits
            .as_bytes()
            .chunks(8)
            .map(|byte| {
                let byte = format!("{:0<8}", std::str::from_utf8(byte).unwrap());
                u8::from_str_radix(&byte, 2).unwrap()
            })
            .collect();
        assert_eq!(alac_samples(&bytes), Some(1234));
        assert_eq!(alac_samples(&bytes[..4]), None);
        assert_eq!(alac_samples(&[]), None);
    }

    #[test]
    fn aac_without_end_tags_is_accepted_where_no_packet_has_one() {
        let check =
            |end_tag, packet: &[u8]| PacketCheck { format: Format::Aac { end_tag } }.check(packet);
        assert_eq!(check(true, &[0x21, 0x0e]), Ok(Some(1024)));
        assert!(check(true, &[0x21, 0x00]).is_err());
        assert_eq!(check(false, &[0x21, 0x00]), Ok(Some(1024)));
    }
}
