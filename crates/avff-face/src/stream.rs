//! A clip's pictures, cut to its main face.

use std::{cell::Cell, ops::ControlFlow};

use super::{
    config::{FaceCrop, NoFace},
    gray::Gray,
    seeta::{self, WINDOW},
    square::{Square, cut, squares},
    track::{Face, Tracker},
};
use crate::error::FaceError;
use avff_media::{Frame, FrameStream, MediaError, source::missing};

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
/// One call of [`try_frames`](Self::try_frames) is one sample: all of its pictures are looked at
/// before the first is handed on, and cut to one size. Holds up to 128 MiB of pictures, or
/// decodes them twice. Fails as the stream below does, and with [`FaceError::NoFace`].
pub struct FaceStream<'a> {
    inner: &'a mut dyn FrameStream,
    times: &'a [f64],
    crop: FaceCrop,
    max_held: usize,
    faces: Option<Faces>,
    without_face: Option<&'a Cell<bool>>,
}

impl<'a> FaceStream<'a> {
    /// Cuts what `inner` yields; `times` are those of all its pictures, in seconds.
    pub fn new(inner: &'a mut dyn FrameStream, times: &'a [f64], crop: FaceCrop) -> Self {
        Self { inner, times, crop, max_held: MAX_HELD, faces: None, without_face: None }
    }

    /// Sets `without_face`, before the first frame of a call is handed on, to whether its frames are whole
    /// for want of a face.
    #[must_use]
    pub fn report(mut self, without_face: &'a Cell<bool>) -> Self {
        self.without_face = Some(without_face);
        self
    }

    /// What was found in the pictures of the last call.
    #[must_use]
    pub fn faces(&self) -> Option<&Faces> {
        self.faces.as_ref()
    }

    /// Hands the frames at these indices to `sink`, each cut to the square around the main face.
    ///
    /// Indices increase strictly. All frames are looked at before the first is handed on. Stops without an
    /// error where `sink` breaks; its error ends the pass.
    ///
    /// # Errors
    /// What the stream below reports, [`FaceError::NoFace`], and the sink's own error.
    pub fn try_frames<E: From<FaceError>>(
        &mut self,
        indices: &[usize],
        mut sink: impl FnMut(usize, Frame) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let held = self.look(indices)?;
        let mut number = 0;
        let squares = self.faces.as_ref().and_then(|faces| faces.squares.as_deref());
        let mut cropped = |index: usize, frame: Frame| {
            let square = squares.and_then(|squares| squares.get(number));
            number += 1;
            let frame = match square {
                Some(&square) => cut(&frame, square),
                None => frame,
            };
            sink(index, frame)
        };
        let Some(held) = held else {
            return self
                .inner
                .try_frames(indices, |index, frame| cropped(index, frame).map_err(Failure::Sink))
                .map_err(Failure::into_error);
        };
        for (index, frame) in held {
            if cropped(index, frame)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Finds the face in the frames at these indices. Gives the frames, unless they take too much memory.
    fn look(&mut self, indices: &[usize]) -> Result<Option<Vec<(usize, Frame)>>, FaceError> {
        let time = |index: usize| self.times.get(index).copied().unwrap_or(0.0);
        let times: Vec<f64> = indices.iter().map(|&index| time(index)).collect();
        let mut watch = Watch::new(self.crop, &times);
        let mut held = Some(Vec::new());
        let mut bytes = 0_usize;
        self.inner.try_frames(indices, |index, frame| {
            watch.see(&frame)?;
            bytes = bytes.saturating_add(frame.rgb.len());
            if bytes > self.max_held {
                held = None;
            }
            if let Some(held) = &mut held {
                held.push((index, frame));
            }
            Ok::<_, FaceError>(ControlFlow::Continue(()))
        })?;
        if watch.seen != indices.len() {
            return Err(missing(indices.len(), watch.seen).into());
        }
        let faces = self.faces.insert(watch.finish()?);
        if let Some(without_face) = self.without_face {
            without_face.set(faces.squares.is_none());
        }
        Ok(held)
    }
}

/// Why a pass over the stream below ended: two kinds of error that must not be confused.
enum Failure<E> {
    Stream(MediaError),
    Sink(E),
}

impl<E> From<MediaError> for Failure<E> {
    fn from(error: MediaError) -> Self {
        Self::Stream(error)
    }
}

impl<E: From<FaceError>> Failure<E> {
    fn into_error(self) -> E {
        match self {
            Self::Stream(error) => FaceError::from(error).into(),
            Self::Sink(error) => error,
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

    fn see(&mut self, picture: &Frame) -> Result<(), FaceError> {
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
    /// [`FaceError::NoFace`] where the main face was found in too few pictures, unless that is no error.
    fn finish(self) -> Result<Faces, FaceError> {
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
            return Err(FaceError::NoFace { found: found.len(), looked });
        }
        let squares = squares(&found, self.times, self.crop.margin, self.size);
        Ok(Faces { squares: Some(squares), found, looked })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::path::Path;

    use avff_media::Stream;

    use super::*;
    use avff_media::{self, MediaSource as _, testing::Fake};

    #[test]
    fn a_stream_without_faces_is_an_error_or_as_it_was() {
        let mut fake = Fake::new(9);
        let times = fake.frame_times().to_vec();
        let mut crop = FaceCrop::default();
        let mut stream = FaceStream::new(fake.streams().0, &times, crop);
        let error: FaceError =
            stream.try_frames(&[0, 4, 8], |_, _| panic!("nothing to hand on")).unwrap_err();
        assert!(matches!(error, FaceError::NoFace { found: 0, looked: 3 }), "{error}");
        crop.no_face = NoFace::Full;
        let mut levels = Vec::new();
        let without = Cell::new(false);
        let mut stream = FaceStream::new(fake.streams().0, &times, crop).report(&without);
        let sink = |index, frame: Frame| {
            assert!(without.get());
            levels.push((index, frame.rgb[0]));
            Ok::<_, FaceError>(ControlFlow::Continue(()))
        };
        stream.try_frames(&[0, 4, 8], sink).unwrap();
        let faces = stream.faces().unwrap();
        assert_eq!((&faces.squares, faces.coverage()), (&None, 0.0));
        assert_eq!(levels, [(0, 0), (4, 4), (8, 8)]);
    }

    #[test]
    fn decoding_twice_gives_the_same_pictures_as_holding_them() {
        let path = Path::new("../avff/tests/fixtures/clips/match_b.mp4");
        let mut clip = avff_media::open(path).unwrap();
        let times = clip.frame_times().to_vec();
        let mut cropped = |max_held| {
            let mut stream = FaceStream::new(clip.streams().0, &times, FaceCrop::default());
            stream.max_held = max_held;
            let mut frames = Vec::new();
            let sink = |index, frame| {
                frames.push((index, frame));
                Ok::<_, FaceError>(ControlFlow::Continue(()))
            };
            stream.try_frames(&[3, 4, 40], sink).unwrap();
            frames
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
        let sink = |_, _| Ok::<_, FaceError>(ControlFlow::Continue(()));
        let error = stream.try_frames(&[0, 1], sink).unwrap_err();
        assert!(
            matches!(&error, FaceError::Media(error) if error.stream() == Some(Stream::Video)),
            "{error}"
        );
    }
}
