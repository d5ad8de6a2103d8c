//! The result of a comparison, as JSON and as text.

use std::path::PathBuf;

use avff_metrics::{Delong, DelongTest, Interval};
use serde::Serialize;

use crate::table::Text;

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first table of predictions.
    pub first: PathBuf,
    /// The second table of predictions.
    pub second: PathBuf,
    /// The number of labeled clips in both files. All results are over these clips.
    pub n: usize,
    /// The number of fakes among them.
    pub n_fake: usize,
    /// The number of reals among them.
    pub n_real: usize,
    /// The number of clips only in the first file.
    pub only_in_first: usize,
    /// The number of clips only in the second file.
    pub only_in_second: usize,
    /// The number of clips in both files without a target.
    pub unlabeled: usize,
    /// The number of rows that repeat a clip of an earlier row of their file, so that it counts more than once.
    pub repeated: usize,
    /// The level of the confidence intervals.
    pub level: f64,
    /// DeLong's test. The difference is the second AUC minus the first.
    pub test: DelongTest,
    /// The confidence interval of the first AUC.
    pub first_interval: Interval,
    /// The confidence interval of the second AUC.
    pub second_interval: Interval,
    /// The confidence interval of the difference.
    pub difference_interval: Interval,
    /// The number of clips with any change of rank.
    pub n_moved: usize,
    /// The clips with the largest changes, largest first.
    pub moved: Vec<Moved>,
}

/// A clip that the two detectors rank differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// The clip's name.
    pub video_name: String,
    /// 1 for fake, 0 for real.
    pub target: u8,
    /// The score of the first detector.
    pub first: f64,
    /// The score of the second detector.
    pub second: f64,
    /// The change in the share of clips of the other class that the clip is ranked correctly against. It is
    /// positive if the second detector ranks the clip better. Its mean over fakes is the difference of the
    /// AUCs. Unlike a difference of scores, it does not change if a detector's scores are more extreme
    /// throughout.
    pub gain: f64,
}

impl Comparison {
    /// Formats the comparison as text.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let Self { n, n_fake, n_real, level, test, .. } = self;
        row("clips in both", format!("{n} ({n_fake} fake, {n_real} real)"));
        for (count, what) in [
            (self.only_in_first, "only in the first file"),
            (self.only_in_second, "only in the second file"),
            (self.unlabeled, "without a target"),
        ] {
            if count > 0 {
                row("excluded", format!("{count} {what}"));
            }
        }
        if self.repeated > 0 {
            let rows = if self.repeated == 1 { "1 row repeats" } else { "rows repeat" };
            let count =
                if self.repeated == 1 { String::new() } else { format!("{} ", self.repeated) };
            row("note", format!("{count}{rows} a clip, which counts more than once"));
        }
        let auc = |Delong { auc, .. }: Delong, interval| format!("{auc:.4} {}", within(interval));
        row("AUC of the first", auc(test.first, self.first_interval));
        row("AUC of the second", auc(test.second, self.second_interval));
        let difference = format!("{:+.4} {}", test.difference, within(self.difference_interval));
        row("difference", difference);
        let result = match (test.z, test.p) {
            (Some(z), Some(p)) => format!("z {z:.3}, two-sided p {}", probability(p)),
            _ => "not defined: the difference has no variance".into(),
        };
        row("DeLong's test", result);
        row("confidence intervals", format!("level {level}, DeLong's method"));
        let mut text = table.to_string();
        if !self.moved.is_empty() {
            let mut moved =
                Text::with_header(["largest changes", "class", "first", "second", "gain"]);
            for Moved { video_name, target, first, second, gain } in &self.moved {
                let class = if *target == 1 { "fake" } else { "real" };
                let scores = [format!("{first:.4}"), format!("{second:.4}"), format!("{gain:+.4}")];
                moved.row([video_name.clone(), class.into()].into_iter().chain(scores));
            }
            text = format!("{text}\n\n{moved}");
        }
        let more = self.n_moved - self.moved.len();
        if more > 0 {
            text = format!("{text}\nand {more} more with a change");
        }
        text
    }
}

fn within(Interval { low, high }: Interval) -> String {
    format!("({low:.4} to {high:.4})")
}

/// Formats a p-value with four decimals, or in scientific notation if these would be zeros.
fn probability(p: f64) -> String {
    if p >= 0.0001 || p == 0.0 { format!("{p:.4}") } else { format!("{p:.1e}") }
}
