//! What came of a check, as JSON and for a person.

use std::{collections::BTreeMap, fmt::Write};

use avff_data::{ClipSpec, spec::AudioSpec};
use avff_datasets::protocol::{Table, composition::Composition};
use serde::Serialize;

use super::{
    files::Seen,
    findings::{ExampleClip, Finding, FindingKind, Findings, in_short},
    media::{ClassCounts, Fbank, Media, Numbers},
};
use crate::{evaluate::Coverage, split, table::Text};

/// From which share of one class on accuracy says little.
const LOPSIDED: f64 = 0.9;
/// The split whose filterbank statistics are those to normalise with.
const TRAIN: &str = "train";
/// Kinds of container, codec or size that a person is shown.
const SHOWN_KINDS: usize = 5;

/// What came of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What is in each split.
    pub composition: Composition,
    /// What is wrong with rows.
    pub findings: Vec<Findings>,
    /// How many rows have a readable file; none where no file was looked at.
    pub coverage: Option<Coverage>,
    /// What the clips are like; none where none was decoded.
    pub media: Option<Media>,
    /// The part of a clip spec that the filterbank's statistics belong in, those of the split
    /// `train` where there is one.
    pub audio: Option<AudioSpec>,
    /// What a person should know before training or testing on this.
    pub warnings: Vec<String>,
}

impl Report {
    pub(super) fn new(
        table: &Table,
        names: &[String],
        parts: &[Option<usize>],
        first_of_path: &[usize],
        found: &[Finding],
        seen: Option<Seen>,
        spec: &ClipSpec,
    ) -> Self {
        let coverage = seen.as_ref().map(|seen| coverage(table, first_of_path, seen));
        let media = seen.and_then(|seen| seen.media).map(|gathered| gathered.media(names));
        let composition = Composition::new(table, names, parts);
        let findings = in_short(table, names, parts, found);
        let audio = media.as_ref().and_then(|media| audio(&media.fbank, &spec.audio));
        let mut warnings: Vec<String> = findings.iter().filter_map(warning).collect();
        warnings.extend(lopsided(names, &composition));
        if let Some(media) = &media {
            warnings.extend(shortcuts(media));
        }
        Self { composition, findings, coverage, media, audio, warnings }
    }

    /// Whether splits share what they should not, or labels contradict each other.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        let fault = |kind: FindingKind| kind.is_leak() || kind == FindingKind::Contradiction;
        self.findings.iter().any(|findings| fault(findings.kind))
    }

    /// The share of rows with a readable file; all where none was looked at.
    #[must_use]
    pub fn readable(&self) -> f64 {
        self.coverage.as_ref().map_or(1.0, |coverage| coverage.fraction)
    }

    /// All of it, for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{}\n", split::composition(&self.composition));
        if let Some(coverage) = &self.coverage {
            let (rows, read, share) = (coverage.rows, coverage.scored, coverage.fraction * 100.0);
            let _ = writeln!(text, "readable: {read} of {rows} rows ({share:.1} %)");
        }
        if let Some(media) = &self.media {
            let _ = write!(text, "\n{}\n{}\n", numbers(media), kinds(media));
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
            let _ = writeln!(text, "\n{}, the first:", kind.name());
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
            text.push_str("nothing found\n");
        }
        text
    }
}

/// A clip with the split it is in and its class, as far as they are said.
fn clip(ExampleClip { video_name, split, target }: &ExampleClip) -> String {
    let class = target.map(|target| if target == 1 { "fake" } else { "real" });
    let said: Vec<&str> = split.as_deref().into_iter().chain(class).collect();
    if said.is_empty() { video_name.clone() } else { format!("{video_name} ({})", said.join(", ")) }
}

fn coverage(table: &Table, first_of_path: &[usize], seen: &Seen) -> Coverage {
    let mut failures_by_stage = BTreeMap::<String, u64>::new();
    for failure in first_of_path.iter().filter_map(|first| seen.failed.get(first)) {
        *failures_by_stage.entry(failure.stage.clone()).or_default() += 1;
    }
    let (rows, failed) = (table.len() as u64, failures_by_stage.values().sum());
    let scored = rows - failed;
    let fraction = scored as f64 / rows.max(1) as f64;
    Coverage { rows, scored, without_face: 0, failed, skipped: 0, fraction, failures_by_stage }
}

/// The spec with the statistics of the training set, or of everything.
fn audio(fbank: &[Fbank], spec: &AudioSpec) -> Option<AudioSpec> {
    let train = fbank.iter().find(|fbank| fbank.split.as_deref() == Some(TRAIN));
    let chosen = train.or_else(|| fbank.iter().find(|fbank| fbank.split.is_none()))?;
    let (mean, std) = (chosen.mean as f32, chosen.std as f32);
    // Silence alone deviates from nothing, and nothing can be divided by that.
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
                "{count} paths are several times in one split ({rows} rows): they count several times"
            )
        }
        FindingKind::Contradiction => {
            format!("{count} files are said to be both real and fake ({rows} rows)")
        }
        FindingKind::Unreadable => format!("{count} files cannot be read ({rows} rows)"),
    })
}

/// Splits where one class is nearly all there is.
fn lopsided(names: &[String], composition: &Composition) -> Vec<String> {
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
            warnings.push(format!("every clip of {split} with a target is {class}: no AUC there"));
        } else if share >= LOPSIDED {
            warnings.push(format!(
                "calling every clip of {split} {class} is {:.1} % accurate: report AUC or balanced \
                 accuracy",
                share * 100.0
            ));
        }
    }
    warnings
}

/// What tells fake from real without looking at faces or voices.
fn shortcuts(media: &Media) -> Vec<String> {
    let mut warnings = Vec::new();
    for (what, numbers, advice) in [
        ("silence at the start", &media.leading_silence, ": trim it in training and tests"),
        ("length", &media.seconds, ""),
        ("picture rate", &media.picture_rate, ""),
    ] {
        let Some(numbers) = numbers.as_ref().filter(|numbers| numbers.separates) else { continue };
        let (auc, real, fake) = (
            numbers.auc.unwrap_or_default(),
            numbers.median_real.unwrap_or_default(),
            numbers.median_fake.unwrap_or_default(),
        );
        warnings.push(format!(
            "{what} alone tells fake from real with AUC {auc:.3} (median {fake:.3} and {real:.3}){advice}"
        ));
    }
    let ClassCounts { real, fake, unknown } = media.silent;
    if real + fake + unknown > 0 {
        let count = real + fake + unknown;
        warnings.push(format!("{count} clips are silent throughout ({fake} fake, {real} real)"));
    }
    warnings
}

fn numbers(media: &Media) -> Text {
    let mut table =
        Text::with_header(["", "min", "median", "max", "median real", "median fake", "AUC"]);
    for (what, numbers) in [
        ("length (s)", &media.seconds),
        ("pictures a second", &media.picture_rate),
        ("silence at the start (s)", &media.leading_silence),
    ] {
        let Some(Numbers { min, median, max, median_real, median_fake, auc, .. }) = numbers else {
            continue;
        };
        let cell = |value: Option<f64>| value.map_or_else(|| "-".into(), |v| format!("{v:.3}"));
        let cells = [Some(*min), Some(*median), Some(*max), *median_real, *median_fake, *auc];
        table.row([what.to_owned()].into_iter().chain(cells.map(cell)));
    }
    table
}

fn kinds(media: &Media) -> Text {
    let mut table = Text::with_header(["", "", "real", "fake", "unknown"]);
    for (what, counts) in [
        ("container", &media.containers),
        ("pictures", &media.video_codecs),
        ("sound", &media.audio_codecs),
        ("size", &media.sizes),
        ("sample rate", &media.sample_rates),
        ("channels", &media.channels),
    ] {
        let mut counts: Vec<(&String, &ClassCounts)> = counts.iter().collect();
        let all = |counts: &ClassCounts| counts.real + counts.fake + counts.unknown;
        counts.sort_by_key(|(_, counts)| std::cmp::Reverse(all(counts)));
        for (kind, ClassCounts { real, fake, unknown }) in counts.iter().take(SHOWN_KINDS) {
            let [real, fake, unknown] = [real, fake, unknown].map(ToString::to_string);
            table.row([what, kind, &real, &fake, &unknown]);
        }
        if counts.len() > SHOWN_KINDS {
            let more = format!("and {} more", counts.len() - SHOWN_KINDS);
            table.row([what, &more, "", "", ""]);
        }
    }
    table
}
