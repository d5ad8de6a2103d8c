//! Links faces of several frames to people and selects the main face.

/// A detected face: a square, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The horizontal center, from the left.
    pub x: f64,
    /// The vertical center, from the top.
    pub y: f64,
    /// The side length, which reaches from the brows to the chin.
    pub side: f64,
    /// The detector's confidence: about the number of agreeing windows.
    pub score: f64,
}

/// The largest movement of one face between two detections, in sides.
const MAX_DISTANCE: f64 = 1.0;
/// The largest ratio of the sides of one face in two detections.
const MAX_RATIO: f64 = 2.0;

/// One face in several frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// The detections: the index of the update, which increases, and the face.
    pub faces: Vec<(usize, Face)>,
}

impl Track {
    /// Returns the weight of the face in the clip: the sum of its side times the detector's score.
    fn weight(&self) -> f64 {
        self.faces.iter().map(|(_, face)| face.side * face.score).sum()
    }
}

/// Links faces from frame to frame.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    frames: usize,
}

impl Tracker {
    /// Adds the faces of the next frame. Faces are assigned to tracks by distance, nearest pair
    /// first. Each remaining face starts a new track.
    pub fn update(&mut self, faces: &[Face]) {
        let mut pairs = Vec::new();
        for (place, track) in self.tracks.iter().enumerate() {
            let Some((_, last)) = track.faces.last() else { continue };
            let linked = faces.iter().enumerate().filter_map(|(index, face)| {
                distance(last, face).map(|distance| (distance, place, index))
            });
            pairs.extend(linked);
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        let mut linked_tracks = vec![false; self.tracks.len()];
        let mut linked_faces = vec![false; faces.len()];
        for (_, place, index) in pairs {
            let flags = linked_tracks.get_mut(place).zip(linked_faces.get_mut(index));
            let (Some((track_linked, face_linked)), Some(face)) = (flags, faces.get(index)) else {
                continue;
            };
            if *track_linked || *face_linked {
                continue;
            }
            (*track_linked, *face_linked) = (true, true);
            if let Some(track) = self.tracks.get_mut(place) {
                track.faces.push((self.frames, *face));
            }
        }
        for (face, _) in faces.iter().zip(linked_faces).filter(|(_, linked)| !linked) {
            self.tracks.push(Track { faces: vec![(self.frames, *face)] });
        }
        self.frames += 1;
    }

    /// Returns the number of added frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Returns the main face: the one with the largest sum of side times score; the first on a tie.
    #[must_use]
    pub fn main(&self) -> Option<&Track> {
        let mut main: Option<&Track> = None;
        for track in &self.tracks {
            if main.is_none_or(|main| track.weight() > main.weight()) {
                main = Some(track);
            }
        }
        main
    }
}

/// Returns the distance of two faces, in sides, or `None` where they cannot be one face.
fn distance(a: &Face, b: &Face) -> Option<f64> {
    let side = (a.side + b.side) / 2.0;
    let ratio = a.side.max(b.side) / a.side.min(b.side);
    let distance = (a.x - b.x).hypot(a.y - b.y) / side;
    (distance <= MAX_DISTANCE && ratio <= MAX_RATIO).then_some(distance)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn face(x: f64, side: f64, score: f64) -> Face {
        Face { x, y: 50.0, side, score }
    }

    fn positions(track: &Track) -> Vec<(usize, f64)> {
        track.faces.iter().map(|(look, face)| (*look, face.x)).collect()
    }

    #[test]
    fn crossing_people_are_separated_by_distance() {
        let mut tracker = Tracker::default();
        for step in 0..5 {
            let at = f64::from(step) * 10.0;
            // The order in the detector's list alternates.
            let mut faces = [face(20.0 + at, 40.0, 5.0), face(200.0 - at, 44.0, 5.0)];
            if step % 2 == 1 {
                faces.reverse();
            }
            tracker.update(&faces);
        }
        assert_eq!(tracker.frames(), 5);
        assert_eq!(tracker.tracks.len(), 2);
        // Of two faces with equal scores, the larger one is the main face.
        let main = positions(tracker.main().unwrap());
        assert_eq!(main, [(0, 200.0), (1, 190.0), (2, 180.0), (3, 170.0), (4, 160.0)]);
    }

    #[test]
    fn track_continues_after_missed_detections() {
        let mut tracker = Tracker::default();
        for faces in [&[face(50.0, 40.0, 5.0)][..], &[], &[], &[face(70.0, 44.0, 5.0)]] {
            tracker.update(faces);
        }
        assert_eq!(positions(tracker.main().unwrap()), [(0, 50.0), (3, 70.0)]);
    }

    #[test]
    fn distant_or_differently_sized_faces_start_new_tracks() {
        for other in [face(91.0, 40.0, 1.0), face(50.0, 81.0, 1.0), face(50.0, 19.0, 1.0)] {
            let mut tracker = Tracker::default();
            tracker.update(&[face(50.0, 40.0, 1.0)]);
            tracker.update(&[other]);
            assert_eq!(tracker.tracks.len(), 2, "{other:?}");
        }
    }

    #[test]
    fn single_large_false_positive_is_not_the_main_face() {
        let mut tracker = Tracker::default();
        for index in 0..10 {
            let speaker = face(50.0, 40.0, 10.0);
            let false_positive = face(300.0, 200.0, 2.5);
            tracker.update(&[false_positive, speaker][usize::from(index != 4)..]);
        }
        assert_eq!(tracker.main().unwrap().faces.len(), 10);
        assert!(Tracker::default().main().is_none());
    }
}
