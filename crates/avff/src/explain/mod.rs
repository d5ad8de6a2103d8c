//! Explains a score: the importance of each time segment and modality, as numbers and as a sheet.
//!
//! The importance is measured by occlusion within the network ([`avff_model::explain`]). It shows how the score
//! changes without a time segment, not what was manipulated there. Attention rollout shows which patches the
//! encoders attend to.

#[cfg(feature = "sheets")]
mod sheet;

use std::{ops::ControlFlow, path::Path};

use avff_data::{ClipError, ClipSpec, LeftOut, load_samples, pipeline::Sample, windows::Span};

pub use crate::network::{Attention, LagSimilarity, TimeSegment, Window};
use crate::{
    calibration::Answer,
    detector::{self, Detector},
    error::Error,
    failure::{ClipFailure, guarded},
    score::Logits,
};

/// The explanation of a clip's score: all windows, and details of the drawn window.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The clip spec: how the clip was prepared.
    pub spec: ClipSpec,
    /// The network's outputs for the clip: those of its windows, aggregated as for a score.
    pub logits: Logits,
    /// What the score means; `None` if the detector is uncalibrated.
    pub answer: Option<Answer>,
    /// All windows that damage does not touch, in order.
    pub windows: Vec<Window>,
    /// The windows that were left out because the clip is damaged there, in order.
    pub left_out: Vec<LeftOut>,
    /// What is worth knowing of the clip.
    pub notes: Vec<String>,
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
    /// read, or if no face speaks in it where the network needs that. Also fails if the weights cannot be loaded.
    pub fn explain(
        &self,
        clip: impl AsRef<Path>,
        window: Option<usize>,
    ) -> Result<Explanation, Error> {
        let clip = clip.as_ref();
        let measured = self.lips().measured(|| detector::measure(clip, self.spec()));
        measured.map_err(|failure| Error::failed(clip, failure))?;
        self.explain_speaking(clip, window)
    }

    /// Like [`explain`](Self::explain) for a clip in which a face is known to speak, where the network needs that.
    pub(crate) fn explain_speaking(
        &self,
        clip: &Path,
        window: Option<usize>,
    ) -> Result<Explanation, Error> {
        let spec = self.spec();
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
        let read = guarded(|| Ok::<_, ClipFailure>(load_samples(clip, spec, &mut each)?));
        let coverage = read.map_err(failed)?;
        if let Some(error) = network_error {
            return Err(error);
        }
        let explained = windows.len();
        windows.retain(|window| !coverage.leaves_out(window.span));
        if windows.len() < explained {
            // Damage was found after windows that it touches, so another one may have to be drawn.
            let again = |span| guarded(|| read_window(clip, spec, span));
            selected = reselected(&windows, window, again).map_err(failed)?;
        }
        let attention = match &selected {
            Some((_, sample)) => network.attention(sample)?,
            None => Attention::default(),
        };
        let outputs: Vec<Logits> = windows.iter().map(|window| window.logits).collect();
        let Some((drawn, sample)) = selected else {
            let (window, windows) = (window.unwrap_or_default(), windows.len());
            return Err(Error::NoWindow { path: clip.into(), window, windows });
        };
        let logits = self.aggregate().of_logits(&outputs);
        let logits = logits.ok_or_else(|| failed(ClipFailure::not_finite()))?;
        let sample_rate = match spec.audio.rate {
            Some(rate) => rate,
            None => guarded(|| {
                let source = avff_media::open_with(clip, spec.window_options());
                Ok(source.map_err(|source| ClipError::new(clip, source))?.info().sample_rate)
            })
            .map_err(failed)?,
        };
        let (spec, warning) = (spec.clone(), self.warning().map(Into::into));
        let notes = sample.notes.iter().cloned().chain(coverage.note()).collect();
        let left_out = coverage.left_out;
        Ok(Explanation {
            spec,
            logits,
            answer: self.judge().ok().and_then(|judge| judge.answer(logits)),
            windows,
            left_out,
            notes,
            drawn,
            attention,
            warning,
            sample_rate,
            sample,
        })
    }
}

/// Selects the window to draw among those that are left, and reads it again.
fn reselected(
    windows: &[Window],
    wanted: Option<usize>,
    read: impl FnOnce(Span) -> Result<Option<Sample>, ClipFailure>,
) -> Result<Option<(usize, Sample)>, ClipFailure> {
    let largest = || {
        let margins = windows.iter().map(Window::margin).enumerate();
        margins.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(index, _)| index)
    };
    let Some(index) = wanted.or_else(largest) else { return Ok(None) };
    let Some(window) = windows.get(index) else { return Ok(None) };
    Ok(read(window.span)?.map(|sample| (index, sample)))
}

/// Reads one window of a clip.
fn read_window(clip: &Path, spec: &ClipSpec, span: Span) -> Result<Option<Sample>, ClipFailure> {
    let mut found = None;
    load_samples(clip, spec, &mut |sample| {
        if sample.span != span {
            return ControlFlow::Continue(());
        }
        found = Some(sample);
        ControlFlow::Break(())
    })?;
    Ok(found)
}
