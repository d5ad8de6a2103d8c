//! The rows of Matroska: its time stamps are milliseconds, and its tracks say much of themselves.

use std::num::NonZeroUsize;

use avff_media::Tracks;

use super::{
    common_rows::{Container, common_rows, lost_bytes},
    expect::{Right, Row},
    matroska::{
        Block, File, Lacing, audio_track, default_duration, element, file, number, track,
        video_track, write, write_clip,
    },
    packets::{AudioFormat, Clip, shift},
    streams::{Pictures, alac_cookie, alac_packet, pcm_packet},
};

const PCM: Container = Container {
    name: "Matroska",
    audio: AudioFormat { rate: 16_000, packet: 1024, seconds: 6.4, encode: pcm_packet },
    tick: 1e3,
    write: write_clip,
};

/// Packets of 62.5 ms, so every other time stamp is rounded.
const ALAC: Container = Container {
    name: "Matroska with ALAC",
    audio: AudioFormat { rate: 16_000, packet: 1000, seconds: 6.4, encode: alac_packet },
    tick: 1e3,
    write: |clip| write(&alac(clip)),
};

fn alac(clip: &Clip) -> File {
    let mut file = file(clip);
    file.tracks[1] = audio_track(clip, 2, "A_ALAC", &alac_cookie(), &[]);
    file
}

/// All rows of Matroska.
pub(crate) fn rows(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    let mut rows = common_rows(&PCM, flat, reordered);
    rows.extend(common_rows(&ALAC, flat, reordered));
    rows.extend(lost_bytes(&PCM, flat, &[500, 2000], ["truncated", "there is no element"]));
    layouts(&mut rows, flat, reordered);
    lacing(&mut rows, flat);
    durations(&mut rows, flat, reordered);
    pixels(&mut rows, flat);
    track_choice(&mut rows, flat);
    rows
}

/// Adds a row of the plain clip with a change.
fn change(
    rows: &mut Vec<Row>,
    name: &str,
    pictures: &Pictures,
    change: &dyn Fn(&mut Clip, &mut File),
) {
    let mut clip = Clip::new(pictures, PCM.audio);
    let mut file = file(&clip);
    change(&mut clip, &mut file);
    rows.push(PCM.row(name, write(&file), Right::Shown(clip.shown)));
}

fn layouts(rows: &mut Vec<Row>, flat: &Pictures, reordered: &Pictures) {
    for (name, pictures) in [("", flat), (" of reordered frames", reordered)] {
        change(rows, &format!("no stated lengths{name}"), pictures, &|_, file| file.open = true);
        change(rows, &format!("cues{name}"), pictures, &|_, file| file.cues = true);
        change(rows, &format!("a cluster a block{name}"), pictures, &|_, file| file.cluster = -1);
        change(rows, &format!("ticks of 100 us{name}"), pictures, &|_, file| file.tick = 100);
    }
    // Both kinds of packets begin with zeros, which the file leaves out.
    let stripping = |bytes: &[u8]| {
        let settings = [number(0x4254, 3), element(0x4255, bytes)].concat();
        element(0x6d80, &element(0x6240, &element(0x5034, &settings)))
    };
    let clip = Clip::new(flat, ALAC.audio);
    let mut file = alac(&clip);
    let more = [default_duration(40_000_000), stripping(&[0])].concat();
    file.tracks[0] = video_track(&clip, 1, &more, &[]);
    file.tracks[1] = audio_track(&clip, 2, "A_ALAC", &alac_cookie(), &stripping(&[0, 0]));
    for block in &mut file.blocks {
        block.frames[0].drain(..1 + block.track);
    }
    rows.push(ALAC.row("stripped headers", write(&file), Right::Shown(clip.shown)));
    for ordered in [0, 1] {
        change(rows, "chapters", flat, &|_, file| {
            let times =
                [number(0x73c4, 7), number(0x91, 1_000_000_000), number(0x92, 2_000_000_000)];
            let edition = [number(0x45dd, ordered), element(0xb6, &times.concat())].concat();
            file.extra = element(0x1043_a770, &element(0x45b9, &edition));
        });
    }
}

/// Four packets in one block, which has the time stamp of the first one.
fn lace(blocks: &[Block]) -> Vec<Block> {
    let mut laced: Vec<Block> = Vec::new();
    for block in blocks {
        let open = laced.iter_mut().rfind(|open| open.track == block.track && block.track == 1);
        match open.filter(|open| open.frames.len() < 4) {
            Some(open) => open.frames.extend(block.frames.clone()),
            None => laced.push(block.clone()),
        }
    }
    laced
}

fn lacing(rows: &mut Vec<Row>, flat: &Pictures) {
    for (kind, lacing) in [("Xiph", Lacing::Xiph), ("fixed", Lacing::Fixed), ("EBML", Lacing::Ebml)]
    {
        for stated in [true, false] {
            let name = if stated { "" } else { " without a default duration" };
            change(rows, &format!("{kind} lacing{name}"), flat, &|clip, file| {
                (file.lacing, file.blocks) = (lacing, lace(&file.blocks));
                if stated {
                    let more = default_duration(64_000_000);
                    file.tracks[1] = audio_track(clip, 2, "A_PCM/INT/LIT", &[], &more);
                }
            });
            change(rows, &format!("a lost block of {kind} lacing{name}"), flat, &|clip, file| {
                (file.lacing, file.blocks) = (lacing, lace(&file.blocks));
                let audio: Vec<usize> =
                    (0..file.blocks.len()).filter(|&at| file.blocks[at].track == 1).collect();
                file.blocks.remove(audio[10]);
                if stated {
                    let more = default_duration(64_000_000);
                    file.tracks[1] = audio_track(clip, 2, "A_PCM/INT/LIT", &[], &more);
                }
                let rest = 44 * 1024..clip.samples();
                clip.shown.audio = vec![(0.0, 0..40 * 1024), (44.0 * 0.064, rest)];
            });
        }
    }
    // A block of several times the usual length that ends the audio.
    change(rows, "laced packets at the end", flat, &|clip, file| {
        let from = file.blocks.len() - 60;
        let last = lace(&file.blocks.split_off(from));
        file.blocks.extend(last);
        clip.shown.audio[0].1.end = clip.samples();
    });
}

fn durations(rows: &mut Vec<Row>, flat: &Pictures, reordered: &Pictures) {
    let last = |file: &mut File| {
        let frames = file.blocks.iter_mut().filter(|block| block.track == 0);
        let last = frames.max_by_key(|block| block.time).unwrap();
        last.duration = Some(3_040_000);
    };
    for (name, pictures) in [("the last frame", flat), ("the last reordered frame", reordered)] {
        change(rows, &format!("{name} is held"), pictures, &|clip, file| {
            last(file);
            clip.shown.video_end += 3.0;
        });
        change(rows, &format!("{name} is held without a default"), pictures, &|clip, file| {
            last(file);
            file.tracks[0] = video_track(clip, 1, &[], &[]);
            clip.shown.video_end += 3.0;
        });
        change(rows, &format!("{name} has no duration"), pictures, &|clip, file| {
            file.tracks[0] = video_track(clip, 1, &[], &[]);
        });
    }
    change(rows, "a default duration of 100 ms", flat, &|clip, file| {
        file.tracks[0] = video_track(clip, 1, &default_duration(100_000_000), &[]);
        clip.shown.video_end += 0.06;
    });
    change(rows, "two frames at one time and a held last frame", flat, &|clip, file| {
        file.blocks.iter_mut().filter(|block| block.track == 0).nth(21).unwrap().time -= 40_000;
        last(file);
        clip.shown.frames[21].1 -= 0.04;
        clip.shown.video_end += 3.0;
    });
    change(rows, "three reordered frames at one time", reordered, &|clip, file| {
        for block in file.blocks.iter_mut().filter(|block| block.track == 0) {
            let frame = (block.time - 80_000) / 40_000;
            block.time -= 40_000 * i64::from(frame == 20) + 80_000 * i64::from(frame == 21);
        }
        clip.shown.frames[20].1 -= 0.04;
        clip.shown.frames[21].1 -= 0.08;
    });
    // A clock that goes back has no right order: the pictures and the time stamps contradict each
    // other.
    for (name, back) in [("to others", 2_000_000), ("between others", 2_020_000)] {
        let mut clip = Clip::new(flat, PCM.audio);
        shift(&mut clip.video[80..], -back);
        let mut file = file(&clip);
        // In the order of the pictures.
        file.blocks.clear();
        file.blocks.extend(clip.video.iter().map(|packet| Block::of(0, packet)));
        file.blocks.extend(clip.audio.iter().map(|packet| Block::of(1, packet)));
        let right = Right::Refused("time stamps of the frames go back");
        rows.push(PCM.row(&format!("frames that go back {name}"), write(&file), right));
    }
}

fn pixels(rows: &mut Vec<Row>, flat: &Pictures) {
    let size = |width, height| [number(0x54b0, width), number(0x54ba, height)].concat();
    for (name, display, aspect) in [
        ("shown as stored", size(96, 96), (1, 1)),
        ("shown wider", size(128, 96), (4, 3)),
        ("shown higher", size(96, 144), (2, 3)),
        ("shown smaller", size(48, 24), (2, 1)),
        ("only a display width", number(0x54b0, 192), (2, 1)),
        ("an aspect ratio", [size(16, 9), number(0x54b2, 3)].concat(), (16, 9)),
        ("a size in centimeters", [size(12, 9), number(0x54b2, 1)].concat(), (4, 3)),
        ("an unknown display size", [size(16, 9), number(0x54b2, 4)].concat(), (1, 1)),
        ("an absurd display size", size(100_000, 1), (1, 1)),
        ("no display size", Vec::new(), (1, 1)),
    ] {
        change(rows, name, flat, &|clip, file| {
            file.tracks[0] = video_track(clip, 1, &default_duration(40_000_000), &display);
            clip.shown.pixel_aspect = aspect;
        });
    }
}

fn track_choice(rows: &mut Vec<Row>, flat: &Pictures) {
    // The second audio track holds packets from 20 on, so its first sample tells it apart.
    let two = |codec: &str, first: &[u8], second: &[u8]| {
        let clip = Clip::new(flat, PCM.audio);
        let mut file = file(&clip);
        file.tracks[1] = audio_track(&clip, 2, codec, &[], first);
        file.tracks.push(audio_track(&clip, 3, "A_PCM/INT/LIT", &[], second));
        for packet in &clip.audio[20..] {
            let mut block = Block::of(2, packet);
            block.time -= clip.audio[20].time;
            file.blocks.push(block);
        }
        file.blocks.sort_by_key(|block| block.time);
        (clip, file)
    };
    let pcm = "A_PCM/INT/LIT";
    let (default, enabled, forced) = (0x88, 0xb9, 0x55aa);
    let off = |flag| number(flag, 0);
    for (name, codec, first, second, chosen) in [
        ("two audio tracks", pcm, Vec::new(), Vec::new(), 1),
        ("the second audio track is the default", pcm, off(default), number(default, 1), 2),
        ("the second audio track is the stated default", pcm, off(default), Vec::new(), 2),
        ("no audio track is the default", pcm, off(default), off(default), 1),
        ("the first audio track is not enabled", pcm, off(enabled), Vec::new(), 2),
        ("no audio track is enabled", pcm, off(enabled), off(enabled), 1),
        ("the second audio track is forced", pcm, Vec::new(), number(forced, 1), 1),
        ("an undecodable audio track", "A_UNKNOWN", Vec::new(), off(default), 2),
    ] {
        for wanted in [None, Some(1), Some(2), Some(3)] {
            let (mut clip, file) = two(codec, &first, &second);
            let read = wanted.unwrap_or(chosen);
            clip.shown.tracks = (1, read);
            if read == 2 {
                clip.shown.audio = vec![(0.0, 20 * 1024..clip.samples())];
            }
            let right = match wanted {
                Some(3) => Right::Refused("there is no audio track 3: the clip has 2"),
                Some(1) if codec != pcm => Right::Refused("unsupported audio codec"),
                _ => Right::Shown(clip.shown),
            };
            let mut row = PCM.row(name, write(&file), right);
            row.wanted = Tracks { audio: wanted.and_then(NonZeroUsize::new), video: None };
            rows.push(row);
        }
    }
    change(rows, "a cover", flat, &|_, file| {
        let cover = [
            element(0x466e, b"cover.jpg"),
            element(0x4660, b"image/jpeg"),
            element(0x465c, &[0xff, 0xd8, 0xff, 0xd9]),
            number(0x46ae, 5),
        ];
        file.extra = element(0x1941_a469, &element(0x61a7, &cover.concat()));
    });
    change(rows, "pictures are the first video track", flat, &|clip, file| {
        let picture = track(
            1,
            1,
            "V_MJPEG",
            &[],
            &element(0xe0, &[number(0xb0, 8), number(0xba, 8)].concat()),
        );
        file.tracks.insert(0, picture);
        file.tracks[1] = video_track(clip, 2, &default_duration(40_000_000), &[]);
        file.tracks[2] = audio_track(clip, 3, pcm, &[], &[]);
        file.blocks.iter_mut().for_each(|block| block.track += 1);
        clip.shown.tracks = (2, 1);
    });
    change(rows, "the second video track is the default", flat, &|clip, file| {
        let half = element(0xe0, &[number(0xb0, 8), number(0xba, 8)].concat());
        let more = [half, off(default)].concat();
        let config = super::packets::avc_config(&clip.entry).to_vec();
        file.tracks.insert(0, track(1, 1, "V_MPEG4/ISO/AVC", &config, &more));
        let display = [number(0x54b0, 192), number(0x54ba, 96)].concat();
        file.tracks[1] = video_track(clip, 2, &default_duration(40_000_000), &display);
        file.tracks[2] = audio_track(clip, 3, pcm, &[], &[]);
        file.blocks.iter_mut().for_each(|block| block.track += 1);
        clip.shown.tracks = (2, 1);
        clip.shown.pixel_aspect = (2, 1);
    });
}
