//! Writes scalars to TensorBoard event files.
//!
//! The format is implemented here for lack of a usable crate: `tensorboard-rs` was abandoned in
//! 2022, `tboard` needs `protoc` at every build, and `tfrecord` states no license. Scalars need
//! only a small part of the format. A record is its length, a checksum of the length, the bytes and
//! a checksum of the bytes (`tensorflow/core/lib/io/record_writer.cc`). The bytes are the protocol
//! buffer message `Event` (`tensorflow/core/util/event.proto`,
//! `tensorflow/core/framework/summary.proto`).
//!
//! Each session of a run has its own file. The file of a resumed session starts with a `SessionLog`
//! of status `START` at the next step. TensorBoard then ignores that step and later ones in earlier
//! files.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    error::RunError,
    record::{Kind, Position, Record},
};

/// Prefix of event file names, which TensorBoard requires.
const PREFIX: &str = "events.out.tfevents.";
/// File version that TensorBoard requires for `SessionLog`.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const START: u64 = 1;

/// The event file of one session.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Creates a file in `folder` for the steps after `position`.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn create(folder: &Path, position: Position, time: f64) -> Result<Self, RunError> {
        let path = folder.join(name(folder, time));
        let file = File::create_new(&path)
            .map_err(|source| RunError::Write { path: path.clone(), source })?;
        let mut events = Self { path, file };
        let mut event = Message::default();
        event.double(1, time);
        event.bytes(3, VERSION.as_bytes());
        events.write(&event)?;
        if position != Position::default() {
            let mut log = Message::default();
            log.number(1, START);
            let mut event = Message::default();
            event.double(1, time);
            event.number(2, position.step + 1);
            event.bytes(7, &log.0);
            events.write(&event)?;
        }
        Ok(events)
    }

    /// Appends the values of a record.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn append(&mut self, record: &Record) -> Result<(), RunError> {
        let mut summary = Message::default();
        for (name, value) in record.values.iter() {
            let mut scalar = Message::default();
            scalar.bytes(1, tag(record.kind, name).as_bytes());
            scalar.float(2, value as f32);
            summary.bytes(1, &scalar.0);
        }
        if summary.0.is_empty() {
            return Ok(());
        }
        let mut event = Message::default();
        event.double(1, record.time);
        event.number(2, record.step);
        event.bytes(5, &summary.0);
        self.write(&event)
    }

    /// Writes an event in one call, so that a killed process leaves at most the last record
    /// incomplete.
    fn write(&mut self, Message(event): &Message) -> Result<(), RunError> {
        self.file
            .write_all(&framed(event))
            .map_err(|source| RunError::Write { path: self.path.clone(), source })
    }
}

/// Returns a file name that sorts after the existing ones, even if the clock was set back:
/// TensorBoard reads files in name order.
fn name(folder: &Path, time: f64) -> String {
    let (mut latest, mut sessions) = (0, 0_usize);
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(io::Result::ok) {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let seconds = rest.split('.').next().and_then(|seconds| seconds.parse().ok());
        latest = latest.max(seconds.unwrap_or(0));
        sessions += 1;
    }
    format!("{PREFIX}{:010}.avff.{sessions:04}", latest.max(time.max(0.0) as u64))
}

/// Returns the tag of a value: of an epoch, the value's name, such as `val/loss`. TensorBoard groups
/// tags by the part before the slash. Values of steps are in the group `step`, because they would
/// otherwise share the tags of epochs, and an epoch's values of the run itself are in `epoch`.
fn tag(kind: Kind, name: &str) -> String {
    let (part, quantity) = super::names::split(name);
    match (kind, part) {
        (Kind::Epoch, Some(_)) => name.to_owned(),
        (Kind::Epoch, None) => format!("epoch/{name}"),
        (_, Some("train")) => format!("step/{quantity}"),
        (_, _) => format!("step/{name}"),
    }
}

fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length, &masked_crc(&length).to_le_bytes()[..], data, &masked_crc(data).to_le_bytes()]
        .concat()
}

/// Computes CRC-32C, rotated and offset so that checksums remain good for data that contains
/// checksums (`tensorflow/core/lib/hash/crc32c.h`).
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A protocol buffer message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
