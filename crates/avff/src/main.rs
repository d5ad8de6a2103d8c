//! The `avff` command. `avff --help` lists its exit codes.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "the last resort for an error is the terminal")]

mod cli;

use std::process::ExitCode;

/// Every layer allocates and frees tensors of tens of megabytes. The system's allocator returns their
/// pages each time, and new page faults cost time.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The network runs on this thread. As a thread of the pool it computes its share of every operation.
    // Otherwise it would wake another thread and sleep: training a small network took a seventh longer.
    if let Err(error) = rayon::ThreadPoolBuilder::new().use_current_thread().build_global() {
        eprintln!("error: {error}");
        return ExitCode::from(cli::SETUP);
    }
    match cli::run() {
        Ok(code) => code,
        // The reader of the output has closed the pipe, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", cli::message(&format!("error: {}", avff::error_text::chain(&*error))));
            if let Some(hint) = cli::hint(&*error) {
                eprintln!("{}", cli::message(&format!("hint: {hint}")));
            }
            ExitCode::from(cli::code(&error))
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
