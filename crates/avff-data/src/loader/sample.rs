//! From a row to tensors: what is read, what it is mixed with, what is changed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use super::{
    config::{LoaderConfig, Unreadable, WindowChoice},
    dataset::Dataset,
    epoch::Origin,
    order::Pick,
    reader::ReadFootage,
};
use crate::{
    augment::{Mixing, Plan, partner},
    clip::Clip,
    error::{ClipError, DataError},
    footage::{self, Footage, Heard, SoundForm, Want},
    manifest::Row,
};
use avff_rng::{Purpose, Rng, RngKey};

/// Partners that are tried where one after the other cannot be read.
const PARTNERS: usize = 8;

/// Makes samples; shared by the threads.
pub(super) struct Maker {
    pub(super) dataset: Arc<Dataset>,
    pub(super) reader: Arc<dyn ReadFootage>,
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
            return Err(ClipError::new("", DataError::Manifest { line: 0, what }));
        };
        let made = catch_unwind(AssertUnwindSafe(|| self.make_row(epoch, pick, row, own)));
        made.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let what = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(ClipError::new(&own.path, DataError::Panicked { what }))
        })
    }

    fn make_row(&self, epoch: u64, pick: Pick, row: usize, own: &Row) -> Result<Made, ClipError> {
        let seed = self.config.seed;
        let occasion =
            RngKey { seed, epoch, row: u64::from(pick.row), occurrence: pick.occurrence };
        let spec = self.reader.spec();
        let mut plan = self.config.augment.plan(occasion, spec);
        let mut chance =
            Chance { mix: occasion.rng(Purpose::Mix), window: occasion.rng(Purpose::Window) };
        let mixing = self.config.augment.mix.map_or(Mixing::None, |mix| mix.draw(&mut chance.mix));
        let mut passed_over = Vec::new();
        let (footage, partner) = match mixing {
            Mixing::None => (self.read(&own.path, true, Some(&plan), &mut chance)?, None),
            _ => {
                let (footage, partner) =
                    self.mixed(mixing, row, own, &plan, &mut chance, &mut passed_over)?;
                (footage, Some(partner))
            }
        };
        let target = partner.and_then(|partner| self.dataset.rows().get(partner)?.target);
        let origin = Origin { row, target: mixing.target(own.target, target), mixing, partner };
        let clip = finish(footage, &mut plan, &*self.reader);
        let clip = clip.map_err(|source| ClipError::new(&own.path, source))?;
        Ok(Made { clip, origin, passed_over })
    }

    /// One clip: its pictures if they are wanted, its sound in the form that a plan needs.
    fn read(
        &self,
        path: &Path,
        pictures: bool,
        sound: Option<&Plan>,
        chance: &mut Chance,
    ) -> Result<Footage, ClipError> {
        let form =
            |plan: &Plan| if plan.changes_wave() { SoundForm::Wave } else { SoundForm::Fbank };
        let want = Want { pictures, sound: sound.map(form) };
        let mut choose = |count: usize| match self.config.window {
            WindowChoice::Random => chance.window.index(count),
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
        chance: &mut Chance,
        passed_over: &mut Vec<(usize, ClipError)>,
    ) -> Result<(Footage, usize), ClipError> {
        let mut footage = Footage { pictures: Vec::new(), sound: None };
        if mixing == Mixing::Replace {
            footage = self.read(&own.path, true, None, chance)?;
        }
        loop {
            let other = partner(row, self.dataset.len(), &mut chance.mix);
            let path = self.dataset.rows().get(other).map_or(own.path.as_path(), |row| &row.path);
            let found = match mixing {
                Mixing::Concat => self.reader.join(&own.path, path),
                _ => self.read(path, false, Some(plan), chance),
            };
            match found {
                Ok(found) if mixing == Mixing::Concat => return Ok((found, other)),
                Ok(found) => return Ok((Footage { sound: found.sound, ..footage }, other)),
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
struct Chance {
    mix: Rng,
    window: Rng,
}

/// From footage to tensors.
fn finish(
    mut footage: Footage,
    plan: &mut Plan,
    reader: &dyn ReadFootage,
) -> Result<Clip, DataError> {
    let spec = reader.spec();
    plan.pictures(&mut footage.pictures)?;
    let video = footage::video(&footage.pictures, &spec.video);
    let mut sound = footage.sound.unwrap_or(Heard::Waves(Vec::new()));
    if let Heard::Waves(waves) = &mut sound {
        waves.iter_mut().for_each(|wave| plan.wave(wave));
    }
    let mut audio = sound.fbank(&spec.audio)?;
    plan.fbank(&mut audio, &spec.audio);
    footage::normalize(&mut audio, &spec.audio);
    plan.normalized(&mut audio, &spec.audio);
    Ok(Clip { audio, video })
}
