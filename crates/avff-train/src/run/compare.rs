//! Compares the settings of two runs.

use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};

use super::{
    error::RunError,
    folder::{MAX_RECIPE, RECIPE},
    info::About,
    overview::Overview,
};

/// A setting with different values in two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Key of the recipe, such as `optimizer.lr`, or of the run itself, such as `run.seed`.
    pub key: String,
    /// Value in the first run; `None` if it lacks the key.
    pub a: Option<String>,
    /// Value in the second run.
    pub b: Option<String>,
}

/// Returns the differences between two runs in code, data and recipe, key by key.
///
/// # Errors
/// [`RunError::Read`] and [`RunError::Malformed`] for unreadable recipes.
pub fn differences(a: &Overview, b: &Overview) -> Result<Vec<Difference>, RunError> {
    let mut all = Vec::new();
    let [of_a, of_b] = [a, b].map(|run| facts(&run.info.about));
    diff("run", &of_a, &of_b, &mut all);
    let (recipe_a, recipe_b) = (recipe(&a.path)?, recipe(&b.path)?);
    diff("", &recipe_a, &recipe_b, &mut all);
    Ok(all)
}

/// Returns the settings of a run outside its recipe.
fn facts(about: &About) -> Table {
    let About {
        name: _,
        stage,
        code_version,
        device,
        seed,
        epochs: _,
        data,
        coverage: _,
        matched: _,
        best_by: _,
    } = about;
    let data = data.iter().map(|(name, hash)| (name.clone(), Value::from(hash.as_str())));
    let mut facts = Table::from_iter([
        ("stage".into(), stage.as_str().into()),
        ("code_version".into(), code_version.as_str().into()),
        ("seed".into(), seed.to_string().into()),
        ("data".into(), Value::Table(data.collect())),
    ]);
    facts.extend(device.iter().map(|device| ("device".into(), device.as_str().into())));
    facts
}

fn recipe(folder: &Path) -> Result<Table, RunError> {
    let path = folder.join(RECIPE);
    let text = avff_files::read_text(&path, MAX_RECIPE)
        .map_err(|source| RunError::Read { path: path.clone(), source })?;
    toml::from_str(&text)
        .map_err(|error| RunError::Malformed { path, reason: error.message().into() })
}

/// Collects the differences between two tables.
fn diff(at: &str, a: &Table, b: &Table, all: &mut Vec<Difference>) {
    let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
    for key in keys {
        let name = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let empty = Table::new();
        match (a.get(key), b.get(key)) {
            (a, b) if a == b => {}
            (Some(Value::Table(a)), Some(Value::Table(b))) => diff(&name, a, b, all),
            // A table that one run lacks is also listed key by key.
            (Some(Value::Table(a)), None) if !a.is_empty() => diff(&name, a, &empty, all),
            (None, Some(Value::Table(b))) if !b.is_empty() => diff(&name, &empty, b, all),
            (a, b) => {
                let [a, b] = [a, b].map(|value| value.map(ToString::to_string));
                all.push(Difference { key: name, a, b });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(a: &str, b: &str) -> Vec<String> {
        let mut all = Vec::new();
        diff("", &toml::from_str(a).unwrap(), &toml::from_str(b).unwrap(), &mut all);
        let show = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        all.into_iter().map(|d| format!("{}: {} {}", d.key, show(d.a), show(d.b))).collect()
    }

    #[test]
    fn differences_are_listed_by_key() {
        let a = "epochs = 3\n[optimizer]\nlr = 1e-4\nbetas = [0.9, 0.95]\n[x.y]\nz = true\n";
        assert_eq!(of(a, a), [""; 0]);
        let b = "epochs = 3\nname = \"b\"\n[optimizer]\nlr = 3e-4\nbetas = [0.9, 0.99]\n";
        let expected = [
            "optimizer.betas: [0.9, 0.95] [0.9, 0.99]",
            "optimizer.lr: 0.0001 0.0003",
            "x.y.z: true -",
            "name: - \"b\"",
        ];
        assert_eq!(of(a, b), expected);
        assert_eq!(of("a = 1", "a = {b = 2}"), ["a: 1 { b = 2 }"]);
    }
}
