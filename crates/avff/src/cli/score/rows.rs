//! The table of clips, row by row as they are scored.

use std::io::Write;

use avff::table::printable;
use console::{Alignment, measure_text_width, pad_str};

use super::{record::Scored, time};

/// The longest name that sets the width of its column. Longer names shift their row.
const WIDEST: usize = 40;

/// The columns that a table has.
pub(super) struct Columns {
    /// Width of the column of names.
    name: usize,
    /// Whether there are decisions.
    calibrated: bool,
    /// Whether several windows may be scored.
    windows: bool,
}

impl Columns {
    pub(super) fn new<'a>(
        names: impl Iterator<Item = &'a str>,
        calibrated: bool,
        windows: bool,
    ) -> Self {
        let longest = names.map(|name| measure_text_width(&printable(name))).max().unwrap_or(0);
        Self { name: longest.clamp(4, WIDEST), calibrated, windows }
    }

    pub(super) fn header(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut line = format!(" {:width$}", "clip", width = self.name);
        if self.calibrated {
            line.push_str("  decision     P(fake)");
        }
        line.push_str("  score ");
        if self.windows {
            line.push_str("  highest window");
        }
        writeln!(out, "{line}\n{}", "-".repeat(line.len() + 1))
    }

    pub(super) fn row(&self, out: &mut impl Write, clip: &Scored) -> std::io::Result<()> {
        let name = printable(&clip.path);
        let mut line = format!(" {}", pad_str(&name, self.name, Alignment::Left, None));
        if self.calibrated {
            let (decision, probability) = match &clip.answer {
                Some(answer) => (answer.decision.to_string(), format!("{:.3}", answer.probability)),
                None => ("-".into(), "-".into()),
            };
            line.push_str(&format!("  {decision:11}  {probability:7}"));
        }
        let score = clip.y_pred.map_or_else(|| "-".into(), |score| format!("{score:.4}"));
        line.push_str(&format!("  {score:6}"));
        if self.windows {
            let worst = clip.worst().map_or_else(String::new, |window| {
                format!("{:.4} at {}", window.y_pred, time(window.start))
            });
            line.push_str(&format!("  {worst:17}"));
        }
        if let Some(error) = &clip.error {
            line.push_str(&format!("  {}: {}", error.stage, printable(&error.error)));
        }
        writeln!(out, "{}", line.trim_end())
    }
}
