//! Damaged copies of valid files, and measurements of reading them; used by the test suite and by
//! `benches/mutation_campaign.rs`.

pub mod bombs;
pub mod movie;
pub mod mutate;
pub mod random;
pub mod seeds;

use std::{
    fs,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use avff_data::{
    ClipSpec,
    pipeline::read_samples,
    spec::{AudioSpec, Sampling, TrimSilence},
    tensors::audio_tensor,
};
use avff_media::{Audio, MediaError, MediaSource, Stream};

use self::seeds::Kind;

/// The stage that reading reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// An error on opening.
    Opening,
    /// An error in the video.
    Video,
    /// An error in the audio.
    Audio,
    /// No error.
    Never,
    /// A panic.
    Panic,
}

/// Measurements of reading one file.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub stage: Stage,
    /// CPU time, or wall-clock time if the system does not report CPU time.
    pub elapsed: Duration,
    /// Peak memory of the reading thread, in bytes.
    pub held: u64,
    /// The memory bound, in bytes.
    pub bound: u64,
}

/// Pixels that a decoder adds to both sides of a picture together.
const BORDER: u64 = 64;

/// Properties of a file that determine the bound.
#[derive(Default)]
struct FileInfo {
    pixels: u64,
    audio_values: u64,
}

/// The bound stated in `docs/src/explanation/security.md`: the reader's base size, the index, the largest sample
/// passed to the decoder, the decoder's pictures, the frames held, the audio and the requested
/// tensors.
#[must_use]
pub fn bound(file_size: u64, pixels: u64, audio_values: u64, tensors: u64) -> u64 {
    const START: u64 = 1 << 20;
    const SAMPLES: u64 = 1 << 21;
    const SAMPLE_BYTES: u64 = 64 << 20;
    /// 16 reference pictures of 3 bytes per pixel, including motion vectors, up to the size of
    /// level 6.2.
    const REFERENCES: u64 = 16 * 3;
    const REFERENCE_BYTES: u64 = 696_320 * 256 * 3;
    /// Three waiting frames and their copies, one from the decoder and one in progress.
    const IN_HAND: u64 = 24;
    START
        + 170 * file_size.min(SAMPLES)
        + 20 * file_size.min(SAMPLE_BYTES)
        + (REFERENCES * pixels).min(REFERENCE_BYTES)
        + IN_HAND * pixels
        + 12 * audio_values
        + 8 * tensors
}

/// Returns a spec with small tensors, for complete clips or windows.
pub fn spec(windows: bool) -> ClipSpec {
    let mut spec = ClipSpec::open_avff();
    (spec.video.frames, spec.video.height, spec.video.width) = (4, 24, 32);
    spec.audio = AudioSpec { rate: Some(16_000), ..AudioSpec::kaldi(16, 8, [0.0, 1.0]) };
    if windows {
        spec.sampling = Sampling::Window { seconds: 0.8, fps: 5.0, stride: 0.4 };
        spec.trim_silence = Some(TrimSilence::default());
    }
    spec
}

/// Reads a damaged file as far as possible. `deep` reads frames over the complete length and
/// windows, not only the first frames. `folder` is a scratch folder of this thread.
pub fn measure(kind: Kind, bytes: &Arc<[u8]>, deep: bool, folder: &Path) -> Outcome {
    let mut info = FileInfo::default();
    let mut stage = Stage::Panic;
    let (started, busy) = (Instant::now(), cpu_time());
    let held = allocation_counter::measure(|| {
        let read = || read(kind, bytes, deep, folder, &mut info);
        stage = catch_unwind(AssertUnwindSafe(read)).unwrap_or(Stage::Panic);
    });
    // CPU time excludes the load of other processes.
    let elapsed = match (busy, cpu_time()) {
        (Some(before), Some(after)) => after - before,
        _ => started.elapsed(),
    };
    let tensors = 4 * (spec(deep).video.values() + spec(deep).audio.values()) as u64;
    let bound = bound(bytes.len() as u64, info.pixels, info.audio_values, tensors);
    Outcome { stage, elapsed, held: held.bytes_max, bound }
}

fn read(kind: Kind, bytes: &Arc<[u8]>, deep: bool, folder: &Path, info: &mut FileInfo) -> Stage {
    match kind {
        Kind::Clip => match avff_media::open_bytes(Arc::clone(bytes)) {
            Ok(mut clip) => streams(&mut *clip, deep, info),
            Err(_) => Stage::Opening,
        },
        Kind::Wav => match avff_media::wav_bytes(Arc::clone(bytes)) {
            Ok(mut wav) => {
                let part = wav.between(0.01, 0.05).map(|audio| audio.len());
                check_audio(wav.whole(), part.is_ok(), info)
            }
            Err(_) => Stage::Opening,
        },
        Kind::Frame => {
            // The name says PNG, but the first bytes determine the format.
            for name in ["clip/1.png", "clip/2.png"] {
                fs::write(folder.join(name), bytes).unwrap();
            }
            match avff_media::open(&folder.join("clip")) {
                Ok(mut clip) => streams(&mut *clip, deep, info),
                Err(_) => Stage::Opening,
            }
        }
    }
}

/// Returns the CPU time of this thread, if the system reports it (Linux).
fn cpu_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// Prepares the scratch folder for image sequences.
pub fn prepare(folder: &Path) {
    fs::create_dir_all(folder.join("clip")).unwrap();
    fs::write(folder.join("clip/sound.wav"), seeds::wav(1, 2, 8_000, 16_000)).unwrap();
}

fn streams(clip: &mut dyn MediaSource, deep: bool, info: &mut FileInfo) -> Stage {
    let media = clip.info();
    // Decoders keep a border around each picture, because motion vectors may point outside.
    info.pixels = (media.width as u64 + BORDER) * (media.height as u64 + BORDER);
    let times = clip.frame_times();
    assert!(!times.is_empty() && times.is_sorted() && times.iter().all(|time| time.is_finite()));
    let last = times.len() - 1;
    let indices = if deep { [last / 2, 0, last] } else { [last.min(1), 0, last.min(2)] };
    if clip.frames_at(&indices).is_err() {
        return Stage::Video;
    }
    let stage = check_audio(clip.audio(), true, info);
    if stage != Stage::Never || !deep {
        return stage;
    }
    for windows in [false, true] {
        let mut count = 0;
        let read = read_samples(clip, &spec(windows), &mut |sample| {
            assert!(
                sample.clip.audio.iter().chain(&sample.clip.video).all(|value| value.is_finite())
            );
            count += 1;
            if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Err(error) = read {
            return if error.stream() == Some(Stream::Audio) { Stage::Audio } else { Stage::Video };
        }
    }
    Stage::Never
}

/// Checks audio and its filterbank.
fn check_audio(audio: Result<Audio, MediaError>, part: bool, info: &mut FileInfo) -> Stage {
    let Ok(audio) = audio else { return Stage::Audio };
    assert!(part, "a part is damaged but the complete audio is not");
    info.audio_values = (audio.len() * audio.channels.len()) as u64;
    assert!(audio.rate > 0 && audio.channels.iter().all(|channel| channel.len() == audio.len()));
    match audio_tensor(&audio, &spec(false).audio) {
        Ok(fbank) => {
            assert!(fbank.iter().all(|value| value.is_finite()));
            Stage::Never
        }
        Err(_) => Stage::Audio,
    }
}
