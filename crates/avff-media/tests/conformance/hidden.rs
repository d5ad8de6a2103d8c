//! Frames that an edit list hides: decord counts every packet that FFmpeg keeps.

use std::io::Write as _;

use avff_media::{Decoder, Tracks, open_with};
use video_rs::ffmpeg::{format, media::Type};

use super::{
    expect::{Right, Row},
    rows::rows,
    streams::pictures,
};

/// Rows in which FFmpeg and decord differ, or that neither presents.
///
/// Since FFmpeg 5, a pause between two segments keeps packets as if it were a segment. Decord 0.6.0
/// includes FFmpeg 4. An edit of an unknown duration hides everything in both.
const DIFFERENT: [&str; 3] = ["a pause between", "an open end", "a cover is the first video track"];

/// The number of frames that decord 0.6.0 gives for rows of these names.
const DECORD: [(&str, usize); 14] = [
    ("plain", 160),
    ("a pause first", 160),
    ("two pauses first", 131),
    ("the start is cut", 135),
    ("the start is cut within a packet", 131),
    ("the end is cut", 106),
    ("both ends are cut", 106),
    ("a lossless cut", 127),
    ("two lossless cuts", 128),
    ("segments in another order", 102),
    ("a repeated segment", 102),
    ("overlapping segments", 157),
    ("a pause between", 107),
    ("a held frame between", 133),
];

/// The number of packets of the first video stream that FFmpeg keeps.
fn packets(path: &std::path::Path) -> usize {
    let mut input = format::input(path).unwrap();
    let video = |stream: &video_rs::ffmpeg::Stream<'_>| stream.parameters().medium() == Type::Video;
    let stream = input.streams().find(video).unwrap().index();
    input.packets().filter(|(packet_stream, _)| packet_stream.index() == stream).count()
}

fn is_checked(row: &Row) -> bool {
    let several = |shown: &super::expect::Shown| shown.tracks.0 > 1;
    row.wanted == Tracks::default()
        && !row.name.contains("fragment")
        && !row.name.contains("stretched")
        && !row.name.contains("PCM")
        && matches!(&row.right, Right::Shown(shown) if !several(shown))
}

#[test]
fn hidden_frames_are_those_that_decord_counts() {
    let flat = pictures("edit_list_of_two.mp4", 512);
    let reordered = pictures("all_durations_zero.mp4", 512);
    let (mut by_ffmpeg, mut by_decord) = (0, 0);
    for row in rows(&flat, &reordered).iter().filter(|row| is_checked(row)) {
        let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        file.write_all(&row.file).unwrap();
        // A name of the layout follows that of the row.
        let name = row.name.rsplit_once(',').unwrap().0;
        let decord = DECORD.iter().find(|(known, _)| *known == name);
        for decoder in [Decoder::Embedded, Decoder::Ffmpeg] {
            let clip = open_with(file.path(), decoder).unwrap();
            let count = clip.frame_count() + clip.info().hidden_frames;
            if !DIFFERENT.contains(&name) {
                assert_eq!(count, packets(file.path()), "{} ({decoder})", row.name);
                by_ffmpeg += 1;
            }
            if let Some((_, frames)) = decord {
                assert_eq!(count, *frames, "{} ({decoder})", row.name);
                by_decord += 1;
            }
        }
    }
    assert!(by_ffmpeg >= 150 && by_decord >= 80, "{by_ffmpeg} and {by_decord}");
}
