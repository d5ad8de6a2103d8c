//! What came of a comparison, as JSON and for a person.

use std::path::PathBuf;

use avff_metrics::{Delong, DelongTest, Interval};
use serde::Serialize;

use crate::table::Text;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The one's predictions.
    pub first: PathBuf,
    /// The other's.
    pub second: PathBuf,
    /// Clips in both with a target: all that follows is over these.
    pub n: usize,
    /// Fakes among them.
    pub n_fake: usize,
    /// Reals among them.
    pub n_real: usize,
    /// Clips in the first file alone.
    pub only_in_first: usize,
    /// Clips in the second file alone.
    pub only_in_second: usize,
    /// Clips in both, but without a target.
    pub unlabelled: usize,
    /// Of the intervals.
    pub level: f64,
    /// DeLong's test; the difference is the second's AUC less the first's.
    pub test: DelongTest,
    /// Of the first's AUC.
    pub first_interval: Interval,
    /// Of the second's AUC.
    pub second_interval: Interval,
    /// Of the difference.
    pub difference_interval: Interval,
    /// Clips that moved at all.
    pub n_moved: usize,
    /// Those that moved furthest, the furthest first.
    pub moved: Vec<Moved>,
}

/// A clip that one of the two places better than the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// Its name.
    pub video_name: String,
    /// 1 for fake, 0 for real.
    pub target: u8,
    /// The first's score.
    pub first: f64,
    /// The second's score.
    pub second: f64,
    /// How much more of the other class the second has it on the right side of: a share, negative where
    /// it is less. Their mean over fakes is the AUCs' difference. Unlike a change of scores it is the
    /// same for a network that is bolder throughout.
    pub gain: f64,
}

impl Comparison {
    /// All of it, for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let Self { n, n_fake, n_real, level, test, .. } = self;
        row("clips in both", format!("{n} ({n_fake} fake, {n_real} real)"));
        for (count, what) in [
            (self.only_in_first, "in the first file alone"),
            (self.only_in_second, "in the second file alone"),
            (self.unlabelled, "without a target"),
        ] {
            if count > 0 {
                row("left out", format!("{count} {what}"));
            }
        }
        let auc = |Delong { auc, .. }: Delong, interval| format!("{auc:.4} {}", within(interval));
        row("AUC of the first", auc(test.first, self.first_interval));
        row("AUC of the second", auc(test.second, self.second_interval));
        let difference = format!("{:+.4} {}", test.difference, within(self.difference_interval));
        row("difference", difference);
        let verdict = match (test.z, test.p) {
            (Some(z), Some(p)) => format!("z {z:.3}, two-sided p {}", probability(p)),
            _ => "not defined: the difference has no variance".into(),
        };
        row("DeLong's test", verdict);
        row("intervals", format!("level {level}, by DeLong"));
        let mut text = table.to_string();
        if !self.moved.is_empty() {
            let mut moved = Text::with_header(["moved most", "", "first", "second", "gain"]);
            for Moved { video_name, target, first, second, gain } in &self.moved {
                let class = if *target == 1 { "fake" } else { "real" };
                let scores = [format!("{first:.4}"), format!("{second:.4}"), format!("{gain:+.4}")];
                moved.row([video_name.clone(), class.into()].into_iter().chain(scores));
            }
            text = format!("{text}\n\n{moved}");
        }
        let more = self.n_moved - self.moved.len();
        if more > 0 {
            text = format!("{text}\nand {more} more that moved");
        }
        text
    }
}

fn within(Interval { low, high }: Interval) -> String {
    format!("({low:.4} to {high:.4})")
}

/// Four digits, or the power of ten where those would be zeros.
fn probability(p: f64) -> String {
    if p >= 0.0001 || p == 0.0 { format!("{p:.4}") } else { format!("{p:.1e}") }
}
