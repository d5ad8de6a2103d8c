//! Tests with an independent reader. It implements the format from the sources of the writer,
//! verifies every checksum, and shares no code with the writer.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::run::record::Values;

/// Computes CRC-32C from its definition, bit by bit, with the reflected polynomial 0x82f63b78.
fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
        })
    })
}

fn unmask(masked: [u8; 4]) -> u32 {
    u32::from_le_bytes(masked).wrapping_sub(0xa282_ead8).rotate_left(15)
}

fn records(mut file: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((length, rest)) = file.split_first_chunk::<8>() {
        let (sum, rest) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(unmask(*sum), crc(length));
        let (data, rest) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let (sum, rest) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(unmask(*sum), crc(data));
        all.push(data);
        file = rest;
    }
    assert!(file.is_empty());
    all
}

#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Double(f64),
    Bytes(&'a [u8]),
    Float(f32),
}

fn varint(data: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = data.split_first().unwrap();
        *data = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn fields(mut data: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut all = Vec::new();
    while !data.is_empty() {
        let key = varint(&mut data);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut data)),
            1 => {
                let (value, rest) = data.split_first_chunk::<8>().unwrap();
                data = rest;
                Field::Double(f64::from_le_bytes(*value))
            }
            2 => {
                let length = varint(&mut data) as usize;
                let (value, rest) = data.split_at(length);
                data = rest;
                Field::Bytes(value)
            }
            5 => {
                let (value, rest) = data.split_first_chunk::<4>().unwrap();
                data = rest;
                Field::Float(f32::from_le_bytes(*value))
            }
            other => panic!("wire type {other}"),
        };
        all.push((key >> 3, field));
    }
    all
}

/// Formats an event as a line of text.
fn show(event: &[u8]) -> String {
    let mut text = String::new();
    for (field, value) in fields(event) {
        text += &match (field, value) {
            (1, Field::Double(time)) => format!("t{time}"),
            (2, Field::Number(step)) => format!(" s{step}"),
            (3, Field::Bytes(version)) => format!(" {}", std::str::from_utf8(version).unwrap()),
            (7, Field::Bytes(log)) => format!(" session {:?}", fields(log)),
            (5, Field::Bytes(summary)) => fields(summary).iter().map(scalar).collect(),
            other => panic!("{other:?}"),
        };
    }
    text
}

fn scalar((field, value): &(u64, Field<'_>)) -> String {
    assert_eq!(*field, 1);
    let Field::Bytes(value) = value else { panic!("{value:?}") };
    match fields(value).as_slice() {
        [(1, Field::Bytes(tag)), (2, Field::Float(value))] => {
            format!(" {}={value}", std::str::from_utf8(tag).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn independent_reader_finds_written_events() {
    let folder = tempfile::tempdir().unwrap();
    let at = |time, record| Record { time, ..record };
    let start = Position::default();
    let mut first = EventFile::create(folder.path(), start, 1_795_631_390.5).unwrap();
    let step = Values::from([("train/loss", 0.5), ("lr", 1e-4)]);
    first.append(&at(10.0, Record::step(1, 300, step))).unwrap();
    let epoch =
        [("train/loss", 0.25), ("val/loss", f64::NAN), ("val/loss.audio", 2.0), ("lr", 0.5)];
    first.append(&at(11.0, Record::epoch(1, 300, Values::from(epoch)))).unwrap();
    first.append(&at(11.0, Record::epoch(1, 300, Values::default()))).unwrap();
    // The clock was set back.
    let position = Position { step: 300, epochs: 1 };
    let second = EventFile::create(folder.path(), position, 1_795_631_000.0).unwrap();

    let files = files(folder.path());
    assert_eq!(files[1], second.path);
    let shown = |path| records(&fs::read(path).unwrap()).into_iter().map(show).collect::<Vec<_>>();
    assert_eq!(
        shown(&files[0]),
        [
            "t1795631390.5 brain.Event:2",
            "t10 s300 step/loss=0.5 step/lr=0.0001",
            "t11 s300 train/loss=0.25 val/loss=NaN val/loss.audio=2 epoch/lr=0.5",
        ]
    );
    let session = "t1795631000 s301 session [(1, Number(1))]";
    assert_eq!(shown(&files[1]), ["t1795631000 brain.Event:2", session]);
}

/// Checks the value in RFC 3720, B.4: CRC-32C of 32 zero bytes.
#[test]
fn checksum_is_crc32c() {
    assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
}
