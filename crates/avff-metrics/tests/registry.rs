//! Checks the registry's entries, and that no other code lists metrics.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

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
fn metrics_are_undefined_without_their_needs() {
    for target in [0, 1] {
        let report = BinaryReport::new(&clips(&[(1., target), (-1., target)])).unwrap();
        for (metric, value) in report.values.iter() {
            assert_eq!(value.is_some(), metric.needs == Needs::Clips, "{}", metric.key);
        }
    }
}

#[test]
fn values_are_in_range_and_improve_in_the_stated_direction() {
    let perfect = MIXED.map(|(_, target)| (f32::from(target) - 0.5, target));
    let report = |rows: &[(f32, u8)]| BinaryReport::new(&clips(rows)).unwrap();
    let (mixed, perfect) = (report(&MIXED), report(&perfect));
    assert_eq!(mixed.values.iter().count(), Metric::score_based().count());
    for (metric, value) in mixed.values.iter() {
        let (value, best) = (value.unwrap(), perfect.get(metric).unwrap());
        let [low, high] = metric.range;
        assert!((low..=high).contains(&value) && (low..=high).contains(&best), "{}", metric.key);
        assert!(metric.better.improves(best, value), "{}: {best} versus {value}", metric.key);
    }
}

#[test]
fn json_round_trip_preserves_values() {
    let options = BootstrapOptions { replicates: 50, ..BootstrapOptions::default() };
    let perfect = clips(&[(2., 1), (1., 1), (-1., 0), (-2., 0)]);
    let report = BinaryReport::with_intervals(&perfect, &options).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    let back: BinaryReport = serde_json::from_str(&json).unwrap();
    // JSON has no infinity; the value is recomputed from the mean AUC.
    assert_eq!(back.values.get(Metric::D_PRIME), None);
    for metric in Metric::score_based() {
        assert_eq!(back.get(metric), report.get(metric), "{}", metric.key);
        assert_eq!(back.interval(metric), report.interval(metric), "{}", metric.key);
    }
    let prefix = r#"{"n":4,"n_fake":2,"n_real":2,"auc":1.0,"mean_auc":1.0,"ap":1.0,"map":1.0,"accuracy":1.0,"balanced_accuracy":1.0,"eer":0.0,"tpr_at_fpr_1":1.0,"tpr_at_fpr_01":1.0,"dprime":null,"notes":["d': inf, because mean ROC AUC (both outputs) is exactly 1"],"intervals":{"replicates":50,"level":0.95,"seed":0,"auc":{"low":1.0,"high":1.0},"ap":"#;
    assert!(json.starts_with(prefix), "{json}");
}

#[test]
fn every_stage_measures_its_default_metric() {
    for stage in [Stage::Pretrain, Stage::Finetune] {
        assert!(stage.metrics().any(|metric| metric == stage.default_metric()));
    }
}

/// The table in docs/src/reference/metrics.md.
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
            if stages.is_empty() { "-".into() } else { stages.join(", ") }
        );
    }
    text
}

#[test]
fn docs_contain_registry_table() {
    let docs = fs::read_to_string("../../docs/src/reference/metrics.md").unwrap();
    let table = markdown();
    assert!(docs.contains(&table), "docs/src/reference/metrics.md must contain:\n{table}");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// No code outside this crate, except tests, spells out a metric key: the registry supplies all
/// names.
#[test]
fn no_other_code_lists_metrics() {
    let mut files = Vec::new();
    for entry in fs::read_dir("..").unwrap() {
        let source = entry.unwrap().path().join("src");
        if source.is_dir() && !source.starts_with("../avff-metrics") {
            sources(&source, &mut files);
        }
    }
    assert!(files.len() > 50, "sources are missing");
    let mut violations = Vec::new();
    for path in files {
        let is_test = path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (line, code) in code.enumerate().filter(|_| !is_test) {
            // `loss` is also the name of a module's field, of a chart and of a recipe key.
            for metric in METRICS.iter().filter(|&&metric| metric != Metric::LOSS) {
                if code.contains(&format!("\"{}\"", metric.key)) {
                    violations.push(format!("{}: {}: {}", path.display(), line + 1, metric.key));
                }
            }
        }
    }
    assert!(violations.is_empty(), "use the registry's constants: {violations:#?}");
}
