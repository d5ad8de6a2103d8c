//! What commands that draw a clip as a PNG have in common: arguments, what is opened, the title, the file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use avff::{
    clips,
    data::{ClipError, ClipSpec, windows::Span},
    device::Device,
    error::{Error, chain},
    model::{AvffConfig, Checkpoint, checkpoint::Kind},
};
use avff_media::{Frame, FrameCoding, encode};

use super::{clip::ClipArgs, network::overrides};

/// A clip to draw, and how.
#[derive(Debug, clap::Args)]
pub(super) struct SheetArgs {
    /// A media file or frame folder
    pub(super) clip: PathBuf,

    /// JSON laid over the config of the checkpoint
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// cpu, ndarray, wgpu[:N], cuda[:N], or auto for the fastest that is built in and answers
    #[arg(long, default_value = "auto")]
    device: String,

    /// Replace the PNG
    #[arg(long)]
    overwrite: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    reading: ClipArgs,
}

/// What a clip is drawn with.
pub(super) struct Opened {
    pub(super) checkpoint: Checkpoint,
    pub(super) config: AvffConfig,
    pub(super) spec: ClipSpec,
    pub(super) device: Device,
}

impl SheetArgs {
    /// Opens a checkpoint of such a model, unless the PNG cannot be written anyway.
    pub(super) fn open(&self, weights: &Path, kind: Kind, png: &Path) -> anyhow::Result<Opened> {
        // Said before a PNG is in the way: a name that was mistyped is no reason to replace a picture.
        if matches!(self.clip.try_exists(), Ok(false)) {
            let path = self.clip.clone();
            let failure = ClipError::new(&path, avff_media::MediaError::NotFound).into();
            return Err(with_hint(Error::Failed { path, failure }));
        }
        free(png, self.overwrite)?;
        let checkpoint = Checkpoint::open(weights)?;
        checkpoint.require(kind)?;
        let config = checkpoint.config(overrides(self.config.as_ref())?.as_ref())?;
        let mut adjusted = Ok(());
        let spec = clips::spec(&checkpoint, &config, |spec| adjusted = self.reading.adjust(spec))?;
        adjusted?;
        Ok(Opened { checkpoint, config, spec, device: self.device.parse()? })
    }

    /// A checkpoint's hash for the report, if that is JSON: tables name no checkpoint, and a large file takes a while.
    pub(super) fn hash(&self, checkpoint: &Checkpoint) -> anyhow::Result<Option<String>> {
        Ok(self.json.then(|| checkpoint.sha256()).transpose()?)
    }
}

/// An error and what a person can do about it.
pub(super) fn with_hint(error: Error) -> anyhow::Error {
    match error.hint() {
        Some(hint) => anyhow::anyhow!("{} ({hint})", chain(&error)),
        None => error.into(),
    }
}

/// Refuses a name that is taken or not a PNG's, before any work is done.
fn free(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    if !overwrite && output.canonicalize().is_ok() {
        return Err(Error::Finished { path: output.into() }.into());
    }
    Error::unless_in_a_folder(output)?;
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
pub(super) fn write(picture: &Frame, path: &Path) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut bytes = Vec::new();
    let written = encode(picture, FrameCoding::Png, &mut bytes)
        .and_then(|()| std::fs::write(&part, &bytes))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to report; a leftover is all a second could leave.
        let _ = std::fs::remove_file(&part);
    }
    written.with_context(|| path.display().to_string())
}
