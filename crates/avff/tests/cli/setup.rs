//! A temporary folder and the binary that runs in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Scene {
    folder: TempDir,
}

/// Exit code and output of a finished command.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new("../..").canonicalize().unwrap()
}

/// Weights of the small untrained network.
pub(crate) fn weights() -> PathBuf {
    root().join("crates/avff/tests/fixtures/untrained-tiny.safetensors")
}

/// A readable clip of the fixtures.
pub(crate) fn clip(name: &str) -> PathBuf {
    root().join("crates/avff/tests/fixtures/clips").join(name)
}

/// A fixture of the crate `avff-media`.
pub(crate) fn media(name: &str) -> PathBuf {
    root().join("crates/avff-media/tests/fixtures/media").join(name)
}

/// A network that takes a second for a few steps.
pub(crate) const TINY: [&str; 13] = [
    "model.config.audio.frames=128",
    "model.config.audio.mels=32",
    "model.config.video.height=32",
    "model.config.video.width=32",
    "model.config.encoder.dim=24",
    "model.config.encoder.depth=1",
    "model.config.encoder.heads=3",
    "model.config.decoder.dim=12",
    "model.config.decoder.depth=1",
    "model.config.decoder.heads=3",
    "model.config.head.hidden=16",
    "data.batch=2",
    "data.workers=1",
];

/// A clip whose container says more than its frames and audio, of the crate `avff-media`.
pub(crate) fn timeline(name: &str) -> PathBuf {
    root().join("crates/avff-media/tests/fixtures/timeline").join(name)
}

/// A journal of these lines: each ends with the CRC-32 of all lines so far.
pub(crate) fn sealed(lines: &[String]) -> String {
    let mut hasher = crc32fast::Hasher::new();
    let seal = |line: &String| {
        hasher.update(format!("{line}\n").as_bytes());
        format!("{line} #{:08x}\n", hasher.clone().finalize())
    };
    lines.iter().map(seal).collect()
}

/// The CRC-32 of a table up to a row, counted from 1, as a journal has it.
pub(crate) fn checksum_of(table: &str, row: usize) -> String {
    let text: String = table.split_inclusive('\n').take(row + 1).collect();
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A manifest of `rows` rows. Clips alternate, every fifth row names a missing file, and row 7 of ten names
    /// a clip on which there is a note.
    pub(crate) fn manifest(&self, name: &str, rows: usize) -> PathBuf {
        let clips = ["match_a.mp4", "match_b.mp4", "swapped_a.mp4", "swapped_b.mp4"];
        let mut text = "video_name,target,note\n".to_owned();
        for row in 0..rows {
            let path = match row % 5 {
                4 => self.path(&format!("absent{row}.mp4")),
                _ if row % 10 == 7 => timeline("first_video_track_disabled.mp4"),
                other => clip(clips[(other + row / 5) % 4]),
            };
            text += &format!("{},{},\"row {row}, \"\"noted\"\"\"\n", path.display(), row % 2);
        }
        self.write(name, &text)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_avff"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("AVFF_CHECKPOINT").env_remove("RUST_LOG");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// `avff eval` with the small network on the CPU.
    pub(crate) fn eval(&self, csv: &Path, output: &str, more: &[&str]) -> Ran {
        let weights = weights();
        let mut arguments = vec!["eval", "--device", "cpu"];
        arguments.extend(["--checkpoint", weights.to_str().unwrap()]);
        arguments.extend(["--csv", csv.to_str().unwrap(), "--output", output]);
        arguments.extend(more);
        self.run(&arguments)
    }

    /// `avff score` with the small network on the CPU.
    pub(crate) fn score(&self, clips: &[&Path], more: &[&str]) -> Ran {
        let weights = weights();
        let mut arguments = vec!["score", "--device", "cpu"];
        arguments.extend(["--checkpoint", weights.to_str().unwrap()]);
        arguments.extend(more);
        arguments.extend(clips.iter().map(|clip| clip.to_str().unwrap()));
        self.run(&arguments)
    }
}

/// Parses JSON: one value, or the lines of `avff score --json` as an object with `run` and `clips`.
pub(crate) fn json(text: &str) -> Value {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut values: Vec<Value> = values.map(Result::unwrap).collect();
    if values.len() == 1 && values[0].get("run").is_none() {
        return values.remove(0);
    }
    let run = values.remove(0)["run"].take();
    serde_json::json!({ "run": run, "clips": values })
}
