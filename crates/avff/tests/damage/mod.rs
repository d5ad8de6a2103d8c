//! A campaign of damaged inputs: healthy files, kinds of damage, and an oracle that says what each damaged file
//! did. `benches/damage_campaign.rs` runs it at length, and `damage_campaign.rs` in the tests runs a part.
//!
//! A damaged file must be refused, or carry a finding, or give the healthy result, or be on the list of what
//! cannot be found ([`undetectable`]). Anything else is a fault of avff.

mod change;
mod fixtures;
mod h264;
pub mod kinds;
mod mp4;
mod oracle;
pub mod report;
pub mod undetectable;
mod writers;

#[path = "../../../avff-data/tests/mutants/movie.rs"]
mod movie_file;
#[path = "../../../avff-data/tests/mutants/random.rs"]
mod random;
#[path = "../../../avff-model/tests/support/torch_file.rs"]
mod torch_file;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, available_parallelism},
    time::Instant,
};

use avff_media::Decoder;

use fixtures::Clip;
use kinds::{Damaged, Folders, Generator, Kind, Texts, Weights};
use oracle::{Healthy, Observed, Oracle};
use random::Random;
use report::Report;

/// What a mutant did.
pub struct Mutant {
    pub number: u64,
    pub kind: &'static str,
    /// The reader of the clip, or `-`.
    pub reader: String,
    /// The healthy file.
    pub file: String,
    pub site: String,
    pub what: String,
    pub outcome: Outcome,
}

/// The outcome of a mutant.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// An error, with its code.
    Refused(String),
    /// A note names the damage.
    Finding,
    Same,
    /// A change that is on the list, by its place there.
    Undetectable(usize),
    /// A change that nothing names: a fault. The change of P(fake).
    Silent(f64),
}

/// A reader, and the scores of all healthy clips by it; `None` for clips that it does not read.
struct Reader {
    decoder: Decoder,
    oracle: Oracle,
    healthy: Vec<Option<Healthy>>,
}

/// Healthy files, and what they give.
pub struct Campaign {
    seed: u64,
    clips: Vec<Clip>,
    readers: Vec<Reader>,
    folders: Folders,
    weights: Weights,
    texts: Texts,
}

impl Campaign {
    /// Reads and scores the healthy files. `root` is an empty folder for this.
    pub fn new(seed: u64, decoders: &[Decoder], root: &Path) -> Self {
        let mut clips = fixtures::clips();
        let reads =
            |decoder: Decoder, clip: &Clip| !clip.only_ffmpeg || decoder != Decoder::Embedded;
        clips.retain(|clip| decoders.iter().any(|&decoder| reads(decoder, clip)));
        let readers: Vec<Reader> = decoders
            .iter()
            .map(|&decoder| {
                let oracle = Oracle::new(decoder);
                let healthy = clips.iter().map(|clip| {
                    let path = root.join(&clip.name);
                    fs::write(&path, &clip.bytes).unwrap();
                    reads(decoder, clip).then(|| oracle.healthy(&path))
                });
                Reader { decoder, healthy: healthy.collect(), oracle }
            })
            .collect();
        let folders = Folders::new(&readers[0].oracle, root);
        let (weights, texts) = (Weights::new(root), Texts::new(root));
        Self { seed, clips, readers, folders, weights, texts }
    }

    /// Makes and reads the mutants with numbers below `count` on all cores. Each thread has a folder in `root`.
    pub fn run_all(&self, count: u64, only: Option<&str>, root: &Path) -> Report {
        let report = Mutex::new(Report::default());
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            for thread in 0..available_parallelism().unwrap().get() {
                let folder = root.join(thread.to_string());
                let (report, next) = (&report, &next);
                scope.spawn(move || {
                    fs::create_dir(&folder).unwrap();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return;
                        }
                        let start = Instant::now();
                        if let Some(mutant) = self.run(number, only, &folder) {
                            report.lock().unwrap().add(&mutant, start);
                        }
                    }
                });
            }
        });
        report.into_inner().unwrap()
    }

    /// Makes and reads the mutant with this number. `root` is a folder of this thread. Returns `None` for kinds
    /// that this build does not read, and where `only` names another kind.
    pub fn run(&self, number: u64, only: Option<&str>, root: &Path) -> Option<Mutant> {
        let kind = Kind::of(number);
        if !kind.is_built_in() || only.is_some_and(|only| only != kind.name) {
            return None;
        }
        let mut random = Random(self.seed.wrapping_mul(0x1_0000_0001).wrapping_add(number));
        let result = match kind.generator {
            Generator::Clips(damage) | Generator::FfmpegClips(damage) => {
                let damaged = damage(&self.clips, &mut random);
                return Some(self.clip(number, kind.name, damaged, &mut random, root));
            }
            Generator::Pictures => self.folders.damage(&self.readers[0].oracle, root, &mut random),
            Generator::Weights => self.weights.damage(root, &mut random),
            Generator::Text => self.texts.damage(root, &mut random),
        };
        let kinds::Result { site, what, observed } = result;
        let (reader, file) = ("-".to_owned(), String::new());
        let outcome = judge(kind.name, &reader, &site, observed);
        Some(Mutant { number, kind: kind.name, reader, file, site, what, outcome })
    }

    fn clip(
        &self,
        number: u64,
        kind: &'static str,
        damaged: Damaged,
        random: &mut Random,
        root: &Path,
    ) -> Mutant {
        let Damaged { clip: index, site, what, bytes } = damaged;
        let clip = &self.clips[index];
        let fitting: Vec<&Reader> =
            self.readers.iter().filter(|reader| reader.healthy[index].is_some()).collect();
        let reader = random.choose(&fitting);
        let path: PathBuf = root.join(&clip.name);
        fs::write(&path, bytes).unwrap();
        let observed = reader.oracle.observe(&path, reader.healthy[index].as_ref().unwrap());
        let (reader, file) = (reader.decoder.to_string(), clip.name.clone());
        let outcome = judge(kind, &reader, &site, observed);
        Mutant { number, kind, reader, file, site, what, outcome }
    }
}

fn judge(kind: &str, reader: &str, site: &str, observed: Observed) -> Outcome {
    match observed {
        Observed::Refused(code) => Outcome::Refused(code),
        Observed::Finding => Outcome::Finding,
        Observed::Same => Outcome::Same,
        Observed::Changed(change) => match undetectable::find(kind, reader, site) {
            Some(place) => Outcome::Undetectable(place),
            None => Outcome::Silent(change),
        },
    }
}
