//! The arguments of all commands that read a CSV of clips.

use std::path::PathBuf;

use avff::datasets::{ColumnNames, Condition, ManifestOptions};

#[derive(Debug, clap::Args)]
pub(super) struct CsvArgs {
    /// Folder that relative paths start at [default: the CSV's folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The CSV's column of clip names; output files call it `video_name`
    #[arg(long, value_name = "COLUMN", default_value = "video_name")]
    name_column: String,

    /// The CSV's column of labels (1 or fake, 0 or real); output files call it `target`
    #[arg(long, value_name = "COLUMN", default_value = "target")]
    target_column: String,

    /// Read only rows with one of these values in a column, such as split=test; all conditions must
    /// hold if there are several
    #[arg(long = "where", value_name = "COLUMN=VALUE,...")]
    conditions: Vec<Condition>,
}

impl CsvArgs {
    pub(super) fn options(&self) -> ManifestOptions {
        let columns =
            ColumnNames { name: self.name_column.clone(), target: self.target_column.clone() };
        let conditions = self.conditions.clone();
        ManifestOptions { root: self.root.clone(), columns, conditions }
    }
}
