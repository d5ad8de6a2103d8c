//! `avff man`.

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;

use super::groups;

/// Write manual pages into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff man ~/.local/share/man/man1")]
pub(super) struct Args {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let named = || args.folder.display().to_string();
    fs::create_dir_all(&args.folder).with_context(named)?;
    clap_mangen::generate_to(groups::command(), &args.folder).with_context(named)?;
    writeln!(std::io::stdout().lock(), "manual pages: {}", args.folder.display())?;
    Ok(ExitCode::SUCCESS)
}
