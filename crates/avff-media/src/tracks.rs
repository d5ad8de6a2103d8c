//! Which of several tracks is read, as players choose.
//!
//! A clip may hold a second video or several languages, pictures that are tracks, and tracks that
//! nothing decodes. Both readers choose here, so they read the same.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::error::{MediaError, Stream};

/// The tracks to read where a clip has several. Numbers count the tracks of each kind from 1, in the
/// order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tracks {
    /// The video track; `None` for the one that players choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<NonZeroUsize>,
    /// The audio track; `None` for the one that players choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<NonZeroUsize>,
}

impl Tracks {
    /// Returns whether players' choice is read.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn number(&self, stream: Stream) -> Option<NonZeroUsize> {
        match stream {
            Stream::Video => self.video,
            Stream::Audio => self.audio,
        }
    }
}

/// The one of several tracks or channels that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The number of the track among those of its kind, or of the channel, from 1.
    pub number: usize,
    /// How many there are.
    pub count: usize,
}

impl Choice {
    /// The only one.
    pub const ONLY: Self = Self { number: 1, count: 1 };
}

/// What is known of a track before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Candidate {
    /// Whether the container switches the track on, or calls it the default.
    pub(crate) enabled: bool,
    /// Whether the format is a known one. A track of an unknown format is passed over, as by players.
    pub(crate) known: bool,
    /// Whether the track is a cover or a thumbnail, or in a format of still pictures.
    pub(crate) picture: bool,
    /// Whether the track has no packets, as that of another program in a part of a broadcast.
    pub(crate) empty: bool,
    /// Whether the track belongs to another program of a broadcast than its counterpart.
    pub(crate) foreign: bool,
}

impl Candidate {
    fn rank(self) -> (bool, bool, bool, bool) {
        (self.known && !self.empty, !self.foreign, !self.picture, self.enabled)
    }
}

/// Returns the index of the track to read, and the choice: the wanted track, or the first of the best
/// ones.
///
/// # Errors
///
/// `MissingStream` without any track, `NoTrack` where the wanted track does not exist.
pub(crate) fn choose(
    candidates: &[Candidate],
    stream: Stream,
    tracks: Tracks,
) -> Result<(usize, Choice), MediaError> {
    let count = candidates.len();
    let best = candidates.iter().map(|candidate| candidate.rank()).max();
    let best = best.and_then(|best| candidates.iter().position(|one| one.rank() == best));
    let best = best.ok_or(MediaError::MissingStream { stream })?;
    let index = match tracks.number(stream).map(NonZeroUsize::get) {
        None => best,
        Some(number) if number <= count => number - 1,
        Some(number) => return Err(MediaError::NoTrack { stream, number, count }),
    };
    Ok((index, Choice { number: index + 1, count }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const PLAIN: Candidate =
        Candidate { enabled: true, known: true, picture: false, empty: false, foreign: false };
    const OFF: Candidate = Candidate { enabled: false, ..PLAIN };
    const UNKNOWN: Candidate = Candidate { known: false, ..PLAIN };
    const COVER: Candidate = Candidate { picture: true, ..PLAIN };
    const EMPTY: Candidate = Candidate { empty: true, ..PLAIN };

    #[test]
    fn the_first_enabled_track_of_a_known_format_is_read() {
        for (candidates, chosen) in [
            (&[PLAIN, PLAIN][..], 0),
            (&[OFF, PLAIN], 1),
            (&[UNKNOWN, PLAIN], 1),
            (&[UNKNOWN, OFF], 1),
            (&[COVER, PLAIN], 1),
            (&[COVER, OFF], 1),
            (&[EMPTY, OFF], 1),
            (&[EMPTY, COVER], 1),
            (&[Candidate { foreign: true, ..PLAIN }, OFF], 1),
            (&[OFF, OFF], 0),
            (&[UNKNOWN], 0),
            (&[COVER], 0),
        ] {
            let (index, choice) = choose(candidates, Stream::Audio, Tracks::default()).unwrap();
            assert_eq!(index, chosen, "{candidates:?}");
            assert_eq!(choice, Choice { number: chosen + 1, count: candidates.len() });
        }
        assert!(choose(&[], Stream::Audio, Tracks::default()).is_err());
    }

    #[test]
    fn a_wanted_track_is_read_or_missed() {
        let wanted = |number| Tracks { video: None, audio: NonZeroUsize::new(number) };
        let candidates = [PLAIN, OFF];
        assert_eq!(choose(&candidates, Stream::Audio, wanted(2)).unwrap().0, 1);
        assert_eq!(choose(&candidates, Stream::Video, wanted(2)).unwrap().0, 0);
        let error = choose(&candidates, Stream::Audio, wanted(3)).unwrap_err();
        assert_eq!(error.to_string(), "there is no audio track 3: the clip has 2");
    }
}
