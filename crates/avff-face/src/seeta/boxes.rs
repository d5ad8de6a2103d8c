//! Square boxes around faces and their non-maximum suppression.

/// A square around a face, in pixels; it may extend past the edges of the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceBox {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) side: i32,
    pub(crate) score: f64,
}

/// Non-maximum suppression: of boxes that overlap more than `limit` (intersection over union),
/// selects the one with the best score. The scores of the suppressed boxes are added to its score,
/// since many agreeing windows distinguish a face from a false positive.
pub(super) fn suppress(mut boxes: Vec<FaceBox>, limit: f32) -> Vec<FaceBox> {
    boxes.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut selected: Vec<FaceBox> = Vec::new();
    let mut suppressed = vec![false; boxes.len()];
    for (index, &best) in boxes.iter().enumerate() {
        if suppressed.get(index) != Some(&false) {
            continue;
        }
        let mut sum = best.score;
        for (other, suppressed) in boxes.iter().zip(&mut suppressed).skip(index + 1) {
            if !*suppressed && overlap(&best, other) > limit {
                *suppressed = true;
                sum += other.score;
            }
        }
        selected.push(FaceBox { score: sum, ..best });
    }
    selected
}

/// Returns the intersection over union.
fn overlap(a: &FaceBox, b: &FaceBox) -> f32 {
    let width = (a.x + a.side).min(b.x + b.side) - a.x.max(b.x);
    let height = (a.y + a.side).min(b.y + b.side) - a.y.max(b.y);
    if width <= 0 || height <= 0 {
        return 0.0;
    }
    let intersection = (width * height) as f32;
    intersection / ((a.side * a.side) as f32 + (b.side * b.side) as f32 - intersection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_one_face_are_merged() {
        let face = |x, y, side, score| FaceBox { x, y, side, score };
        let boxes = vec![face(0, 0, 10, 1.0), face(1, 0, 10, 3.0), face(40, 40, 10, 2.0)];
        // 9 x 10 of 110 pixels are common: an overlap of 0.82.
        assert_eq!(suppress(boxes.clone(), 0.8), [face(1, 0, 10, 4.0), face(40, 40, 10, 2.0)]);
        assert_eq!(suppress(boxes, 0.82).len(), 3);
        assert!(suppress(Vec::new(), 0.3).is_empty());
    }
}
