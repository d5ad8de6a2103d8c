//! A picture of a clip as a PNG: its name, its title, its file.

use std::path::Path;

use anyhow::Context;
use avff::{
    data::{
        media::{PictureCoding, encode},
        parts::Span,
        picture::Picture,
    },
    error::Error,
};

/// Refuses a name that is taken or not a PNG's, before any work is done.
pub(super) fn free(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    if !overwrite && output.canonicalize().is_ok() {
        return Err(Error::Finished { path: output.into() }.into());
    }
    let extension = output.extension().unwrap_or_default().to_ascii_lowercase();
    anyhow::ensure!(
        extension.is_empty() || extension == "png",
        "{}: the picture is a PNG, so name it `.png`",
        output.display()
    );
    Ok(())
}

/// Which part of which clip by which checkpoint.
pub(super) fn title(clip: &Path, span: Option<Span>, checkpoint: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let span =
        span.map_or_else(String::new, |Span { start, end }| format!(", {start:.2} to {end:.2} s"));
    format!("{}{span}, by {}", name(clip), name(checkpoint))
}

/// Writes a file as a whole or not at all.
pub(super) fn write(picture: &Picture, path: &Path) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut bytes = Vec::new();
    let written = encode(picture, PictureCoding::Png, &mut bytes)
        .and_then(|()| std::fs::write(&part, &bytes))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to report; a leftover is all a second could leave.
        let _ = std::fs::remove_file(&part);
    }
    written.with_context(|| path.display().to_string())
}
