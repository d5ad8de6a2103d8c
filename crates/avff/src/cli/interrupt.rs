//! What Ctrl-C says in commands that can be continued.

use anyhow::Context;

/// The exit code of a process that Ctrl-C ended, as shells have it.
const CODE: i32 = 130;

/// On Ctrl-C, prints `how` the work can be continued, and exits with 130.
///
/// Files that are being written keep their `.partial` names.
pub(super) fn explain(how: &str) -> anyhow::Result<()> {
    let how = how.to_owned();
    ctrlc::set_handler(move || {
        eprintln!("\ninterrupted: {how}");
        std::process::exit(CODE);
    })
    .context("cannot handle Ctrl-C")
}
