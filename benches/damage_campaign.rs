//! Scores many thousands of damaged inputs on all cores, and reports what each kind of damage did.
//!
//! `cargo bench -p avff --bench damage_campaign -- [--mutants N] [--seed S] [--decoder embedded|ffmpeg|auto]
//! [--kind NAME] [--only N [--keep FILE]]`. The seed, the readers and the number of a mutant determine it;
//! `--only` shows one, and `--keep` keeps its clip.
//! Damage must be refused, named by a note, without effect, or on the list of what cannot be found. The
//! bench fails if a mutant is none of these.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub
)]

#[path = "../crates/avff/tests/damage/mod.rs"]
mod damage;

use std::{env, fs, process::exit, time::Instant};

use avff_media::Decoder;
use damage::{Campaign, kinds::KINDS};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let mut settings = arguments.chunks(2).map(|pair| match pair {
        [name, value] => (name.as_str(), value.as_str()),
        _ => panic!("{arguments:?}: each option has a value"),
    });
    let (mut count, mut seed, mut kind, mut only, mut keep) = (20_000, 1, None, None, None);
    let built_in = [Decoder::Embedded, Decoder::Ffmpeg].into_iter();
    let mut decoders: Vec<Decoder> = built_in.filter(|decoder| decoder.is_built_in()).collect();
    settings.by_ref().for_each(|(name, value)| match name {
        "--mutants" => count = value.parse::<u64>().unwrap(),
        "--seed" => seed = value.parse::<u64>().unwrap(),
        "--decoder" => decoders = vec![value.parse().unwrap()],
        "--only" => only = Some(value.parse::<u64>().unwrap()),
        "--keep" => keep = Some(value.to_owned()),
        "--kind" if KINDS.iter().any(|kind| kind.name == value) => kind = Some(value.to_owned()),
        "--kind" => panic!("the kinds are {:?}", KINDS.map(|kind| kind.name)),
        _ => panic!("unknown option {name}"),
    });
    let root = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let campaign = Campaign::new(seed, &decoders, root.path());
    if let Some(number) = only {
        let mutant = campaign.run(number, None, root.path()).unwrap();
        println!("{}, {}, {}, {}", mutant.kind, mutant.reader, mutant.file, mutant.site);
        println!("{}: {:?}", mutant.what, mutant.outcome);
        if let Some(keep) = keep {
            fs::copy(root.path().join(&mutant.file), keep).unwrap();
        }
        return;
    }
    let report = campaign.run_all(count, kind.as_deref(), root.path());
    println!("{}", report.table());
    let seconds = started.elapsed().as_secs_f64();
    println!("{} mutants, random seed {seed}, {seconds:.0} s", report.mutants());
    let faults = report.faults();
    faults.iter().for_each(|fault| println!("{fault}"));
    if !faults.is_empty() {
        exit(1);
    }
}
