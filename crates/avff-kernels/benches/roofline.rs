//! Measures the roofline of this machine: `cargo bench -p avff-kernels --bench roofline --
//! [--rounds N]`.
//!
//! The benchmark measures multiply-adds per second with all operands in registers, and bytes per
//! second read from each level of memory, on one thread and on all threads. Each figure is the best
//! of many short runs, because other processes can slow a shared machine down but never speed it
//! up.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unused_crate_dependencies)]

use std::{hint::black_box, sync::Barrier, thread, time::Instant};

use pulp::{Arch, Simd, WithSimd};

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut rounds = 20;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = arguments.next().unwrap().parse().unwrap(),
            other => println!("unknown argument {other}"),
        }
    }
    let threads = thread::available_parallelism().unwrap().get();
    let counts = if threads > 1 { vec![1, threads] } else { vec![1] };
    for count in counts {
        let peak = best(rounds, count, || Multiply { times: 400_000 });
        println!("{count} threads: {:.1} GFLOP/s", peak / 1e9);
        for (level, bytes) in
            [("L1", 16 << 10), ("L2", 256 << 10), ("L3", 6 << 20), ("RAM", 256 << 20)]
        {
            let times = ((64 << 20) / bytes).max(1);
            let speed = best(rounds, count, || Read { numbers: vec![1.0; bytes / 4], times });
            println!("{count} threads: {level} {:.1} GB/s", speed / 1e9);
        }
    }
}

/// Work that is done a known number of times.
trait Work: Send {
    /// Does the work and returns its amount.
    fn run(&mut self, arch: Arch) -> f64;
}

/// Returns the best total throughput of all threads, in units of work per second.
fn best<W: Work>(rounds: usize, threads: usize, work: impl Fn() -> W + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let run = || -> Vec<(f64, f64)> {
        let mut work = work();
        let arch = Arch::new();
        work.run(arch);
        let once = |_| {
            barrier.wait();
            let start = Instant::now();
            let done = work.run(arch);
            (done, start.elapsed().as_secs_f64())
        };
        (0..rounds).map(once).collect()
    };
    let runs: Vec<Vec<(f64, f64)>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let round = |round: usize| -> f64 {
        let slowest = runs.iter().map(|run| run[round].1).fold(0.0, f64::max);
        runs.iter().map(|run| run[round].0).sum::<f64>() / slowest
    };
    (0..rounds).map(round).fold(0.0, f64::max)
}

/// Independent sums: more than the latency of a multiply-add needs.
const CHAINS: usize = 12;

/// Multiply-adds with all operands in registers.
struct Multiply {
    times: usize,
}

impl Work for Multiply {
    fn run(&mut self, arch: Arch) -> f64 {
        let lanes = arch.dispatch(MultiplyOn(self.times));
        (2 * lanes * CHAINS * self.times) as f64
    }
}

struct MultiplyOn(usize);

impl WithSimd for MultiplyOn {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(1e-3)));
        let mut sums = [simd.splat_f32s(1.0); CHAINS];
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, a, b);
            }
        }
        black_box(sums);
        S::F32_LANES
    }
}

/// Reads the numbers repeatedly.
struct Read {
    numbers: Vec<f32>,
    times: usize,
}

impl Work for Read {
    fn run(&mut self, arch: Arch) -> f64 {
        for _ in 0..self.times {
            arch.dispatch(ReadOn(black_box(&self.numbers)));
        }
        (size_of_val(&*self.numbers) * self.times) as f64
    }
}

struct ReadOn<'a>(&'a [f32]);

impl WithSimd for ReadOn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut sums = [simd.splat_f32s(0.0); 8];
        for eight in S::as_simd_f32s(self.0).0.as_chunks::<8>().0 {
            for (sum, x) in sums.iter_mut().zip(eight) {
                *sum = simd.add_f32s(*sum, *x);
            }
        }
        black_box(sums);
    }
}
