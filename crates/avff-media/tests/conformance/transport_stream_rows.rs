//! The rows of MPEG transport streams: a clock of 33 bits that starts anywhere and may jump.

use super::{
    common_rows::{Container, common_rows, lost_bytes},
    expect::{Right, Row},
    packets::{AudioFormat, Clip, shift},
    streams::Pictures,
    transport_stream::{Other, Stream, bluray_pcm, smpte_302m, write, write_clip},
};

const CONTAINER: Container = Container {
    name: "transport stream",
    audio: AudioFormat { rate: 48_000, packet: 1920, seconds: 3.2, encode: bluray_pcm },
    tick: 1e6 / 90_000.0,
    write: write_clip,
};

/// All rows of transport streams.
pub(crate) fn rows(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    // FFmpeg takes long to find out what a transport stream contains, so the clip is short.
    let flat = &Pictures { coded: flat.coded[..80].to_vec(), entry: flat.entry.clone() };
    let mut rows = common_rows(&CONTAINER, flat, reordered);
    let (lost, none) = ("are missing before byte", "there is no packet");
    rows.extend(lost_bytes(&CONTAINER, flat, &[188, 376], [lost, none]));
    rows.extend(lost_bytes(&CONTAINER, flat, &[1000], [none, none]));
    let mut add = |name: &str, pictures: &Pictures, stream: Stream, change: &dyn Fn(&mut Clip)| {
        let mut clip = Clip::new(pictures, CONTAINER.audio);
        change(&mut clip);
        let file = write(&clip, stream);
        rows.push(CONTAINER.row(name, file, Right::Shown(clip.shown)));
    };
    // Seconds until the clock wraps: within the clip, for one of the tracks, or after all.
    for (until, late) in [(0.01, 0), (0.3, 400_000), (1.6, 0), (3.19, 400_000)] {
        for (name, pictures) in [("", flat), (" of reordered frames", reordered)] {
            let clock = (1 << 33) - (until * 90_000.0) as i64;
            let stream = Stream { clock, ..Stream::default() };
            add(&format!("a clock{name} that wraps after {until} s"), pictures, stream, &|clip| {
                shift(&mut clip.audio, late);
                clip.shown.audio[0].0 = late as f64 / 1e6;
                // The presentation starts with its first frame or audio.
                let first = clip.shown.frames[0].1.min(clip.shown.audio[0].0);
                clip.shown.frames.iter_mut().for_each(|(_, time)| *time -= first);
                clip.shown.audio[0].0 -= first;
                clip.shown.video_end -= first;
            });
        }
    }
    let plain = Stream { clock: 90_000, ..Stream::default() };
    for lost in [0, 1, 5] {
        let mut clip = Clip::new(flat, AudioFormat { encode: smpte_302m, ..CONTAINER.audio });
        clip.audio.drain(30..30 + lost);
        let rest = (30 + lost) * 1920..80 * 1920;
        clip.shown.audio = vec![(0.0, 0..30 * 1920), ((30 + lost) as f64 * 0.04, rest)];
        let file = write(&clip, Stream { smpte_302m: true, ..plain });
        let name = format!("SMPTE 302M with {lost} packets lost");
        rows.push(CONTAINER.row(&name, file, Right::Shown(clip.shown)));
    }
    let mut add = |name: &str, pictures: &Pictures, stream: Stream, change: &dyn Fn(&mut Clip)| {
        let mut clip = Clip::new(pictures, CONTAINER.audio);
        change(&mut clip);
        let file = write(&clip, stream);
        rows.push(CONTAINER.row(name, file, Right::Shown(clip.shown)));
    };
    // The other program comes first, but lacks one of the streams.
    for (name, other, tracks) in [
        ("an empty program", Other::Empty, (2, 1)),
        ("a program without audio", Other::Video, (2, 1)),
        ("a program without video", Other::Audio, (1, 2)),
    ] {
        let stream = Stream { other_program: Some(other), ..plain };
        add(name, flat, stream, &|clip| clip.shown.tracks = tracks);
    }
    for (pictures, name) in [(flat, ""), (reordered, " of reordered frames")] {
        for count in [2, 5] {
            let stream = Stream { pictures: count, ..plain };
            let name = format!("packets of {count} pictures{name}");
            add(&name, pictures, stream, &|_| ());
            if pictures.coded.iter().any(|picture| picture.delay > 0) {
                // Nothing says which of the reordered pictures is held.
                continue;
            }
            add(&format!("{name} and a held frame"), pictures, stream, &|clip| {
                shift(&mut clip.video[50..], 1_000_000);
                clip.shown.frames.iter_mut().skip(50).for_each(|(_, time)| *time += 1.0);
                clip.shown.video_end += 1.0;
            });
        }
    }
    // Both tracks jump: what lies between was not recorded.
    for announced in [true, false] {
        let name = if announced { "an announced jump" } else { "a jump" };
        let discontinuity = announced.then_some(21_600_000);
        add(name, flat, Stream { discontinuity, ..plain }, &|clip| {
            shift(&mut clip.video[40..], 20_000_000);
            shift(&mut clip.audio[40..], 20_000_000);
            clip.shown.frames.iter_mut().skip(40).for_each(|(_, time)| *time += 20.0);
            clip.shown.video_end += 20.0;
            clip.shown.audio = vec![(0.0, 0..40 * 1920), (21.6, 40 * 1920..clip.samples())];
            clip.shown.holes = vec![(1.6, 21.6)];
        });
    }
    // A clock that is set back by less than a wrap has no right order.
    let clip = Clip::new(flat, CONTAINER.audio);
    let file =
        write(&clip, Stream { clock: 30 * 90_000, moved: (1_600_000, -20_000_000), ..plain });
    let right = Right::Refused("time stamps of the frames go back");
    rows.push(CONTAINER.row("a jump back", file, right));
    rows
}
