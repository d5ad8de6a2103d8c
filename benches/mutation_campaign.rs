//! Damaged copies of every fixture clip, many thousands, on all cores: panics, time, memory.
//!
//! `cargo bench -p avff-data --no-default-features --bench mutation_campaign -- [MUTANTS [SEED]]`,
//! and `--profile dev` for checked arithmetic in all decoders. `--only N` reads one mutant again.
//! Ends with an error where a mutant panics, takes longer than [`LIMIT`] or more memory than its
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
    mutate::{CLASSES, Parts, mutant},
    prepare,
    random::Random,
    seeds::{self, Seed},
};

/// Reading that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(5);
/// A mutant that takes longer than this by the clock never ends.
const GIVE_UP: Duration = Duration::from_secs(120);

/// What is known of all mutants of a class.
#[derive(Default)]
struct Class {
    stages: BTreeMap<Stage, u64>,
    slowest: (Duration, u64),
    /// Bytes and the mutant.
    largest: (u64, u64),
    /// Thousandths of the bound and the mutant.
    closest: (u64, u64),
    over: Vec<u64>,
    slow: Vec<u64>,
}

impl Class {
    fn add(&mut self, number: u64, outcome: &Outcome) {
        *self.stages.entry(outcome.stage).or_default() += 1;
        self.slowest = self.slowest.max((outcome.elapsed, number));
        self.largest = self.largest.max((outcome.held, number));
        self.closest = self.closest.max((outcome.held * 1000 / outcome.bound, number));
        if outcome.held > outcome.bound {
            self.over.push(number);
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
            count(Stage::Pictures),
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

/// The mutant with this number: which seed, class and damage follows from it alone.
fn make(seeds: &[Parts<'_>], campaign: u64, number: u64) -> (usize, usize, Vec<u8>) {
    let mut random = Random(campaign.wrapping_mul(0x1_0000_0001).wrapping_add(number));
    let (seed, class) = (random.below(seeds.len()), random.below(CLASSES.len()));
    let other: &Seed = seeds[random.below(seeds.len())].seed;
    (seed, class, mutant(&seeds[seed], other, class, &mut random))
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |index: usize| arguments.get(index).map(|word| word.parse::<u64>().unwrap());
    let all = seeds::all();
    let parts: Vec<Parts<'_>> = all.iter().map(Parts::new).collect();
    let scratch = tempfile::tempdir().unwrap();
    if arguments.first().is_some_and(|word| word == "--only") {
        let (seed, class, bytes) = make(&parts, number(2).unwrap_or(1), number(1).unwrap());
        println!("{} of {}", CLASSES[class], all[seed].name);
        prepare(scratch.path());
        println!("{:?}", measure(all[seed].kind, &bytes.into(), true, scratch.path()));
        return;
    }
    let (count, campaign) = (number(0).unwrap_or(24_000), number(1).unwrap_or(1));
    // Made before panics are gathered: one here is a fault of this bench.
    let bombs = bombs::huge();
    let places = Arc::new(Mutex::new(BTreeMap::<String, u64>::new()));
    let hook = Arc::clone(&places);
    set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let place = format!("{place}: {}", info.payload_as_str().unwrap_or_default());
        *hook.lock().unwrap().entry(place).or_default() += 1;
    }));

    let started = Instant::now();
    println!(
        "{:<16} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6}   slowest, largest, closest to its bound",
        "class", "mutants", "opening", "picture", "sound", "read", "panic"
    );
    let mut failed = false;
    prepare(scratch.path());
    for bomb in bombs {
        let mut class = Class::default();
        class.add(0, &measure(bomb.kind, &bomb.bytes.into(), true, scratch.path()));
        class.print(bomb.name);
        // How long tens of megapixels take to decode is no matter of damage.
        failed |= !class.over.is_empty();
    }

    let classes: Vec<Mutex<Class>> = CLASSES.iter().map(|_| Mutex::default()).collect();
    let by_seed: Vec<Mutex<Class>> = all.iter().map(|_| Mutex::default()).collect();
    let next = AtomicU64::new(0);
    let threads = available_parallelism().unwrap().get();
    let busy: Vec<Mutex<Option<(Instant, u64)>>> = (0..threads).map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for (thread, busy) in busy.iter().enumerate() {
            let (parts, all, classes, by_seed, next) = (&parts, &all, &classes, &by_seed, &next);
            let folder = scratch.path().join(thread.to_string());
            scope.spawn(move || {
                prepare(&folder);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let (seed, class, bytes) = make(parts, campaign, number);
                    *busy.lock().unwrap() = Some((Instant::now(), number));
                    let bytes = bytes.into();
                    let outcome = measure(all[seed].kind, &bytes, number % 4 == 0, &folder);
                    *busy.lock().unwrap() = None;
                    classes[class].lock().unwrap().add(number, &outcome);
                    by_seed[seed].lock().unwrap().add(number, &outcome);
                }
            });
        }
        while next.load(Ordering::Relaxed) < count {
            thread::sleep(Duration::from_millis(500));
            for stuck in busy.iter().filter_map(|busy| *busy.lock().unwrap()) {
                if stuck.0.elapsed() > GIVE_UP {
                    println!("mutant {} hangs", stuck.1);
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
        for (what, numbers) in [("over its bound", &class.over), ("slow", &class.slow)] {
            if !numbers.is_empty() {
                println!("  {what}: {numbers:?}");
                failed = true;
            }
        }
    }
    println!();
    for (seed, class) in all.iter().zip(&by_seed) {
        class.lock().unwrap().print(&seed.name);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("\n{count} mutants of {} files, campaign {campaign}, {seconds:.0} s", all.len());
    for (place, count) in &*places.lock().unwrap() {
        println!("{count} panics at {place}");
    }
    if failed || panics > 0 {
        exit(1);
    }
}
