//! The paths of a recipe, made absolute while it is known who wrote them.

use std::path::{self, Path};

use toml::Value;

use crate::error::Problem;

/// The keys that hold a path.
const PATHS: [&str; 5] =
    ["data.train", "data.validation", "data.root", "data.cache.folder", "start.path"];

/// Makes the paths in `value`, which lies at the key `at`, absolute; relative ones start at `folder`.
pub(super) fn resolve(at: &str, value: &mut Value, folder: &Path) -> Result<(), Problem> {
    for key in PATHS {
        let rest = match key.strip_prefix(at) {
            Some("") => "",
            Some(rest) if at.is_empty() => rest,
            Some(rest) => match rest.strip_prefix('.') {
                Some(rest) => rest,
                None => continue,
            },
            None => continue,
        };
        let mut steps = rest.split('.').filter(|step| !step.is_empty());
        // What is no text, or an empty one, is refused later, if nothing replaces it.
        if let Some(Value::String(text)) = steps.try_fold(&mut *value, |at, step| at.get_mut(step))
            && !text.is_empty()
        {
            *text = absolute(text, folder).map_err(|text| Problem { key: key.into(), text })?;
        }
    }
    Ok(())
}

fn absolute(text: &str, folder: &Path) -> Result<String, String> {
    let whole = path::absolute(folder.join(text))
        .map_err(|error| format!("is {text}, which has no absolute path: {error}"))?;
    match whole.to_str() {
        Some(whole) => Ok(whole.to_owned()),
        None => Err(format!("is {}, it must be UTF-8 from the root on", whole.display())),
    }
}
