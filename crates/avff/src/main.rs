//! The `avff` command. Exit codes: 0 done, 2 usage or setup, 3 too few clips could be read,
//! 4 a leak found by `check --strict`, 5 training was asked to stop and saved its state, 130 it was asked twice.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "the last resort for an error is the terminal")]

mod cli;

use std::process::ExitCode;

/// Tensors of tens of megabytes come and go in every layer; the system's allocator gives their
/// pages back each time and faults them in again.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The network runs on this thread. As one of the pool's it does its share of every operation itself,
    // where it would otherwise wake another to do it and sleep meanwhile: a seventh of the time it took
    // to train a small network (docs/performance.md).
    if let Err(error) = rayon::ThreadPoolBuilder::new().use_current_thread().build_global() {
        eprintln!("error: {error}");
        return ExitCode::from(cli::SETUP);
    }
    match cli::run() {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", avff::error_text::chain(&*error));
            if let Some(hint) = cli::hint(&*error) {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(cli::SETUP)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
