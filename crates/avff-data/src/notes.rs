//! What is worth knowing of a clip beside its tensors.

use avff_media::{Choice, DamageCheck, MediaSource, Stream, long_frames, missing_spans};
use serde::Serialize;

use crate::spec::ClipSpec;

/// Which streams of a clip were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StreamChoices {
    /// The video track.
    pub video_track: Choice,
    /// The audio track.
    pub audio_track: Choice,
    /// The audio channel: always the first, as in Open-AVFF. The count is the container's.
    pub audio_channel: Choice,
    /// How much damage inside the streams can be told.
    pub damage_checks: DamageChecks,
}

/// How much damage inside frames and audio packets can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DamageChecks {
    /// Inside frames.
    pub video: DamageCheck,
    /// Inside audio packets.
    pub audio: DamageCheck,
}

impl StreamChoices {
    pub(crate) fn of(source: &dyn MediaSource) -> Self {
        let info = source.info();
        Self {
            video_track: info.video_track,
            audio_track: info.audio_track,
            audio_channel: Choice { number: 1, count: info.channels },
            damage_checks: DamageChecks { video: info.video_check, audio: info.audio_check },
        }
    }
}

/// The largest difference from the presentation that goes without a note, in seconds: half a frame at
/// 25 frames per second.
const NEGLIGIBLE: f64 = 0.02;

/// Describes the gaps in the audio of a clip.
fn audio_gaps(gaps: &[(f64, f64)], whole: bool) -> Option<String> {
    let (missing, place) = total(gaps)?;
    let instead = if whole { "" } else { "; silence is in its place" };
    Some(format!("{missing:.2} s of audio are missing, {place}{instead}"))
}

/// Describes the gaps in the frames of a clip of a constant rate. A frame may also be held on purpose.
fn video_gaps(gaps: &[(f64, f64)]) -> Option<String> {
    let (missing, place) = total(gaps)?;
    Some(format!(
        "frames are held for {missing:.2} s longer than the constant rate of the clip, {place}; others may be missing there"
    ))
}

/// Returns how long gaps last together, and where they are.
fn total(gaps: &[(f64, f64)]) -> Option<(f64, String)> {
    let &(start, end) = gaps.first()?;
    let place = match gaps.len() {
        1 => format!("from {start:.2} to {end:.2} s"),
        count => format!("in {count} gaps, the first from {start:.2} to {end:.2} s"),
    };
    Some((gaps.iter().map(|gap| gap.1 - gap.0).sum(), place))
}

/// Describes choices between tracks, lost parts, and where whole-clip sampling differs from the clip's
/// presentation.
pub(crate) fn notes(source: &dyn MediaSource, spec: &ClipSpec) -> Vec<String> {
    let info = source.info();
    let mut notes = info.notes.clone();
    for (stream, choice) in [(Stream::Video, info.video_track), (Stream::Audio, info.audio_track)] {
        let Choice { number, count } = choice;
        if count > 1 {
            notes.push(format!("{stream} track {number} of {count} is read"));
        }
    }
    let missing = missing_spans(&info.damage);
    let mut gaps = long_frames(source.frame_times());
    gaps.retain(|gap| !missing.iter().any(|part| gap.0 < part.1 && part.0 < gap.1));
    notes.extend(video_gaps(&gaps));
    for (start, end) in missing {
        notes.push(format!(
            "the media from {start:.2} to {end:.2} s is missing, so windows there are left out"
        ));
    }
    notes.extend(audio_gaps(&info.audio_gaps, spec.sampling.is_whole()));
    if spec.sampling.is_whole() {
        let first = source.frame_times().first().copied().unwrap_or_default();
        let start = (info.audio_start - first).abs();
        if start > NEGLIGIBLE {
            notes.push(format!(
                "audio and frames start {start:.2} s apart, but a clip that is sampled as a whole starts \
                 both together; windows keep them in sync"
            ));
        }
        if info.audio_drift > NEGLIGIBLE {
            notes.push(format!(
                "audio packets have gaps or overlap, so audio that is read as a whole is up to {:.2} s \
                 from its place; windows keep it in sync",
                info.audio_drift
            ));
        }
    }
    notes
}
