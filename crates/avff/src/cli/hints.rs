//! What a person can do about an error, in the words of this command: its options and features.
//!
//! Errors of the libraries name neither.

use std::error::Error as StdError;

use avff::{
    ClipFailure, Error,
    cache::CacheError,
    check::CheckError,
    checkpoint::ConvertError,
    compare::CompareError,
    crop::CropError,
    data::{ClipError, DataError},
    device::DeviceError,
    evaluate::EvaluateError,
    hint::of_dataset,
    input::InputError,
    manifest::ManifestError,
    merge::MergeError,
    model::{ModelError, checkpoint::Kind},
    output::OutputError,
    preprocessing::PreprocessingError,
    split::SplitCommandError,
    start::InitializeError,
    synth::SynthError,
    train::TrainError,
    training::TrainingError,
};
use avff_datasets::DatasetError;

type Dyn = dyn StdError + 'static;

/// The hint for an error: that of the outermost cause which has one.
pub(crate) fn hint(error: &Dyn) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(hint) = own(error) {
            return Some(hint);
        }
        next = inner(error).or_else(|| error.source());
    }
    None
}

/// The hint for a clip without a score.
pub(super) fn of_failure(failure: &ClipFailure) -> Option<String> {
    of_code(&failure.code, failure.hint.as_deref())
}

/// The hint for a [`ClipFailure::code`], after the one that the library has for it.
pub(super) fn of_code(code: &str, hint: Option<&str>) -> Option<String> {
    let own = match code {
        "no-face" => "`--no-face full` takes whole frames, `--no-face skip` leaves such clips out",
        "shorter-than-window" => "`--window SECONDS` sets the window, `--window whole` needs none",
        "not-media" | "unsupported-container" | "unsupported-codec" | "no-ffmpeg"
            if cfg!(not(feature = "ffmpeg")) =>
        {
            "a build with `--features ffmpeg` reads more formats"
        }
        _ => return hint.map(Into::into),
    };
    Some(hint.map_or_else(|| own.into(), |hint| format!("{hint}; {own}")))
}

/// The error within an error that shows it as its own: such errors are no causes of each other.
fn inner(error: &Dyn) -> Option<&Dyn> {
    macro_rules! composed {
        ($($kind:ident: $($variant:ident)+;)+) => {
            $(if let Some(error) = error.downcast_ref::<$kind>() {
                return match error {
                    $($kind::$variant(inner) => Some(inner),)+
                    _ => None,
                };
            })+
        };
    }
    // A box is of another type than the error in it.
    if let Some(TrainingError::Train(inner)) = error.downcast_ref() {
        return Some(&**inner);
    }
    composed! {
        Error: Model Device Preprocessing;
        EvaluateError: Detector Input Output Metric;
        MergeError: Input Output Metric;
        CompareError: Input Metric;
        SplitCommandError: Input Output;
        CheckError: Input Output Spec;
        CropError: Input Output Setting;
        CacheError: Input Output Clip;
        ManifestError: Dataset Output;
        SynthError: Setting Output;
        TrainingError: Device Model Preprocessing Dataset Clip;
        InitializeError: Model Device Preprocessing Output;
        ConvertError: Model Device Preprocessing Output;
        InputError: Dataset File;
        TrainError: Recipe Model Data Run;
    }
    None
}

/// The hint for an error itself.
fn own(error: &Dyn) -> Option<String> {
    if let Some(Error::Failed { failure, .. }) = error.downcast_ref() {
        return of_failure(failure);
    }
    if let Some(failure) = error.downcast_ref() {
        return of_failure(failure);
    }
    if let Some(ClipError { source, .. }) = error.downcast_ref() {
        return of_failure(&ClipFailure::of(source));
    }
    if let Some(error) = error.downcast_ref::<DataError>() {
        return of_failure(&ClipFailure::of(error));
    }
    if let Some(DatasetError { source, .. }) = error.downcast_ref() {
        return of_dataset(source).map(Into::into);
    }
    if let Some(DeviceError::NotBuilt { feature, .. }) = error.downcast_ref() {
        return Some(format!("build with `--features {feature}`"));
    }
    fn of<E: StdError + 'static>(
        error: &Dyn,
        hint: impl Fn(&E) -> Option<&'static str>,
    ) -> Option<&'static str> {
        error.downcast_ref().and_then(hint)
    }
    of(error, of_evaluate)
        .or_else(|| of(error, of_crop))
        .or_else(|| of(error, of_synth))
        .or_else(|| of(error, of_merge))
        .or_else(|| of(error, of_device))
        .or_else(|| match error.downcast_ref()? {
            OutputError::Results { .. } => {
                Some("add --overwrite to replace them, or choose another --output")
            }
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            Error::NoBatchSize => Some("give --batch-size"),
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            PreprocessingError::NotCropped => Some("add --crop face"),
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            ModelError::Kind { actual: Kind::Pretrain, expected: Kind::Classifier, .. } => Some(
                "`avff adapt STAGE2 STAGE3` makes a classifier from it, which has to be trained before it scores",
            ),
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            InitializeError::NoEncoder => Some("give --video, --audio or both"),
            _ => None,
        })
        .or_else(|| of(error, of_train))
        .or_else(|| match error.downcast_ref()? {
            TrainingError::SkipInParallel => {
                Some("`avff check` names the clips to take out of the manifest")
            }
            _ => None,
        })
        .map(Into::into)
}

fn of_evaluate(error: &EvaluateError) -> Option<&'static str> {
    Some(match error {
        EvaluateError::Output(OutputError::Unfinished { .. }) => {
            "add --resume to continue it, or --overwrite to start again"
        }
        EvaluateError::Output(OutputError::OtherRun(_)) => {
            "give the inputs and options of the unfinished run, or --overwrite to start again"
        }
        EvaluateError::Output(OutputError::Damaged { .. })
        | EvaluateError::UnfinishedAcrossBatch { .. } => "add --overwrite to start again",
        EvaluateError::OtherReport(_) => {
            "give the --by and --intervals of the finished run, or --overwrite to start again"
        }
        _ => return None,
    })
}

fn of_crop(error: &CropError) -> Option<&'static str> {
    if let CropError::Output(error) = error { of_folder(error) } else { None }
}

fn of_synth(error: &SynthError) -> Option<&'static str> {
    if let SynthError::Output(error) = error { of_folder(error) } else { None }
}

/// For runs that have a folder of their own, which is never replaced.
fn of_folder(error: &OutputError) -> Option<&'static str> {
    Some(match error {
        OutputError::Unfinished { .. } => "add --resume to continue it, or remove the folder",
        OutputError::OtherRun(_) => {
            "give the inputs and options of the earlier run, or another output folder"
        }
        OutputError::Damaged { .. } => "remove the folder and start again",
        _ => return None,
    })
}

fn of_train(error: &TrainError) -> Option<&'static str> {
    Some(match error {
        TrainError::Unreadable { .. } => {
            "take the clip out of the manifest (`avff check` names all such clips), or leave such clips out with \
             --set data.unreadable=skip"
        }
        TrainError::Keys { .. } => "`avff inspect` lists the keys",
        TrainError::Launch { .. } if cfg!(not(feature = "mpi")) => {
            "build with `--features mpi`, or start one process"
        }
        _ => return None,
    })
}

fn of_merge(error: &MergeError) -> Option<&'static str> {
    Some(match error {
        MergeError::NotAShard { .. } => "merge what `--shard I/N` wrote",
        MergeError::Unfinished { .. } => "run the shard again with --resume, then merge",
        MergeError::Elsewhere { .. } => "give the --output that the shards were given",
        _ => return None,
    })
}

fn of_device(error: &DeviceError) -> Option<&'static str> {
    Some(match error {
        DeviceError::Inexact { .. } => {
            "`--precision tf32` takes the device as it is; in a recipe, steps.precision = \"tf32\""
        }
        DeviceError::Failed { .. } => {
            "if its memory ran out, lower --batch-size; in a recipe, steps.micro_batch"
        }
        DeviceError::Precision { .. } => {
            "f32 is exact, int8 is faster on some CPUs, bf16 on those with AMX or AVX512-BF16; `avff convert \
             --precision f16` halves a checkpoint's file"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_command_decides_what_helps() {
        let unfinished = || OutputError::Unfinished { path: "a.journal".into() };
        let evaluate = anyhow::Error::from(EvaluateError::from(unfinished()));
        assert!(hint(&*evaluate).unwrap().contains("--overwrite"));
        let crop = anyhow::Error::from(CropError::from(unfinished())).context("crop");
        assert!(hint(&*crop).unwrap().contains("remove the folder"));
        assert_eq!(hint(&OutputError::Busy { path: "a".into() }), None);
    }

    #[test]
    fn hints_are_found_below_errors_that_show_others_as_their_own() {
        let device = DeviceError::NotBuilt { device: "cuda:0".into(), feature: "cuda" };
        let error = EvaluateError::from(Error::from(device));
        assert_eq!(hint(&error).unwrap(), "build with `--features cuda`");
        let missing = ClipError::new("a.mp4", avff_media::MediaError::NotFound);
        let error = TrainingError::from(missing);
        assert!(hint(&error).unwrap().starts_with("check the path"));
        let source = Box::new(ClipError::new("a.mp4", avff_media::MediaError::Empty));
        let error = TrainError::Unreadable { manifest: "train.csv".into(), source };
        assert!(hint(&TrainingError::from(error)).unwrap().contains("data.unreadable=skip"));
    }
}
