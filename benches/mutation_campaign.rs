//! Reads many thousands of damaged copies of the fixture clips on all cores, and reports panics,
//! time and memory.
//!
//! `cargo bench -p avff-data --no-default-features --bench mutation_campaign -- [MUTANTS [SEED]]`.
//! Add `--profile dev` for checked arithmetic in all decoders. `--only N [SEED]` reads one mutant
//! again. The bench fails if a mutant panics, takes longer than [`LIMIT`] or exceeds its memory
//! bound.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, dead_code, unreachable_pub)]

#[path = "../crates/avff-data/tests/mutants/mod.rs"]
mod mutants;

use std::{
    collections::BTreeMap,
    env,
    panic::set_hook,
    process::exit,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, available_parallelism},
    time::{Duration, Instant},
};

use mutants::{
    Outcome, Stage, bombs, measure,
    mutate::{CLASSES, SeedLayout, mutant},
    prepare,
    random::Random,
    seeds::{self, Seed},
};

/// The maximum CPU time to read a mutant.
const LIMIT: Duration = Duration::from_secs(5);
/// The wall-clock time after which the bench stops, because reading a mutant hangs.
const HANG_TIMEOUT: Duration = Duration::from_secs(120);

/// The results of all mutants of a class or of a seed file.
#[derive(Default)]
struct Class {
    stages: BTreeMap<Stage, u64>,
    /// The longest time and the number of its mutant.
    slowest: (Duration, u64),
    /// The peak memory in bytes and the number of its mutant.
    largest: (u64, u64),
    /// The peak memory in thousandths of the bound, and the number of its mutant.
    closest: (u64, u64),
    /// The mutants over their memory bound.
    over_bound: Vec<u64>,
    /// The mutants over the time limit.
    slow: Vec<u64>,
}

impl Class {
    fn add(&mut self, number: u64, outcome: &Outcome) {
        *self.stages.entry(outcome.stage).or_default() += 1;
        self.slowest = self.slowest.max((outcome.elapsed, number));
        self.largest = self.largest.max((outcome.held, number));
        self.closest = self.closest.max((outcome.held * 1000 / outcome.bound, number));
        if outcome.held > outcome.bound {
            self.over_bound.push(number);
        }
        if outcome.elapsed > LIMIT {
            self.slow.push(number);
        }
    }

    fn print(&self, name: &str) {
        let count = |stage| self.stages.get(&stage).copied().unwrap_or(0);
        println!(
            "{name:<16} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6}   {:>6.0} ms #{:<7} {:>7.1} MiB #{:<7} {:>3.0} % #{}",
            self.stages.values().sum::<u64>(),
            count(Stage::Opening),
            count(Stage::Video),
            count(Stage::Audio),
            count(Stage::Never),
            count(Stage::Panic),
            self.slowest.0.as_secs_f64() * 1000.0,
            self.slowest.1,
            self.largest.0 as f64 / f64::from(1 << 20),
            self.largest.1,
            self.closest.0 as f64 / 10.0,
            self.closest.1,
        );
    }
}

/// Creates the mutant with this number.
///
/// The random seed `campaign` and the number determine the seed file, the class and the damage.
fn generate(seeds: &[SeedLayout<'_>], campaign: u64, number: u64) -> (usize, usize, Vec<u8>) {
    let mut rng = Random(campaign.wrapping_mul(0x1_0000_0001).wrapping_add(number));
    let (seed, class) = (rng.below(seeds.len()), rng.below(CLASSES.len()));
    let other: &Seed = seeds[rng.below(seeds.len())].seed;
    (seed, class, mutant(&seeds[seed], other, class, &mut rng))
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let parse = |index: usize| arguments.get(index).map(|word| word.parse::<u64>().unwrap());
    let all = seeds::all();
    let layouts: Vec<SeedLayout<'_>> = all.iter().map(SeedLayout::new).collect();
    let scratch = tempfile::tempdir().unwrap();
    if arguments.first().is_some_and(|word| word == "--only") {
        let (seed, class, bytes) = generate(&layouts, parse(2).unwrap_or(1), parse(1).unwrap());
        println!("{} of {}", CLASSES[class], all[seed].name);
        prepare(scratch.path());
        println!("{:?}", measure(all[seed].kind, &bytes.into(), true, scratch.path()));
        return;
    }
    let (count, campaign) = (parse(0).unwrap_or(24_000), parse(1).unwrap_or(1));
    // Created before the panic hook is set, because a panic here is a defect of the bench itself.
    let bombs = bombs::huge();
    let panics_by_location = Arc::new(Mutex::new(BTreeMap::<String, u64>::new()));
    let hook = Arc::clone(&panics_by_location);
    set_hook(Box::new(move |info| {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let location = format!("{location}: {}", info.payload_as_str().unwrap_or_default());
        *hook.lock().unwrap().entry(location).or_default() += 1;
    }));

    let started = Instant::now();
    println!(
        "{:<16} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6}   longest time, peak memory, closest to its bound",
        "class", "mutants", "opening", "video", "audio", "read", "panic"
    );
    let mut failed = false;
    prepare(scratch.path());
    for bomb in bombs {
        let mut class = Class::default();
        class.add(0, &measure(bomb.kind, &bomb.bytes.into(), true, scratch.path()));
        class.print(bomb.name);
        // Only memory is checked: undamaged frames of this size also take long to decode.
        failed |= !class.over_bound.is_empty();
    }

    let classes: Vec<Mutex<Class>> = CLASSES.iter().map(|_| Mutex::default()).collect();
    let by_seed: Vec<Mutex<Class>> = all.iter().map(|_| Mutex::default()).collect();
    let next = AtomicU64::new(0);
    let threads = available_parallelism().unwrap().get();
    let current: Vec<Mutex<Option<(Instant, u64)>>> =
        (0..threads).map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for (thread, current) in current.iter().enumerate() {
            let (layouts, all, classes, by_seed, next) =
                (&layouts, &all, &classes, &by_seed, &next);
            let folder = scratch.path().join(thread.to_string());
            scope.spawn(move || {
                prepare(&folder);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let (seed, class, bytes) = generate(layouts, campaign, number);
                    *current.lock().unwrap() = Some((Instant::now(), number));
                    let bytes = bytes.into();
                    let outcome = measure(all[seed].kind, &bytes, number % 4 == 0, &folder);
                    *current.lock().unwrap() = None;
                    classes[class].lock().unwrap().add(number, &outcome);
                    by_seed[seed].lock().unwrap().add(number, &outcome);
                }
            });
        }
        while next.load(Ordering::Relaxed) < count {
            thread::sleep(Duration::from_millis(500));
            for (started, number) in current.iter().filter_map(|current| *current.lock().unwrap()) {
                if started.elapsed() > HANG_TIMEOUT {
                    println!("reading mutant {number} did not end within {HANG_TIMEOUT:?}");
                    exit(1);
                }
            }
        }
    });
    let mut panics = 0;
    for (name, class) in CLASSES.iter().zip(&classes) {
        let class = class.lock().unwrap();
        class.print(name);
        panics += class.stages.get(&Stage::Panic).copied().unwrap_or(0);
        for (problem, numbers) in
            [("over the memory bound", &class.over_bound), ("over the time limit", &class.slow)]
        {
            if !numbers.is_empty() {
                println!("  {problem}: {numbers:?}");
                failed = true;
            }
        }
    }
    println!();
    for (seed, class) in all.iter().zip(&by_seed) {
        class.lock().unwrap().print(&seed.name);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("\n{count} mutants of {} files, random seed {campaign}, {seconds:.0} s", all.len());
    for (location, count) in &*panics_by_location.lock().unwrap() {
        println!("{count} panics at {location}");
    }
    if failed || panics > 0 {
        exit(1);
    }
}
