//! A clip's pictures, cut to its main face.

use std::cell::Cell;

use super::{
    config::{FaceCrop, NoFace},
    gray::Gray,
    seeta::{self, WINDOW},
    square::{Square, cut, squares},
    track::{Face, Tracker},
};
use crate::{
    error::DataError,
    media::{PictureStream, Take, missing},
    picture::Picture,
};

/// The least score of a face. Faces of the test clips score 6 and more, windows that agree by chance
/// 1 or 2.
const MIN_SCORE: f64 = 2.0;
/// A face is looked for this many times a second at most, and followed in between: heads do not move
/// faster than that, and looking is most of the work.
const LOOKS: f64 = 10.0;
/// Bytes of pictures that are held until it is known where to cut: 20 of 1920 x 1080. Longer streams
/// are decoded twice.
const MAX_HELD: usize = 128 << 20;

/// What was found in a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    /// Where every picture is cut; `None` where there is no face and the whole picture is taken.
    pub squares: Option<Vec<Square>>,
    /// The main face wherever it was found: the picture's number in the stream and the face.
    pub found: Vec<(usize, Face)>,
    /// Pictures that were looked at.
    pub looked: usize,
}

impl Faces {
    /// The share of the pictures looked at in which the main face was found, from 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.found.len() as f64 / self.looked.max(1) as f64
    }
}

/// The pictures of another stream, each cut to the square around the clip's main face.
///
/// One call of [`pictures`](PictureStream::pictures) is one sample: all of its pictures are looked at
/// before the first is handed on, and cut to one size. Holds up to 128 MiB of pictures, or
/// decodes them twice. Fails as the stream below does, and with [`DataError::NoFace`].
pub struct FaceStream<'a> {
    inner: &'a mut dyn PictureStream,
    times: &'a [f64],
    crop: FaceCrop,
    max_held: usize,
    faces: Option<Faces>,
    without: Option<&'a Cell<bool>>,
}

impl<'a> FaceStream<'a> {
    /// Cuts what `inner` yields; `times` are those of all its pictures, in seconds.
    pub fn new(inner: &'a mut dyn PictureStream, times: &'a [f64], crop: FaceCrop) -> Self {
        Self { inner, times, crop, max_held: MAX_HELD, faces: None, without: None }
    }

    /// Sets `without`, before the first picture of a call is handed on, to whether its pictures are whole
    /// for want of a face.
    #[must_use]
    pub fn telling(mut self, without: &'a Cell<bool>) -> Self {
        self.without = Some(without);
        self
    }

    /// What was found in the pictures of the last call.
    #[must_use]
    pub fn faces(&self) -> Option<&Faces> {
        self.faces.as_ref()
    }
}

impl PictureStream for FaceStream<'_> {
    fn pictures(&mut self, indices: &[usize], take: Take<'_>) -> Result<(), DataError> {
        let time = |index: usize| self.times.get(index).copied().unwrap_or(0.0);
        let times: Vec<f64> = indices.iter().map(|&index| time(index)).collect();
        let mut watch = Watch::new(self.crop, &times);
        let mut held = Some(Vec::new());
        let mut bytes = 0_usize;
        self.inner.pictures(indices, &mut |index, picture| {
            watch.see(&picture)?;
            bytes = bytes.saturating_add(picture.rgb.len());
            if bytes > self.max_held {
                held = None;
            }
            if let Some(held) = &mut held {
                held.push((index, picture));
            }
            Ok(())
        })?;
        if watch.seen != indices.len() {
            return Err(missing(indices.len(), watch.seen));
        }
        let faces = self.faces.insert(watch.finish()?);
        if let Some(without) = self.without {
            without.set(faces.squares.is_none());
        }
        let mut number = 0;
        let mut hand = |index: usize, picture: Picture| {
            let square = faces.squares.as_ref().and_then(|squares| squares.get(number));
            number += 1;
            let picture = match square {
                Some(&square) => cut(&picture, square),
                None => picture,
            };
            take(index, picture)
        };
        match held {
            Some(held) => held.into_iter().try_for_each(|(index, picture)| hand(index, picture)),
            None => self.inner.pictures(indices, &mut hand),
        }
    }
}

/// Looks at pictures as they come.
struct Watch<'a> {
    crop: FaceCrop,
    times: &'a [f64],
    tracker: Tracker,
    /// The numbers of the pictures that were looked at.
    looked: Vec<usize>,
    size: (usize, usize),
    seen: usize,
}

impl<'a> Watch<'a> {
    fn new(crop: FaceCrop, times: &'a [f64]) -> Self {
        Self { crop, times, tracker: Tracker::default(), looked: Vec::new(), size: (0, 0), seen: 0 }
    }

    fn see(&mut self, picture: &Picture) -> Result<(), DataError> {
        let number = self.seen;
        self.seen += 1;
        let time = |number: usize| self.times.get(number).copied().unwrap_or(0.0);
        // A thousandth of leave: ten a second are not to be missed for a rounded time.
        let due = |&last: &usize| time(number) - time(last) >= 1.0 / LOOKS - 0.001;
        if !self.looked.last().is_none_or(due) {
            return Ok(());
        }
        self.looked.push(number);
        self.size = (picture.width, picture.height);
        // The smallest face just fills the detector's window.
        let shorter = (WINDOW as f64 / self.crop.min_size).ceil() as usize;
        let (gray, factor) = Gray::of(picture, shorter)?;
        let faces: Vec<Face> = seeta::detect(&gray, MIN_SCORE)
            .iter()
            .map(|found| {
                let middle = |start: i32| (f64::from(start) + f64::from(found.side) / 2.0) * factor;
                let (x, y) = (middle(found.x), middle(found.y));
                Face { x, y, side: f64::from(found.side) * factor, score: found.score }
            })
            .collect();
        self.tracker.look(&faces);
        Ok(())
    }

    /// # Errors
    /// [`DataError::NoFace`] where the main face was found in too few pictures, unless that is no error.
    fn finish(self) -> Result<Faces, DataError> {
        let (looked, wanted) = (self.looked.len(), self.crop.min_seen);
        let place = |&(look, face): &(usize, Face)| Some((*self.looked.get(look)?, face));
        let found: Vec<(usize, Face)> = self
            .tracker
            .main()
            .map(|track| track.faces.iter().filter_map(place).collect())
            .unwrap_or_default();
        if found.is_empty() || (found.len() as f64) < wanted * looked as f64 {
            if self.crop.no_face == NoFace::Full {
                return Ok(Faces { squares: None, found, looked });
            }
            return Err(DataError::NoFace { found: found.len(), looked });
        }
        let squares = squares(&found, self.times, self.crop.margin, self.size);
        Ok(Faces { squares: Some(squares), found, looked })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::media::{self, MediaSource as _, fake::Fake};

    #[test]
    fn a_stream_without_faces_is_an_error_or_as_it_was() {
        let mut fake = Fake::new(9);
        let times = fake.frame_times().to_vec();
        let mut crop = FaceCrop::default();
        let mut stream = FaceStream::new(fake.streams().0, &times, crop);
        let error =
            stream.pictures(&[0, 4, 8], &mut |_, _| panic!("nothing to hand on")).unwrap_err();
        assert!(matches!(error, DataError::NoFace { found: 0, looked: 3 }), "{error}");
        assert_eq!(error.stage(), "face");
        crop.no_face = NoFace::Full;
        let mut levels = Vec::new();
        let without = Cell::new(false);
        let mut stream = FaceStream::new(fake.streams().0, &times, crop).telling(&without);
        let take = &mut |index, picture: Picture| {
            assert!(without.get());
            levels.push((index, picture.rgb[0]));
            Ok(())
        };
        stream.pictures(&[0, 4, 8], take).unwrap();
        let faces = stream.faces().unwrap();
        assert_eq!((&faces.squares, faces.coverage()), (&None, 0.0));
        assert_eq!(levels, [(0, 0), (4, 4), (8, 8)]);
    }

    #[test]
    fn decoding_twice_gives_the_same_pictures_as_holding_them() {
        let path = Path::new("../../data/clips/match_b.mp4");
        let mut clip = media::open(path).unwrap();
        let times = clip.frame_times().to_vec();
        let mut cropped = |max_held| {
            let mut stream = FaceStream::new(clip.streams().0, &times, FaceCrop::default());
            stream.max_held = max_held;
            let mut pictures = Vec::new();
            let take = &mut |index, picture| {
                pictures.push((index, picture));
                Ok(())
            };
            stream.pictures(&[3, 4, 40], take).unwrap();
            pictures
        };
        let (held, twice) = (cropped(MAX_HELD), cropped(3 * 256 * 256));
        assert_eq!(held.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [3, 4, 40]);
        assert!(held == twice);
    }

    #[test]
    fn missing_pictures_are_an_error() {
        let mut fake = Fake::new(9);
        fake.pictures.short_by = 1;
        let times = fake.frame_times().to_vec();
        let mut stream = FaceStream::new(fake.streams().0, &times, FaceCrop::default());
        assert_eq!(stream.pictures(&[0, 1], &mut |_, _| Ok(())).unwrap_err().stage(), "video");
    }
}
