//! Converts FFmpeg's errors to [`MediaError`].

use video_rs::ffmpeg::{Error, codec::Id};

use crate::error::{MediaError, Stream};

/// Returns the error for damage in the coded data of a stream.
pub(super) fn damaged(stream: Stream, what: String) -> MediaError {
    MediaError::Damaged { stream, what }
}

/// Converts the error of a decoder; `at` names the decoder's input.
pub(super) fn decode_error(stream: Stream, codec: Id, at: &str, error: Error) -> MediaError {
    match error {
        Error::DecoderNotFound | Error::PatchWelcome | Error::Experimental => {
            MediaError::UnsupportedCodec { stream, codec: codec_name(codec) }
        }
        error => damaged(stream, format!("{at}: {error}")),
    }
}

/// Returns the common name of a codec, or FFmpeg's name.
pub(super) fn codec_name(codec: Id) -> String {
    match codec {
        Id::AAC => "AAC",
        Id::AC3 => "AC-3",
        Id::ALAC => "ALAC",
        Id::AV1 => "AV1",
        Id::EAC3 => "E-AC-3",
        Id::FLAC => "FLAC",
        Id::H264 => "H.264",
        Id::HEVC => "HEVC",
        Id::MJPEG => "Motion JPEG",
        Id::MP2 => "MP2",
        Id::MP3 => "MP3",
        Id::MPEG2VIDEO => "MPEG-2",
        Id::MPEG4 => "MPEG-4",
        Id::OPUS => "Opus",
        Id::VORBIS => "Vorbis",
        Id::VP8 => "VP8",
        Id::VP9 => "VP9",
        other => {
            let name = other.name();
            return if name.starts_with("pcm_") { "PCM".to_owned() } else { name.to_owned() };
        }
    }
    .to_owned()
}
