//! `avff completions`.

use std::{io::Write, process::ExitCode};

use clap_complete::{Shell, generate};

use super::groups;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff completions bash > ~/.local/share/bash-completion/completions/avff
  avff completions zsh > \"${fpath[1]}/_avff\"
  avff completions fish > ~/.config/fish/completions/avff.fish")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    generate(args.shell, &mut groups::command(), "avff", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
