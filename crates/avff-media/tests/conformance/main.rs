//! A table of files that no encoder writes alike: edit lists, time stamps, fragments and tracks, each in
//! several layouts. What is right follows from the rules of the container, by code that shares nothing
//! with the readers. Each reader must agree with each row; all rows that fail are reported.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test"
)]

#[cfg(feature = "ffmpeg")]
mod avi;
#[cfg(feature = "ffmpeg")]
mod avi_rows;
mod boxes;
#[cfg(feature = "ffmpeg")]
mod common_rows;
mod damage_rows;
mod expect;
#[cfg(feature = "ffmpeg")]
mod flv;
#[cfg(feature = "ffmpeg")]
mod flv_rows;
#[cfg(feature = "ffmpeg")]
mod hidden;
#[cfg(feature = "ffmpeg")]
mod matroska;
#[cfg(feature = "ffmpeg")]
mod matroska_rows;
#[cfg(feature = "ffmpeg")]
mod opus;
#[cfg(feature = "ffmpeg")]
mod packets;
mod rows;
mod streams;
#[cfg(feature = "ffmpeg")]
mod transport_stream;
#[cfg(feature = "ffmpeg")]
mod transport_stream_rows;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use avff_media::{Decoder, Frame, open_bytes};

use self::{
    expect::check,
    rows::{FPS, rows},
    streams::{PACKET, pictures},
};

fn readers() -> &'static [Decoder] {
    if cfg!(feature = "ffmpeg") {
        &[Decoder::Embedded, Decoder::Ffmpeg]
    } else {
        &[Decoder::Embedded]
    }
}

#[test]
fn every_reader_presents_every_row() {
    let flat = pictures("edit_list_of_two.mp4", 512);
    let reordered = pictures("all_durations_zero.mp4", 512);
    let plain: Vec<Vec<Frame>> = [&flat, &reordered]
        .map(|pictures| {
            let tracks = [boxes::video(pictures, 25, 1), boxes::audio(&[PACKET; 10], 16_000)];
            let file = boxes::write(&tracks, boxes::Layout::PLAIN);
            let mut clip = open_bytes(file).unwrap();
            let step = clip.frame_times()[1] - clip.frame_times()[0];
            assert!((step - 1.0 / FPS).abs() < 1e-9);
            let all: Vec<usize> = (0..clip.frame_count()).collect();
            clip.frames_at(&all).unwrap()
        })
        .into();
    let mut rows = rows(&flat, &reordered);
    rows.extend(damage_rows::rows(&flat, &reordered));
    #[cfg(feature = "ffmpeg")]
    for of_container in
        [matroska_rows::rows, transport_stream_rows::rows, flv_rows::rows, avi_rows::rows]
    {
        rows.extend(of_container(&flat, &reordered));
    }
    let mut kinds = BTreeMap::new();
    for row in &rows {
        *kinds.entry(row.name.split(',').next().unwrap_or_default()).or_insert(0) += 1;
    }
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let plain = &plain[usize::from(row.name.contains("reordered"))];
                    for &reader in readers() {
                        if row.only_ffmpeg && reader == Decoder::Embedded {
                            continue;
                        }
                        if let Err(error) = check(row, reader, plain) {
                            failed
                                .lock()
                                .unwrap()
                                .push(format!("{} ({reader}): {error}", row.name));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{} rows of {} kinds", rows.len(), kinds.len());
    for (kind, count) in kinds {
        println!("{count:4}  {kind}");
    }
    let mut containers = BTreeMap::new();
    for row in &rows {
        let container = row.name.rsplit(", ").next().filter(|_| row.only_ffmpeg);
        *containers.entry(container.unwrap_or("MP4")).or_insert(0) += 1;
    }
    println!("{containers:?}");
    let least = if cfg!(feature = "ffmpeg") { 400 } else { 180 };
    assert!(rows.len() >= least, "{} rows", rows.len());
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
