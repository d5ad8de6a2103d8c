//! Frontal faces in a grey picture: the SeetaFace detector (Wu et al., "Funnel-structured cascade for
//! multi-view face detection with alignment awareness", 2016) with its own weights.
//!
//! A port in safe Rust of what rustface 0.1.7 computes, box for box and score for score, which
//! a test holds it to. Not a dependency, because rustface copies pixels through unchecked pointers and
//! trusts its networks to leave boxes within the picture and of some width, and its 32-bit sums
//! overflow on large bright pictures; clips may be made to do either. Here a box that has no width or
//! is out of sight is no face, and sums cannot overflow.
//!
//! Code, weights (`seeta_fd_frontal_v1.0.bin`, SHA-256 `c4619d06...53ff5d`, as rustface 0.1.7 ships it)
//! and the algorithm are under the BSD 2-Clause licence, see `LICENSE` beside this file:
//! Copyright (c) 2016, Visual Information Processing and Learning (VIPL) group, Institute of Computing
//! Technology, Chinese Academy of Sciences, Beijing, China.

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

/// Pixels a side of the window that is classified; no smaller face is found.
pub(crate) const WINDOW: usize = 40;
/// From one window to the next, in pixels.
const STEP: usize = 4;
/// From one picture of the pyramid to the next.
const SHRINK: f32 = 0.8;
/// Overlaps above which two boxes are one: while there are stages to come, and at the end.
const SAME: f32 = 0.8;
const SAME_FACE: f32 = 0.3;

static WEIGHTS: &[u8] = include_bytes!("seeta_fd_frontal_v1.0.bin");

/// Faces in `gray`, the surest first as far as overlapping ones are concerned. A score is about the
/// number of windows that agree.
pub(crate) fn detect(gray: &Gray, min_score: f64) -> Vec<FaceBox> {
    static MODEL: OnceLock<Option<Model>> = OnceLock::new();
    // The weights are part of the program, and a test reads them.
    let Some(model) = MODEL.get_or_init(|| Model::read(WEIGHTS)) else { return Vec::new() };
    let mut found = proposals(model, gray);
    for (index, level) in model.levels.iter().enumerate() {
        let last_level = index + 1 == model.levels.len();
        let mut next = Vec::with_capacity(level.len());
        for node in level {
            let sources = node.sources.iter().filter_map(|&source| found.get(source));
            let mut boxes: Vec<FaceBox> = sources.flatten().copied().collect();
            for (index, stage) in node.stages.iter().enumerate() {
                boxes = boxes.iter().filter_map(|face| refine(stage, gray, face)).collect();
                if index + 1 < node.stages.len() {
                    boxes = suppress(boxes, SAME);
                } else if last_level {
                    boxes = suppress(boxes, SAME_FACE);
                }
            }
            next.push(boxes);
        }
        found = next;
    }
    let mut faces = found.into_iter().next().unwrap_or_default();
    faces.retain(|face| face.score >= min_score);
    faces
}

/// Windows of every size and place that look like a face to one of the boosted classifiers.
fn proposals(model: &Model, gray: &Gray) -> Vec<Vec<FaceBox>> {
    let mut found = vec![Vec::new(); model.proposers.len()];
    let shorter = gray.width.min(gray.height);
    let smallest = WINDOW as f32 / shorter as f32;
    let mut scale = 1.0_f32;
    while scale >= smallest {
        let width = (gray.width as f32 * scale) as usize;
        let height = (gray.height as f32 * scale) as usize;
        let map = LabMap::new(&gray.sampled(width, height));
        let side = (WINDOW as f32 / scale + 0.5) as i32;
        for y in (0..(height + 1).saturating_sub(WINDOW)).step_by(STEP) {
            for x in (0..(width + 1).saturating_sub(WINDOW)).step_by(STEP) {
                for (proposer, found) in model.proposers.iter().zip(&mut found) {
                    let Some(score) = proposer.score(&map, x, y) else { continue };
                    let place = |at: usize| (at as f32 / scale + 0.5) as i32;
                    let (x, y) = (place(x), place(y));
                    found.push(FaceBox { x, y, side, score: f64::from(score) });
                }
            }
        }
        scale *= SHRINK;
    }
    found.into_iter().map(|boxes| suppress(boxes, SAME)).collect()
}

/// What a network says about a box: moved and sized to fit the face better, or no face.
fn refine(stage: &Stage, gray: &Gray, face: &FaceBox) -> Option<FaceBox> {
    let FaceBox { x, y, side, .. } = *face;
    // Two samples are the least that can be interpolated between.
    if side < 2 || x + side <= 0 || y + side <= 0 {
        return None;
    }
    let window = Window::new(&gray.window(x, y, side as usize, WINDOW));
    let [score, right, down, larger] = stage.classify(&window)?;
    // A box over the left or top edge starts there from now on.
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
    fn the_weights_are_whole() {
        let model = Model::read(WEIGHTS).unwrap();
        // Three views of a face, then two levels of networks.
        assert_eq!((model.proposers.len(), model.levels.len()), (3, 2));
        assert!(Model::read(&WEIGHTS[..WEIGHTS.len() - 1]).is_none());
        assert!(Model::read(&[]).is_none());
        assert!(Model::read(&[0xff; 64]).is_none());
    }

    /// rustface's boxes of a picture.
    fn rustface(gray: &Gray) -> Vec<FaceBox> {
        let model = rustface::read_model(WEIGHTS).unwrap();
        let mut detector = rustface::create_detector_with_model(model);
        detector.set_score_thresh(0.1);
        let (width, height) = (gray.width as u32, gray.height as u32);
        let faces = detector.detect(&rustface::ImageData::new(&gray.levels, width, height));
        let found = faces.iter().map(|face| {
            let place = face.bbox();
            assert_eq!(place.width(), place.height());
            FaceBox { x: place.x(), y: place.y(), side: place.width() as i32, score: face.score() }
        });
        found.collect()
    }

    #[test]
    fn boxes_and_scores_are_rustfaces() {
        let mut boxes = 0;
        for clip in ["match_a.mp4", "match_b.mp4"] {
            let path = Path::new("../avff/tests/fixtures/clips").join(clip);
            let pictures = avff_media::open(&path).unwrap().frames_at(&[0, 30, 77]).unwrap();
            for (number, picture) in pictures.iter().enumerate() {
                let (whole, _) = Gray::of(picture, 256).unwrap();
                // Cut so that the face touches or crosses an edge, at odd sizes.
                let at = number as i32 * 13;
                for gray in [
                    whole.sampled(201, 147),
                    whole.window(60 + at, 40, 140, 140),
                    whole.window(-80, 80 + at, 199, 199),
                    whole,
                ] {
                    let found = detect(&gray, 0.1);
                    assert_eq!(found, rustface(&gray), "{clip} {number}");
                    boxes += found.len();
                }
            }
        }
        assert!(boxes >= 15, "{boxes} boxes are no comparison");
    }

    #[test]
    fn large_bright_pictures_overflow_nothing() {
        // The squares of 300 x 300 white pixels do not fit 32 bits.
        let mut gray = Gray { width: 300, height: 300, levels: vec![255; 300 * 300] };
        for (index, level) in gray.levels.iter_mut().enumerate() {
            *level -= (index % 7) as u8 * 8;
        }
        assert!(detect(&gray, 2.0).is_empty());
    }

    #[test]
    fn pictures_without_faces_have_none() {
        for (width, height) in [(1, 1), (39, 400), (40, 40), (41, 1), (300, 300)] {
            for level in [0, 128, 255] {
                let gray = Gray { width, height, levels: vec![level; width * height] };
                assert!(detect(&gray, 0.1).is_empty(), "{width} x {height} of {level}");
            }
        }
    }
}
