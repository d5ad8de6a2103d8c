//! The progress bar of all commands that work through many clips.

use std::time::{Duration, Instant};

use avff::evaluate::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How often a run without a terminal logs its progress, with `-v`.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A bar over `things`, shown on a terminal only.
pub(super) fn bar(things: &str) -> ProgressBar {
    let style = format!(
        "[{{bar:24}}] {{pos}}/{{len}} {things}  {{elapsed}} elapsed, {{eta}} left  {{msg}}"
    );
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style);
    }
    bar
}

/// Shows how many clips are done and how many failed.
pub(super) struct Clips {
    bar: ProgressBar,
    failed: &'static str,
    logged: Instant,
}

impl Clips {
    /// `failed` describes a clip that failed, such as `not read`.
    pub(super) fn new(failed: &'static str) -> Self {
        Self { bar: bar("clips"), failed, logged: Instant::now() }
    }

    pub(super) fn show(&mut self, Progress { done, total, failed }: Progress) {
        if self.logged.elapsed() > LOG_EVERY {
            tracing::info!("{done} of {total} clips, {failed} {}", self.failed);
            self.logged = Instant::now();
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        if failed > 0 {
            self.bar.set_message(format!("{failed} {}", self.failed));
        }
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
