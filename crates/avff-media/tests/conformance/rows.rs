//! The rows: one concept each, in several layouts of the file.

use std::{num::NonZeroUsize, ops::Range};

use avff_media::Tracks;

use super::{
    boxes::{Edit, Layout, PLAY, Sample, Track, audio, uncompressed, video, write},
    expect::{Right, Row, Shown},
    streams::{PACKET, Pictures, RATE, pcm_packet},
};

/// Pictures a second.
pub(crate) const FPS: f64 = 25.0;
/// Ticks a second and ticks of a picture in the video track.
const VIDEO: (u32, u32) = (12_800, 512);
/// Packets of the audio track: 6.4 s.
const PACKETS: usize = 100;

/// Frames `range` of the plain clip from `start` on, at its rate.
pub(crate) fn frames(start: f64, range: Range<usize>) -> Vec<(usize, f64)> {
    range.clone().map(|frame| (frame, start + (frame - range.start) as f64 / FPS)).collect()
}

/// Samples from and to a time of the plain clip.
fn samples(from: f64, to: f64) -> Range<usize> {
    let at = |time: f64| (time * f64::from(RATE)).round() as usize;
    at(from)..at(to)
}

/// A clip to change: both tracks, and what is right without a change.
pub(crate) struct Clip {
    pub(crate) video: Track,
    pub(crate) audio: Track,
    pub(crate) shown: Shown,
}

impl Clip {
    pub(crate) fn new(pictures: &Pictures) -> Self {
        let count = pictures.coded.len();
        let end = count as f64 / FPS;
        // Reordered pictures are shown two pictures after they are decoded at the earliest.
        let first = pictures.coded.iter().zip(0..).map(|(picture, at)| at + picture.delay).min();
        let first = f64::from(first.unwrap_or(0)) / FPS;
        let lengths = [PACKET; PACKETS];
        Self {
            video: video(pictures, VIDEO.0, VIDEO.1),
            audio: audio(&lengths, RATE),
            shown: Shown {
                frames: frames(first, 0..count),
                video_end: first + end,
                audio: vec![(0.0, 0..PACKET * PACKETS)],
                rate: RATE,

                holes: Vec::new(),
                pauses: false,
                tracks: (1, 1),
                pixel_aspect: (1, 1),
            },
        }
    }

    pub(crate) fn tracks(&self) -> Vec<Track> {
        vec![self.video.clone(), self.audio.clone()]
    }
}

/// Collects rows.
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, name: &str, tracks: &[Track], layout: (&str, Layout), right: &Right) {
        self.wanted(name, tracks, layout, right, Tracks::default());
    }

    fn wanted(
        &mut self,
        name: &str,
        tracks: &[Track],
        (layout_name, layout): (&str, Layout),
        right: &Right,
        wanted: Tracks,
    ) {
        let file = write(tracks, layout);
        let name = format!("{name}, {layout_name}");
        self.0.push(Row { name, only_ffmpeg: false, file, wanted, right: right.clone() });
    }
}

/// Layouts of a file that must not matter.
fn layouts() -> [(&'static str, Layout); 4] {
    [
        ("index last", Layout::PLAIN),
        ("index first", Layout { index_first: true, ..Layout::PLAIN }),
        ("64 bit", Layout { wide: true, ..Layout::PLAIN }),
        ("a chunk a sample", Layout { chunk: 1, index_first: true, ..Layout::PLAIN }),
    ]
}

/// Edit lists of both tracks, in seconds of the plain clip: start, duration, speed.
type Cut = (Option<f64>, f64, u32);

fn edits(cuts: &[Cut], timescale: u32) -> Option<Vec<Edit>> {
    let edit = |&(start, seconds, rate): &Cut| {
        let ticks = start.map_or(-1, |start| (start * f64::from(timescale)).round() as i32);
        ((seconds * 1000.0).round() as u32, ticks, rate)
    };
    Some(cuts.iter().map(edit).collect())
}

/// What is right for edit lists of the plain clip without reordered pictures.
fn cut(shown: &Shown, cuts: &[Cut]) -> Shown {
    let (frame_count, sample_count) = (shown.frames.len(), shown.audio[0].1.len());
    let several = cuts.iter().filter(|(start, ..)| start.is_some()).count() > 1;
    let mut clock = 0.0;
    let mut right = Shown {
        frames: Vec::new(),
        video_end: 0.0,
        audio: Vec::new(),
        pauses: true,
        ..shown.clone()
    };
    for &(start, seconds, rate) in cuts {
        if let Some(start) = start {
            let end = if seconds > 0.0 { start + seconds } else { 1e6 };
            let ceil = |time: f64| ((time * FPS - 1e-6).ceil() as usize).min(frame_count);
            let range = if rate == 0 {
                let frame = (start * FPS + 1e-6).floor() as usize;
                frame..frame + 1
            } else {
                ceil(start)..ceil(end)
            };
            let offset = range.start as f64 / FPS - start;
            let offset = if rate == 0 { 0.0 } else { offset };
            right.video_end = clock + seconds;
            if rate != 0 {
                let shown_until = ceil(end) as f64 / FPS;
                right.video_end = clock + shown_until.min(end) - start;
                let all = samples(start, end.min(1e3));
                // A single segment ends with a whole packet.
                let stop = if several { all.end } else { all.end.next_multiple_of(PACKET) };
                right.audio.push((clock, all.start..stop.min(sample_count)));
            }
            right.frames.extend(frames(clock + offset, range));
        }
        clock += seconds;
    }
    right
}

/// All rows for pictures in decode order, and for reordered pictures.
pub(crate) fn rows(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    let mut rows = Rows(Vec::new());
    edit_lists(&mut rows, flat);
    frame_times(&mut rows, flat, reordered);
    audio_times(&mut rows, flat);
    uncompressed_audio(&mut rows, flat);
    fragments(&mut rows, flat, reordered);
    track_choice(&mut rows, flat);
    rows.0
}

fn edit_lists(rows: &mut Rows, flat: &Pictures) {
    let clip = Clip::new(flat);
    let lists: [(&str, &[Cut]); 15] = [
        ("the start is cut", &[(Some(1.0), 5.4, PLAY)]),
        ("the start is cut within a packet", &[(Some(1.01), 5.0, PLAY)]),
        ("the end is cut", &[(Some(0.0), 4.0, PLAY)]),
        ("both ends are cut", &[(Some(0.8), 3.2, PLAY)]),
        ("an open end", &[(Some(0.4), 0.0, PLAY)]),
        ("a pause first", &[(None, 0.5, PLAY), (Some(0.0), 6.4, PLAY)]),
        ("two pauses first", &[(None, 0.5, PLAY), (None, 0.3, PLAY), (Some(0.4), 4.0, PLAY)]),
        ("a lossless cut", &[(Some(0.0), 2.0, PLAY), (Some(3.2), 2.4, PLAY)]),
        (
            "two lossless cuts",
            &[(Some(0.0), 1.0, PLAY), (Some(2.0), 1.0, PLAY), (Some(4.0), 2.0, PLAY)],
        ),
        ("segments in another order", &[(Some(3.2), 2.0, PLAY), (Some(0.0), 2.0, PLAY)]),
        ("a repeated segment", &[(Some(1.0), 2.0, PLAY), (Some(1.0), 2.0, PLAY)]),
        ("overlapping segments", &[(Some(0.0), 3.0, PLAY), (Some(2.0), 3.0, PLAY)]),
        ("a pause between", &[(Some(0.0), 2.0, PLAY), (None, 0.6, PLAY), (Some(2.0), 2.0, PLAY)]),
        (
            "a held frame between",
            &[(Some(0.0), 2.0, PLAY), (Some(2.0), 0.8, 0), (Some(2.0), 2.0, PLAY)],
        ),
        ("segments without a gap", &[(Some(0.0), 2.0, PLAY), (Some(2.0), 2.0, PLAY)]),
    ];
    for (name, cuts) in lists {
        let mut tracks = clip.tracks();
        for track in &mut tracks {
            track.edits = edits(cuts, track.timescale);
        }
        let right = Right::Shown(cut(&clip.shown, cuts));
        for layout in layouts() {
            rows.add(name, &tracks, layout, &right);
        }
    }
    let refused: [(&str, Vec<Edit>, &str); 5] = [
        ("double speed", vec![(1000, 0, 2 * PLAY)], "changes the speed"),
        ("a negative start", vec![(1000, -5, PLAY)], "starts at -5"),
        ("an edit after the end", vec![(1000, 1_000_000, PLAY)], "hides every frame"),
        ("segments that go back", vec![(100, 0, PLAY); 66], "that go back"),
        ("too many segments", vec![(1, 0, PLAY); 10_001], "segments of an edit list"),
    ];
    for (name, list, error) in refused {
        let mut tracks = clip.tracks();
        tracks[0].edits = Some(list);
        rows.add(name, &tracks, layouts()[0], &Right::Refused(error));
    }
    // One track alone is moved against the other.
    for (name, video_moves) in [("the video starts late", true), ("the audio starts late", false)] {
        let mut tracks = clip.tracks();
        let list: &[Cut] = &[(None, 0.3, PLAY), (Some(0.0), 6.4, PLAY)];
        let mut shown = clip.shown.clone();
        if video_moves {
            tracks[0].edits = edits(list, tracks[0].timescale);
            shown.frames = frames(0.3, 0..shown.frames.len());
            shown.video_end += 0.3;
        } else {
            tracks[1].edits = edits(list, tracks[1].timescale);
            shown.audio[0].0 = 0.3;
        }
        for layout in layouts() {
            rows.add(name, &tracks, layout, &Right::Shown(shown.clone()));
        }
    }
}

fn frame_times(rows: &mut Rows, flat: &Pictures, reordered: &Pictures) {
    let plain = Clip::new(flat);
    for layout in layouts() {
        rows.add("plain", &plain.tracks(), layout, &Right::Shown(plain.shown.clone()));
        let clip = Clip::new(reordered);
        rows.add("reordered", &clip.tracks(), layout, &Right::Shown(clip.shown.clone()));
        let mut clip = Clip::new(reordered);
        clip.video.edits = Some(vec![(0, 1024, PLAY)]);
        clip.shown.frames = frames(0.0, 0..reordered.coded.len());
        clip.shown.video_end = reordered.coded.len() as f64 / FPS;
        rows.add("reordered from 0", &clip.tracks(), layout, &Right::Shown(clip.shown));
        // Decoding goes on across the cut, and reorders on both sides of it.
        let mut clip = Clip::new(reordered);
        clip.video.edits = Some(vec![(1000, 1024, PLAY), (800, 1024 + 40 * 512, PLAY)]);
        clip.shown.frames = frames(0.0, 0..25);
        clip.shown.frames.extend(frames(1.0, 40..60));
        clip.shown.video_end = 1.8;
        rows.add("a lossless cut, reordered", &clip.tracks(), layout, &Right::Shown(clip.shown));
    }
    for (timescale, ticks) in [(25, 1), (600, 24), (90_000, 3600), (1_000_000, 40_000)] {
        let mut clip = Clip::new(flat);
        clip.video = video(flat, timescale, ticks);
        let name = format!("{timescale} ticks a second");
        rows.add(&name, &clip.tracks(), layouts()[0], &Right::Shown(clip.shown));
    }
    let change = |rows: &mut Rows, name: &str, change: &dyn Fn(&mut Clip)| {
        let mut clip = Clip::new(flat);
        change(&mut clip);
        for layout in [layouts()[0], layouts()[2]] {
            rows.add(name, &clip.tracks(), layout, &Right::Shown(clip.shown.clone()));
        }
    };
    change(rows, "a held frame", &|clip| {
        clip.video.samples[50].duration = 512 + 12_800;
        clip.shown.frames.iter_mut().skip(51).for_each(|(_, time)| *time += 1.0);
        clip.shown.video_end += 1.0;
    });
    change(rows, "the last frame is held", &|clip| {
        clip.video.samples.last_mut().unwrap().duration = 512 + 38_400;
        clip.shown.video_end += 3.0;
    });
    change(rows, "the last frame has no duration", &|clip| {
        clip.video.samples.last_mut().unwrap().duration = 0;
    });
    change(rows, "a varying rate", &|clip| {
        for (index, sample) in clip.video.samples.iter_mut().enumerate() {
            sample.duration = if index % 2 == 0 { 256 } else { 768 };
        }
        for (index, (_, time)) in clip.shown.frames.iter_mut().enumerate() {
            *time = (index / 2 * 2) as f64 / FPS + if index % 2 == 0 { 0.0 } else { 0.02 };
        }
    });
    change(rows, "two frames at one time", &|clip| {
        clip.video.samples[20].duration = 0;
        clip.video.samples[21].duration = 1024;
        clip.shown.frames[21].1 -= 0.04;
    });
    let mut clip = Clip::new(reordered);
    clip.video.samples.iter_mut().for_each(|sample| sample.duration = 0);
    for layout in layouts() {
        let right = Right::Refused("so their order is unknown");
        rows.add("reordered frames without times", &clip.tracks(), layout, &right);
    }
}

fn audio_times(rows: &mut Rows, flat: &Pictures) {
    let seconds = |packets: usize| (packets * PACKET) as f64 / f64::from(RATE);
    let change = |rows: &mut Rows, name: &str, change: &dyn Fn(&mut Clip)| {
        let mut clip = Clip::new(flat);
        change(&mut clip);
        for layout in [layouts()[0], layouts()[1]] {
            rows.add(name, &clip.tracks(), layout, &Right::Shown(clip.shown.clone()));
        }
    };
    for lost in [1, 5] {
        change(rows, &format!("{lost} packets lost"), &|clip| {
            clip.audio.samples.drain(40..40 + lost);
            clip.audio.samples[39].duration = u32::try_from((lost + 1) * PACKET).unwrap();
            let after = 40 + lost;
            let rest = (seconds(after), after * PACKET..PACKETS * PACKET);
            clip.shown.audio = vec![(0.0, 0..40 * PACKET), rest];
        });
    }
    change(rows, "the first packet is followed by a gap", &|clip| {
        clip.audio.samples[0].duration = 3 * 1024;
        let rest = (seconds(3), PACKET..PACKETS * PACKET);
        clip.shown.audio = vec![(0.0, 0..PACKET), rest];
    });
    for overlap in [1024 - 1, 512, 200] {
        change(rows, &format!("packets overlap by {overlap} samples"), &|clip| {
            clip.audio.samples[29].duration -= u32::try_from(overlap).unwrap();
            let cut = 30 * PACKET - overlap;
            let rest = (cut as f64 / f64::from(RATE), 30 * PACKET..PACKETS * PACKET);
            clip.shown.audio = vec![(0.0, 0..cut), rest];
        });
    }
    change(rows, "three joins that overlap", &|clip| {
        let mut parts = vec![(0.0, 0..25 * PACKET - 1023)];
        for join in 1..4 {
            clip.audio.samples[25 * join - 1].duration = 1;
            let start = 25 * join * PACKET - 1023 * join;
            let packets = if join < 3 { 25 * PACKET - 1023 } else { 25 * PACKET };
            let from = 25 * join * PACKET;
            parts.push((start as f64 / f64::from(RATE), from..from + packets));
        }
        clip.shown.audio = parts;
    });
    change(rows, "time stamps jitter", &|clip| {
        for (index, sample) in clip.audio.samples.iter_mut().enumerate() {
            sample.duration = if index % 2 == 0 { 1024 + 40 } else { 1024 - 40 };
        }
    });
    change(rows, "the last packet is said to be short", &|clip| {
        clip.audio.samples.last_mut().unwrap().duration = 100;
    });
    for timescale in [1000, 8000, 48_000, 90_000] {
        change(rows, &format!("audio of {timescale} ticks a second"), &|clip| {
            clip.audio = audio(&[PACKET; PACKETS], timescale);
        });
    }
    change(rows, "short audio", &|clip| {
        clip.audio.samples.truncate(60);
        clip.shown.audio = vec![(0.0, 0..60 * PACKET)];
    });
}

/// Every sample of uncompressed audio is a sample of the container.
fn uncompressed_audio(rows: &mut Rows, flat: &Pictures) {
    let all = PACKET * PACKETS;
    let second = |sample: usize| sample as f64 / f64::from(RATE);
    let layouts = [
        ("chunks of 4000 samples", Layout { chunk: 4000, ..Layout::PLAIN }),
        ("chunks of 700 samples", Layout { chunk: 700, index_first: true, ..Layout::PLAIN }),
        ("chunks of 1024 samples", Layout { chunk: 1024, wide: true, ..Layout::PLAIN }),
    ];
    let change = |rows: &mut Rows, name: &str, timescale: u32, change: &dyn Fn(&mut Clip)| {
        let mut clip = Clip::new(flat);
        clip.audio = uncompressed(all, timescale);
        change(&mut clip);
        // FFmpeg reads each sample as a packet, which takes long. The layouts take turns.
        let layout = layouts[rows.0.len() % layouts.len()];
        rows.add(name, &clip.tracks(), layout, &Right::Shown(clip.shown));
    };
    for timescale in [RATE, 3 * RATE] {
        let ticks = timescale / RATE;
        change(rows, &format!("PCM of {timescale} ticks a second"), timescale, &|_| ());
        for (at, gap) in [(39_999, 1024), (39_000, 1024), (8000, 30_000), (16, 200)] {
            change(rows, &format!("PCM with a gap of {gap} after {at}"), timescale, &|clip| {
                clip.audio.samples[at - 1].duration += gap * ticks;
                let rest = (second(at + gap as usize), at..all);
                clip.shown.audio = vec![(0.0, 0..at), rest];
            });
        }
        // The samples between are not in the file.
        change(rows, "PCM with lost samples", timescale, &|clip| {
            clip.audio.samples.drain(40_000..41_500);
            clip.audio.samples[39_999].duration += 1500 * ticks;
            clip.shown.audio = vec![(0.0, 0..40_000), (second(41_500), 41_500..all)];
        });
        let list: &[Cut] = &[(None, 0.3, PLAY), (Some(0.0), 6.4, PLAY)];
        change(rows, "PCM that starts late", timescale, &|clip| {
            clip.audio.edits = edits(list, timescale);
            clip.shown.audio[0].0 = 0.3;
        });
        let lists: [(&str, &[Cut]); 4] = [
            ("the start is cut", &[(Some(1.01), 5.39, PLAY)]),
            ("the end is cut", &[(Some(0.0), 4.0, PLAY)]),
            ("both ends are cut", &[(Some(0.8), 3.25, PLAY)]),
            ("a lossless cut", &[(Some(0.0), 2.0, PLAY), (Some(3.2), 2.4, PLAY)]),
        ];
        for (name, list) in lists {
            change(rows, &format!("PCM of which {name}"), timescale, &|clip| {
                clip.video.edits = edits(list, VIDEO.0);
                clip.audio.edits = edits(list, timescale);
                clip.shown = cut(&clip.shown, list);
                // Every sample is a packet.
                if let [(start, seconds, _)] = list {
                    let start = start.unwrap();
                    clip.shown.audio[0].1 = samples(start, start + seconds);
                }
            });
        }
    }
}

fn fragments(rows: &mut Rows, flat: &Pictures, reordered: &Pictures) {
    let layout = |count: usize, lost: (usize, usize), live: u64, wide: bool| Layout {
        fragment: Some(count),
        lost,
        live,
        wide,
        ..Layout::PLAIN
    };
    for (name, pictures) in [("fragments", flat), ("fragments of reordered frames", reordered)] {
        for (kind, count, live) in [
            ("of 1 sample", 1, 0),
            ("of 10 samples", 10, 0),
            ("of 40 samples", 40, 0),
            ("joined after 1000 s", 10, 1_000_000),
            ("joined after two days", 10, 172_800_000),
        ] {
            let mut clip = Clip::new(pictures);
            if live > 0 {
                // The presentation starts with its media, here with the audio.
                clip.shown.audio[0].0 = 0.0;
            }
            let right = Right::Shown(clip.shown.clone());
            let layout = (kind, layout(count, (0, 0), live, false));
            rows.add(name, &clip.tracks(), layout, &right);
        }
    }
    // Uncompressed audio in fragments, where a packet is a sample of the container.
    let pcm = |clip: &mut Clip| {
        let samples = (0..PACKETS).map(|index| Sample {
            data: pcm_packet(index * PACKET..(index + 1) * PACKET),
            duration: u32::try_from(PACKET).unwrap(),
            shift: 0,
            sync: true,
        });
        clip.audio = Track { samples: samples.collect(), ..uncompressed(0, RATE) };
    };
    let mut clip = Clip::new(flat);
    pcm(&mut clip);
    let right = Right::Shown(clip.shown.clone());
    for count in [1, 10] {
        let kind = format!("of {count} samples");
        let layout = (&*kind, layout(count, (0, 0), 0, false));
        rows.add("fragments of PCM", &clip.tracks(), layout, &right);
    }
    let mut clip = Clip::new(flat);
    pcm(&mut clip);
    clip.audio.samples.drain(40..43);
    clip.audio.samples[39].duration += 3 * 1024;
    let rest = (43.0 * 0.064, 43 * PACKET..PACKETS * PACKET);
    clip.shown.audio = vec![(0.0, 0..40 * PACKET), rest];
    for count in [1, 10] {
        let kind = format!("of {count} samples");
        let layout = (&*kind, layout(count, (0, 0), 0, false));
        let right = Right::Shown(clip.shown.clone());
        rows.add("fragments of PCM with lost packets", &clip.tracks(), layout, &right);
    }
    let mut clip = Clip::new(flat);
    // The video starts 80 ms late; the muxer gives the first audio packet 80 ms more.
    clip.video.samples.iter_mut().for_each(|sample| sample.shift = 1024);
    clip.audio.samples[0].duration += 1280;
    let right = Right::Shown(clip.shown.clone());
    for count in [10, 25] {
        let kind = format!("of {count} samples");
        let layout = (&*kind, layout(count, (0, 0), 0, count == 25));
        rows.add("a stretched first packet", &clip.tracks(), layout, &right);
    }
    // Key pictures begin fragments 5 and 8.
    for (first, last) in [(4, 5), (4, 8)] {
        let mut clip = Clip::new(flat);
        let (from, to) = (10 * first, 10 * last);
        clip.shown.frames.drain(from..to);
        let seconds = |packets: usize| (packets * PACKET) as f64 / f64::from(RATE);
        clip.shown.audio =
            vec![(0.0, 0..from * PACKET), (seconds(to), to * PACKET..PACKETS * PACKET)];
        // Both tracks lack the fragments, at slightly different times.
        let (video, audio) = ((from as f64 / FPS, to as f64 / FPS), (seconds(from), seconds(to)));
        let apart = video.1 < audio.0;
        clip.shown.holes = if apart { vec![video, audio] } else { vec![(video.0, audio.1)] };
        let kind = format!("{} of 10 samples", last - first);
        let layout = (&*kind, layout(10, (first, last), 0, false));
        rows.add("lost fragments", &clip.tracks(), layout, &Right::Shown(clip.shown));
    }
}

fn track_choice(rows: &mut Rows, flat: &Pictures) {
    let clip = Clip::new(flat);
    // The second audio track holds packets from 20 on, so its first sample tells it apart.
    let other_audio = || {
        let mut track = clip.audio.clone();
        track.samples.drain(..20);
        track
    };
    let other_shown = |video: usize, audio: usize| {
        let mut shown = clip.shown.clone();
        shown.tracks = (video, audio);
        if audio == 2 {
            shown.audio = vec![(0.0, 20 * PACKET..PACKETS * PACKET)];
        }
        if video == 2 {
            shown.frames = frames(0.0, 0..shown.frames.len());
        }
        shown
    };
    let three = || vec![clip.video.clone(), clip.audio.clone(), other_audio()];
    let mut add = |name: &str, tracks: &[Track], right: Shown, wanted: Tracks| {
        for layout in [layouts()[0], layouts()[1]] {
            rows.wanted(name, tracks, layout, &Right::Shown(right.clone()), wanted);
        }
    };
    let default = Tracks::default();
    add("two audio tracks", &three(), other_shown(1, 1), default);
    let mut tracks = three();
    tracks[1].enabled = false;
    add("the first audio track is off", &tracks, other_shown(1, 2), default);
    let mut tracks = three();
    tracks.iter_mut().for_each(|track| track.enabled = false);
    add("all tracks are off", &tracks, other_shown(1, 1), default);
    let mut tracks = three();
    tracks[1].entry[4..8].copy_from_slice(b"apac");
    add("an undecodable audio track", &tracks, other_shown(1, 2), default);
    let mut tracks = three();
    tracks[1].samples.clear();
    add("an empty audio track", &tracks, other_shown(1, 2), default);
    let mut tracks = three();
    tracks[2].enabled = false;
    let wanted = Tracks { audio: NonZeroUsize::new(2), ..default };
    add("the second audio track is wanted", &tracks, other_shown(1, 2), wanted);
    let mut tracks = vec![clip.video.clone(), clip.video.clone(), clip.audio.clone()];
    tracks[0].enabled = false;
    add("the first video track is off", &tracks, other_shown(2, 1), default);
    let mut tracks = vec![clip.video.clone(), clip.video.clone(), clip.audio.clone()];
    tracks[0].entry[4..8].copy_from_slice(b"jpeg");
    tracks[0].samples.truncate(1);
    add("a cover is the first video track", &tracks, other_shown(2, 1), default);
    let mut tracks = clip.tracks();
    tracks[1].external = true;
    let right = Right::Refused("another file");
    rows.add("audio in another file", &tracks, layouts()[0], &right);
    let wanted = Tracks { video: NonZeroUsize::new(3), ..default };
    let right = Right::Refused("there is no video track 3: the clip has 1");
    rows.wanted("a missing track is wanted", &clip.tracks(), layouts()[0], &right, wanted);
}
