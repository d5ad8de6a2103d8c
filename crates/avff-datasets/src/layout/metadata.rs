//! Checks metadata files from bytes, without their clips: for validation and fuzzing.

use std::{io::Read, ops::ControlFlow};

use super::{
    av_deepfake1m, dfdc, fakeavceleb, kinetics, kodf, lav_df, mavos_dd,
    scan::{Position, Rows},
};
use crate::error::Reason;

/// A kind of metadata file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// FakeAVCeleb's `meta_data.csv`.
    FakeAvCeleb,
    /// DFDC's `metadata.json` and `dataset.json`.
    Dfdc,
    /// DFDC's `labels.csv`.
    DfdcLabels,
    /// A KoDF table.
    Kodf,
    /// LAV-DF's `metadata.json` and `metadata.min.json`.
    LavDf,
    /// AV-Deepfake1M's list of a split.
    AvDeepfake1m,
    /// AV-Deepfake1M's `test_files.txt`.
    AvDeepfake1mNames,
    /// A Kinetics-400 table.
    Kinetics400,
    /// MAVOS-DD's `state.json`.
    MavosDdState,
    /// MAVOS-DD's `data-*.arrow`.
    MavosDdRows,
}

/// Row counts of a metadata file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of valid rows.
    pub valid: u64,
    /// Number of invalid rows.
    pub invalid: u64,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 10] = [
        Self::FakeAvCeleb,
        Self::Dfdc,
        Self::DfdcLabels,
        Self::Kodf,
        Self::LavDf,
        Self::AvDeepfake1m,
        Self::AvDeepfake1mNames,
        Self::Kinetics400,
        Self::MavosDdState,
        Self::MavosDdRows,
    ];

    /// Reads a file of this format to its end.
    ///
    /// # Errors
    /// An error of the whole file rather than of a row.
    pub fn check(self, input: impl Read) -> Result<Counts, Reason> {
        match self {
            Self::FakeAvCeleb => count(|visit| fakeavceleb::read(input, visit)),
            Self::Dfdc => count(|visit| dfdc::read_json(input, visit)),
            Self::DfdcLabels => count(|visit| dfdc::read_labels(input, visit)),
            Self::Kodf => count(|visit| kodf::read(input, visit)),
            Self::LavDf => count(|visit| lav_df::read(input, visit)),
            Self::AvDeepfake1m => count(|visit| av_deepfake1m::read_list(input, visit)),
            Self::AvDeepfake1mNames => count(|visit| av_deepfake1m::read_names(input, visit)),
            Self::Kinetics400 => count(|visit| kinetics::read(input, visit)),
            Self::MavosDdState => {
                let files = mavos_dd::read_state(input)?;
                Ok(Counts { valid: files.len() as u64, invalid: 0 })
            }
            Self::MavosDdRows => count(|visit| mavos_dd::read_rows(input, visit)),
        }
    }
}

fn count<T>(read: impl FnOnce(Rows<'_, T>) -> Result<(), Reason>) -> Result<Counts, Reason> {
    let mut counts = Counts::default();
    read(&mut |_: Position, row: Result<T, String>| {
        match row {
            Ok(_) => counts.valid += 1,
            Err(_) => counts.invalid += 1,
        }
        ControlFlow::Continue(())
    })?;
    Ok(counts)
}
