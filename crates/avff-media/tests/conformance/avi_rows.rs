//! The rows of AVI: its chunks have no time stamps, so that each lasts one unit of its stream.

use std::num::NonZeroUsize;

use avff_media::Tracks;

use super::{
    avi::{Layout, write},
    common_rows::Container,
    expect::{Right, Row},
    packets::{AudioFormat, Clip},
    streams::{Pictures, pcm_packet},
};

const CONTAINER: Container = Container {
    name: "AVI",
    audio: AudioFormat { rate: 16_000, packet: 1024, seconds: 6.4, encode: pcm_packet },
    tick: 1e6 / 16_000.0,
    write: |clip| write(clip, &Layout::default()),
};

/// All rows of AVI.
pub(crate) fn rows(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, layout: Layout, wanted: usize, change: &dyn Fn(&mut Clip)| {
        for (pictures, order) in [(flat, ""), (reordered, ", reordered")] {
            let mut clip = Clip::new(pictures, CONTAINER.audio);
            // Frames are shown one after the other from the start of the stream.
            let first = clip.shown.frames[0].1;
            clip.shown.frames.iter_mut().for_each(|(_, time)| *time -= first);
            clip.shown.video_end -= first;
            change(&mut clip);
            let file = write(&clip, &layout);
            let mut row = CONTAINER.row(&format!("{name}{order}"), file, Right::Shown(clip.shown));
            row.wanted = Tracks { audio: NonZeroUsize::new(wanted), video: None };
            rows.push(row);
        }
    };
    let default = Layout::default;
    add("plain", default(), 0, &|_| ());
    add("no index", Layout { no_index: true, ..default() }, 0, &|_| ());
    for interleave in [5, 13, 100] {
        let name = format!("chunks of {interleave} packets");
        add(&name, Layout { interleave, ..default() }, 0, &|_| ());
        let layout = Layout { interleave, no_index: true, ..default() };
        add(&format!("{name} without an index"), layout, 0, &|_| ());
    }
    for no_index in [false, true] {
        let name = if no_index { " without an index" } else { "" };
        let layout = Layout { audio_start: 4800, no_index, ..default() };
        add(&format!("the audio starts late{name}"), layout, 0, &|clip| {
            clip.shown.audio[0].0 = 0.3;
        });
        let layout = Layout { video_start: 7, no_index, ..default() };
        add(&format!("the video starts late{name}"), layout, 0, &|clip| {
            clip.shown.frames.iter_mut().for_each(|(_, time)| *time += 0.28);
            clip.shown.video_end += 0.28;
        });
        for empty in [vec![(51, 1)], vec![(51, 5)], vec![(20, 2), (40, 1), (60, 3)]] {
            let name = format!("{empty:?} empty chunks{name}").replace(", ", " ");
            add(&name, Layout { empty: empty.clone(), no_index, ..default() }, 0, &|clip| {
                for &(before, count) in &empty {
                    let held = count as f64 * 0.04;
                    clip.shown.frames.iter_mut().skip(before).for_each(|(_, time)| *time += held);
                    clip.shown.video_end += held;
                }
            });
        }
    }
    add("two audio tracks", Layout { other_audio: true, ..default() }, 2, &|clip| {
        clip.shown.tracks = (1, 2);
    });
    for (aspect, pixels) in [((4, 3), (4, 3)), ((1, 1), (1, 1)), ((16, 9), (16, 9))] {
        let name = format!("shown as {} to {}", aspect.0, aspect.1);
        add(&name, Layout { aspect: Some(aspect), ..default() }, 0, &|clip| {
            clip.shown.pixel_aspect = pixels;
        });
    }
    rows
}
