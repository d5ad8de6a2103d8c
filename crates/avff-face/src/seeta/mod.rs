//! Detects frontal faces in a grayscale image: the SeetaFace detector (Wu et al.,
//! "Funnel-structured cascade for multi-view face detection with alignment awareness", 2016) with
//! its own weights.
//!
//! This is a port of rustface 0.1.7 in safe Rust. A test checks that every box and score is equal.
//! rustface is not a dependency for three reasons. It copies pixels through unchecked pointers. It
//! trusts its networks to keep boxes within the image and of nonzero width. And its 32-bit sums
//! overflow on large bright images. A hostile clip could trigger each of them. Here a box without
//! width or outside of the image is no face, and sums cannot overflow.
//!
//! Code, weights (`seeta_fd_frontal_v1.0.bin`, SHA-256 `c4619d06...53ff5d`, as rustface 0.1.7 ships
//! it) and the algorithm are under the BSD 2-Clause license, see `LICENSE` beside this file:
//! Copyright (c) 2016, Visual Information Processing and Learning (VIPL) group, Institute of
//! Computing Technology, Chinese Academy of Sciences, Beijing, China.

mod boxes;
mod lab;
mod model;
mod surf;

use std::sync::OnceLock;

use self::{
    boxes::suppress,
    lab::LabMap,
    model::{Model, Stage},
    surf::Window,
};
use super::gray::Gray;

pub(crate) use self::boxes::FaceBox;

/// The side of the classified window, in pixels; no smaller face is detected.
pub(crate) const WINDOW: usize = 40;
/// The stride between windows, in pixels.
const STRIDE: usize = 4;
/// The scale factor between levels of the image pyramid.
const PYRAMID_SCALE: f32 = 0.8;
/// Overlaps above which two boxes are merged: between stages, and at the end.
const MERGE_PROPOSALS: f32 = 0.8;
const MERGE_FACES: f32 = 0.3;

static WEIGHTS: &[u8] = include_bytes!("seeta_fd_frontal_v1.0.bin");

/// Detects the faces in `gray`. Of overlapping boxes, the one with the best score remains. A score
/// is about the number of agreeing windows.
pub(crate) fn detect(gray: &Gray, min_score: f64) -> Vec<FaceBox> {
    static MODEL: OnceLock<Option<Model>> = OnceLock::new();
    // The weights are embedded in the program, and a test reads them, so this never fails.
    let Some(model) = MODEL.get_or_init(|| Model::read(WEIGHTS)) else { return Vec::new() };
    let mut detections = proposals(model, gray);
    for (index, level) in model.levels.iter().enumerate() {
        let last_level = index + 1 == model.levels.len();
        let mut next = Vec::with_capacity(level.len());
        for node in level {
            let sources = node.sources.iter().filter_map(|&source| detections.get(source));
            let mut boxes: Vec<FaceBox> = sources.flatten().copied().collect();
            for (index, stage) in node.stages.iter().enumerate() {
                boxes = boxes.iter().filter_map(|face| refine(stage, gray, face)).collect();
                if index + 1 < node.stages.len() {
                    boxes = suppress(boxes, MERGE_PROPOSALS);
                } else if last_level {
                    boxes = suppress(boxes, MERGE_FACES);
                }
            }
            next.push(boxes);
        }
        detections = next;
    }
    let mut faces = detections.into_iter().next().unwrap_or_default();
    faces.retain(|face| face.score >= min_score);
    faces
}

/// Returns windows of every size and position that one of the boosted classifiers accepts.
fn proposals(model: &Model, gray: &Gray) -> Vec<Vec<FaceBox>> {
    let mut proposals = vec![Vec::new(); model.proposers.len()];
    let shorter = gray.width.min(gray.height);
    let smallest = WINDOW as f32 / shorter as f32;
    let mut scale = 1.0_f32;
    while scale >= smallest {
        let width = (gray.width as f32 * scale) as usize;
        let height = (gray.height as f32 * scale) as usize;
        let map = LabMap::new(&gray.resampled(width, height));
        let side = (WINDOW as f32 / scale + 0.5) as i32;
        for y in (0..(height + 1).saturating_sub(WINDOW)).step_by(STRIDE) {
            for x in (0..(width + 1).saturating_sub(WINDOW)).step_by(STRIDE) {
                for (proposer, boxes) in model.proposers.iter().zip(&mut proposals) {
                    let Some(score) = proposer.score(&map, x, y) else { continue };
                    let position = |at: usize| (at as f32 / scale + 0.5) as i32;
                    let (x, y) = (position(x), position(y));
                    boxes.push(FaceBox { x, y, side, score: f64::from(score) });
                }
            }
        }
        scale *= PYRAMID_SCALE;
    }
    proposals.into_iter().map(|boxes| suppress(boxes, MERGE_PROPOSALS)).collect()
}

/// Classifies a box with a network and adjusts it to the face; returns `None` where it is no face.
fn refine(stage: &Stage, gray: &Gray, face: &FaceBox) -> Option<FaceBox> {
    let FaceBox { x, y, side, .. } = *face;
    // Interpolation needs at least two samples.
    if side < 2 || x + side <= 0 || y + side <= 0 {
        return None;
    }
    let window = Window::new(&gray.window(x, y, side as usize, WINDOW));
    let [score, right, down, larger] = stage.classify(&window)?;
    // A box past the left or top edge is moved to the edge.
    let (x, y, side) = (x.max(0) as f32, y.max(0) as f32, side as f32);
    let new = ((larger * 2.0 - 1.0) * side + side + 0.5).floor();
    let moved =
        |at: f32, by: f32| ((by * 2.0 - 1.0) * side + at + (side - new) * 0.5 + 0.5).floor() as i32;
    Some(FaceBox {
        x: moved(x, right),
        y: moved(y, down),
        side: new.max(0.0) as i32,
        score: f64::from(score),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn weights_are_complete() {
        let model = Model::read(WEIGHTS).unwrap();
        // Three classifiers for views of a face, then two levels of networks.
        assert_eq!((model.proposers.len(), model.levels.len()), (3, 2));
        assert!(Model::read(&WEIGHTS[..WEIGHTS.len() - 1]).is_none());
        assert!(Model::read(&[]).is_none());
        assert!(Model::read(&[0xff; 64]).is_none());
    }

    /// Returns rustface's boxes of an image.
    fn rustface(gray: &Gray) -> Vec<FaceBox> {
        let model = rustface::read_model(WEIGHTS).unwrap();
        let mut detector = rustface::create_detector_with_model(model);
        detector.set_score_thresh(0.1);
        let (width, height) = (gray.width as u32, gray.height as u32);
        let faces = detector.detect(&rustface::ImageData::new(&gray.levels, width, height));
        let boxes = faces.iter().map(|face| {
            let bbox = face.bbox();
            assert_eq!(bbox.width(), bbox.height());
            FaceBox { x: bbox.x(), y: bbox.y(), side: bbox.width() as i32, score: face.score() }
        });
        boxes.collect()
    }

    #[test]
    fn boxes_and_scores_match_rustface() {
        let mut boxes = 0;
        for clip in ["match_a.mp4", "match_b.mp4"] {
            let path = Path::new("../avff/tests/fixtures/clips").join(clip);
            let frames = avff_media::open(&path).unwrap().frames_at(&[0, 30, 77]).unwrap();
            for (number, frame) in frames.iter().enumerate() {
                let (whole, _) = Gray::from_frame(frame, 256).unwrap();
                // Crops where the face touches or crosses an edge, at odd sizes.
                let at = number as i32 * 13;
                for gray in [
                    whole.resampled(201, 147),
                    whole.window(60 + at, 40, 140, 140),
                    whole.window(-80, 80 + at, 199, 199),
                    whole,
                ] {
                    let detections = detect(&gray, 0.1);
                    assert_eq!(detections, rustface(&gray), "{clip} {number}");
                    boxes += detections.len();
                }
            }
        }
        assert!(boxes >= 15, "{boxes} boxes are too few for a comparison");
    }

    #[test]
    fn large_bright_images_do_not_overflow() {
        // The squares of 300 x 300 white pixels do not fit 32 bits.
        let mut gray = Gray { width: 300, height: 300, levels: vec![255; 300 * 300] };
        for (index, level) in gray.levels.iter_mut().enumerate() {
            *level -= (index % 7) as u8 * 8;
        }
        assert!(detect(&gray, 2.0).is_empty());
    }

    #[test]
    fn images_without_faces_have_no_detections() {
        for (width, height) in [(1, 1), (39, 400), (40, 40), (41, 1), (300, 300)] {
            for level in [0, 128, 255] {
                let gray = Gray { width, height, levels: vec![level; width * height] };
                assert!(detect(&gray, 0.1).is_empty(), "{width} x {height} of {level}");
            }
        }
    }
}
