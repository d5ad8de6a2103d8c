//! Explains a score: the importance of each time segment and modality, as numbers and as a sheet.
//!
//! The importance is measured by occlusion within the network ([`avff_model::explain`]). It shows how the score
//! changes without a time segment, not what was manipulated there. Attention rollout shows which patches the
//! encoders attend to.

#[cfg(feature = "sheets")]
mod sheet;

use std::{ops::ControlFlow, path::Path};

use avff_data::{ClipError, ClipSpec, load_samples, pipeline::Sample};

pub use crate::network::{Attention, TimeSegment, Window};
use crate::{
    detector::Detector,
    error::Error,
    failure::{ClipFailure, guarded},
};

/// The explanation of a clip's score: all windows, and details of the drawn window.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The clip spec: how the clip was prepared.
    pub spec: ClipSpec,
    /// All windows, in order.
    pub windows: Vec<Window>,
    /// The index of the window that can be drawn: the requested one, or the one with the largest margin for fake.
    pub drawn: usize,
    /// The attention of the encoders to the patches of the drawn window.
    pub attention: Attention,
    /// The warning to show with the scores: [`Detector::warning`].
    pub warning: Option<String>,
    /// The sample rate of the network's audio input, in Hz.
    pub sample_rate: u32,
    /// Frames and audio of the drawn window.
    sample: Sample,
}

impl Explanation {
    /// The input tensors of the drawn window.
    #[must_use]
    pub fn sample(&self) -> &Sample {
        &self.sample
    }
}

impl Detector {
    /// Scores every window of a clip and explains each score. `window` selects the window to draw, from 0;
    /// `None` selects the window with the largest margin for fake.
    ///
    /// # Errors
    /// Returns [`Error::NoWindow`] if the window does not exist and [`Error::Failed`] if the clip cannot be
    /// read. Also fails if the weights cannot be loaded.
    pub fn explain(
        &self,
        clip: impl AsRef<Path>,
        window: Option<usize>,
    ) -> Result<Explanation, Error> {
        let (clip, spec) = (clip.as_ref(), self.spec());
        let failed = |failure| Error::failed(clip, failure);
        let network = self.network()?;
        let (mut windows, mut selected): (Vec<Window>, Option<(usize, Sample)>) =
            (Vec::new(), None);
        let mut network_error = None;
        let mut each = |sample: Sample| {
            let explained = match network.explain(&sample) {
                Ok(explained) => explained,
                Err(error) => {
                    network_error = Some(error);
                    return ControlFlow::Break(());
                }
            };
            let largest =
                selected.as_ref().and_then(|(at, _)| windows.get(*at)).map(Window::margin);
            let select = match window {
                Some(window) => window == windows.len(),
                None => largest.is_none_or(|largest| explained.margin() > largest),
            };
            if select {
                selected = Some((windows.len(), sample));
            }
            windows.push(explained);
            ControlFlow::Continue(())
        };
        guarded(|| Ok::<_, ClipFailure>(load_samples(clip, spec, &mut each)?)).map_err(failed)?;
        if let Some(error) = network_error {
            return Err(error);
        }
        let attention = match &selected {
            Some((_, sample)) => network.attention(sample)?,
            None => Attention::default(),
        };
        if windows.iter().any(|window| !window.logits.is_finite()) {
            return Err(failed(ClipFailure::not_finite()));
        }
        let Some((drawn, sample)) = selected else {
            let (window, windows) = (window.unwrap_or_default(), windows.len());
            return Err(Error::NoWindow { path: clip.into(), window, windows });
        };
        let sample_rate = match spec.audio.rate {
            Some(rate) => rate,
            None => guarded(|| {
                let source = avff_media::open_with(clip, spec.open_options());
                Ok(source.map_err(|source| ClipError::new(clip, source))?.info().sample_rate)
            })
            .map_err(failed)?,
        };
        let (spec, warning) = (spec.clone(), self.warning().map(Into::into));
        Ok(Explanation { spec, windows, drawn, attention, warning, sample_rate, sample })
    }
}
