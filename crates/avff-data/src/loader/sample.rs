//! Builds the tensors of a row: reading, mixing and augmentation.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use avff_datasets::{Dataset, Row};
use avff_media::memory::Reservation;
use avff_rng::{Purpose, Rng, RngKey};

use super::{
    config::{LoaderConfig, Unreadable, WindowChoice},
    epoch::Origin,
    order::Pick,
    reader::ReadClip,
};
use crate::{
    augment::{Mixing, Plan, partner},
    decode::{AudioForm, DecodeRequest, DecodedClip},
    error::{ClipError, DataError},
    tensors::{Clip, tensors},
};

/// Maximum number of mixing partners tried if partners are unreadable.
const PARTNERS: usize = 8;

/// Builds samples; shared between threads.
pub(super) struct SampleBuilder {
    pub(super) dataset: Arc<Dataset>,
    pub(super) reader: Arc<dyn ReadClip>,
    pub(super) config: LoaderConfig,
}

/// A sample, and the rows of its unreadable partners.
pub(super) struct BuiltSample {
    pub(super) clip: Clip,
    pub(super) origin: Origin,
    pub(super) skipped_partners: Vec<(usize, ClipError)>,
    /// The memory of the clip while it waits for its batch.
    _memory: Reservation,
}

impl SampleBuilder {
    /// Builds the sample of a pick. A panic in a decoder becomes an error of the clip, so the run
    /// continues.
    pub(super) fn build(&self, epoch: u64, pick: Pick) -> Result<BuiltSample, ClipError> {
        let row = pick.row as usize;
        let Some(own) = self.dataset.rows().get(row) else {
            let what = format!("there is no row {row}");
            return Err(ClipError::new("", DataError::Internal { what }));
        };
        let built = catch_unwind(AssertUnwindSafe(|| self.build_row(epoch, pick, row, own)));
        built.unwrap_or_else(|panic| Err(ClipError::new(&own.path, DataError::panicked(&*panic))))
    }

    fn build_row(
        &self,
        epoch: u64,
        pick: Pick,
        row: usize,
        own: &Row,
    ) -> Result<BuiltSample, ClipError> {
        let seed = self.config.seed;
        let key = RngKey { seed, epoch, row: u64::from(pick.row), occurrence: pick.occurrence };
        let spec = self.reader.spec();
        let mut plan = self.config.augment.plan(key, spec);
        let mut rngs = Rngs { mix: key.rng(Purpose::Mix), window: key.rng(Purpose::Window) };
        let mut mixing =
            self.config.augment.mix.map_or(Mixing::None, |mix| mix.draw(&mut rngs.mix));
        let mut skipped_partners = Vec::new();
        let (decoded, partner) = match mixing {
            Mixing::None => (self.read(&own.path, true, Some(&plan), &mut rngs)?, None),
            Mixing::Shift => {
                let (decoded, shifted) = self.shifted(&own.path, &plan, &mut rngs)?;
                if !shifted {
                    mixing = Mixing::None;
                }
                (decoded, None)
            }
            Mixing::Concat | Mixing::Replace => {
                let (decoded, partner) =
                    self.mixed(mixing, row, own, &plan, &mut rngs, &mut skipped_partners)?;
                (decoded, Some(partner))
            }
        };
        let target = partner.and_then(|partner| self.dataset.rows().get(partner)?.target);
        let origin = Origin { row, target: mixing.target(own.target, target), mixing, partner };
        let clip = tensors(decoded, spec, Some(&mut plan))
            .map_err(|source| ClipError::new(&own.path, source))?;
        let memory = clip.reserve().map_err(|source| ClipError::new(&own.path, source))?;
        Ok(BuiltSample { clip, origin, skipped_partners, _memory: memory })
    }

    /// Reads one clip: its frames if requested, and its audio in the form that the plan needs.
    fn read(
        &self,
        path: &Path,
        frames: bool,
        audio: Option<&Plan>,
        rngs: &mut Rngs,
    ) -> Result<DecodedClip, ClipError> {
        let request = DecodeRequest { frames, audio: audio.map(form) };
        let mut choose = |count: usize| match self.config.window {
            WindowChoice::Random => rngs.window.index(count),
            WindowChoice::Middle => count.saturating_sub(1) / 2,
        };
        self.reader.read(path, request, &mut choose)
    }

    /// Reads the frames of a window and the audio of another window of the clip. Returns whether
    /// there is another one; otherwise the audio is the frames' own.
    fn shifted(
        &self,
        path: &Path,
        plan: &Plan,
        rngs: &mut Rngs,
    ) -> Result<(DecodedClip, bool), ClipError> {
        let (mut windows, mut shown) = (1, 0);
        let request = DecodeRequest { frames: true, audio: None };
        let frames = self.reader.read(path, request, &mut |count| {
            windows = count;
            shown = rngs.window.index(count);
            shown
        })?;
        let other = if windows > 1 { partner(shown, windows, &mut rngs.window) } else { shown };
        let request = DecodeRequest { frames: false, audio: Some(form(plan)) };
        let audio = self.reader.read(path, request, &mut |_| other)?.audio;
        Ok((DecodedClip { audio, ..frames }, other != shown))
    }

    /// Reads two clips. If the partner is unreadable and clips may be skipped, another partner is
    /// selected.
    fn mixed(
        &self,
        mixing: Mixing,
        row: usize,
        own: &Row,
        plan: &Plan,
        rngs: &mut Rngs,
        skipped_partners: &mut Vec<(usize, ClipError)>,
    ) -> Result<(DecodedClip, usize), ClipError> {
        let mut decoded = DecodedClip { frames: Vec::new(), audio: None, without_face: false };
        if mixing == Mixing::Replace {
            decoded = self.read(&own.path, true, None, rngs)?;
        }
        loop {
            let other = partner(row, self.dataset.len(), &mut rngs.mix);
            let path = self.dataset.rows().get(other).map_or(own.path.as_path(), |row| &row.path);
            let result = match mixing {
                Mixing::Concat => self.reader.concat(&own.path, path),
                _ => self.read(path, false, Some(plan), rngs),
            };
            match result {
                Ok(partner) if mixing == Mixing::Concat => return Ok((partner, other)),
                Ok(partner) => return Ok((DecodedClip { audio: partner.audio, ..decoded }, other)),
                Err(error) => {
                    let last = skipped_partners.len() + 1 >= PARTNERS;
                    let skip = self.config.unreadable == Unreadable::Skip;
                    if error.path == own.path || last || !skip {
                        return Err(error);
                    }
                    skipped_partners.push((other, error));
                }
            }
        }
    }
}

/// Returns the form of audio that a plan needs.
fn form(plan: &Plan) -> AudioForm {
    if plan.changes_wave() { AudioForm::Wave } else { AudioForm::Fbank }
}

/// The random number generators of a sample.
struct Rngs {
    mix: Rng,
    window: Rng,
}
