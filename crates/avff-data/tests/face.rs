//! Face crops of whole clips.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use avff_data::{ClipSpec, DataError, load_clip, spec::FrameFit};
use avff_face::{FaceCrop, FaceError, FaceStream, Faces, NoFace};
use avff_media::Frame;

fn drawn(name: &str) -> PathBuf {
    Path::new("../avff/tests/fixtures/clips").join(name)
}

fn fixture(name: &str) -> PathBuf {
    Path::new("../avff-media/tests/fixtures/media").join(name)
}

fn cropped(path: &Path, indices: &[usize], crop: FaceCrop) -> (Faces, Vec<Frame>) {
    let mut clip = avff_media::open(path).unwrap();
    let times = clip.frame_times().to_vec();
    let mut stream = FaceStream::new(clip.streams().0, &times, crop);
    let mut pictures = Vec::new();
    let sink = |_, frame| {
        pictures.push(frame);
        Ok::<_, FaceError>(ControlFlow::Continue(()))
    };
    stream.try_frames(indices, sink).unwrap();
    (stream.faces().unwrap().clone(), pictures)
}

#[test]
fn a_drawn_head_is_followed_where_it_was_drawn() {
    // `face.py` draws heads around the middle of 256 x 256 pixels: brows at y 0.2 of the half side
    // above it, the chin 0.6 below, and sways by up to 0.03.
    let indices: Vec<usize> = (0..90).collect();
    for name in ["match_a.mp4", "match_b.mp4"] {
        let (faces, pictures) = cropped(&drawn(name), &indices, FaceCrop::default());
        assert_eq!(faces.looked, 30, "every third picture of 25 a second");
        assert_eq!(faces.coverage(), 1.0, "{name}");
        let squares = faces.squares.unwrap();
        let side = squares[0].side;
        assert!((110..170).contains(&side), "{name}: {side}");
        for (square, picture) in squares.iter().zip(&pictures) {
            assert_eq!((square.side, picture.width, picture.height), (side, side, side));
            let middle = |at: i64| at + side as i64 / 2;
            assert!((middle(square.x) - 128).abs() < 12, "{name}: {square:?}");
            assert!((middle(square.y) - 140).abs() < 20, "{name}: {square:?}");
        }
        // The crop moves with the head and does not jump.
        let steps = squares
            .windows(2)
            .map(|pair| (pair[0].x - pair[1].x).abs().max((pair[0].y - pair[1].y).abs()));
        assert!(steps.max().unwrap() <= 2, "{name}");
    }
}

#[test]
fn what_is_cut_are_the_clips_own_pixels() {
    let indices = [0, 40, 89];
    let (faces, pictures) = cropped(&drawn("match_a.mp4"), &indices, FaceCrop::default());
    let whole = avff_media::open(&drawn("match_a.mp4")).unwrap().frames_at(&indices).unwrap();
    let squares = faces.squares.unwrap();
    for ((square, picture), whole) in squares.iter().zip(&pictures).zip(&whole) {
        let (x, y) = (square.x as usize, square.y as usize);
        for (row, pixels) in picture.rgb.chunks_exact(3 * picture.width).enumerate() {
            let start = 3 * ((y + row) * whole.width + x);
            assert_eq!(pixels, &whole.rgb[start..start + pixels.len()]);
        }
    }
    let wider =
        cropped(&drawn("match_a.mp4"), &indices, FaceCrop { margin: 1.6, ..FaceCrop::default() });
    let ratio = wider.0.squares.unwrap()[0].side as f64 / squares[0].side as f64;
    assert!((ratio - 1.6 / 1.3).abs() < 0.02, "{ratio}");
}

#[test]
fn a_clip_is_loaded_with_its_face_or_not_at_all() {
    let mut spec = ClipSpec::open_avff();
    let whole = load_clip(&drawn("match_a.mp4"), &spec).unwrap();
    spec.face = Some(FaceCrop::default());
    let face = load_clip(&drawn("match_a.mp4"), &spec).unwrap();
    assert_eq!(face.audio, whole.audio);
    assert_eq!(face.video.len(), whole.video.len());
    assert!(face.video != whole.video);
    // A test pattern, without a face.
    let pattern = fixture("h264_vfr.mp4");
    let error = load_clip(&pattern, &spec).unwrap_err();
    assert!(matches!(error.source, DataError::NoFace { .. }), "{error}");
    assert_eq!(error.source.stage().name(), "face");
    spec.face = Some(FaceCrop { no_face: NoFace::Full, ..FaceCrop::default() });
    let full = load_clip(&pattern, &spec).unwrap();
    spec.face = None;
    assert!(full == load_clip(&pattern, &spec).unwrap());
}

#[test]
fn a_spec_says_whether_faces_are_cropped() {
    let mut spec = ClipSpec::open_avff();
    assert!(
        !serde_json::to_string(&spec).unwrap().contains("face"),
        "older files stay as they are"
    );
    spec.face = Some(FaceCrop::default());
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<ClipSpec>(&json).unwrap(), spec);
    spec.video.fit = FrameFit::CenterCrop;
    assert_eq!(spec.validate().unwrap_err().field, "video.fit");
    spec.face = Some(FaceCrop { margin: 0.0, ..FaceCrop::default() });
    assert_eq!(spec.validate().unwrap_err().field, "face.margin");
}
