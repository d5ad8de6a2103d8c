//! Damaged copies of good files, and what reading one takes: for the test of the suite and for
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
use avff_media::{Audio, MediaError, MediaSource};

use self::seeds::Kind;

/// How far reading got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Refused when it was opened.
    Opening,
    /// An error in the pictures.
    Pictures,
    /// An error in the sound.
    Audio,
    /// No error at all.
    Never,
    /// A panic.
    Panic,
}

/// What reading one file took.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub stage: Stage,
    /// By the processor's time, or by the clock where the system does not tell.
    pub elapsed: Duration,
    /// The most bytes held at a time by the reading thread.
    pub held: u64,
    /// What it may hold.
    pub bound: u64,
}

/// Pixels that a decoder adds to both sides of a picture together.
const BORDER: u64 = 64;

/// What was found out about a file, for the bound.
#[derive(Default)]
struct Found {
    pixels: u64,
    sound_values: u64,
}

/// The bound that `docs/design.md` states: what every reader takes, the index, the largest sample
/// on its way into the decoder, the pictures of the decoder, those in hand, the sound and the
/// tensors that were asked for.
#[must_use]
pub fn bound(file_size: u64, pixels: u64, sound_values: u64, tensors: u64) -> u64 {
    const START: u64 = 1 << 20;
    const SAMPLES: u64 = 1 << 21;
    const SAMPLE_BYTES: u64 = 64 << 20;
    /// 16 references of 3 bytes a pixel, vectors of motion included, up to those of level 6.2.
    const REFERENCES: u64 = 16 * 3;
    const REFERENCE_BYTES: u64 = 696_320 * 256 * 3;
    /// Three pictures that wait, their copies, one as the decoder gives it and one in the making.
    const IN_HAND: u64 = 24;
    START
        + 170 * file_size.min(SAMPLES)
        + 20 * file_size.min(SAMPLE_BYTES)
        + (REFERENCES * pixels).min(REFERENCE_BYTES)
        + IN_HAND * pixels
        + 12 * sound_values
        + 8 * tensors
}

/// A spec of small tensors, read whole or in windows.
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

/// Reads a damaged file as far as it goes. `deep` reads pictures over the whole length and windows,
/// not just the first pictures. `folder` is a scratch folder of this thread.
pub fn measure(kind: Kind, bytes: &Arc<[u8]>, deep: bool, folder: &Path) -> Outcome {
    let mut found = Found::default();
    let mut stage = Stage::Panic;
    let (started, busy) = (Instant::now(), on_processor());
    let held = allocation_counter::measure(|| {
        let read = || read(kind, bytes, deep, folder, &mut found);
        stage = catch_unwind(AssertUnwindSafe(read)).unwrap_or(Stage::Panic);
    });
    // What others take of a crowded machine says nothing about a file.
    let elapsed = match (busy, on_processor()) {
        (Some(before), Some(after)) => after - before,
        _ => started.elapsed(),
    };
    let tensors = 4 * (spec(deep).video.values() + spec(deep).audio.values()) as u64;
    let bound = bound(bytes.len() as u64, found.pixels, found.sound_values, tensors);
    Outcome { stage, elapsed, held: held.bytes_max, bound }
}

fn read(kind: Kind, bytes: &Arc<[u8]>, deep: bool, folder: &Path, found: &mut Found) -> Stage {
    match kind {
        Kind::Clip => match avff_media::open_bytes(Arc::clone(bytes)) {
            Ok(mut clip) => streams(&mut *clip, deep, found),
            Err(_) => Stage::Opening,
        },
        Kind::Wav => match avff_media::wav_bytes(Arc::clone(bytes)) {
            Ok(mut wav) => {
                let part = wav.between(0.01, 0.05).map(|sound| sound.len());
                sound(wav.whole(), part.is_ok(), found)
            }
            Err(_) => Stage::Opening,
        },
        Kind::Frame => {
            // The name says PNG; what it is its first bytes say.
            for name in ["clip/1.png", "clip/2.png"] {
                fs::write(folder.join(name), bytes).unwrap();
            }
            match avff_media::open(&folder.join("clip")) {
                Ok(mut clip) => streams(&mut *clip, deep, found),
                Err(_) => Stage::Opening,
            }
        }
    }
}

/// How long this thread has been on a processor, where the system tells (Linux).
fn on_processor() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// Prepares the scratch folder that pictures are read from.
pub fn prepare(folder: &Path) {
    fs::create_dir_all(folder.join("clip")).unwrap();
    fs::write(folder.join("clip/sound.wav"), seeds::wav(1, 2, 8_000, 16_000)).unwrap();
}

fn streams(clip: &mut dyn MediaSource, deep: bool, found: &mut Found) -> Stage {
    let info = clip.info();
    // Decoders keep a border around each picture, so that motion may point outside.
    found.pixels = (info.width as u64 + BORDER) * (info.height as u64 + BORDER);
    let times = clip.frame_times();
    assert!(!times.is_empty() && times.is_sorted() && times.iter().all(|time| time.is_finite()));
    let last = times.len() - 1;
    let wanted = if deep { [last / 2, 0, last] } else { [last.min(1), 0, last.min(2)] };
    if clip.frames_at(&wanted).is_err() {
        return Stage::Pictures;
    }
    let stage = sound(clip.audio(), true, found);
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
            return if error.stage() == avff_data::Stage::Audio {
                Stage::Audio
            } else {
                Stage::Pictures
            };
        }
    }
    Stage::Never
}

/// Checks what a sound promises, and its filterbank.
fn sound(sound: Result<Audio, MediaError>, part: bool, found: &mut Found) -> Stage {
    let Ok(sound) = sound else { return Stage::Audio };
    assert!(part, "a part is damaged and the whole is not");
    found.sound_values = (sound.len() * sound.channels.len()) as u64;
    assert!(sound.rate > 0 && sound.channels.iter().all(|channel| channel.len() == sound.len()));
    match audio_tensor(&sound, &spec(false).audio) {
        Ok(fbank) => {
            assert!(fbank.iter().all(|value| value.is_finite()));
            Stage::Never
        }
        Err(_) => Stage::Audio,
    }
}
