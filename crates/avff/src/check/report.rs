//! The report of a check, as JSON and as text.

use std::{collections::BTreeMap, fmt::Write};

use avff_data::{ClipSpec, spec::AudioSpec};
use avff_datasets::protocol::{Table, composition::Composition};
use serde::Serialize;

use super::{
    files::ScanResult,
    findings::{ExampleClip, Finding, FindingKind, Findings, summarize},
    media::{ClassCounts, Distribution, Fbank, Media},
};
use crate::{evaluate::Coverage, split, table::Text};

/// The share of the larger class from which accuracy is misleading.
const IMBALANCED: f64 = 0.9;
/// The split whose filterbank statistics are used for normalization.
const TRAIN: &str = "train";
/// The number of different containers, codecs or sizes in the text.
const SHOWN_VALUES: usize = 5;

/// The result of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The number of rows in each split by target and category.
    pub composition: Composition,
    /// The problems found, by kind.
    pub findings: Vec<Findings>,
    /// How many rows have a readable file; `None` if no file was checked.
    pub coverage: Option<Coverage>,
    /// Media properties of the clips; `None` if no clip was decoded.
    pub media: Option<Media>,
    /// The audio section of a clip spec with the filterbank's mean and standard deviation. It describes the
    /// split `train`, or all clips if there is no such split.
    pub audio: Option<AudioSpec>,
    /// Warnings to consider before training or testing on the data.
    pub warnings: Vec<String>,
}

impl Report {
    pub(super) fn new(
        table: &Table,
        names: &[String],
        assignment: &[Option<usize>],
        first_of_path: &[usize],
        found: &[Finding],
        scan: Option<ScanResult>,
        spec: &ClipSpec,
    ) -> Self {
        let coverage = scan.as_ref().map(|scan| coverage(table, first_of_path, scan));
        let media = scan.and_then(|scan| scan.media).map(|media| media.finish(names));
        let composition = Composition::new(table, names, assignment);
        let findings = summarize(table, names, assignment, found);
        let audio = media.as_ref().and_then(|media| audio(&media.fbank, &spec.audio));
        let mut warnings: Vec<String> = findings.iter().filter_map(warning).collect();
        warnings.extend(class_imbalance(names, &composition));
        if let Some(media) = &media {
            warnings.extend(shortcuts(media));
        }
        Self { composition, findings, coverage, media, audio, warnings }
    }

    /// Whether there are leaks between splits or contradictory labels.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        let fault = |kind: FindingKind| kind.is_leak() || kind == FindingKind::Contradiction;
        self.findings.iter().any(|findings| fault(findings.kind))
    }

    /// The share of rows with a readable file; 1 if no file was checked.
    #[must_use]
    pub fn readable(&self) -> f64 {
        self.coverage.as_ref().map_or(1.0, |coverage| coverage.fraction)
    }

    /// Formats the report as text.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{}\n", split::composition(&self.composition));
        if let Some(coverage) = &self.coverage {
            let (rows, read, share) = (coverage.rows, coverage.scored, coverage.fraction * 100.0);
            let _ = writeln!(text, "readable: {read} of {rows} rows ({share:.1} %)");
        }
        if let Some(media) = &self.media {
            let _ = write!(text, "\n{}\n{}\n", distributions(media), counts(media));
            for Fbank { split, clips, mean, std } in &media.fbank {
                let split = split.as_deref().unwrap_or("all");
                let _ = writeln!(
                    text,
                    "fbank of {split}: mean {mean:.4}, std {std:.4} ({clips} clips)"
                );
            }
        }
        if let Some(audio) = self.audio.as_ref().and_then(|spec| serde_json::to_string(spec).ok()) {
            let _ = writeln!(text, "for a clip spec: \"audio\": {audio}");
        }
        for Findings { kind, examples, .. } in &self.findings {
            let _ = writeln!(text, "\n{}, first examples:", kind.name());
            for example in examples {
                let clips: Vec<String> = example.clips.iter().map(clip).collect();
                let _ = writeln!(text, "  {}: {}", example.key, clips.join(", "));
                if let Some(hint) = &example.hint {
                    let _ = writeln!(text, "    {hint}");
                }
            }
        }
        text.push('\n');
        for warning in &self.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        if self.warnings.is_empty() {
            text.push_str("no problems found\n");
        }
        text
    }
}

/// Formats a clip with its split and its class, if they are known.
fn clip(ExampleClip { video_name, split, target }: &ExampleClip) -> String {
    let class = target.map(|target| if target == 1 { "fake" } else { "real" });
    let details: Vec<&str> = split.as_deref().into_iter().chain(class).collect();
    if details.is_empty() {
        return video_name.clone();
    }
    format!("{video_name} ({})", details.join(", "))
}

fn coverage(table: &Table, first_of_path: &[usize], scan: &ScanResult) -> Coverage {
    let mut failures_by_stage = BTreeMap::<String, u64>::new();
    for failure in first_of_path.iter().filter_map(|first| scan.failed.get(first)) {
        *failures_by_stage.entry(failure.stage.clone()).or_default() += 1;
    }
    let (rows, failed) = (table.len() as u64, failures_by_stage.values().sum());
    let scored = rows - failed;
    let fraction = scored as f64 / rows.max(1) as f64;
    Coverage {
        rows,
        scored,
        without_face: 0,
        with_notes: 0,
        with_left_out: 0,
        failed,
        skipped: 0,
        fraction,
        failures_by_stage,
    }
}

/// Returns `spec` with the filterbank statistics of the training split, or of all clips without one.
fn audio(fbank: &[Fbank], spec: &AudioSpec) -> Option<AudioSpec> {
    let train = fbank.iter().find(|fbank| fbank.split.as_deref() == Some(TRAIN));
    let chosen = train.or_else(|| fbank.iter().find(|fbank| fbank.split.is_none()))?;
    let (mean, std) = (chosen.mean as f32, chosen.std as f32);
    // Digital silence has a standard deviation of 0, which cannot normalize.
    std.is_normal().then(|| AudioSpec { mean, std, ..spec.clone() })
}

fn warning(findings: &Findings) -> Option<String> {
    let Findings { kind, count, rows, .. } = findings;
    Some(match kind {
        FindingKind::SharedIdentity => {
            format!("{count} identities are in more than one split ({rows} rows)")
        }
        FindingKind::SharedSource => {
            format!("{count} sources are in more than one split ({rows} rows)")
        }
        FindingKind::SharedPath => {
            format!("{count} paths are in more than one split ({rows} rows)")
        }
        FindingKind::SharedContent => {
            format!("{count} files are in more than one split under different names ({rows} rows)")
        }
        FindingKind::RepeatedPath => {
            format!(
                "{count} paths occur more than once in a split ({rows} rows), so their clips count more than once"
            )
        }
        FindingKind::Contradiction => {
            format!("{count} files are labeled both real and fake ({rows} rows)")
        }
        FindingKind::Unreadable => format!("{count} files cannot be read ({rows} rows)"),
    })
}

/// Warns of splits in which nearly all clips belong to one class.
fn class_imbalance(names: &[String], composition: &Composition) -> Vec<String> {
    let mut warnings = Vec::new();
    for split in names {
        let rows = |target| -> usize {
            let own = composition.cells.iter();
            let own = own.filter(|cell| cell.split.as_ref() == Some(split));
            own.filter(|cell| cell.target == Some(target)).map(|cell| cell.rows).sum()
        };
        let (real, fake) = (rows(0), rows(1));
        let (class, most) = if fake >= real { ("fake", fake) } else { ("real", real) };
        let share = most as f64 / (real + fake).max(1) as f64;
        if most > 0 && most == real + fake {
            warnings
                .push(format!("every labeled clip of {split} is {class}, so its AUC is undefined"));
        } else if share >= IMBALANCED {
            warnings.push(format!(
                "predicting {class} for every clip of {split} has an accuracy of {:.1} %: report AUC \
                 or balanced accuracy instead",
                share * 100.0
            ));
        }
    }
    warnings
}

/// Warns of media properties that separate fake from real.
fn shortcuts(media: &Media) -> Vec<String> {
    let mut warnings = Vec::new();
    for (what, distribution, advice) in [
        ("leading silence", &media.leading_silence, ": trim it in training and tests"),
        ("duration", &media.seconds, ""),
        ("frame rate", &media.frame_rate, ""),
    ] {
        let Some(distribution) = distribution.as_ref().filter(|values| values.separates) else {
            continue;
        };
        let (auc, real, fake) = (
            distribution.auc.unwrap_or_default(),
            distribution.median_real.unwrap_or_default(),
            distribution.median_fake.unwrap_or_default(),
        );
        warnings.push(format!(
            "{what} alone separates fake from real with AUC {auc:.3} (median {fake:.3} for fakes, {real:.3} for \
             reals){advice}"
        ));
    }
    let ClassCounts { real, fake, unknown } = media.silent;
    if real + fake + unknown > 0 {
        let count = real + fake + unknown;
        warnings
            .push(format!("clips with entirely silent audio: {count} ({fake} fake, {real} real)"));
    }
    warnings
}

fn distributions(media: &Media) -> Text {
    let mut table =
        Text::with_header(["", "min", "median", "max", "median real", "median fake", "AUC"]);
    for (what, distribution) in [
        ("duration (s)", &media.seconds),
        ("frame rate (fps)", &media.frame_rate),
        ("leading silence (s)", &media.leading_silence),
    ] {
        let Some(Distribution { min, median, max, median_real, median_fake, auc, .. }) =
            distribution
        else {
            continue;
        };
        let cell = |value: Option<f64>| value.map_or_else(|| "-".into(), |v| format!("{v:.3}"));
        let cells = [Some(*min), Some(*median), Some(*max), *median_real, *median_fake, *auc];
        table.row([what.to_owned()].into_iter().chain(cells.map(cell)));
    }
    table
}

fn counts(media: &Media) -> Text {
    let mut table = Text::with_header(["", "value", "real", "fake", "unknown"]);
    for (what, counts) in [
        ("container", &media.containers),
        ("video codec", &media.video_codecs),
        ("audio codec", &media.audio_codecs),
        ("frame size", &media.sizes),
        ("sample rate", &media.sample_rates),
        ("channels", &media.channels),
    ] {
        let mut counts: Vec<(&String, &ClassCounts)> = counts.iter().collect();
        let all = |counts: &ClassCounts| counts.real + counts.fake + counts.unknown;
        counts.sort_by_key(|(_, counts)| std::cmp::Reverse(all(counts)));
        for (value, ClassCounts { real, fake, unknown }) in counts.iter().take(SHOWN_VALUES) {
            let [real, fake, unknown] = [real, fake, unknown].map(ToString::to_string);
            table.row([what, value, &real, &fake, &unknown]);
        }
        if counts.len() > SHOWN_VALUES {
            let more = format!("and {} more", counts.len() - SHOWN_VALUES);
            table.row([what, &more, "", "", ""]);
        }
    }
    table
}
