//! What a person can do about an error, whatever door it came through.
//!
//! No option of the command and no cargo feature is named here: the command adds those.

use avff_data::DataError;
use avff_datasets::Reason;
use avff_media::MediaError;

/// What helps against formats depends on whether FFmpeg is built in.
const NOT_MEDIA: &str = if cfg!(feature = "ffmpeg") {
    "neither the embedded reader nor FFmpeg knows this file: give a video file with audio, or a folder of \
     PNG or JPEG frames with a WAV file"
} else {
    "give an MP4 file, or a folder of PNG or JPEG frames with a WAV file"
};

const UNSUPPORTED: &str = if cfg!(feature = "ffmpeg") {
    "FFmpeg's libraries here lack the decoder: convert the clip with `ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p \
     -c:a aac -ac 2 OUT.mp4` on a machine that has it; keep H.264 video as it is with `-c:v copy`, because coding \
     it again can change a score"
} else {
    "this build reads MP4 or MOV with H.264 (8 bit, 4:2:0, progressive) and AAC-LC, ALAC, FLAC, MP3 or PCM of one \
     or two channels: convert the clip with `ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p -c:a aac -ac 2 OUT.mp4`; \
     keep H.264 video as it is with `-c:v copy`, because coding it again can change a score"
};

/// A hint for a clip that could not be prepared.
#[must_use]
pub fn of_data(error: &DataError) -> Option<&'static str> {
    Some(match error {
        DataError::Media { source, .. } => return of_media(source),
        DataError::TooShort { .. } => "leave the clip out: it is too short to say anything about",
        DataError::ShorterThanWindow { .. } => {
            "use a shorter window, or score clips whole as Open-AVFF does"
        }
        DataError::NoFace { .. } => {
            "only faces that look at the camera are found; score whole frames, or leave such clips out"
        }
        DataError::SampleRate { .. } => "resample the audio, for example to 16 kHz",
        DataError::Internal { .. } => "please report this file",
        _ => return None,
    })
}

/// A hint for a file that could not be read.
#[must_use]
pub fn of_media(error: &MediaError) -> Option<&'static str> {
    Some(match error {
        MediaError::NotFound => {
            "check the path; relative names in a CSV start at its folder, or at the root that is given"
        }
        MediaError::NotAFile { .. } => "copy the clip to a regular file first",
        MediaError::Empty | MediaError::Truncated { .. } => "copy or download the file again",
        MediaError::NotMedia => NOT_MEDIA,
        MediaError::UnsupportedContainer { .. }
        | MediaError::UnsupportedCodec { .. }
        | MediaError::NoFfmpeg => UNSUPPORTED,
        MediaError::MissingStream { .. } => {
            "AVFF compares face and voice: a clip needs video and audio"
        }
        MediaError::Malformed { container: "MP4", .. } => {
            "the file is damaged; fetch it again, or repair it with `ffmpeg -i IN OUT.mp4`"
        }
        MediaError::Malformed { container: "frame folder", .. } => {
            "a frame folder holds the PNG or JPEG frames of one clip, all of one size, and one WAV file; \
             name clips one by one, or list them in a CSV"
        }
        MediaError::Malformed { .. } | MediaError::Damaged { .. } => {
            "the file is damaged; fetch it again"
        }
        MediaError::TooLarge { .. } => "re-encode the clip at a smaller size, or cut it",
        _ => return None,
    })
}

/// A hint for a data set, a manifest or a split that was refused.
#[must_use]
pub fn of_dataset(reason: &Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::NotFound => "check the path",
        Reason::NotAFile { .. } => "give a regular file",
        Reason::Empty => "copy or download the file again",
        Reason::NotLayout { .. } | Reason::NotAFolder => {
            "give the folder that the data set was unpacked into"
        }
        Reason::UnknownLayout { .. } => "name the layout",
        Reason::NoClips { .. } => "give the folder that holds the clips beside their metadata",
        Reason::Malformed { format: "Arrow stream", .. } => {
            "save the table again with `Dataset.save_to_disk`"
        }
        Reason::Malformed { .. } => "the file is damaged; fetch it again",
        Reason::TooLarge { .. } => "split the file into smaller ones",
        _ => return None,
    })
}

/// A short name of what failed, stable between versions: `no-face`, `unsupported-codec`...
#[must_use]
pub fn code(error: &DataError) -> &'static str {
    match error {
        DataError::Media { source, .. } => match source {
            MediaError::NotFound => "not-found",
            MediaError::NotAFile { .. } => "not-a-file",
            MediaError::Io(_) => "io",
            MediaError::Empty => "empty",
            MediaError::NotMedia => "not-media",
            MediaError::UnsupportedContainer { .. } => "unsupported-container",
            MediaError::Malformed { .. } => "malformed",
            MediaError::MissingStream { .. } => "missing-stream",
            MediaError::UnsupportedCodec { .. } => "unsupported-codec",
            MediaError::Truncated { .. } => "truncated",
            MediaError::Damaged { .. } => "damaged",
            MediaError::TooLarge { .. } => "too-large",
            MediaError::NoFfmpeg => "no-ffmpeg",
            _ => "media",
        },
        DataError::NoFace { .. } => "no-face",
        DataError::TooShort { .. } => "too-short",
        DataError::ShorterThanWindow { .. } => "shorter-than-window",
        DataError::SampleRate { .. } => "sample-rate",
        DataError::Spec(_) | DataError::Setting(_) | DataError::Weight { .. } => "setting",
        _ => "internal",
    }
}
