//! What `explain` and `reconstruct` share: arguments, checks, the title, the PNG.

use std::path::{Path, PathBuf};

use anyhow::Context;
use avff::{
    Detector, Error, Preparation, Pretrained,
    data::{ClipError, windows::Span},
    output::{OutputError, create_folder_of},
    plots::png,
    pretrained::PretrainedOptions,
};
use avff_media::missing;
use image::RgbImage;

use super::{
    clip::ClipArgs,
    damage::DamageArgs,
    network::{SpeechArgs, overrides},
};

/// A clip to draw.
#[derive(Debug, clap::Args)]
pub(super) struct SheetArgs {
    /// A media file or frame folder
    pub(super) clip: PathBuf,

    /// JSON that overrides keys of the checkpoint's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// cpu, ndarray, wgpu[:N], cuda[:N], or auto for the fastest that works
    #[arg(long, default_value = "auto")]
    device: String,

    /// Replace the outputs
    #[arg(long)]
    pub(super) overwrite: bool,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    reading: ClipArgs,
}

impl SheetArgs {
    /// Checks clip and output before any work is done.
    fn expect_free(&self, png: &Path) -> anyhow::Result<()> {
        // Checked before the output: a mistyped clip is no reason to ask for --overwrite.
        if matches!(self.clip.try_exists(), Ok(false)) {
            let path = self.clip.clone();
            let failure = Box::new(ClipError::new(&path, missing(&path)).into());
            return Err(Error::Failed { path, failure }.into());
        }
        free(png, self.overwrite)
    }

    /// Opens stage-3 weights, after checking the output.
    pub(super) fn detector(
        &self,
        weights: Option<&Path>,
        png: &Path,
        damage: &DamageArgs,
        speech: SpeechArgs,
    ) -> anyhow::Result<Detector> {
        self.expect_free(png)?;
        let builder = Detector::builder().device(self.device.parse()?);
        let builder = builder.config(overrides(self.config.as_ref())?);
        let preparation = damage.applied_to(self.reading.preparation());
        let preparation = Preparation { speech: speech.speech, ..preparation };
        let builder = builder.preparation(preparation);
        Ok(match weights {
            Some(weights) => builder.prepare(weights)?,
            None => builder.prepare_bundled()?,
        })
    }

    /// Opens stage-1 or stage-2 weights, after checking the output.
    pub(super) fn pretrained(&self, weights: &Path, png: &Path) -> anyhow::Result<Pretrained> {
        self.expect_free(png)?;
        let device = Some(self.device.parse()?);
        let config = overrides(self.config.as_ref())?;
        let preparation = self.reading.preparation();
        let options = PretrainedOptions { device, config, preparation };
        Ok(Pretrained::open_with(weights, options)?)
    }
}

/// Refuses an output that exists or is no PNG, and creates its folder.
fn free(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    if !overwrite && output.canonicalize().is_ok() {
        return Err(OutputError::Results { path: output.into() }.into());
    }
    let extension = output.extension().unwrap_or_default().to_ascii_lowercase();
    anyhow::ensure!(
        extension.is_empty() || extension == "png",
        "{}: the output is a PNG, so its name must end in .png",
        output.display()
    );
    Ok(create_folder_of(output)?)
}

/// A title that names clip, time span, checkpoint and version.
pub(super) fn title(clip: &Path, span: Option<Span>, checkpoint: &Path, sha256: &str) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let span =
        span.map_or_else(String::new, |Span { start, end }| format!(", {start:.2} to {end:.2} s"));
    let hash = sha256.get(..12).unwrap_or(sha256);
    let by = name(checkpoint);
    format!("{}{span}, by {by} (SHA-256 {hash}...), avff {}", name(clip), env!("CARGO_PKG_VERSION"))
}

/// `CLIP.WHAT.png` in the current folder, so that clips do not share an output.
pub(super) fn default_output(clip: &Path, what: &str) -> PathBuf {
    let name = clip.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{name}.{what}.png"))
}

/// Writes a PNG.
pub(super) fn write(picture: &RgbImage, path: &Path) -> anyhow::Result<()> {
    avff_files::write(path, png(picture)?).with_context(|| path.display().to_string())
}
