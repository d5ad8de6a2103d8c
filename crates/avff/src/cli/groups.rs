//! The commands of `avff --help`, in groups.

use std::io::IsTerminal;

use clap::{Command, CommandFactory};

use super::Cli;

/// Groups of commands by purpose, each in the order of a usual session.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Score",
        &[
            "score",
            "eval",
            "explain",
            "report",
            "localize",
            "calibrate",
            "robustness",
            "compare",
            "merge",
        ],
    ),
    ("Data", &["manifest", "split", "check", "crop", "cache", "pack", "plan", "synth"]),
    ("Train", &["train", "runs", "init", "reconstruct"]),
    ("Checkpoint", &["inspect", "convert", "adapt"]),
    ("Other", &["completions", "man"]),
];

/// The command line, with its commands grouped in the help.
pub(super) fn command() -> Command {
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{}\nOptions:\n{{options}}{{after-help}}",
        listing(&Cli::command())
    );
    let command = Cli::command().help_template(template);
    // Text in a file or a pipe does not depend on whose terminal started the command.
    if std::io::stdout().is_terminal() { command } else { command.term_width(80) }
}

fn listing(command: &Command) -> String {
    let mut text = String::new();
    for (group, names) in GROUPS {
        text.push_str(&format!("\n{group}:\n"));
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {name:<11}  {about}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_fits_60_columns() {
        let command = Cli::command();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        for sub in command.get_subcommands() {
            let count = grouped.iter().filter(|name| **name == sub.get_name()).count();
            assert_eq!(count, 1, "{}", sub.get_name());
        }
        assert_eq!(grouped.len(), command.get_subcommands().count());
        for line in listing(&command).lines() {
            assert!(line.len() <= 60, "{line}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        for sub in Cli::command().get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            let line = format!("  avff {}", sub.get_name());
            assert!(help.contains(&line), "{}: {help}", sub.get_name());
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }
}
