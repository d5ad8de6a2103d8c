//! What is said below the table: notes, hints, and what the decisions mean.

use std::{collections::BTreeMap, io::Write, path::Path};

use avff::{
    Detector,
    calibration::words,
    data::synchrony::{Finding, Synchrony},
    table::{Text, printable},
};

use super::{
    left_out_table,
    record::{Scored, Window},
    time,
};
use crate::cli::hints::of_failure;

/// What is said of clips after their rows. It keeps no windows of several clips, so that memory does not grow with
/// their length.
pub(super) struct Closing {
    several: bool,
    decisions: BTreeMap<String, u64>,
    unscored: u64,
    whole: Vec<String>,
    synchrony: Vec<(String, Synchrony)>,
    notes: BTreeMap<String, Vec<String>>,
    hints: BTreeMap<String, Vec<String>>,
    left_out: Vec<(String, Text)>,
    /// The only clip.
    single: Option<Scored>,
}

impl Closing {
    pub(super) fn new(several: bool) -> Self {
        Self {
            several,
            decisions: BTreeMap::new(),
            unscored: 0,
            whole: Vec::new(),
            synchrony: Vec::new(),
            notes: BTreeMap::new(),
            hints: BTreeMap::new(),
            left_out: Vec::new(),
            single: None,
        }
    }

    pub(super) fn add(&mut self, clip: Scored) {
        let path = clip.path.clone();
        match (&clip.answer, clip.y_pred) {
            (Some(answer), _) => {
                *self.decisions.entry(answer.decision.to_string()).or_default() += 1;
            }
            (None, Some(_)) => {}
            (None, None) => self.unscored += 1,
        }
        if clip.face == Some(false) {
            self.whole.push(path.clone());
        }
        self.synchrony.extend(clip.synchrony.map(|synchrony| (path.clone(), synchrony)));
        for note in &clip.notes {
            self.notes.entry(note.clone()).or_default().push(path.clone());
        }
        if let Some(hint) = hint(&clip) {
            self.hints.entry(hint).or_default().push(path.clone());
        }
        if !clip.left_out.is_empty() {
            self.left_out.push((path, left_out_table(&clip.left_out)));
        }
        if !self.several {
            self.single = Some(clip);
        }
    }

    pub(super) fn write(self, out: &mut impl Write, network: &Detector) -> anyhow::Result<()> {
        if self.several {
            let decided =
                self.decisions.iter().map(|(decision, count)| format!("{count} {decision}"));
            let unscored = (self.unscored > 0).then(|| format!("{} not scored", self.unscored));
            let counts: Vec<String> = decided.chain(unscored).collect();
            if !counts.is_empty() {
                writeln!(out, "\n{}", counts.join(", "))?;
            }
        } else if let Some(answer) = self.single.as_ref().and_then(|clip| clip.answer) {
            writeln!(out, "{}; {}", words::sentence(&answer), words::meaning(answer.decision))?;
        }
        match network.judge() {
            Ok(judge) => writeln!(out, "{}", words::basis(judge))?,
            Err(reason) => writeln!(out, "{}: {reason}", words::UNCALIBRATED)?,
        }
        if !self.whole.is_empty() {
            let names = listed(&self.whole);
            writeln!(out, "note: no face was found, so whole frames are scored: {names}")?;
        }
        for (path, synchrony) in self.synchrony {
            let of = if self.several { format!(" of {}", printable(&path)) } else { String::new() };
            writeln!(out, "lips and voice{of}, without learning: {}", finding(synchrony))?;
            for finding in synchrony.findings() {
                if !matches!(finding, Finding::NotApplicable { .. }) {
                    writeln!(out, "note{of}: {finding}")?;
                }
            }
        }
        for (note, paths) in self.notes {
            writeln!(out, "note for {}: {note}", listed(&paths))?;
        }
        for (path, table) in self.left_out {
            if self.several {
                writeln!(out, "\nleft out of {}:\n{table}", printable(&path))?;
            } else {
                writeln!(out, "\nleft out:\n{table}")?;
            }
        }
        for (hint, paths) in self.hints {
            writeln!(out, "hint for {}: {hint}", listed(&paths))?;
        }
        match self.single {
            Some(clip) if clip.windows.len() > 1 => print_windows(out, &clip.windows),
            _ => Ok(()),
        }
    }
}

/// What to do about a clip without a score.
fn hint(clip: &Scored) -> Option<String> {
    let error = clip.error.as_ref()?;
    let is_csv = Path::new(&clip.path).extension().is_some_and(|end| end == "csv");
    match error.code.as_str() {
        "not-media" if is_csv => {
            Some("score the clips of a CSV with `avff eval --csv FILE`".into())
        }
        "not-found" if clip.path.contains(['*', '?', '[']) => {
            Some("no file matches the pattern".into())
        }
        "damaged" => {
            let own = "--damage windows with --window SECONDS scores the windows that the damage does not touch";
            let hint = of_failure(error);
            Some(hint.map_or_else(|| own.into(), |hint| format!("{hint}; {own}")))
        }
        _ => of_failure(error),
    }
}

/// What the measure without learning says of a clip.
fn finding(synchrony: Synchrony) -> String {
    let Synchrony { correlation, offset_ms, best_correlation, needed, cannot_tell, .. } = synchrony;
    if let Some(reason) = cannot_tell {
        return format!("cannot tell: {reason}");
    }
    let [correlation, best] = [correlation, best_correlation].map(Option::unwrap_or_default);
    match offset_ms {
        Some(offset) if (-80.0..=160.0).contains(&offset) => {
            format!("in time (correlation {best:.2} at {offset:+.0} ms)")
        }
        Some(offset) => {
            let late = if offset > 0.0 { "late" } else { "early" };
            format!(
                "the voice is {:.0} ms {late} (correlation {best:.2}, and {correlation:.2} in time)",
                offset.abs()
            )
        }
        None => format!(
            "cannot tell: no offset within a second stands out (correlation {correlation:.2} in time, \
             {best:.2} at best, {needed:.2} needed)"
        ),
    }
}

fn print_windows(out: &mut impl Write, windows: &[Window]) -> anyhow::Result<()> {
    let mut table = Text::with_header(["from", "to", "score", ""]);
    for window in windows {
        // Twenty characters for a score of 1.
        let bar = "#".repeat((window.y_pred * 20.0).round() as usize);
        table.row([time(window.start), time(window.end), format!("{:.4}", window.y_pred), bar]);
    }
    writeln!(out, "\n{table}")?;
    Ok(())
}

/// A few names, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| printable(name)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
