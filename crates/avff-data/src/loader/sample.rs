//! From a row to tensors: what is read, what it is mixed with, what is changed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use avff_datasets::{Dataset, Row};
use avff_rng::{Purpose, Rng, RngKey};

use super::{
    config::{LoaderConfig, Unreadable, WindowChoice},
    epoch::Origin,
    order::Pick,
    reader::ReadClip,
};
use crate::{
    augment::{Mixing, Plan, partner},
    decode::{AudioForm, DecodedClip, Want},
    error::{ClipError, DataError},
    tensors::{Clip, tensors},
};

/// Partners that are tried where one after the other cannot be read.
const PARTNERS: usize = 8;

/// Makes samples; shared by the threads.
pub(super) struct Maker {
    pub(super) dataset: Arc<Dataset>,
    pub(super) reader: Arc<dyn ReadClip>,
    pub(super) config: LoaderConfig,
}

/// A sample, and the rows that were to be its partners and could not be read.
pub(super) struct Made {
    pub(super) clip: Clip,
    pub(super) origin: Origin,
    pub(super) passed_over: Vec<(usize, ClipError)>,
}

impl Maker {
    /// The sample of a pick. A panic in a decoder is that clip's failure and not the run's.
    pub(super) fn make(&self, epoch: u64, pick: Pick) -> Result<Made, ClipError> {
        let row = pick.row as usize;
        let Some(own) = self.dataset.rows().get(row) else {
            let what = format!("there is no row {row}");
            return Err(ClipError::new("", DataError::Internal { what }));
        };
        let made = catch_unwind(AssertUnwindSafe(|| self.make_row(epoch, pick, row, own)));
        made.unwrap_or_else(|panic| Err(ClipError::new(&own.path, DataError::panicked(&*panic))))
    }

    fn make_row(&self, epoch: u64, pick: Pick, row: usize, own: &Row) -> Result<Made, ClipError> {
        let seed = self.config.seed;
        let key = RngKey { seed, epoch, row: u64::from(pick.row), occurrence: pick.occurrence };
        let spec = self.reader.spec();
        let mut plan = self.config.augment.plan(key, spec);
        let mut rngs = Rngs { mix: key.rng(Purpose::Mix), window: key.rng(Purpose::Window) };
        let mixing = self.config.augment.mix.map_or(Mixing::None, |mix| mix.draw(&mut rngs.mix));
        let mut passed_over = Vec::new();
        let (decoded, partner) = match mixing {
            Mixing::None => (self.read(&own.path, true, Some(&plan), &mut rngs)?, None),
            _ => {
                let (decoded, partner) =
                    self.mixed(mixing, row, own, &plan, &mut rngs, &mut passed_over)?;
                (decoded, Some(partner))
            }
        };
        let target = partner.and_then(|partner| self.dataset.rows().get(partner)?.target);
        let origin = Origin { row, target: mixing.target(own.target, target), mixing, partner };
        let clip = tensors(decoded, spec, Some(&mut plan))
            .map_err(|source| ClipError::new(&own.path, source))?;
        Ok(Made { clip, origin, passed_over })
    }

    /// One clip: its frames if they are wanted, its audio in the form that a plan needs.
    fn read(
        &self,
        path: &Path,
        frames: bool,
        audio: Option<&Plan>,
        rngs: &mut Rngs,
    ) -> Result<DecodedClip, ClipError> {
        let form =
            |plan: &Plan| if plan.changes_wave() { AudioForm::Wave } else { AudioForm::Fbank };
        let want = Want { frames, audio: audio.map(form) };
        let mut choose = |count: usize| match self.config.window {
            WindowChoice::Random => rngs.window.index(count),
            WindowChoice::Middle => count.saturating_sub(1) / 2,
        };
        self.reader.read(path, want, &mut choose)
    }

    /// Two clips; another partner is drawn where one cannot be read and clips may be left out.
    fn mixed(
        &self,
        mixing: Mixing,
        row: usize,
        own: &Row,
        plan: &Plan,
        rngs: &mut Rngs,
        passed_over: &mut Vec<(usize, ClipError)>,
    ) -> Result<(DecodedClip, usize), ClipError> {
        let mut decoded = DecodedClip { frames: Vec::new(), audio: None, without_face: false };
        if mixing == Mixing::Replace {
            decoded = self.read(&own.path, true, None, rngs)?;
        }
        loop {
            let other = partner(row, self.dataset.len(), &mut rngs.mix);
            let path = self.dataset.rows().get(other).map_or(own.path.as_path(), |row| &row.path);
            let found = match mixing {
                Mixing::Concat => self.reader.join(&own.path, path),
                _ => self.read(path, false, Some(plan), rngs),
            };
            match found {
                Ok(found) if mixing == Mixing::Concat => return Ok((found, other)),
                Ok(found) => return Ok((DecodedClip { audio: found.audio, ..decoded }, other)),
                Err(error) => {
                    let last = passed_over.len() + 1 >= PARTNERS;
                    let skip = self.config.unreadable == Unreadable::Skip;
                    if error.path == own.path || last || !skip {
                        return Err(error);
                    }
                    passed_over.push((other, error));
                }
            }
        }
    }
}

/// What is drawn while a sample is put together.
struct Rngs {
    mix: Rng,
    window: Rng,
}
