//! Faces of several pictures linked to people, and the main one chosen.

/// A face in a picture: a square, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The middle, from the left.
    pub x: f64,
    /// The middle, from the top.
    pub y: f64,
    /// The side, which reaches from the brows to the chin.
    pub side: f64,
    /// How sure the detector is: about the number of windows that agree.
    pub score: f64,
}

/// How far a face may have moved from one look to the next and still be the same, in sides.
const REACH: f64 = 1.0;
/// How much larger or smaller it may have become.
const GROWTH: f64 = 2.0;

/// The same face in several pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Where it was found: the number of the look, which increases, and the face.
    pub faces: Vec<(usize, Face)>,
}

impl Track {
    /// How much of the clip the face is: the sum of its size times the detector's score.
    fn weight(&self) -> f64 {
        self.faces.iter().map(|(_, face)| face.side * face.score).sum()
    }
}

/// Faces that are being followed.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    looks: usize,
}

impl Tracker {
    /// The faces of the next picture. The nearest pair of a face and a track comes first; what is left
    /// starts tracks of its own.
    pub fn look(&mut self, faces: &[Face]) {
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
                track.faces.push((self.looks, *face));
            }
        }
        for (face, _) in faces.iter().zip(linked_faces).filter(|(_, linked)| !linked) {
            self.tracks.push(Track { faces: vec![(self.looks, *face)] });
        }
        self.looks += 1;
    }

    /// Pictures that were looked at.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.looks
    }

    /// The main face: the one with the largest sum of size times score; of equals, the first.
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

/// How far two faces lie apart, in sides; `None` where they cannot be one.
fn distance(a: &Face, b: &Face) -> Option<f64> {
    let side = (a.side + b.side) / 2.0;
    let growth = a.side.max(b.side) / a.side.min(b.side);
    let distance = (a.x - b.x).hypot(a.y - b.y) / side;
    (distance <= REACH && growth <= GROWTH).then_some(distance)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn face(x: f64, side: f64, score: f64) -> Face {
        Face { x, y: 50.0, side, score }
    }

    fn places(track: &Track) -> Vec<(usize, f64)> {
        track.faces.iter().map(|(look, face)| (*look, face.x)).collect()
    }

    #[test]
    fn crossing_people_are_kept_apart_by_distance() {
        let mut tracker = Tracker::default();
        for step in 0..5 {
            let at = f64::from(step) * 10.0;
            // In turn the one or the other comes first in the detector's list.
            let mut faces = [face(20.0 + at, 40.0, 5.0), face(200.0 - at, 44.0, 5.0)];
            if step % 2 == 1 {
                faces.reverse();
            }
            tracker.look(&faces);
        }
        assert_eq!(tracker.looks(), 5);
        assert_eq!(tracker.tracks.len(), 2);
        // Of two faces as sure, the larger.
        let main = places(tracker.main().unwrap());
        assert_eq!(main, [(0, 200.0), (1, 190.0), (2, 180.0), (3, 170.0), (4, 160.0)]);
    }

    #[test]
    fn a_face_that_is_missed_is_found_again() {
        let mut tracker = Tracker::default();
        for faces in [&[face(50.0, 40.0, 5.0)][..], &[], &[], &[face(70.0, 44.0, 5.0)]] {
            tracker.look(faces);
        }
        assert_eq!(places(tracker.main().unwrap()), [(0, 50.0), (3, 70.0)]);
    }

    #[test]
    fn far_or_other_sized_faces_are_other_people() {
        for other in [face(91.0, 40.0, 1.0), face(50.0, 81.0, 1.0), face(50.0, 19.0, 1.0)] {
            let mut tracker = Tracker::default();
            tracker.look(&[face(50.0, 40.0, 1.0)]);
            tracker.look(&[other]);
            assert_eq!(tracker.tracks.len(), 2, "{other:?}");
        }
    }

    #[test]
    fn one_large_chance_hit_is_not_the_main_face() {
        let mut tracker = Tracker::default();
        for look in 0..10 {
            let speaker = face(50.0, 40.0, 10.0);
            let chance = face(300.0, 200.0, 2.5);
            tracker.look(&[chance, speaker][usize::from(look != 4)..]);
        }
        assert_eq!(tracker.main().unwrap().faces.len(), 10);
        assert!(Tracker::default().main().is_none());
    }
}
