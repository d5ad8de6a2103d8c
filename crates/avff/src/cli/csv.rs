//! The arguments of all commands that read a CSV of clips.

use std::path::PathBuf;

use avff::datasets::{ColumnNames, ManifestOptions};

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
}

impl CsvArgs {
    pub(super) fn options(&self) -> ManifestOptions {
        let columns =
            ColumnNames { name: self.name_column.clone(), target: self.target_column.clone() };
        ManifestOptions { root: self.root.clone(), columns }
    }
}
