//! What the registry says of each metric holds, and nothing else lists metrics.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use avff_metrics::{BinaryReport, BootstrapOptions, METRICS, Metric, Needs, Scored, Stage};

fn clips(rows: &[(f32, u8)]) -> Vec<Scored> {
    rows.iter().map(|&(fake, target)| Scored { fake, real: -fake, target }).collect()
}

const MIXED: [(f32, u8); 6] = [(2., 1), (1., 1), (-1., 1), (0.5, 0), (-0.5, 0), (-2., 0)];

#[test]
fn keys_and_titles_are_distinct() {
    let keys: BTreeSet<_> = METRICS.iter().map(|metric| metric.key).collect();
    let titles: BTreeSet<_> = METRICS.iter().map(|metric| metric.title).collect();
    assert_eq!((keys.len(), titles.len()), (METRICS.len(), METRICS.len()));
    assert_eq!(Metric::find("MEAN_AUC"), Some(Metric::MEAN_AUC));
    assert_eq!(Metric::find("mauc"), None);
}

#[test]
fn what_a_metric_needs_is_what_it_is_undefined_without() {
    for target in [0, 1] {
        let report = BinaryReport::new(&clips(&[(1., target), (-1., target)])).unwrap();
        for (metric, value) in report.values.iter() {
            assert_eq!(value.is_some(), metric.needs == Needs::Clips, "{}", metric.key);
        }
    }
}

#[test]
fn values_lie_within_their_range_and_get_better_the_right_way() {
    let perfect = MIXED.map(|(_, target)| (f32::from(target) - 0.5, target));
    let report = |rows: &[(f32, u8)]| BinaryReport::new(&clips(rows)).unwrap();
    let (mixed, perfect) = (report(&MIXED), report(&perfect));
    assert_eq!(mixed.values.iter().count(), Metric::of_scores().count());
    for (metric, value) in mixed.values.iter() {
        let (value, best) = (value.unwrap(), perfect.get(metric).unwrap());
        let [low, high] = metric.range;
        assert!((low..=high).contains(&value) && (low..=high).contains(&best), "{}", metric.key);
        assert!(metric.better.improves(best, value), "{}: {best} against {value}", metric.key);
    }
}

#[test]
fn json_gives_back_every_value() {
    let options = BootstrapOptions { replicates: 50, ..BootstrapOptions::default() };
    let perfect = clips(&[(2., 1), (1., 1), (-1., 0), (-2., 0)]);
    let report = BinaryReport::with_intervals(&perfect, &options).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    let back: BinaryReport = serde_json::from_str(&json).unwrap();
    // JSON has no infinity; it follows from the mean AUC.
    assert_eq!(back.values.get(Metric::D_PRIME), None);
    for metric in Metric::of_scores() {
        assert_eq!(back.get(metric), report.get(metric), "{}", metric.key);
        assert_eq!(back.interval(metric), report.interval(metric), "{}", metric.key);
    }
    let start = r#"{"n":4,"n_fake":2,"n_real":2,"auc":1.0,"mean_auc":1.0,"ap":1.0,"map":1.0,"accuracy":1.0,"balanced_accuracy":1.0,"eer":0.0,"dprime":null,"notes":["dprime: inf, as mean_auc is exactly 1"],"intervals":{"replicates":50,"level":0.95,"seed":0,"auc":{"low":1.0,"high":1.0},"ap":"#;
    assert!(json.starts_with(start), "{json}");
}

#[test]
fn every_stage_measures_its_own_metric() {
    for stage in [Stage::Pretrain, Stage::Finetune] {
        assert!(stage.metrics().any(|metric| metric == stage.own_metric()));
    }
}

/// The tables of docs/metrics.md.
fn markdown() -> String {
    let mut text = String::from(
        "| key | name | what it measures | better | range | needs | interval | validation |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let better = match metric.better {
            avff_metrics::Better::Higher => "higher",
            avff_metrics::Better::Lower => "lower",
        };
        let [low, high] = metric.range.map(|end| match end {
            f64::INFINITY => "inf".into(),
            f64::NEG_INFINITY => "-inf".into(),
            end => end.to_string(),
        });
        let needs = match metric.needs {
            Needs::Clips => "clips",
            Needs::BothClasses => "both classes",
            Needs::Pairs => "two clips",
        };
        let interval = metric.interval.map_or("-".into(), |method| method.to_string());
        let stages: Vec<&str> = metric
            .stages
            .iter()
            .map(|stage| match stage {
                Stage::Pretrain => "`pretrain`",
                Stage::Finetune => "`finetune`",
            })
            .collect();
        text += &format!(
            "| `{}` | {} | {} | {better} | {low} to {high} | {needs} | {interval} | {} |\n",
            metric.key,
            metric.title,
            metric.meaning,
            stages.join(", ")
        );
    }
    text
}

#[test]
fn the_manual_has_the_registry_as_a_table() {
    let manual = fs::read_to_string("../../docs/metrics.md").unwrap();
    let table = markdown();
    assert!(manual.contains(&table), "docs/metrics.md must contain:\n{table}");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Whoever needs metrics by name asks the registry: outside this crate, no code but tests spells a key.
#[test]
fn nothing_else_lists_metrics() {
    let mut files = Vec::new();
    for entry in fs::read_dir("..").unwrap() {
        let source = entry.unwrap().path().join("src");
        if source.is_dir() && !source.starts_with("../avff-metrics") {
            sources(&source, &mut files);
        }
    }
    assert!(files.len() > 50, "sources are missing");
    let mut spelled = Vec::new();
    for path in files {
        let of_tests = path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (line, code) in code.enumerate().filter(|_| !of_tests) {
            // `loss` is also the name of a module's field, of a chart and of a recipe's key.
            for metric in METRICS.iter().filter(|&&metric| metric != Metric::LOSS) {
                if code.contains(&format!("\"{}\"", metric.key)) {
                    spelled.push(format!("{}: {}: {}", path.display(), line + 1, metric.key));
                }
            }
        }
    }
    assert!(spelled.is_empty(), "use the registry's constants: {spelled:#?}");
}
