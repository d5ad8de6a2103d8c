//! Hints: what to do about an error, by options and features of this command.
//!
//! Errors of the libraries name neither options nor features.

use std::{error::Error as StdError, io::ErrorKind, path::Path};

use avff::{
    ClipFailure, Error,
    cache::CacheError,
    calibrate::CalibrateError,
    check::CheckError,
    checkpoint::ConvertError,
    compare::CompareError,
    crop::CropError,
    data::{ClipError, DataError, shards::ShardError},
    device::DeviceError,
    evaluate::EvaluateError,
    hint::of_dataset,
    initialize::InitializeError,
    input::InputError,
    manifest::ManifestError,
    merge::MergeError,
    model::{ModelError, checkpoint::Kind},
    output::OutputError,
    pack::PackError,
    plan::PlanError,
    preprocessing::PreprocessingError,
    split::SplitCommandError,
    synth::SynthError,
    train::{TrainError, error::RecipeError, recipe::Stage},
    training::TrainingError,
};
use avff_datasets::{
    DatasetError, Reason,
    protocol::{IDENTITY_COLUMN, SplitError},
};
use avff_media::{MediaError, is_url};

use super::usage::WEIGHTS;

/// For splits by persons that are not known.
const NO_PERSONS: &str = "name the persons of each clip in a column `identity`; --together COLUMN keeps the values of \
    another column in one subset; `avff split random` ignores persons";

type Dyn = dyn StdError + 'static;

/// The hint of the outermost cause that has one.
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
    match failure.code.as_str() {
        // The clip is an argument, not a row of a CSV.
        "not-found" => Some("check the path".into()),
        code => of_code(code, failure.hint.as_deref()),
    }
}

/// The hint for a [`ClipFailure::code`], after the one that the library has for it.
pub(super) fn of_code(code: &str, hint: Option<&str>) -> Option<String> {
    let own = match code {
        "no-face" => "--no-face full scores whole frames; --no-face skip leaves such clips out",
        "over-budget" => "--memory SIZE sets the memory",
        "no-memory" => "--memory SIZE sets the memory",
        "damaged-whole" => {
            "--window SECONDS scores windows, and leaves out those that the damage touches"
        }
        "no-intact-window" => "--window SECONDS sets a shorter window",
        "shorter-than-window" => {
            "--window SECONDS sets a shorter window; --window whole scores the clip at once"
        }
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
        CalibrateError: Input Output Model;
        SplitCommandError: Input Output;
        CheckError: Input Output Spec;
        CropError: Input Output Setting;
        CacheError: Input Output Clip;
        PackError: Input Clip Shards;
        PlanError: Input Clip Shards;
        ManifestError: Dataset Output;
        SynthError: Setting Output;
        TrainingError: Device Model Preprocessing Dataset Clip Shards;
        InitializeError: Model Device Preprocessing Output;
        ConvertError: Model Device Preprocessing Output;
        InputError: Dataset File;
        TrainError: Recipe Model Data Run;
    }
    None
}

/// A command-line argument, in quotes where a shell needs them.
pub(super) fn argument(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.=/".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{text}'") }
}

/// The hint for an error itself.
fn own(error: &Dyn) -> Option<String> {
    if let Some(hint) = of_training(error) {
        return Some(hint);
    }
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
    if let Some(DatasetError { source: Reason::NoColumn(missing), .. }) = error.downcast_ref()
        && let Some(likely) = &missing.likely
    {
        return Some(format!(
            "or give the column of clip names: --name-column {}",
            argument(likely)
        ));
    }
    if let Some(DatasetError { path, source }) = error.downcast_ref() {
        if matches!(source, Reason::NotFound) && is_url(path) {
            return Some("download the file first, then give its path".into());
        }
        return of_dataset(source).map(Into::into);
    }
    if let Some(SplitCommandError::Split { source, .. }) = error.downcast_ref() {
        return of_split(source).map(Into::into);
    }
    if let Some(ModelError::Io { source, .. }) = error.downcast_ref()
        && source.kind() == ErrorKind::NotFound
    {
        return Some(format!("check the path; {WEIGHTS}"));
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
            PreprocessingError::DamageAcrossBatch => Some("leave out --damage"),
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            ModelError::Kind { actual: Kind::Pretrain, expected: Kind::Classifier, .. } => Some(
                "this is a stage-1 or stage-2 checkpoint; `avff adapt STAGE2 STAGE3` turns it into a stage-3 classifier, which must be trained before it scores",
            ),
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            PackError::Shards(ShardError::Index { .. }) => Some(
                "delete the index and its shard, and run the command again: it packs them anew",
            ),
            PackError::Shards(ShardError::Mixed { .. }) => {
                Some("pack into another folder, or delete the shards in this one")
            }
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            InitializeError::NoEncoder => Some("give --video, --audio or both"),
            _ => None,
        })
        .or_else(|| of(error, of_train))
        .or_else(|| match error.downcast_ref()? {
            TrainingError::SkipInParallel => {
                Some("`avff check` lists the clips to remove from the manifest")
            }
            _ => None,
        })
        .or_else(|| match error.downcast_ref()? {
            ShardError::Missing { .. } | ShardError::Size { .. } | ShardError::Index { .. } => Some(
                "finish packing, or copy the shard again; a new run can leave such shards out with \
                 --set data.missing_shards=skip",
            ),
            ShardError::Mixed { .. } => Some("keep the shards of each run in a folder of their own"),
            ShardError::Busy { .. } => Some("give each process another --shard, or wait"),
            ShardError::Spec { .. } => {
                Some("pack the clips again, with --recipe and the --set of the training")
            }
            ShardError::NoShards { .. } => {
                Some("give a CSV, or a folder that `avff pack` wrote")
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
        EvaluateError::Output(OutputError::ManifestChanged { .. }) => {
            "give the CSV as it was, or --overwrite to start again"
        }
        EvaluateError::Output(OutputError::OtherRun(_)) => {
            "give the inputs and options of the unfinished run, or --overwrite to start again"
        }
        EvaluateError::Output(OutputError::Damaged { .. } | OutputError::Altered { .. })
        | EvaluateError::UnfinishedAcrossBatch { .. } => "add --overwrite to start again",
        EvaluateError::OtherReport(_) => {
            "give the --by and --intervals of the finished run, or --overwrite to start again"
        }
        _ => return None,
    })
}

fn of_split(error: &SplitError) -> Option<&'static str> {
    match error {
        SplitError::NoSubjects { .. } | SplitError::NoIdentities { .. } => Some(NO_PERSONS),
        SplitError::NoColumn { column, .. } if column == IDENTITY_COLUMN => Some(NO_PERSONS),
        _ => None,
    }
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
        OutputError::ManifestChanged { .. } => "give the CSV as it was, or another output folder",
        OutputError::OtherRun(_) => {
            "give the inputs and options of the earlier run, or another output folder"
        }
        OutputError::Damaged { .. } | OutputError::Altered { .. } => {
            "remove the folder and start again"
        }
        _ => return None,
    })
}

fn of_train(error: &TrainError) -> Option<&'static str> {
    Some(match error {
        TrainError::Unreadable { source, .. } if matches!(source.source, DataError::Shard(_)) => {
            "copy the shard again, or delete it with its index and run `avff pack` again; or skip such clips with \
             --set data.unreadable=skip"
        }
        TrainError::Unreadable { .. } => {
            "remove the clip from the manifest (`avff check` lists all unreadable clips), or skip such clips with \
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
        MergeError::Output(OutputError::Altered { .. }) => {
            "run the shard again with --overwrite, then merge"
        }
        MergeError::OutsideFolder { .. } => "give the --output that the shards were given",
        _ => return None,
    })
}

fn of_device(error: &DeviceError) -> Option<&'static str> {
    Some(match error {
        DeviceError::Inexact { .. } => {
            "--precision tf32 accepts the rounding of this device; in a recipe, steps.precision = \"tf32\""
        }
        DeviceError::Failed { .. } => {
            "if its memory ran out, lower --batch-size; in a recipe, steps.micro_batch"
        }
        DeviceError::Precision { .. } => {
            "f32 is exact, int8 is faster on some CPUs, bf16 on those with AMX or AVX512-BF16; `avff convert \
             --dtype f16` halves a checkpoint's file"
        }
        _ => return None,
    })
}

/// For recipes and runs, whose hints name keys and files.
fn of_training(error: &Dyn) -> Option<String> {
    if let Some(TrainError::Changed { path, weights, .. }) = error.downcast_ref() {
        let Some(weights) = weights else {
            return Some(
                "resume the run as it was and stop it with Ctrl-C, which writes its current weights; then start a new \
                 run from these"
                    .into(),
            );
        };
        let run = path.parent().and_then(Path::parent).unwrap_or(Path::new("RUN"));
        let (recipe, weights) = (run.join("recipe.toml"), weights.display());
        return Some(format!(
            "start a new run from the weights of this one: avff train {} --run NEW --set \
             'initialize={{from=\"checkpoint\", path=\"{weights}\"}}' --set KEY=VALUE",
            recipe.display()
        ));
    }
    if let Some(ConvertError::NoteInPytorch { to }) = error.downcast_ref() {
        let to = to.with_extension("safetensors");
        return Some(format!("leave out --note, or write {}, which stores it", to.display()));
    }
    if let Some(ModelError::Kind { actual: Kind::Classifier, .. }) = error.downcast_ref() {
        return Some("give stage-1 or stage-2 weights".into());
    }
    if let Some(RecipeError::Inapplicable { key, .. }) = error.downcast_ref() {
        return Some(format!("--set {key}= leaves it out"));
    }
    Some(match error.downcast_ref()? {
        TrainingError::File { key, source } if is_missing(source) => {
            format!("give the file with --set {key}=FILE")
        }
        TrainingError::Dataset(DatasetError { source: Reason::NoColumn(missing), .. }) => format!(
            "or give the column of clip names: --set {}",
            argument(&format!("data.columns.name={}", missing.likely.as_ref()?))
        ),
        TrainingError::NoTrainingCheckpoint { folder, weights } => format!(
            "start a new run from its weights: avff train {} --run NEW --set \
             'initialize={{from=\"checkpoint\", path=\"{}\"}}'",
            folder.join("recipe.toml").display(),
            weights.display()
        ),
        TrainingError::UnreadableClips { .. } => {
            "`avff check` lists all unreadable clips, and --set data.unreadable=skip leaves them out; if the paths are \
             relative to another folder than the CSV's, give it with --set data.root=DIR"
                .into()
        }
        TrainingError::InitializationKind { actual, stage, .. } => match (stage, actual) {
            (Stage::Finetune, Kind::Classifier) => {
                "use initialize.from=\"checkpoint\" to train this classifier further: --set initialize.from=checkpoint"
            }
            (Stage::Finetune, Kind::Pretrain) => {
                "use initialize.from=\"adapt\" to turn this model into a classifier: --set initialize.from=adapt"
            }
            (Stage::Pretrain, _) => {
                "give stage-1 or stage-2 weights with --set initialize.path=FILE, or use a stage-3 recipe"
            }
        }
        .into(),
        TrainingError::OtherNetwork { .. } => {
            "set model.preset or model.config in the recipe to the network of the checkpoint, which `avff inspect` shows"
                .into()
        }
        _ => return None,
    })
}

fn is_missing(error: &ClipError) -> bool {
    matches!(error.source.media(), Some(MediaError::NotFound))
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
        let missing = ClipError::new("a.mp4", MediaError::NotFound);
        let error = TrainingError::from(missing);
        assert!(hint(&error).unwrap().starts_with("check the path"));
        let source = Box::new(ClipError::new("a.mp4", MediaError::Empty));
        let error = TrainError::Unreadable { manifest: "train.csv".into(), source };
        assert!(hint(&TrainingError::from(error)).unwrap().contains("data.unreadable=skip"));
    }
}
