//! Text: manifests, configs, recipes, and the files of a run with `--resume`.

mod runs;

use std::{collections::HashSet, path::Path};

use avff::{
    datasets::manifest::{ManifestOptions, ManifestReader, TARGET_COLUMN},
    model::Checkpoint,
    train::Recipe,
};
use serde_json::Value;

use super::{
    super::{
        oracle::{Observed, WEIGHTS},
        random::Random,
    },
    Result,
};
use runs::Runs;

const MANIFEST: &str = "../../data/synthetic.csv";
const RECIPE: &str = "../../data/recipes/avff-tiny-stage3.toml";
/// Overrides that differ from the bundled weights.
const CONFIG: &str = r#"{"encoder": {"heads": 2, "mlp_ratio": 4.0}, "head": {"dropout": 0.25}}"#;

/// The healthy texts.
pub struct Texts {
    manifest: String,
    recipe: String,
    checkpoint: Checkpoint,
    runs: Runs,
}

/// How text changes.
#[derive(Debug, Clone, Copy)]
enum Change {
    Bit,
    Sign,
    LineLost,
    LineTwice,
    Cut,
}

impl Change {
    const ALL: [Self; 6] =
        [Self::Bit, Self::Bit, Self::Sign, Self::LineLost, Self::LineTwice, Self::Cut];

    fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::Sign => "sign",
            Self::LineLost => "line lost",
            Self::LineTwice => "line twice",
            Self::Cut => "cut",
        }
    }

    fn apply(self, text: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(text.len());
        match self {
            Self::Bit => text[at] ^= 1 << random.below(8),
            Self::Sign => {
                let signs = b",;\"'\n\t #=0a-.[]{}";
                text[at] = random.choose(signs);
            }
            Self::Cut => text.truncate(at),
            Self::LineLost | Self::LineTwice => {
                let lines: Vec<Vec<u8>> =
                    text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
                let line = random.below(lines.len());
                let count = if matches!(self, Self::LineLost) { 0 } else { 2 };
                let copies = |index| if index == line { count } else { 1 };
                let kept = lines.iter().enumerate();
                *text = kept.flat_map(|(index, line)| line.repeat(copies(index))).collect();
            }
        }
    }
}

impl Texts {
    pub fn new(root: &Path) -> Self {
        Self {
            manifest: std::fs::read_to_string(MANIFEST).unwrap(),
            recipe: std::fs::read_to_string(RECIPE).unwrap(),
            checkpoint: Checkpoint::open(WEIGHTS).unwrap(),
            runs: Runs::new(root),
        }
    }

    /// Damages a text. `root` is a folder of this thread.
    pub fn damage(&self, root: &Path, random: &mut Random) -> Result {
        let change = random.choose(&Change::ALL);
        let mut what = String::new();
        let mut change_text = |text: &str, random: &mut Random| {
            let mut bytes = text.as_bytes().to_vec();
            change.apply(&mut bytes, random);
            what = difference(text.as_bytes(), &bytes);
            bytes
        };
        let (name, (site, observed)) = match random.below(8) {
            0..3 => ("manifest", manifest(&self.manifest, &change_text(&self.manifest, random))),
            3 => ("config", config(&self.checkpoint, &change_text(CONFIG, random))),
            4 | 5 => ("recipe", recipe(&self.recipe, &change_text(&self.recipe, random))),
            _ => {
                let (name, observed) = self.runs.damage(root, random, &mut |bytes, random| {
                    let before = bytes.clone();
                    change.apply(bytes, random);
                    what = difference(&before, bytes);
                });
                (name, ("file", observed))
            }
        };
        let site = format!("{name}, {}, {site}", change.name());
        Result { site, what, observed }
    }
}

/// Shows the first difference of two texts.
fn difference(before: &[u8], after: &[u8]) -> String {
    let at = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let around = |text: &[u8]| {
        let shown = &text[at.saturating_sub(12).min(text.len())..text.len().min(at + 12)];
        shown.escape_ascii().to_string()
    };
    format!("byte {at}, `{}` to `{}`", around(before), around(after))
}

/// Compares a parsed text with the healthy one. Differences are in `values`, or in more.
fn compare<T: PartialEq>(damaged: &T, healthy: &T, only_values: bool) -> (&'static str, Observed) {
    let observed = if damaged == healthy { Observed::Same } else { Observed::Changed(1.0) };
    (if only_values { "values" } else { "rows or keys" }, observed)
}

fn refused(code: &str) -> (&'static str, Observed) {
    ("text", Observed::Refused(code.into()))
}

/// The columns, and the name, the label and the cells of each row.
type Table = (Vec<String>, Vec<(String, Option<u8>, Vec<String>)>);

fn manifest(healthy: &str, damaged: &[u8]) -> (&'static str, Observed) {
    let read = |bytes| {
        let reader = ManifestReader::from_reader(bytes, MANIFEST, &ManifestOptions::default())?;
        let columns = reader.columns().to_vec();
        let rows: std::result::Result<Vec<_>, _> =
            reader.map(|row| row.map(|row| (row.name, row.target, row.extra))).collect();
        rows.map(|rows| (columns, rows))
    };
    let healthy: Table = read(healthy.as_bytes()).unwrap();
    let Ok(damaged) = read(damaged) else { return refused("manifest") };
    let names: HashSet<&String> = damaged.1.iter().map(|(name, ..)| name).collect();
    // `avff eval` notes a missing column of labels and repeated clips.
    if !damaged.0.contains(&TARGET_COLUMN.to_owned()) || names.len() < damaged.1.len() {
        return ("text", Observed::Finding);
    }
    // A comma in a cell moves the rest of its row into an empty last cell.
    let columns = damaged.0.iter().zip(&healthy.0).filter(|(a, b)| a != b).count();
    let rows = damaged.1.iter().zip(&healthy.1).filter(|(a, b)| a != b).count();
    let same_size = (damaged.0.len(), damaged.1.len()) == (healthy.0.len(), healthy.1.len());
    compare(&damaged, &healthy, same_size && columns + rows <= 1)
}

fn config(checkpoint: &Checkpoint, damaged: &[u8]) -> (&'static str, Observed) {
    let healthy: Value = serde_json::from_str(CONFIG).unwrap();
    let Ok(damaged) = serde_json::from_slice::<Value>(damaged) else { return refused("config") };
    let expected = checkpoint.config(Some(&healthy)).unwrap();
    match checkpoint.config(Some(&damaged)) {
        Err(_) => refused("config"),
        Ok(actual) => compare(&actual, &expected, keys(&damaged) == keys(&healthy)),
    }
}

/// The keys of an object and of the objects in it.
fn keys(value: &Value) -> Vec<String> {
    let entries = value.as_object().into_iter().flatten();
    entries.flat_map(|(key, value)| [vec![key.clone()], keys(value)].concat()).collect()
}

fn recipe(healthy: &str, damaged: &[u8]) -> (&'static str, Observed) {
    let parse = |text: &str| Recipe::parse(text, RECIPE.as_ref(), &[]);
    let expected = parse(healthy).unwrap().to_toml().unwrap();
    let Ok(text) = std::str::from_utf8(damaged) else { return refused("recipe") };
    match parse(text) {
        Err(_) => refused("recipe"),
        Ok(actual) => {
            let keys = |text: &str| -> Vec<String> {
                let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
                lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned())).collect()
            };
            let same_keys = keys(text) == keys(healthy);
            compare(&actual.to_toml().unwrap(), &expected, same_keys)
        }
    }
}
