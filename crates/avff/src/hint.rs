//! Hints: suggestions to fix an error.
//!
//! Hints do not name options of the command or cargo features; the command adds these.

use avff_data::{DataError, Untouched};
use avff_datasets::Reason;
use avff_media::MediaError;

/// The hint for files that are not media files. It depends on whether FFmpeg is built in.
const NOT_MEDIA: &str = if cfg!(feature = "ffmpeg") {
    "neither the built-in reader nor FFmpeg recognizes the file: give a video file with audio, or a folder of PNG or \
     JPEG frames with a WAV file"
} else {
    "give an MP4 file, or a folder of PNG or JPEG frames with a WAV file"
};

/// The hint for unsupported containers and codecs. It depends on whether FFmpeg is built in.
const UNSUPPORTED: &str = if cfg!(feature = "ffmpeg") {
    "the installed FFmpeg libraries lack this decoder: convert the clip on a machine that has it, with `ffmpeg -i IN \
     -c:v libx264 -pix_fmt yuv420p -c:a aac -ac 2 OUT.mp4`; copy H.264 video with `-c:v copy` instead, because \
     re-encoding can change a score"
} else {
    "this build reads MP4 or MOV with H.264 (8 bit, 4:2:0, progressive) and AAC-LC, ALAC, FLAC, MP3 or PCM in mono or \
     stereo: convert the clip with `ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p -c:a aac -ac 2 OUT.mp4`; copy H.264 \
     video with `-c:v copy` instead, because re-encoding can change a score"
};

/// Returns a hint for a clip that could not be prepared.
#[must_use]
pub fn of_data(error: &DataError) -> Option<&'static str> {
    Some(match error {
        DataError::Media { source, .. } => return of_media(source),
        DataError::NoIntactWindow { untouched: Untouched::Whole, .. } => {
            "copy or download the file again, or score windows"
        }
        DataError::NoIntactWindow { untouched: Untouched::None { .. }, .. } => {
            "copy or download the file again, or score shorter windows"
        }
        DataError::NoIntactWindow { untouched: Untouched::Unplaced, .. } => {
            "copy or download the file again"
        }
        DataError::TooShort { .. } => "exclude the clip: it is too short to score",
        DataError::ShorterThanWindow { .. } => {
            "use a shorter window, or score whole clips as Open-AVFF does"
        }
        DataError::NoFace { .. } => {
            "the detector finds only frontal faces: score whole frames, or skip such clips"
        }
        DataError::SampleRate { .. } => "resample the audio, for example to 16 kHz",
        DataError::Internal { .. } => "please report this file",
        _ => return None,
    })
}

/// Returns a hint for a file that could not be read.
#[must_use]
pub fn of_media(error: &MediaError) -> Option<&'static str> {
    Some(match error {
        MediaError::NotFound => {
            "check the path: relative paths in a CSV start at its folder, or at the given root"
        }
        MediaError::Url => "download the clip first, then give the path of the file",
        MediaError::StandardInput => "save the clip to a file first, then give its path",
        MediaError::PaddedName { .. } => {
            "remove the white space around the path; in a CSV, around the cells of `video_name`"
        }
        MediaError::Image { .. } => {
            "give a video with audio, or a folder with the PNG or JPEG frames of one clip and a WAV file"
        }
        MediaError::VideoInFolder { .. } => {
            "to score clips, give each path or list them in a CSV; to score frames, move the video files out of \
             the folder"
        }
        MediaError::NotAFile { .. } => "copy what it holds to a regular file first",
        MediaError::Empty | MediaError::Truncated { .. } => "copy or download the file again",
        MediaError::NotMedia => NOT_MEDIA,
        MediaError::UnsupportedContainer { .. }
        | MediaError::UnsupportedCodec { .. }
        | MediaError::NoFfmpeg => UNSUPPORTED,
        MediaError::MissingStream { .. } => {
            "give a clip with both video and audio: AVFF compares face and voice"
        }
        MediaError::Joined { .. } => {
            "score the clips one by one, or join them with FFmpeg's concat demuxer, which writes one index"
        }
        MediaError::NoIndex { .. } => {
            "copy or download the file again; a recording that was cut off cannot be repaired with `ffmpeg -i IN OUT`, \
             because nothing can be decoded without the index"
        }
        MediaError::Malformed { container: "MP4", .. } => {
            "copy or download the file again; if the original has the same fault, `ffmpeg -i IN OUT.mp4` may repair it"
        }
        MediaError::Malformed { container: "frame folder", .. } => {
            "put the PNG or JPEG frames of one clip, all of one size, and one WAV file into the folder; to \
             score several clips, give each path or list them in a CSV"
        }
        MediaError::Malformed { .. } | MediaError::Damaged { .. } | MediaError::DamagedPart(_) => {
            "copy or download the file again"
        }
        MediaError::OverBudget { .. } => {
            "allow more memory, or re-encode the clip at a smaller size"
        }
        MediaError::NoMemory { .. } => "decode fewer clips at a time, or allow less memory",
        MediaError::TooLarge { .. } => "re-encode the clip at a smaller size, or shorten it",
        _ => return None,
    })
}

/// Returns a hint for a data set, a manifest or a split that was refused.
#[must_use]
pub fn of_dataset(reason: &Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::NotFound => "check the path",
        Reason::NotAFile { .. } => {
            "give a CSV file that lists the clips; `video_name` is its column of paths"
        }
        Reason::Empty => "copy or download the file again",
        Reason::NotLayout { .. } | Reason::NotAFolder => {
            "give the folder that the data set was extracted to"
        }
        Reason::UnknownLayout { .. } => "name the layout",
        Reason::NoClips { .. } => "give the folder that holds the clips beside their metadata",
        Reason::Malformed { format: "Arrow stream", .. } => {
            "save the table again with `Dataset.save_to_disk`"
        }
        Reason::Malformed { .. } => "copy or download the file again",
        Reason::TooLarge { .. } => "split the file into smaller ones",
        _ => return None,
    })
}
