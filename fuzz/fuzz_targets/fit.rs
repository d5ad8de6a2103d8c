//! Resizes frames of any size to any other, and computes filterbanks at any sample rate.
#![no_main]

use avff_data::{fbank::Fbank, fit::fit, spec::FrameFit};
use avff_media::{Audio, Frame};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
struct Input {
    from: [u16; 2],
    to: [u16; 2],
    level: u8,
    fit: u8,
    rate: u32,
    mels: u8,
    samples: u16,
}

fuzz_target!(|input: Input| {
    let [width, height, to_width, to_height] =
        [input.from[0], input.from[1], input.to[0], input.to[1]].map(usize::from);
    if width * height <= 1 << 18 && to_width * to_height <= 1 << 18 {
        let frame = Frame { width, height, rgb: vec![input.level; 3 * width * height] };
        let frame_fit = [FrameFit::Resize, FrameFit::CenterCrop, FrameFit::Letterbox]
            [usize::from(input.fit) % 3];
        if let Ok(out) = fit(&frame, frame_fit, to_width, to_height) {
            assert_eq!(out.rgb.len(), 3 * to_width * to_height);
            assert!(out.rgb.iter().all(|&level| level == input.level || level == 0));
        }
    }
    let waveform = (0..input.samples).map(|index| (f32::from(index) * 0.1).sin()).collect();
    let audio = Audio { rate: input.rate, channels: vec![waveform] };
    let Ok(fbank) = Fbank::new(input.rate, usize::from(input.mels)) else { return };
    if let Ok(rows) = fbank.stretched(&audio, 7) {
        assert_eq!(rows.len(), 7 * usize::from(input.mels));
        assert!(rows.iter().all(|value| value.is_finite()));
    }
});
