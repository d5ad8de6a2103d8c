//! The plan as a table and as JSON.

use serde::Serialize;

use super::{Reading, Shards};
use crate::table::Text;

/// What training reads, and what this machine can.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Clips of the data set.
    pub clips: u64,
    /// Epochs of training.
    pub epochs: u64,
    /// Hours that training may take, if that is decided.
    pub hours: Option<f64>,
    /// Machines that read together.
    pub machines: u64,
    /// Bytes of a shard.
    pub shard_bytes: u64,
    /// How fast this machine reads single files.
    pub files: Option<Reading>,
    /// What shards would take, and how fast this machine reads them.
    pub shards: Option<Shards>,
}

impl Plan {
    /// Returns the clips that are read in all epochs.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.clips.saturating_mul(self.epochs)
    }

    /// Returns the clips per second that all machines must read, if the hours are decided.
    #[must_use]
    pub fn needed(&self) -> Option<f64> {
        self.hours.map(|hours| self.reads() as f64 / (3600.0 * hours))
    }

    /// Returns the hours that all machines take to read the clips of all epochs.
    #[must_use]
    pub fn hours_of(&self, reading: &Reading) -> f64 {
        self.reads() as f64 / (3600.0 * reading.rate() * self.machines as f64)
    }

    /// Returns the bytes and the number of the shards of all clips.
    #[must_use]
    pub fn disk(&self) -> Option<(f64, u64)> {
        let shards = self.shards.filter(|shards| shards.packing.clips > 0)?;
        let bytes = shards.bytes as f64 / shards.packing.clips as f64 * self.clips as f64;
        Some((bytes, (bytes / self.shard_bytes.max(1) as f64).ceil().max(1.0) as u64))
    }

    /// Formats the plan as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let machines = match self.machines {
            1 => "this machine".to_owned(),
            several => format!("{several} machines like this one"),
        };
        row("to read", format!("{} clips, {} times: {}", self.clips, self.epochs, self.reads()));
        if let Some((needed, hours)) = self.needed().zip(self.hours) {
            let each = needed / self.machines as f64;
            row("needed", format!("{needed:.1} clips/s for {hours} h, {each:.1} by each machine"));
        }
        let verdict = |reading: &Reading| {
            let hours = self.hours_of(reading);
            let enough = self.needed().map(|needed| {
                let machines = (needed / reading.rate()).ceil();
                if machines <= self.machines as f64 {
                    ": fast enough".to_owned()
                } else {
                    format!(": too slow, {machines} machines are needed")
                }
            });
            format!("{hours:.1} h on {machines}{}", enough.unwrap_or_default())
        };
        if let Some(files) = self.files.filter(|files| files.clips > 0) {
            row("files", format!("{:.1} clips/s, {}", files.rate(), verdict(&files)));
        }
        if let Some(shards) = &self.shards {
            let reading = &shards.reading;
            row("shards", format!("{:.1} clips/s, {}", reading.rate(), verdict(reading)));
            let hours = self.clips as f64 / (3600.0 * shards.packing.rate() * self.machines as f64);
            row(
                "to pack",
                format!("{:.1} clips/s, {hours:.1} h on {machines}", shards.packing.rate()),
            );
        }
        if let Some((bytes, shards)) = self.disk() {
            let each = bytes / self.clips.max(1) as f64;
            row(
                "disk",
                format!("{:.1} GB in {shards} shards, {:.0} kB a clip", bytes / 1e9, each / 1e3),
            );
        }
        if self.files.is_some_and(|files| files.clips == 0) {
            row("files", "no clip could be read, so nothing was measured".to_owned());
        }
        if let Some(failed) = self.files.map(|files| files.failed).filter(|&failed| failed > 0) {
            row("not read", format!("{failed} of the clips that were measured"));
        }
        table.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Kinetics-400 as Open-AVFF reads it: 240,000 clips, 25 epochs.
    #[test]
    fn rates_hours_and_disk_follow_from_the_measurement() {
        let reading = |clips, seconds| Reading { clips, failed: 0, seconds };
        let shards =
            Shards { packing: reading(10, 1.0), reading: reading(100, 1.0), bytes: 2_000_000 };
        let plan = Plan {
            clips: 240_000,
            epochs: 25,
            hours: Some(20.0),
            machines: 2,
            shard_bytes: 512 << 20,
            files: Some(reading(250, 10.0)),
            shards: Some(shards),
        };
        assert_eq!(plan.reads(), 6_000_000);
        assert!((plan.needed().unwrap() - 83.333).abs() < 1e-3);
        assert!((plan.hours_of(&plan.files.unwrap()) - 33.333).abs() < 1e-3);
        // 200 kB a clip.
        let (bytes, count) = plan.disk().unwrap();
        assert!((bytes - 48e9).abs() < 1.0);
        assert_eq!(count, 90);
        let table = plan.table();
        assert!(table.contains("83.3 clips/s for 20 h, 41.7 by each machine"), "{table}");
        assert!(table.contains("too slow, 4 machines are needed"), "{table}");
        assert!(
            table.contains("100.0 clips/s, 8.3 h on 2 machines like this one: fast enough"),
            "{table}"
        );
    }
}
