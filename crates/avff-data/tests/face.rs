//! Face crops of complete clips.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use avff_data::{ClipSpec, DataError, load_clip, spec::FrameFit};
use avff_face::{FaceCrop, FaceError, FaceStream, Faces, NoFace};
use avff_media::Frame;

fn clip(name: &str) -> PathBuf {
    Path::new("../avff/tests/fixtures/clips").join(name)
}

fn fixture(name: &str) -> PathBuf {
    Path::new("../avff-media/tests/fixtures/media").join(name)
}

fn cropped(path: &Path, indices: &[usize], crop: FaceCrop) -> (Faces, Vec<Frame>) {
    let mut source = avff_media::open(path).unwrap();
    let times = source.frame_times().to_vec();
    let mut stream = FaceStream::new(source.streams().0, &times, crop);
    let mut frames = Vec::new();
    let sink = |_, frame| {
        frames.push(frame);
        Ok::<_, FaceError>(ControlFlow::Continue(()))
    };
    stream.try_frames(indices, sink).unwrap();
    (stream.faces().unwrap().clone(), frames)
}

#[test]
fn crop_follows_the_drawn_head() {
    // `face.py` draws heads near the center of 256 x 256 pixels: the brows 0.2 of half a side above
    // it, the chin 0.6 below. The heads sway by up to 0.03.
    let indices: Vec<usize> = (0..90).collect();
    for name in ["match_a.mp4", "match_b.mp4"] {
        let (faces, frames) = cropped(&clip(name), &indices, FaceCrop::default());
        assert_eq!(faces.examined, 30, "every third frame at 25 fps");
        assert_eq!(faces.coverage(), 1.0, "{name}");
        let squares = faces.squares.unwrap();
        let side = squares[0].side;
        assert!((110..170).contains(&side), "{name}: {side}");
        for (square, frame) in squares.iter().zip(&frames) {
            assert_eq!((square.side, frame.width, frame.height), (side, side, side));
            let center = |at: i64| at + side as i64 / 2;
            assert!((center(square.x) - 128).abs() < 12, "{name}: {square:?}");
            assert!((center(square.y) - 140).abs() < 20, "{name}: {square:?}");
        }
        // The crop follows the head smoothly.
        let steps = squares
            .windows(2)
            .map(|pair| (pair[0].x - pair[1].x).abs().max((pair[0].y - pair[1].y).abs()));
        assert!(steps.max().unwrap() <= 2, "{name}");
    }
}

#[test]
fn crop_contains_the_original_pixels() {
    let indices = [0, 40, 89];
    let (faces, frames) = cropped(&clip("match_a.mp4"), &indices, FaceCrop::default());
    let full = avff_media::open(&clip("match_a.mp4")).unwrap().frames_at(&indices).unwrap();
    let squares = faces.squares.unwrap();
    for ((square, frame), full) in squares.iter().zip(&frames).zip(&full) {
        let (x, y) = (square.x as usize, square.y as usize);
        for (row, pixels) in frame.rgb.chunks_exact(3 * frame.width).enumerate() {
            let start = 3 * ((y + row) * full.width + x);
            assert_eq!(pixels, &full.rgb[start..start + pixels.len()]);
        }
    }
    let wider =
        cropped(&clip("match_a.mp4"), &indices, FaceCrop { margin: 1.6, ..FaceCrop::default() });
    let ratio = wider.0.squares.unwrap()[0].side as f64 / squares[0].side as f64;
    assert!((ratio - 1.6 / 1.3).abs() < 0.02, "{ratio}");
}

#[test]
fn clip_is_loaded_with_its_face_or_fails() {
    let mut spec = ClipSpec::open_avff();
    let full = load_clip(&clip("match_a.mp4"), &spec).unwrap();
    spec.face = Some(FaceCrop::default());
    let face = load_clip(&clip("match_a.mp4"), &spec).unwrap();
    assert_eq!(face.audio, full.audio);
    assert_eq!(face.video.len(), full.video.len());
    assert!(face.video != full.video);
    // A test pattern without a face.
    let pattern = fixture("h264_vfr.mp4");
    let error = load_clip(&pattern, &spec).unwrap_err();
    assert!(matches!(error.source, DataError::NoFace { .. }), "{error}");
    assert_eq!(error.source.stage().name(), "face");
    spec.face = Some(FaceCrop { no_face: NoFace::Full, ..FaceCrop::default() });
    let full_frames = load_clip(&pattern, &spec).unwrap();
    spec.face = None;
    assert!(full_frames == load_clip(&pattern, &spec).unwrap());
}

#[test]
fn spec_stores_the_face_crop() {
    let mut spec = ClipSpec::open_avff();
    assert!(!serde_json::to_string(&spec).unwrap().contains("face"), "older files are unchanged");
    spec.face = Some(FaceCrop::default());
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<ClipSpec>(&json).unwrap(), spec);
    spec.video.fit = FrameFit::CenterCrop;
    assert_eq!(spec.validate().unwrap_err().field, "video.fit");
    spec.face = Some(FaceCrop { margin: 0.0, ..FaceCrop::default() });
    assert_eq!(spec.validate().unwrap_err().field, "face.margin");
}
