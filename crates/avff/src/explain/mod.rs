//! Which moments of a clip, and which modality at them, its score comes from: numbers, and a sheet to look at.
//!
//! By occlusion within the network ([`avff_model::explain`]). It tells what the score would be without a moment,
//! not what is wrong there. Beside it, which patches the encoders attend to.

#[cfg(feature = "sheets")]
mod sheet;

use std::{ops::ControlFlow, path::Path};

use avff_data::{ClipError, ClipSpec, load_samples, pipeline::Sample};

pub use crate::network::{Attention, Moment, Window};
use crate::{
    detector::Detector,
    error::Error,
    failure::{ClipFailure, guarded},
};

/// A clip's windows, and what the network saw of one of them.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// How the clip was prepared.
    pub spec: ClipSpec,
    /// All windows, in order.
    pub windows: Vec<Window>,
    /// Which of them can be drawn: the one asked for, or the one that looks most fake.
    pub drawn: usize,
    /// Which patches of the drawn one the encoders attend to.
    pub attention: Attention,
    /// What has to be said of these scores: [`Detector::warning`].
    pub caution: Option<String>,
    /// Of the sound that the network is given, in Hz.
    pub sample_rate: u32,
    /// Pictures and sound of the drawn one.
    sample: Sample,
}

impl Explanation {
    /// The tensors of the drawn window, as the network saw them.
    #[must_use]
    pub fn sample(&self) -> &Sample {
        &self.sample
    }
}

impl Detector {
    /// Scores every window of a clip and tells where each score comes from; `window` is the one to draw,
    /// from 0, `None` for the one that looks most fake.
    ///
    /// # Errors
    /// [`Error::NoWindow`] for a window that there is not, [`Error::Failed`] for a clip that cannot be
    /// read, and what loading the weights reports.
    pub fn explain(
        &self,
        clip: impl AsRef<Path>,
        window: Option<usize>,
    ) -> Result<Explanation, Error> {
        let (clip, spec) = (clip.as_ref(), self.spec());
        let failed = |failure| Error::failed(clip, failure);
        let network = self.network()?;
        let (mut windows, mut kept): (Vec<Window>, Option<(usize, Sample)>) = (Vec::new(), None);
        let mut fault = None;
        let mut each = |sample: Sample| {
            let explained = match network.explain(&sample) {
                Ok(explained) => explained,
                Err(error) => {
                    fault = Some(error);
                    return ControlFlow::Break(());
                }
            };
            let most = kept.as_ref().and_then(|(at, _)| windows.get(*at)).map(Window::margin);
            let wanted = match window {
                Some(window) => window == windows.len(),
                None => most.is_none_or(|most| explained.margin() > most),
            };
            if wanted {
                kept = Some((windows.len(), sample));
            }
            windows.push(explained);
            ControlFlow::Continue(())
        };
        guarded(|| Ok::<_, ClipFailure>(load_samples(clip, spec, &mut each)?)).map_err(failed)?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let attention = match &kept {
            Some((_, sample)) => network.attention(sample)?,
            None => Attention::default(),
        };
        if windows.iter().any(|window| !window.logits.is_finite()) {
            return Err(failed(ClipFailure::not_finite()));
        }
        let Some((drawn, sample)) = kept else {
            let (window, windows) = (window.unwrap_or_default(), windows.len());
            return Err(Error::NoWindow { path: clip.into(), window, windows });
        };
        let sample_rate = match spec.audio.rate {
            Some(rate) => rate,
            None => guarded(|| {
                let source = avff_media::open_with(clip, spec.decoder);
                Ok(source.map_err(|source| ClipError::new(clip, source))?.info().sample_rate)
            })
            .map_err(failed)?,
        };
        let (spec, caution) = (spec.clone(), self.warning().map(Into::into));
        Ok(Explanation { spec, windows, drawn, attention, caution, sample_rate, sample })
    }
}
