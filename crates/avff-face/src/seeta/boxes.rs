//! Square boxes around faces, and which of them mean the same face.

/// A square around a face, in pixels; it may reach over the picture's edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceBox {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) side: i32,
    pub(crate) score: f64,
}

/// Keeps of boxes that overlap more than `limit` (intersection over union) the one with the best
/// score, which gets the scores of the others on top: many agreeing windows are what tells a face
/// from chance.
pub(super) fn suppress(mut boxes: Vec<FaceBox>, limit: f32) -> Vec<FaceBox> {
    boxes.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FaceBox> = Vec::new();
    let mut gone = vec![false; boxes.len()];
    for (index, &best) in boxes.iter().enumerate() {
        if gone.get(index) != Some(&false) {
            continue;
        }
        let mut sum = best.score;
        for (other, gone) in boxes.iter().zip(&mut gone).skip(index + 1) {
            if !*gone && overlap(&best, other) > limit {
                *gone = true;
                sum += other.score;
            }
        }
        kept.push(FaceBox { score: sum, ..best });
    }
    kept
}

/// Intersection over union.
fn overlap(a: &FaceBox, b: &FaceBox) -> f32 {
    let width = (a.x + a.side).min(b.x + b.side) - a.x.max(b.x);
    let height = (a.y + a.side).min(b.y + b.side) - a.y.max(b.y);
    if width <= 0 || height <= 0 {
        return 0.0;
    }
    let both = (width * height) as f32;
    both / ((a.side * a.side) as f32 + (b.side * b.side) as f32 - both)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_one_face_become_one() {
        let face = |x, y, side, score| FaceBox { x, y, side, score };
        let boxes = vec![face(0, 0, 10, 1.0), face(1, 0, 10, 3.0), face(40, 40, 10, 2.0)];
        // 9 x 10 of 110 pixels are common: an overlap of 0.82.
        assert_eq!(suppress(boxes.clone(), 0.8), [face(1, 0, 10, 4.0), face(40, 40, 10, 2.0)]);
        assert_eq!(suppress(boxes, 0.82).len(), 3);
        assert!(suppress(Vec::new(), 0.3).is_empty());
    }
}
