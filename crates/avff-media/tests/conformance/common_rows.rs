//! The rows of containers whose packets have time stamps of their own.

use super::{
    expect::{Right, Row},
    packets::{AudioFormat, Clip, PICTURE, shift},
    rows::FPS,
    streams::Pictures,
};

/// A container and how the test writes it.
pub(crate) struct Container {
    pub(crate) name: &'static str,
    pub(crate) audio: AudioFormat,
    /// Microseconds of a tick. Time stamps are rounded to ticks.
    pub(crate) tick: f64,
    pub(crate) write: fn(&Clip) -> Vec<u8>,
}

impl Container {
    /// A row of this container.
    pub(crate) fn row(&self, name: &str, file: Vec<u8>, right: Right) -> Row {
        Row {
            name: format!("{name}, {}", self.name),
            only_ffmpeg: true,
            file,
            wanted: avff_media::Tracks::default(),
            right,
        }
    }

    /// When an audio packet is presented according to its rounded time stamp, in seconds after the
    /// first one.
    pub(crate) fn stamp(&self, clip: &Clip, packet: usize) -> f64 {
        let rounded = |packet: usize| (clip.audio[packet].time as f64 / self.tick).round();
        (rounded(packet) - rounded(0)) * self.tick / 1e6
    }
}

/// Rows of one container. `flat` has pictures in decode order.
pub(crate) fn common_rows(
    container: &Container,
    flat: &Pictures,
    reordered: &Pictures,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, pictures: &Pictures, change: &dyn Fn(&mut Clip)| {
        let mut clip = Clip::new(pictures, container.audio);
        change(&mut clip);
        let file = (container.write)(&clip);
        rows.push(container.row(name, file, Right::Shown(clip.shown)));
    };
    let packet = container.audio.packet;
    add("plain", flat, &|_| ());
    add("reordered", reordered, &|_| ());
    add("the audio starts late", flat, &|clip| {
        shift(&mut clip.audio, 300_000);
        clip.shown.audio[0].0 = 0.3;
    });
    add("the video starts late", flat, &|clip| {
        shift(&mut clip.video, 280_000);
        clip.shown.frames.iter_mut().for_each(|(_, time)| *time += 0.28);
        clip.shown.video_end += 0.28;
    });
    for seconds in [1000, 10_000] {
        add(&format!("joined after {seconds} s"), flat, &|clip| {
            shift(&mut clip.video, seconds * 1_000_000);
            shift(&mut clip.audio, seconds * 1_000_000 + 200_000);
            clip.shown.audio[0].0 = 0.2;
        });
    }
    for lost in [1, 5] {
        for from in [1, 40] {
            add(&format!("{lost} packets lost after {from}"), flat, &|clip| {
                clip.audio.drain(from..from + lost);
                let samples = (from + lost) * packet..clip.samples() + lost * packet;
                let rest = (container.stamp(clip, from), samples);
                clip.shown.audio = vec![(0.0, 0..from * packet), rest];
            });
        }
    }
    for overlap in [20_000, 32_000] {
        add(&format!("packets overlap by {overlap} us"), flat, &|clip| {
            shift(&mut clip.audio[30..], -overlap);
            let start = container.stamp(clip, 30);
            let cut = (start * f64::from(clip.format.rate)).round() as usize;
            clip.shown.audio = vec![(0.0, 0..cut), (start, 30 * packet..clip.samples())];
        });
    }
    add("time stamps jitter", flat, &|clip| {
        for (index, packet) in clip.audio.iter_mut().enumerate() {
            packet.time += if index % 2 == 0 { 0 } else { 2500 };
        }
    });
    add("short audio", flat, &|clip| {
        clip.audio.truncate(60);
        clip.shown.audio[0].1.end = 60 * packet;
    });
    add("a held frame", flat, &|clip| {
        shift(&mut clip.video[51..], 1_000_000);
        clip.shown.frames.iter_mut().skip(51).for_each(|(_, time)| *time += 1.0);
        clip.shown.video_end += 1.0;
    });
    add("a varying rate", flat, &|clip| {
        let even = |index: usize| index > 0 && index.is_multiple_of(2);
        for (index, picture) in clip.video.iter_mut().enumerate().filter(|(at, _)| even(*at)) {
            shift(std::slice::from_mut(picture), PICTURE / 2);
            clip.shown.frames[index].1 += 0.5 / FPS;
        }
    });
    add("two frames at one time", flat, &|clip| {
        shift(&mut clip.video[21..22], -PICTURE);
        clip.shown.frames[21].1 -= 1.0 / FPS;
    });
    // Damage: a lost reference frame, and a time without frames.
    for (name, pictures, lost) in
        [("a lost frame", flat, 33), ("a lost frame, reordered", reordered, 1)]
    {
        let mut clip = Clip::new(pictures, container.audio);
        clip.video.remove(lost);
        let right = Right::Refused("frames before it are missing or repeated");
        rows.push(container.row(name, (container.write)(&clip), right));
    }
    rows
}

/// Rows of files with damage after a third of the bytes: `lengths` bytes are cut out, or four times as
/// many are zero. `errors` are what the message says of each.
pub(crate) fn lost_bytes(
    container: &Container,
    flat: &Pictures,
    lengths: &[usize],
    errors: [&'static str; 2],
) -> Vec<Row> {
    let clip = Clip::new(flat, container.audio);
    let file = (container.write)(&clip);
    let at = file.len() / 3 / 188 * 188;
    let mut rows = Vec::new();
    for &length in lengths {
        let mut cut = file.clone();
        cut.drain(at..at + length);
        let name = format!("{length} bytes lost");
        rows.push(container.row(&name, cut, Right::Refused(errors[0])));
        let mut zeros = file.clone();
        zeros[at..at + 4 * length].fill(0);
        let name = format!("{} bytes of zeros", 4 * length);
        rows.push(container.row(&name, zeros, Right::Refused(errors[1])));
    }
    rows
}
