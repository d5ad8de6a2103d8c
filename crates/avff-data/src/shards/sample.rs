//! A prepared clip, and its members in a shard.

use std::{io::Cursor, path::Path};

use avff_media::{Frame, FrameCoding, encode, verified_image, wav_bytes, wav16};
use serde::{Deserialize, Serialize};

use super::ShardError;
use crate::{
    decode::{AudioForm, DecodeRequest, DecodedAudio, DecodedClip, decode},
    error::{ClipError, DataError},
    npy::{self, Values},
    spec::ClipSpec,
    windows::{Span, windows},
};

/// What is stored of each clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packing {
    /// JPEG quality of the frames, 1 to 100; PNG without one, which loses nothing.
    pub jpeg: Option<u8>,
    /// Whether waveforms are stored, for training that augments them, instead of filterbanks.
    pub wave: bool,
}

impl std::fmt::Display for Packing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.jpeg {
            Some(quality) => write!(f, "JPEG frames of quality {quality}")?,
            None => f.write_str("PNG frames")?,
        }
        f.write_str(if self.wave { " and waveforms" } else { " and filterbanks" })
    }
}

impl Packing {
    fn form(self) -> AudioForm {
        if self.wave { AudioForm::Wave } else { AudioForm::Fbank }
    }

    fn coding(self) -> FrameCoding {
        self.jpeg.map_or(FrameCoding::Png, FrameCoding::Jpeg)
    }

    fn extension(self) -> &'static str {
        if self.jpeg.is_some() { "jpg" } else { "png" }
    }
}

/// The members of a prepared clip, by their names without the key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prepared {
    pub(super) windows: Vec<PackedWindow>,
    pub(super) members: Vec<(String, Vec<u8>)>,
}

/// A window, in the clip's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackedWindow {
    /// Start and end in seconds; absent for a whole clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<(f64, f64)>,
    /// Whether the frames are uncropped because there was no face.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) without_face: bool,
}

/// Decodes clips and encodes what shards store.
#[derive(Debug, Clone)]
pub struct Preparer {
    spec: ClipSpec,
    packing: Packing,
}

impl Preparer {
    /// Creates a preparer of clips under `spec`.
    ///
    /// # Errors
    /// [`DataError::Spec`].
    pub fn new(spec: ClipSpec, packing: Packing) -> Result<Self, DataError> {
        spec.validate()?;
        Ok(Self { spec, packing })
    }

    /// Prepares every window of the clip at `path`.
    ///
    /// # Errors
    /// The error of an unreadable clip, with its path.
    pub fn prepare(&self, path: &Path) -> Result<Prepared, ClipError> {
        self.windows(path).map_err(|source| ClipError::new(path, source))
    }

    fn windows(&self, path: &Path) -> Result<Prepared, DataError> {
        let mut source = avff_media::open_with(path, self.spec.open_options())?;
        let all = windows(&mut *source, &self.spec)?;
        let request = DecodeRequest { frames: true, audio: Some(self.packing.form()) };
        let mut prepared = Prepared { windows: Vec::new(), members: Vec::new() };
        decode(&mut *source, &all, &self.spec, request, &mut |index, decoded| {
            let span = all.get(index).and_then(|window| window.span);
            let span = span.map(|Span { start, end }| (start, end));
            let without_face = decoded.without_face;
            self.encode(&mut prepared, decoded)?;
            prepared.windows.push(PackedWindow { span, without_face });
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(prepared)
    }

    /// Adds the members of the next window.
    fn encode(&self, prepared: &mut Prepared, decoded: DecodedClip) -> Result<(), DataError> {
        let window = prepared.windows.len();
        let internal = |error: std::io::Error| DataError::Media {
            stream: None,
            source: avff_media::MediaError::Io(error),
        };
        for (index, frame) in decoded.frames.iter().enumerate() {
            let mut bytes = Vec::new();
            encode(frame, self.packing.coding(), &mut bytes).map_err(internal)?;
            let name = frame_name(window, index, self.packing);
            prepared.members.push((name, bytes));
        }
        let (frames, mels) = (self.spec.audio.frames, self.spec.audio.mels);
        let (name, bytes) = match decoded.audio.unwrap_or(DecodedAudio::Waves(Vec::new())) {
            DecodedAudio::Fbank(rows) => {
                (fbank_name(window), npy::bytes(&[frames, mels], Values::F32(&rows)))
            }
            DecodedAudio::Waves(waves) => {
                let mut bytes = Cursor::new(Vec::new());
                if let Some(wave) = waves.first() {
                    wav16(wave, &mut bytes).map_err(internal)?;
                }
                (wave_name(window), bytes.into_inner())
            }
        };
        prepared.members.push((name, bytes));
        Ok(())
    }
}

fn frame_name(window: usize, frame: usize, packing: Packing) -> String {
    format!("{window:03}.{frame:03}.{}", packing.extension())
}

fn fbank_name(window: usize) -> String {
    format!("{window:03}.npy")
}

fn wave_name(window: usize) -> String {
    format!("{window:03}.wav")
}

/// Decodes a window from the members of a clip. `find` returns a member by its name without the key.
pub(super) fn decode_packed<'a>(
    window: usize,
    about: PackedWindow,
    request: DecodeRequest,
    spec: &ClipSpec,
    packing: Packing,
    find: &dyn Fn(&str) -> Option<&'a [u8]>,
) -> Result<DecodedClip, DataError> {
    let member = |name: &str| {
        find(name).ok_or_else(|| ShardError::Sample(format!("the member {name} is missing")))
    };
    let mut frames = Vec::new();
    if request.frames {
        for index in 0..spec.video.frames {
            let name = frame_name(window, index, packing);
            let frame: Frame = verified_image(member(&name)?, &name)?;
            if (frame.width, frame.height) != (spec.video.width, spec.video.height) {
                let Frame { width, height, .. } = frame;
                let what = format!("{name} has {width} x {height} pixels");
                return Err(ShardError::Sample(what).into());
            }
            frames.push(frame);
        }
    }
    let audio = match request.audio {
        None => None,
        Some(AudioForm::Wave) if !packing.wave => return Err(ShardError::NoWave.into()),
        Some(form) if packing.wave => {
            let audio = wav_bytes(member(&wave_name(window))?)?.whole()?;
            let waves = DecodedAudio::Waves(vec![audio]);
            Some(match form {
                AudioForm::Wave => waves,
                AudioForm::Fbank => DecodedAudio::Fbank(waves.fbank(&spec.audio)?),
            })
        }
        Some(_) => {
            let name = fbank_name(window);
            let shape = [spec.audio.frames, spec.audio.mels];
            let rows = npy::read(member(&name)?, &shape).ok_or_else(|| {
                ShardError::Sample(format!("{name} is no filterbank of this network"))
            })?;
            Some(DecodedAudio::Fbank(rows))
        }
    };
    Ok(DecodedClip { frames, audio, without_face: about.without_face })
}
