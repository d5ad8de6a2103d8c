//! What commands that draw a clip as a PNG have in common: arguments, what is opened, the title, the file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use avff::{
    Detector, Error, Pretrained,
    data::{ClipError, windows::Span},
    model::Checkpoint,
    output::{OutputError, expect_folder},
    plots::png,
    pretrained::PretrainedOptions,
};
use avff_media::MediaError;
use image::RgbImage;

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

impl SheetArgs {
    /// Refuses what cannot be drawn, before any work is done.
    fn expect_free(&self, png: &Path) -> anyhow::Result<()> {
        // Said before a PNG is in the way: a name that was mistyped is no reason to replace a picture.
        if matches!(self.clip.try_exists(), Ok(false)) {
            let path = self.clip.clone();
            let failure = Box::new(ClipError::new(&path, MediaError::NotFound).into());
            return Err(Error::Failed { path, failure }.into());
        }
        free(png, self.overwrite)
    }

    /// Opens stage-3 weights, unless the PNG cannot be written anyway.
    pub(super) fn detector(&self, weights: &Path, png: &Path) -> anyhow::Result<Detector> {
        self.expect_free(png)?;
        let builder = Detector::builder().device(self.device.parse()?);
        let builder = builder.config(overrides(self.config.as_ref())?);
        Ok(builder.preparation(self.reading.preparation()).prepare(weights)?)
    }

    /// Opens stage-1 or stage-2 weights, unless the PNG cannot be written anyway.
    pub(super) fn pretrained(&self, weights: &Path, png: &Path) -> anyhow::Result<Pretrained> {
        self.expect_free(png)?;
        let device = Some(self.device.parse()?);
        let config = overrides(self.config.as_ref())?;
        let preparation = self.reading.preparation();
        let options = PretrainedOptions { device, config, preparation };
        Ok(Pretrained::open_with(weights, options)?)
    }

    /// A checkpoint's hash for the report, if that is JSON: tables name no checkpoint, and a large file takes a while.
    pub(super) fn hash(&self, checkpoint: &Checkpoint) -> anyhow::Result<Option<String>> {
        Ok(self.json.then(|| checkpoint.sha256()).transpose()?)
    }
}

/// Refuses a name that is taken or not a PNG's, before any work is done.
fn free(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    if !overwrite && output.canonicalize().is_ok() {
        return Err(OutputError::Results { path: output.into() }.into());
    }
    expect_folder(output)?;
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

/// Writes a PNG.
pub(super) fn write(picture: &RgbImage, path: &Path) -> anyhow::Result<()> {
    avff_files::write(path, png(picture)?).with_context(|| path.display().to_string())
}
