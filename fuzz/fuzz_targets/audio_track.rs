//! Decodes the settings and packets of an audio track to samples, and to a filterbank without NaN.
#![no_main]

#[path = "../../crates/avff-data/tests/mutants/movie.rs"]
#[allow(dead_code)]
mod movie;

use avff_data::{spec::AudioSpec, tensors::audio_tensor};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use movie::{Track, audio_entry, box_of, movie, pictures};

#[derive(Arbitrary, Debug)]
enum Coding {
    Aac,
    Mp3,
    Alac,
    Flac,
    Pcm([u8; 4]),
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    coding: Coding,
    channels: u8,
    bits: u8,
    rate: u16,
    timescale: u32,
    delta: u32,
    settings: &'a [u8],
    packets: Vec<&'a [u8]>,
}

/// Creates the `esds` box of MPEG-4 audio.
fn esds(object_type: u8, settings: &[u8]) -> Vec<u8> {
    let settings = &settings[..settings.len().min(60)];
    let length = settings.len() as u8;
    let head = [0, 0, 0, 0, 3, 23 + length, 0, 1, 0, 4, 15 + length, object_type];
    box_of(b"esds", &[&head[..], &[0; 12], &[5, length], settings].concat())
}

fuzz_target!(|input: Input<'_>| {
    let (format, settings) = match &input.coding {
        Coding::Aac => (b"mp4a", esds(0x40, input.settings)),
        Coding::Mp3 => (b"mp4a", esds(0x6b, &[])),
        Coding::Alac => (b"alac", box_of(b"alac", &[&[0; 4], input.settings].concat())),
        Coding::Flac => (b"fLaC", box_of(b"dfLa", &[&[0; 8], input.settings].concat())),
        Coding::Pcm(format) => (format, Vec::new()),
    };
    let entry = [audio_entry(input.channels, input.bits, input.rate), settings].concat();
    let track = Track {
        handler: b"soun",
        timescale: input.timescale.max(1),
        delta: input.delta,
        format,
        entry,
        shifts: None,
        samples: input.packets.iter().map(|packet| packet.to_vec()).collect(),
    };
    let Ok(mut clip) = avff_media::open_bytes(movie(&[pictures(1, 1, 1, 1, false), track])) else {
        return;
    };
    let part = clip.streams().1.between(0.0, 0.05);
    let Ok(audio) = clip.audio() else { return };
    assert!(part.is_ok(), "decoding a part failed, but decoding the complete track succeeded");
    assert!(audio.channels.iter().flatten().all(|sample| sample.is_finite()));
    let spec = AudioSpec { rate: Some(16_000), ..AudioSpec::kaldi(16, 16, [0.0, 1.0]) };
    if let Ok(fbank) = audio_tensor(&audio, &spec) {
        assert!(fbank.iter().all(|value| value.is_finite()));
    }
});
