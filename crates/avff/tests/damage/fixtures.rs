//! The healthy files that are damaged.

use std::{fs, path::Path};

use super::{
    h264, mp4,
    mp4::{Part, Track},
    writers::{flv, movie},
};

/// A healthy clip.
pub struct Clip {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The coding of frames, with the entropy code of H.264.
    pub video: &'static str,
    pub audio: &'static str,
    /// The tracks of MP4 without fragments; empty for other files.
    pub tracks: Vec<Track>,
    /// The boxes of MP4; empty for other containers.
    pub parts: Vec<Part>,
    /// Whether only FFmpeg reads it.
    pub only_ffmpeg: bool,
}

impl Clip {
    fn new(name: &str, bytes: Vec<u8>, codecs: [&'static str; 2], only_ffmpeg: bool) -> Self {
        let is_mp4 = name.ends_with("mp4") || name.ends_with("mov");
        let parts = if is_mp4 { mp4::parts(&bytes) } else { Vec::new() };
        let plain = is_mp4 && !parts.iter().any(|part| part.kind == *b"moof");
        let tracks = if plain { mp4::tracks(&bytes) } else { Vec::new() };
        let [video, audio] = codecs;
        Self { name: name.into(), bytes, video, audio, tracks, parts, only_ffmpeg }
    }

    /// The ending of the file's name, which is also the container.
    pub fn ending(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// The first track with frames or with audio.
    pub fn track(&self, video: bool) -> Option<&Track> {
        self.tracks.iter().find(|track| track.video == video)
    }
}

/// Clips that both readers read: folder, name, coding of frames and audio.
const CLIPS: [(&str, &str, &str, &str); 11] = [
    ("../../data/synthetic", "real_a.mp4", "CABAC", "AAC"),
    ("../../data/synthetic", "voice_swap.mp4", "CABAC", "AAC"),
    ("tests/fixtures/clips", "match_a.mp4", "CABAC", "AAC"),
    ("tests/fixtures/clips", "swapped_b.mp4", "CABAC", "AAC"),
    ("../avff-media/tests/fixtures/media", "h264_flac.mp4", "CABAC", "FLAC"),
    ("../avff-media/tests/fixtures/media", "h264_mp3.mp4", "CABAC", "MP3"),
    ("../avff-media/tests/fixtures/media", "opengop_cropped_alac.mp4", "CABAC", "ALAC"),
    ("../avff-media/tests/fixtures/media", "opengop_cropped_pcm.mov", "CABAC", "PCM"),
    ("../avff-media/tests/fixtures/media", "h264_vfr.mp4", "CABAC", "AAC"),
    ("../avff-media/tests/fixtures/media", "fragmented.mp4", "CABAC", "AAC"),
    ("../avff-media/tests/fixtures/timeline", "fragmented_by_ffmpeg.mp4", "CABAC", "AAC"),
];

/// Clips that only FFmpeg reads.
const FFMPEG: [(&str, &str, &str, &str); 8] = [
    ("../avff-media/tests/fixtures/media", "hevc_aac.mp4", "HEVC", "AAC"),
    ("../avff-media/tests/fixtures/media", "vp9_opus.webm", "VP9", "Opus"),
    ("../avff-media/tests/fixtures/media", "mpeg4_mp3.avi", "MPEG-4", "MP3"),
    ("../avff-media/tests/fixtures/ffmpeg", "h264_10bit_ac3.mkv", "H.264 10 bit", "AC-3"),
    ("../avff-media/tests/fixtures/ffmpeg", "h264_422_bt709_vorbis.mkv", "H.264 4:2:2", "Vorbis"),
    ("../avff-media/tests/fixtures/ffmpeg", "h264_interlaced_mp2.ts", "H.264 fields", "MP2"),
    ("../avff-media/tests/fixtures/ffmpeg", "vp8_altref_opus.webm", "VP8", "Opus"),
    ("../avff-media/tests/fixtures/ffmpeg", "av1_mp3.mp4", "AV1", "MP3"),
];

/// Streams with variable-length codes.
const CAVLC: [&str; 2] = ["cavlc", "cavlc_slices"];

/// Returns all clips that this build reads.
pub fn clips() -> Vec<Clip> {
    let read = |&(folder, name, video, audio): &(&str, &str, &'static str, &'static str), only| {
        let bytes = fs::read(Path::new(folder).join(name)).unwrap();
        Clip::new(name, bytes, [video, audio], only)
    };
    let mut clips: Vec<Clip> = CLIPS.iter().map(|clip| read(clip, false)).collect();
    for name in CAVLC {
        let path = Path::new("../avff-media/tests/fixtures/h264").join(name).with_extension("264");
        let (sets, samples) = h264::pictures(&fs::read(path).unwrap());
        let bytes = movie::of_pictures(&sets, samples);
        clips.push(Clip::new(&format!("{name}.mp4"), bytes, ["CAVLC", "PCM"], false));
    }
    if cfg!(feature = "ffmpeg") {
        clips.extend(FFMPEG.iter().map(|clip| read(clip, true)));
        let flv = flv::of_mp4(&clips[0]);
        clips.push(Clip::new("real_a.flv", flv, ["CABAC", "AAC"], true));
    }
    clips
}
