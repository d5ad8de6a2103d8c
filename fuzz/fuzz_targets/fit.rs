//! Pictures of any size brought to any other, and filterbanks at any rate.
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
    how: u8,
    rate: u32,
    mels: u8,
    samples: u16,
}

fuzz_target!(|input: Input| {
    let [width, height, to_width, to_height] =
        [input.from[0], input.from[1], input.to[0], input.to[1]].map(usize::from);
    if width * height <= 1 << 18 && to_width * to_height <= 1 << 18 {
        let picture = Frame { width, height, rgb: vec![input.level; 3 * width * height] };
        let how = [FrameFit::Resize, FrameFit::CenterCrop, FrameFit::Letterbox][usize::from(input.how) % 3];
        if let Ok(out) = fit(&picture, how, to_width, to_height) {
            assert_eq!(out.rgb.len(), 3 * to_width * to_height);
            assert!(out.rgb.iter().all(|&level| level == input.level || level == 0));
        }
    }
    let wave = (0..input.samples).map(|at| (f32::from(at) * 0.1).sin()).collect();
    let sound = Audio { rate: input.rate, channels: vec![wave] };
    let Ok(fbank) = Fbank::new(input.rate, usize::from(input.mels)) else { return };
    if let Ok(rows) = fbank.stretched(&sound, 7) {
        assert_eq!(rows.len(), 7 * usize::from(input.mels));
        assert!(rows.iter().all(|value| value.is_finite()));
    }
});
