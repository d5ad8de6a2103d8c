//! A stream of a clip's frames, cropped to its main face.

use std::{borrow::Cow, cell::Cell, ops::ControlFlow};

use super::{
    config::{FaceCrop, NoFace},
    gray::Gray,
    seeta::{self, WINDOW},
    square::{Square, crop, squares},
    track::{Face, Tracker},
};
use crate::error::FaceError;
use avff_media::{
    Frame, FrameStream, MediaError,
    pixel_aspect::{SQUARE, square_pixels},
    source::missing,
};

/// The minimum score of a face. Faces of the test clips score 6 and more, false positives 1 or 2.
const MIN_SCORE: f64 = 2.0;
/// The maximum detection rate, per second; between detections the face is interpolated. Heads do
/// not move faster, and detection takes most of the time.
const DETECTION_RATE: f64 = 10.0;
/// The limit on bytes of frames that are buffered until the crop is known: 20 frames of 1920 x
/// 1080. Longer streams are decoded twice.
const MAX_BUFFERED: usize = 128 << 20;

/// The faces detected in a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    /// The crop of every frame; `None` where there is no face and whole frames are used.
    pub squares: Option<Vec<Square>>,
    /// The detections of the main face: index of the frame in the stream, and the face.
    pub detections: Vec<(usize, Face)>,
    /// The number of examined frames.
    pub examined: usize,
}

impl Faces {
    /// Returns the fraction of examined frames in which the main face was detected, from 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.detections.len() as f64 / self.examined.max(1) as f64
    }
}

/// The frames of another stream, each cropped to the square around the clip's main face.
///
/// One call of [`try_frames`](Self::try_frames) is one sample. All its frames are examined before
/// the first is passed on, and all are cropped to one size. The stream buffers up to 128 MiB of
/// frames; larger samples are decoded twice. It fails with the errors of the inner stream and with
/// [`FaceError::NoFace`].
///
/// Where the clip's [pixels are not square](Self::pixel_aspect), every frame is resized to square
/// pixels before the face is detected. Coordinates and frames are those of the resized frames.
pub struct FaceStream<'a> {
    inner: &'a mut dyn FrameStream,
    times: &'a [f64],
    crop: FaceCrop,
    pixel_aspect: (u32, u32),
    max_buffered: usize,
    faces: Option<Faces>,
    without_face: Option<&'a Cell<bool>>,
}

impl<'a> FaceStream<'a> {
    /// Crops the frames of `inner`. `times` are the times of all its frames, in seconds.
    pub fn new(inner: &'a mut dyn FrameStream, times: &'a [f64], crop: FaceCrop) -> Self {
        Self {
            inner,
            times,
            crop,
            pixel_aspect: SQUARE,
            max_buffered: MAX_BUFFERED,
            faces: None,
            without_face: None,
        }
    }

    /// Sets the width and height of the clip's pixels, by default square.
    #[must_use]
    pub fn pixel_aspect(mut self, pixel_aspect: (u32, u32)) -> Self {
        self.pixel_aspect = pixel_aspect;
        self
    }

    /// Reports through `without_face` whether the frames of a call are whole because no face was
    /// detected. The value is set before the first frame of a call is passed on.
    #[must_use]
    pub fn report(mut self, without_face: &'a Cell<bool>) -> Self {
        self.without_face = Some(without_face);
        self
    }

    /// Returns the faces that the last call detected.
    #[must_use]
    pub fn faces(&self) -> Option<&Faces> {
        self.faces.as_ref()
    }

    /// Passes the frames at `indices` to `sink`, each cropped to the square around the main face.
    ///
    /// Indices are strictly increasing. All frames are examined before the first is passed on.
    /// Stops without an error where `sink` breaks; the sink's error ends the reading.
    ///
    /// # Errors
    /// The errors of the inner stream, [`FaceError::NoFace`], and the sink's own error.
    pub fn try_frames<E: From<FaceError>>(
        &mut self,
        indices: &[usize],
        mut sink: impl FnMut(usize, Frame) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let buffered = self.detect(indices)?;
        let mut number = 0;
        let squares = self.faces.as_ref().and_then(|faces| faces.squares.as_deref());
        let mut cropped = |index: usize, frame: Frame| {
            let square = squares.and_then(|squares| squares.get(number));
            number += 1;
            let frame = match square {
                Some(&square) => crop(&frame, square),
                None => frame,
            };
            sink(index, frame)
        };
        let Some(buffered) = buffered else {
            let pixel_aspect = self.pixel_aspect;
            return self
                .inner
                .try_frames(indices, |index, frame| {
                    let frame = square(frame, pixel_aspect)?;
                    cropped(index, frame).map_err(Failure::Sink)
                })
                .map_err(Failure::into_error);
        };
        for (index, frame) in buffered {
            if cropped(index, frame)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Detects the face in the frames at `indices`. Returns the frames, unless they take too much
    /// memory.
    fn detect(&mut self, indices: &[usize]) -> Result<Option<Vec<(usize, Frame)>>, FaceError> {
        let time = |index: usize| self.times.get(index).copied().unwrap_or(0.0);
        let times: Vec<f64> = indices.iter().map(|&index| time(index)).collect();
        let mut detection = FaceDetection::new(self.crop, &times);
        let mut buffered = Some(Vec::new());
        let mut bytes = 0_usize;
        let pixel_aspect = self.pixel_aspect;
        self.inner.try_frames(indices, |index, frame| {
            let frame = square(frame, pixel_aspect)?;
            detection.add(&frame)?;
            bytes = bytes.saturating_add(frame.rgb.len());
            if bytes > self.max_buffered {
                buffered = None;
            }
            if let Some(buffered) = &mut buffered {
                buffered.push((index, frame));
            }
            Ok::<_, FaceError>(ControlFlow::Continue(()))
        })?;
        if detection.count != indices.len() {
            return Err(missing(indices.len(), detection.count).into());
        }
        let faces = self.faces.insert(detection.finish()?);
        if let Some(without_face) = self.without_face {
            without_face.set(faces.squares.is_none());
        }
        Ok(buffered)
    }
}

/// Resizes a frame to square pixels, if they are not.
fn square(frame: Frame, pixel_aspect: (u32, u32)) -> Result<Frame, MediaError> {
    match square_pixels(&frame, pixel_aspect)? {
        Cow::Owned(resized) => Ok(resized),
        Cow::Borrowed(_) => Ok(frame),
    }
}

/// The reason why reading the inner stream ended: two kinds of error that must not be confused.
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

/// Detects faces in successive frames.
struct FaceDetection<'a> {
    crop: FaceCrop,
    times: &'a [f64],
    tracker: Tracker,
    /// The indices of the examined frames.
    examined: Vec<usize>,
    size: (usize, usize),
    count: usize,
}

impl<'a> FaceDetection<'a> {
    fn new(crop: FaceCrop, times: &'a [f64]) -> Self {
        Self {
            crop,
            times,
            tracker: Tracker::default(),
            examined: Vec::new(),
            size: (0, 0),
            count: 0,
        }
    }

    fn add(&mut self, frame: &Frame) -> Result<(), FaceError> {
        let number = self.count;
        self.count += 1;
        let time = |number: usize| self.times.get(number).copied().unwrap_or(0.0);
        // The tolerance of one millisecond keeps rounded times from skipping one of ten detections
        // per second.
        let is_due = |&last: &usize| time(number) - time(last) >= 1.0 / DETECTION_RATE - 0.001;
        if !self.examined.last().is_none_or(is_due) {
            return Ok(());
        }
        self.examined.push(number);
        self.size = (frame.width, frame.height);
        // The smallest face exactly fills the detector's window.
        let shorter = (WINDOW as f64 / self.crop.min_size).ceil() as usize;
        let (gray, factor) = Gray::from_frame(frame, shorter)?;
        let faces: Vec<Face> = seeta::detect(&gray, MIN_SCORE)
            .iter()
            .map(|face| {
                let center = |start: i32| (f64::from(start) + f64::from(face.side) / 2.0) * factor;
                let (x, y) = (center(face.x), center(face.y));
                Face { x, y, side: f64::from(face.side) * factor, score: face.score }
            })
            .collect();
        self.tracker.update(&faces);
        Ok(())
    }

    /// # Errors
    /// [`FaceError::NoFace`] where the main face was detected in too few frames, unless whole
    /// frames are accepted.
    fn finish(self) -> Result<Faces, FaceError> {
        let (examined, min_seen) = (self.examined.len(), self.crop.min_seen);
        let frame_of = |&(update, face): &(usize, Face)| Some((*self.examined.get(update)?, face));
        let detections: Vec<(usize, Face)> = self
            .tracker
            .main()
            .map(|track| track.faces.iter().filter_map(frame_of).collect())
            .unwrap_or_default();
        if detections.is_empty() || (detections.len() as f64) < min_seen * examined as f64 {
            if self.crop.no_face == NoFace::Full {
                return Ok(Faces { squares: None, detections, examined });
            }
            return Err(FaceError::NoFace { detected: detections.len(), examined });
        }
        let squares =
            squares(&detections, self.times, (self.crop.margin, self.crop.down), self.size);
        Ok(Faces { squares: Some(squares), detections, examined })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::path::Path;

    use avff_media::Stream;

    use super::*;
    use avff_media::{self, FrameSink, MediaSource as _, resize::resize, testing::TestClip};

    #[test]
    fn stream_without_faces_is_an_error_or_unchanged() {
        let mut clip = TestClip::new(9);
        let times = clip.frame_times().to_vec();
        let mut crop = FaceCrop::default();
        let mut stream = FaceStream::new(clip.streams().0, &times, crop);
        let error: FaceError =
            stream.try_frames(&[0, 4, 8], |_, _| panic!("no frame may be passed on")).unwrap_err();
        assert!(matches!(error, FaceError::NoFace { detected: 0, examined: 3 }), "{error}");
        crop.no_face = NoFace::Full;
        let mut levels = Vec::new();
        let without = Cell::new(false);
        let mut stream = FaceStream::new(clip.streams().0, &times, crop).report(&without);
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
    fn decoding_twice_gives_the_same_frames_as_buffering() {
        let path = Path::new("../avff/tests/fixtures/clips/match_b.mp4");
        let mut clip = avff_media::open(path).unwrap();
        let times = clip.frame_times().to_vec();
        let mut cropped = |max_buffered| {
            let mut stream = FaceStream::new(clip.streams().0, &times, FaceCrop::default());
            stream.max_buffered = max_buffered;
            let mut frames = Vec::new();
            let sink = |index, frame| {
                frames.push((index, frame));
                Ok::<_, FaceError>(ControlFlow::Continue(()))
            };
            stream.try_frames(&[3, 4, 40], sink).unwrap();
            frames
        };
        let (buffered, twice) = (cropped(MAX_BUFFERED), cropped(3 * 256 * 256));
        assert_eq!(buffered.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [3, 4, 40]);
        assert!(buffered == twice);
    }

    /// A stream whose frames are resized to a width.
    struct Resized<'a>(&'a mut dyn FrameStream, usize);

    impl FrameStream for Resized<'_> {
        fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
            let width = self.1;
            self.0.frames(indices, &mut |index, frame| {
                sink(index, resize(&frame, width, frame.height).unwrap())
            })
        }
    }

    #[test]
    fn faces_are_detected_and_cropped_in_square_pixels() {
        let path = Path::new("../avff/tests/fixtures/clips/match_b.mp4");
        let mut clip = avff_media::open(path).unwrap();
        let times = clip.frame_times().to_vec();
        let mut cropped = |aspect, max_buffered| {
            // Frames of 256 x 256 pixels are stored with half of their columns.
            let mut stored = Resized(clip.streams().0, 128);
            let mut shown = Resized(&mut stored, 256);
            let mut frames = Vec::new();
            let sink = |index, frame| {
                frames.push((index, frame));
                Ok::<_, FaceError>(ControlFlow::Continue(()))
            };
            let inner: &mut dyn FrameStream =
                if aspect == SQUARE { &mut shown } else { &mut *shown.0 };
            let crop = FaceCrop::default();
            let mut stream = FaceStream::new(inner, &times, crop).pixel_aspect(aspect);
            stream.max_buffered = max_buffered;
            stream.try_frames(&[3, 4, 40], sink).unwrap();
            let squares = stream.faces().unwrap().squares.clone();
            (squares, frames)
        };
        let expected = cropped(SQUARE, MAX_BUFFERED);
        assert!(expected.0.is_some());
        for max_buffered in [MAX_BUFFERED, 1] {
            assert!(cropped((2, 1), max_buffered) == expected, "{max_buffered}");
        }
    }

    #[test]
    fn missing_frames_are_an_error() {
        let mut clip = TestClip::new(9);
        clip.frames.missing = 1;
        let times = clip.frame_times().to_vec();
        let mut stream = FaceStream::new(clip.streams().0, &times, FaceCrop::default());
        let sink = |_, _| Ok::<_, FaceError>(ControlFlow::Continue(()));
        let error = stream.try_frames(&[0, 1], sink).unwrap_err();
        assert!(
            matches!(&error, FaceError::Media(error) if error.stream() == Some(Stream::Video)),
            "{error}"
        );
    }
}
