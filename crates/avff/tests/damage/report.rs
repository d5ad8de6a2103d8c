//! The table of a campaign.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use super::{Mutant, Outcome, kinds::KINDS, undetectable};

/// The mutants of a kind and a reader.
#[derive(Default)]
struct Row {
    mutants: u64,
    refused: u64,
    finding: u64,
    same: u64,
    undetectable: u64,
    silent: u64,
    /// The largest change of a silent mutant, and its number.
    largest: Option<(f64, u64)>,
    elapsed: Duration,
}

/// The mutants of an entry of the list, and how many of them changed a score.
#[derive(Default)]
struct Listed {
    mutants: u64,
    changed: u64,
}

/// Counts mutants.
#[derive(Default)]
pub struct Report {
    rows: BTreeMap<(usize, String), Row>,
    codes: BTreeMap<String, u64>,
    listed: BTreeMap<usize, Listed>,
    /// Sites of silent mutants.
    silent: BTreeMap<(String, String), (u64, u64, String)>,
}

/// Changes beyond the share of an entry that a small number of mutants may show by chance.
const SLACK: f64 = 3.0;

impl Report {
    /// Adds a mutant whose reading began at `start`.
    pub fn add(&mut self, mutant: &Mutant, start: Instant) {
        let Mutant { number, kind, reader, site, outcome, .. } = mutant;
        let place = KINDS.iter().position(|other| other.name == *kind).unwrap();
        let row = self.rows.entry((place, reader.clone())).or_default();
        row.mutants += 1;
        row.elapsed += start.elapsed();
        if let Some(place) = undetectable::find(kind, reader, site) {
            self.listed.entry(place).or_default().mutants += 1;
        }
        match outcome {
            Outcome::Refused(code) => {
                row.refused += 1;
                *self.codes.entry(code.clone()).or_default() += 1;
            }
            Outcome::Finding => row.finding += 1,
            Outcome::Same => row.same += 1,
            Outcome::Undetectable(place) => {
                row.undetectable += 1;
                self.listed.entry(*place).or_default().changed += 1;
            }
            Outcome::Silent(change) => {
                row.silent += 1;
                if row.largest.is_none_or(|(largest, _)| *change > largest) {
                    row.largest = Some((*change, *number));
                }
                let key = ((*kind).to_owned(), site.clone());
                let detail = format!("{} {} {}", mutant.reader, mutant.file, mutant.what);
                self.silent.entry(key).or_insert((0, *number, detail)).0 += 1;
            }
        }
    }

    /// Returns what is a fault: silent mutants, and entries of the list that occur too often.
    pub fn faults(&self) -> Vec<String> {
        let silent = self.silent.iter().map(|((kind, site), (count, number, detail))| {
            format!("{count} silent: {kind}, {site}, such as mutant {number} ({detail})")
        });
        let often = self.listed.iter().filter_map(|(&place, listed)| {
            let entry = &undetectable::LIST[place];
            let most = entry.share * listed.mutants as f64 + SLACK;
            (listed.changed as f64 > most).then(|| {
                let Listed { mutants, changed } = listed;
                format!("{changed} of {mutants} changed: {}, {}", entry.kind, entry.site)
            })
        });
        silent.chain(often).collect()
    }

    /// The number of mutants.
    pub fn mutants(&self) -> u64 {
        self.rows.values().map(|row| row.mutants).sum()
    }

    /// The table by kind and reader, and the lists below it.
    pub fn table(&self) -> String {
        let mut out = format!(
            "{:<18}{:<9}{:>8}{:>8}{:>8}{:>7}{:>11}{:>7}{:>9}{:>8}{:>6}\n",
            "kind",
            "reader",
            "mutants",
            "refused",
            "finding",
            "same",
            "undetected",
            "SILENT",
            "largest",
            "mutant",
            "s"
        );
        for ((place, reader), row) in &self.rows {
            let (largest, mutant) =
                row.largest.map_or_else(Default::default, |(change, number)| {
                    (format!("{change:.4}"), number.to_string())
                });
            _ = writeln!(
                out,
                "{:<18}{reader:<9}{:>8}{:>8}{:>8}{:>7}{:>11}{:>7}{largest:>9}{mutant:>8}{:>6.0}",
                KINDS[*place].name,
                row.mutants,
                row.refused,
                row.finding,
                row.same,
                row.undetectable,
                row.silent,
                row.elapsed.as_secs_f64(),
            );
        }
        let codes: Vec<String> =
            self.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
        _ = writeln!(out, "\nrefused by code: {}", codes.join(", "));
        out += "\nundetected (changed of all mutants there):\n";
        for (&place, Listed { mutants, changed }) in &self.listed {
            let entry = &undetectable::LIST[place];
            _ = writeln!(
                out,
                "{changed:>6} of {mutants:>5}  {}, {}{}: {}",
                entry.kind,
                entry.site,
                if entry.reader.is_empty() { "" } else { " (FFmpeg)" },
                entry.reason
            );
        }
        out
    }
}
