//! What usage errors and `--version` say beyond clap's words.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::network::CHECKPOINT;

/// `--version`: the version, the commit, and what this build can do.
pub(super) const LONG_VERSION: &str =
    concat!(env!("AVFF_VERSION"), "\nfeatures: ", env!("AVFF_FEATURES"));

/// Where weights are to be had: nobody has them at the first start.
pub(super) const WEIGHTS: &str = "the weights of Open-AVFF are at https://github.com/JoeLeelyf/OpenAVFF (stage 3 scores \
     clips); AVFF_CHECKPOINT sets a default";

/// Columns of the terminal, where stdout is one.
pub(super) fn terminal_width() -> Option<u16> {
    console::Term::stdout().size_checked().map(|(_, columns)| columns)
}

/// Prints a usage error or the help, with a hint where there is one, and exits.
pub(super) fn exit(error: &clap::Error) -> ! {
    // Nothing can be done where the terminal is gone.
    let _ = error.print();
    if let Some(hint) = hint(error) {
        eprintln!("\n{}", super::message(&format!("hint: {hint}")));
    }
    std::process::exit(error.exit_code())
}

fn hint(error: &clap::Error) -> Option<String> {
    let context = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(" ")),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand)?;
            Path::new(&name).exists().then(|| format!("to score a file: avff score {name}"))
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = context(ContextKind::InvalidArg)?;
            missing.contains("--checkpoint").then(|| WEIGHTS.to_owned())
        }
        ErrorKind::InvalidValue => {
            let arg = context(ContextKind::InvalidArg)?;
            let empty = std::env::var_os(CHECKPOINT).is_some_and(|path| path.is_empty());
            (arg.contains("--checkpoint") && empty)
                .then(|| format!("{CHECKPOINT} is set, but empty"))
        }
        ErrorKind::UnknownArgument => {
            let argument = context(ContextKind::InvalidArg)?;
            let command = std::env::args().nth(1)?;
            match (command.as_str(), argument.as_str()) {
                ("eval", clip) if !clip.starts_with('-') => {
                    Some(format!("eval scores the clips of a CSV: --csv FILE. To score a clip: avff score {clip}"))
                }
                ("score", "--output" | "-o") => Some(
                    "score prints its results: add --json and redirect them with `> FILE`, or use `avff eval`".into(),
                ),
                ("score", "--csv") => Some("to score the clips of a CSV: avff eval --csv FILE".into()),
                _ => None,
            }
        }
        _ => None,
    }
}
