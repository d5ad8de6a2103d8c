//! Scores the bundled clips: `cargo run --example eval`.
//!
//! Run `cargo run --example eval -- CHECKPOINT CSV` to score your own clips. The example writes
//! predictions, errors and a summary to `target/eval`. `avff eval` has more options.

use std::{env, error::Error, fs, path::PathBuf, process::ExitCode};

use avff::{Detector, error_text::chain, evaluate::EvalOptions, table::Text};

#[expect(clippy::print_stderr, reason = "an example prints its errors")]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&*error));
            if env::args_os().len() == 1 {
                eprintln!(
                    "hint: run the example in the root of the repository, which has the bundled clips"
                );
            }
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let mut argument = |bundled: &str| arguments.next().unwrap_or_else(|| bundled.into());
    // Relative to the root of the repository.
    let weights = argument("data/avff-tiny/avff-tiny.safetensors");
    let csv = argument("data/synthetic.csv");
    let output = PathBuf::from("target/eval/prediction.csv");
    fs::create_dir_all("target/eval")?;

    let detector = Detector::open(weights)?;
    let options = EvalOptions { overwrite: true, ..EvalOptions::new(csv, &output) };
    let summary = detector.evaluate_with(&options, &mut |_| {})?;

    let mut scores = Text::with_header(["clip", "score", "target"]);
    for line in fs::read_to_string(&output)?.lines().skip(1) {
        scores.row(line.split(',').take(3));
    }
    println!("{scores}\n{}\nscores: {}", summary.table(), output.display());
    Ok(())
}
