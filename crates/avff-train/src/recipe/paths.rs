//! Makes the paths of a recipe absolute, relative to the file or folder in which they were written.

use std::path::{self, Path};

use toml::Value;

use crate::error::Problem;

/// Keys that hold a path.
const PATHS: [&str; 5] =
    ["data.train", "data.validation", "data.root", "data.cache.folder", "initialize.path"];

/// Makes the paths in `value`, whose key is `at`, absolute; relative paths start at `folder`.
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
        // Empty or non-text values are refused later, unless an override replaces them.
        if let Some(Value::String(text)) = steps.try_fold(&mut *value, |at, step| at.get_mut(step))
            && !text.is_empty()
        {
            *text = absolute(text, folder).map_err(|text| Problem { key: key.into(), text })?;
        }
    }
    Ok(())
}

fn absolute(text: &str, folder: &Path) -> Result<String, String> {
    // Shards may be on a web server.
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text.to_owned());
    }
    let whole = path::absolute(folder.join(text))
        .map_err(|error| format!("is {text}, which has no absolute path: {error}"))?;
    match whole.to_str() {
        Some(whole) => Ok(whole.to_owned()),
        None => Err(format!("is {}, but its absolute path must be UTF-8", whole.display())),
    }
}
