//! A reader of clips that hold their number.

use std::{path::Path, sync::Arc, thread::sleep, time::Duration};

use avff_data::{
    Clip, ClipError, ClipSpec,
    decode::{DecodeRequest, DecodedAudio, DecodedClip},
    loader::{Batch, Choose, Epoch, Loader, LoaderConfig, Origin, ReadClip},
};
use avff_datasets::{Dataset, manifest::Row};
use avff_media::{Frame, MediaError};

pub(crate) fn small() -> ClipSpec {
    let mut spec = ClipSpec::open_avff();
    (spec.video.frames, spec.video.height, spec.video.width) = (4, 12, 16);
    (spec.audio.frames, spec.audio.mels) = (20, 8);
    spec
}

/// Rows 0, 1, 2... with alternating targets.
pub(crate) fn rows(count: usize) -> Arc<Dataset> {
    let row = |index: usize| Row {
        name: index.to_string(),
        path: index.to_string().into(),
        target: Some((index % 2) as u8),
        extra: Vec::new(),
        line: index as u64 + 2,
    };
    Arc::new(Dataset::new((0..count).map(row).collect(), Vec::new()).unwrap())
}

/// A reader of clips whose frames and filterbank contain the number in their name. Some clips are
/// unreadable.
pub(crate) struct Numbers {
    spec: ClipSpec,
    unreadable: Vec<u8>,
    slow: bool,
}

impl Numbers {
    pub(crate) fn new(unreadable: &[u8]) -> Self {
        Self { spec: small(), unreadable: unreadable.to_vec(), slow: false }
    }

    /// Readers take their time, so that threads overtake each other.
    pub(crate) fn slow(self) -> Self {
        Self { slow: true, ..self }
    }

    fn number(&self, path: &Path) -> Result<u8, ClipError> {
        let number: u8 = path.to_str().unwrap().parse().unwrap();
        if self.slow {
            sleep(Duration::from_micros(u64::from(number) * 37 % 900));
        }
        match self.unreadable.contains(&number) {
            false => Ok(number),
            true if number == 13 => panic!("a decoder error"),
            true => Err(ClipError::new(path, MediaError::Empty)),
        }
    }

    fn frame(&self, level: u8) -> Frame {
        let (width, height) = (self.spec.video.width, self.spec.video.height);
        let rgb = (0..3 * width * height).map(|i| level.wrapping_add((i % 7) as u8)).collect();
        Frame { width, height, rgb }
    }
}

impl ReadClip for Numbers {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError> {
        let number = self.number(path)?;
        // Three windows, distinguished by a fraction.
        let value = f32::from(number) + choose(3) as f32 / 4.0;
        let count = if request.frames { self.spec.video.frames } else { 0 };
        let audio =
            request.audio.map(|_| DecodedAudio::Fbank(vec![value; self.spec.audio.values()]));
        Ok(DecodedClip { frames: vec![self.frame(number); count], audio, without_face: false })
    }

    fn concat(&self, first: &Path, second: &Path) -> Result<DecodedClip, ClipError> {
        let (first, second) = (self.number(first)?, self.number(second)?);
        let value = f32::from(first) + f32::from(second) * 1_000.0;
        let frames = [first, first, second, second].map(|number| self.frame(number));
        let audio = Some(DecodedAudio::Fbank(vec![value; self.spec.audio.values()]));
        Ok(DecodedClip { frames: frames.to_vec(), audio, without_face: false })
    }
}

pub(crate) fn loader(count: usize, reader: Numbers, config: LoaderConfig) -> Loader {
    Loader::new(rows(count), Arc::new(reader), config).unwrap()
}

pub(crate) type Numbered = (Vec<Clip>, Vec<Origin>);

pub(crate) fn collect(epoch: &mut Epoch) -> Vec<Numbered> {
    epoch.map(|batch| batch.unwrap()).map(|Batch { clips, origins, .. }| (clips, origins)).collect()
}

pub(crate) fn rows_of(batches: &[Numbered]) -> Vec<usize> {
    batches.iter().flat_map(|(_, origins)| origins.iter().map(|origin| origin.row)).collect()
}

/// Returns the number in a sample's filterbank.
pub(crate) fn number_of(clip: &Clip) -> f32 {
    (clip.audio[0] * 4.4849 - 5.081 - 1e-3).round_ties_even().max(0.0)
}
