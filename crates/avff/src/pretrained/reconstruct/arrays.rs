//! Writes a reconstruction as arrays.

use std::path::{Path, PathBuf};

use avff_data::npy::{self, Values};

use super::Reconstruction;
use crate::output::OutputError;

/// Names of the arrays.
const NAMES: [&str; 6] = [
    "audio_input",
    "audio_hidden",
    "audio_reconstruction",
    "video_input",
    "video_hidden",
    "video_reconstruction",
];

impl Reconstruction {
    /// Returns shape and values of each array, in the order of [`NAMES`].
    fn arrays(&self) -> [(Vec<usize>, Values<'_>); 6] {
        let (audio, video) = (&self.config.audio, &self.config.video);
        let fbank = vec![audio.frames, audio.mels];
        let frames = vec![video.channels, video.frames, video.height, video.width];
        [
            (fbank.clone(), Values::F32(&self.audio)),
            (fbank.clone(), Values::Bool(&self.audio_hidden)),
            (fbank, Values::F32(&self.reconstructed_audio)),
            (frames.clone(), Values::F32(&self.video)),
            (frames.clone(), Values::Bool(&self.video_hidden)),
            (frames, Values::F32(&self.reconstructed_video)),
        ]
    }

    /// Writes input, mask and reconstruction of both modalities to a folder, as `.npy` of NumPy, and returns the
    /// paths. Fbanks are `[frames, mels]`, frames `[3, frames, height, width]`, both in the scale of the network's
    /// inputs. A mask is true where the input was hidden.
    ///
    /// # Errors
    /// Returns [`OutputError::Io`]. Existing files are replaced.
    pub fn write_arrays(&self, folder: &Path) -> Result<Vec<PathBuf>, OutputError> {
        std::fs::create_dir_all(folder).map_err(OutputError::io(folder))?;
        let mut paths = Vec::new();
        for (path, (shape, values)) in array_paths(folder).into_iter().zip(self.arrays()) {
            avff_files::write(&path, npy::bytes(&shape, values)).map_err(OutputError::io(&path))?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// Returns the paths of the files that [`Reconstruction::write_arrays`] writes.
#[must_use]
pub fn array_paths(folder: &Path) -> Vec<PathBuf> {
    NAMES.map(|name| folder.join(format!("{name}.npy"))).into()
}
