//! Checks that damage inside audio packets is refused by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::{fs, ops::Range, path::PathBuf};

use avff_media::{Decoder, MediaError, MediaSource, Stream};
use mp4_samples::samples_of_mp4;

#[path = "../src/testing/mp4_samples.rs"]
#[allow(unreachable_pub, reason = "the library exports it")]
mod mp4_samples;

/// A fixture whose audio packets can be damaged.
struct Clip {
    bytes: Vec<u8>,
    /// Where the audio packets lie.
    packets: Vec<Range<usize>>,
    /// Where the boxes of the audio track start.
    track: usize,
}

impl Clip {
    fn read(name: &str) -> Self {
        let bytes = fs::read(PathBuf::from("tests/fixtures/media").join(name)).unwrap();
        let track = find(&bytes, 0, b"soun");
        let packets = samples_of_mp4(&bytes, b"soun");
        Self { bytes, packets, track }
    }

    fn packet(&mut self, index: usize) -> &mut [u8] {
        &mut self.bytes[self.packets[index].clone()]
    }

    fn error(&self, decoder: Decoder) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        fs::write(&path, &self.bytes).unwrap();
        let read = |mut clip: Box<dyn MediaSource>| {
            let between = clip.streams().1.between(0.0, 1.0).map(drop);
            let whole = clip.audio().map(drop);
            assert_eq!(
                between.map_err(|e| e.to_string()),
                whole.as_ref().map(drop).map_err(ToString::to_string)
            );
            whole
        };
        let error = match avff_media::open_with(&path, decoder).and_then(read) {
            Err(error) => error,
            Ok(()) => panic!("the damage was not found"),
        };
        assert!(matches!(error, MediaError::Damaged { stream: Stream::Audio, .. }), "{error}");
        error.to_string()
    }
}

fn find(bytes: &[u8], from: usize, kind: &[u8; 4]) -> usize {
    from + bytes[from..].windows(4).position(|window| window == kind).unwrap()
}

#[test]
fn every_bit_of_a_flac_packet_is_protected() {
    let whole = Clip::read("h264_flac.mp4");
    for bit in (0..8 * whole.packets[1].len()).step_by(61) {
        let mut clip = Clip::read("h264_flac.mp4");
        clip.packet(1)[bit / 8] ^= 1 << (bit % 8);
        let error = clip.error(Decoder::Embedded);
        assert!(
            error.starts_with("damaged audio stream: packet 1 of 16: it"),
            "bit {bit}: {error}"
        );
    }
}

#[test]
fn alac_packet_of_zeros_is_refused() {
    let mut clip = Clip::read("opengop_cropped_alac.mp4");
    clip.packet(0).fill(0);
    let error = clip.error(Decoder::Embedded);
    assert!(error.contains("packet 0 of"), "{error}");
    assert!(error.ends_with("it does not end in the end tag of ALAC"), "{error}");
}

#[test]
fn aac_packet_without_end_is_refused() {
    for index in [0, 9] {
        let mut clip = Clip::read("h264_aac_16k_mono.mp4");
        // The rest of the packet, which may still decode.
        let packet = clip.packet(index);
        let half = packet.len() / 2;
        packet[half..].fill(0x55);
        let error = clip.error(Decoder::Embedded);
        assert!(error.contains(&format!("packet {index} of ")), "{error}");
    }
}

#[test]
fn mp3_packet_of_silence_breaks_the_reservoir() {
    let mut clip = Clip::read("h264_mp3.mp4");
    let first = clip.packets.len() / 2;
    // The side information says that there is no data.
    clip.packet(first)[4..].fill(0);
    let error = clip.error(Decoder::Embedded);
    assert!(error.contains(&format!("packet {} of", first + 1)), "{error}");
}

#[test]
fn hours_of_audio_are_refused_before_they_are_decoded() {
    let mut clip = Clip::read("h264_mp3.mp4");
    // The header of the track precedes its handler: one tick a second instead of 16,000.
    let header = clip.bytes[..clip.track].windows(4).rposition(|kind| kind == b"mdhd").unwrap();
    assert_eq!(clip.bytes[header + 16..header + 20], 16_000_u32.to_be_bytes());
    clip.bytes[header + 16..header + 20].copy_from_slice(&1_u32.to_be_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    fs::write(&path, &clip.bytes).unwrap();
    for decoder in decoders() {
        let mut clip = avff_media::open_with(&path, decoder).unwrap();
        let error = clip.audio().unwrap_err();
        let MediaError::TooLarge { what: "number of audio samples", .. } = error else {
            panic!("{error}")
        };
    }
}

fn decoders() -> Vec<Decoder> {
    if cfg!(feature = "ffmpeg") {
        vec![Decoder::Embedded, Decoder::Ffmpeg]
    } else {
        vec![Decoder::Embedded]
    }
}

#[test]
fn configuration_contradicts_the_track() {
    let whole = Clip::read("opengop_cropped_alac.mp4");
    // The box inside the sample entry of the same name; its version, then the configuration.
    let entry = find(&whole.bytes, whole.track, b"alac");
    let config = find(&whole.bytes, entry + 4, b"alac") + 8;
    for (at, what) in
        [(config + 22, "Hz"), (entry + 21, "channels"), (entry + 23, "bits per sample")]
    {
        let mut clip = Clip::read("opengop_cropped_alac.mp4");
        clip.bytes[at] ^= 0x0c;
        for decoder in decoders() {
            let error = clip.error(decoder);
            assert!(error.contains("the configuration of ALAC states"), "{error}");
            assert!(error.contains(&format!(" {what}, but the track states")), "{error}");
        }
    }
}
