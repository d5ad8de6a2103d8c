//! A report on one clip: what was found, what it means, and what it does not, as one page and as JSON.
//!
//! The page needs no network and no script. It holds no time of its own, so equal inputs give equal bytes.

mod exhibit;
mod marks;
mod page;
mod timeline;

use std::path::Path;

use avff_data::{LeftOut, StreamChoices, synchrony::Synchrony};
use serde::Serialize;

pub use self::{
    exhibit::{AudioFacts, Exhibit, VideoFacts},
    marks::{Credentials, Mark, Marks},
};
use crate::{
    VERSION,
    calibration::{Answer, Propositions, Tested, words},
    detector::{self, Detector},
    error::Error,
    evaluate::Run,
    explain::Window,
    failure::ClipFailure,
    score::Logits,
};

/// What the user adds to a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Custody {
    /// The number or name of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Who examines the clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examiner: Option<String>,
    /// When, in the user's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Where the clip comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The command that makes the report again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A report on a clip.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of avff.
    pub version: &'static str,
    /// The file.
    pub exhibit: Exhibit,
    /// What the user adds.
    pub custody: Custody,
    /// Whether the file had the same SHA-256 before and after the analysis.
    pub unchanged: bool,
    /// Everything that the score depends on.
    pub run: Run,
    /// What is said with every score of the network.
    pub warning: Option<String>,
    /// What was seen, whether or not the clip has a score.
    pub seen: Option<Synchrony>,
    /// Sentences on what makes the comparison doubtful.
    pub findings: Vec<String>,
    /// The result.
    pub result: Outcome,
    /// Errors of the decisions on named clips.
    pub tested_on: Vec<Tested>,
}

/// What the network found, or why it found nothing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The clip has a score.
    Scored(Box<Scored>),
    /// The clip has no score.
    NotScored(ClipFailure),
}

/// A score with its windows.
#[derive(Debug, Clone, Serialize)]
pub struct Scored {
    /// The score: the sigmoid of the network's output for fake.
    pub y_pred: f32,
    /// The network's outputs for the clip.
    pub logits: Logits,
    /// What the score means; `None` if the detector is uncalibrated.
    pub answer: Option<Answer>,
    /// Why nothing is decided.
    pub uncalibrated: Option<String>,
    /// What decisions rest on.
    pub basis: Option<String>,
    /// The likelihood ratio on the verbal scale of forensic institutes.
    pub verbal: Option<String>,
    /// The propositions that the likelihood ratio compares.
    pub propositions: Propositions,
    /// All windows.
    pub windows: Vec<Window>,
    /// The windows that were left out because the clip is damaged there.
    pub left_out: Vec<LeftOut>,
    /// The index of the window with the largest margin for fake.
    pub peak: usize,
    /// The streams that were read.
    pub streams: StreamChoices,
    /// What is worth knowing of the clip.
    pub notes: Vec<String>,
    /// The explanation of the peak, as PNG; not part of the JSON.
    #[serde(skip)]
    sheet: Vec<u8>,
}

impl Detector {
    /// Examines a clip for a report. `run` is [`Detector::run`]. A clip that cannot be scored has a report all the
    /// same, which says why.
    ///
    /// # Errors
    /// The file cannot be found or read at all, or the weights cannot be loaded.
    pub fn report(
        &self,
        clip: impl AsRef<Path>,
        run: Run,
        custody: Custody,
    ) -> Result<Report, Error> {
        let clip = clip.as_ref();
        let exhibit = Exhibit::of(clip, self.spec().open_options())?;
        let measured = detector::measure(clip, self.spec());
        let seen = measured.clone().ok();
        let explained = match self.lips().measured(|| measured) {
            Ok(_) => self.explain_speaking(clip, None),
            Err(failure) => Err(Error::failed(clip, failure)),
        };
        let result = match explained {
            Ok(explanation) => {
                let title = format!("{}, avff {}", exhibit.name, env!("CARGO_PKG_VERSION"));
                // A clip with a score has a report without a picture rather than none.
                let sheet = explanation.sheet(&title).and_then(|sheet| avff_plots::png(&sheet));
                let answer = explanation.answer;
                let basis = self.judge().ok().map(words::basis);
                Outcome::Scored(Box::new(Scored {
                    y_pred: explanation.logits.probability_fake(),
                    logits: explanation.logits,
                    verbal: answer.as_ref().map(words::verbal),
                    answer,
                    uncalibrated: self.judge().err().map(ToString::to_string),
                    basis,
                    propositions: self.propositions(),
                    streams: explanation.sample().streams,
                    windows: explanation.windows,
                    left_out: explanation.left_out,
                    peak: explanation.drawn,
                    notes: explanation.notes,
                    sheet: sheet.unwrap_or_default(),
                }))
            }
            Err(Error::Failed { failure, .. }) => Outcome::NotScored(*failure),
            Err(error) => return Err(error),
        };
        let tested_on =
            self.judge().map_or_else(|_| Vec::new(), |judge| judge.record().tested_on.clone());
        Ok(Report {
            version: VERSION,
            unchanged: exhibit.is_unchanged(clip),
            exhibit,
            custody,
            warning: self.warning().map(Into::into),
            run,
            findings: seen.iter().flat_map(Synchrony::findings).map(|f| f.to_string()).collect(),
            seen,
            result,
            tested_on,
        })
    }

    /// What the two classes mean.
    fn propositions(&self) -> Propositions {
        let record = self.judge().ok().map(|judge| judge.record());
        let like = record.map_or_else(
            || "those that the network was trained on".to_owned(),
            |record| format!("those of the calibration ({})", record.fitted_on.name),
        );
        record.and_then(|record| record.propositions.clone()).unwrap_or_else(|| Propositions {
            fake: format!("The clip is a fake like {like}."),
            real: format!("The clip is real like {like}."),
        })
    }
}

impl Report {
    /// The report as one HTML page, which needs no other file, no network and no script.
    #[must_use]
    pub fn html(&self) -> String {
        page::page(self)
    }
}
