//! What is worth knowing of a clip beside its tensors.

use avff_media::{Choice, DamageCheck, MediaSource, Stream, missing_spans};
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
    for (start, end) in missing_spans(&info.damage) {
        notes.push(format!(
            "the media from {start:.2} to {end:.2} s is missing, so windows there are left out"
        ));
    }
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
