//! The frames of a clip that was cut by stream copy, whose edit list hides some.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use avff_data::{ClipSpec, load_samples};

/// As with decord, the 37 stored frames count, and the last of the 27 shown ones stands for the rest.
#[test]
fn hidden_frames_count_as_the_reference_counts_them() {
    let clip = "../avff-media/tests/fixtures/timeline/cut_by_stream_copy.mp4";
    let mut frames = Vec::new();
    load_samples(clip.as_ref(), &ClipSpec::open_avff(), &mut |sample| {
        frames = sample.frames.to_vec();
        ControlFlow::Continue(())
    })
    .unwrap();
    let expected: Vec<usize> = (0..16).map(|index| (index * 36 / 15).min(26)).collect();
    assert_eq!(frames, expected);
    assert_eq!(frames.iter().filter(|&&frame| frame == 26).count(), 5);
}
