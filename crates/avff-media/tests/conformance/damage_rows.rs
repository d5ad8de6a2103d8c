//! The rows of damaged MP4 files: what is wrong must be named, or the time that it touches.

use super::{
    boxes::{self, Layout, Sample, Track},
    expect::{Right, Row},
    rows::{Clip, FPS},
    streams::Pictures,
};

/// A row that is refused by an error that contains this.
fn refused(name: &str, tracks: &[Track], layout: Layout, error: &'static str) -> Row {
    row(name, boxes::write(tracks, layout), Right::Refused(error))
}

fn row(name: &str, file: Vec<u8>, right: Right) -> Row {
    let (name, wanted) = (format!("{name}, index last"), avff_media::Tracks::default());
    Row { name, only_ffmpeg: false, file, wanted, right }
}

/// Replaces the words of a full box from the `from`th on.
fn patched(file: &[u8], kind: &[u8; 4], from: usize, words: &[u32]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = file.windows(4).position(|window| window == kind).unwrap() + 8 + 4 * from;
    for (index, word) in words.iter().enumerate() {
        file[at + 4 * index..][..4].copy_from_slice(&word.to_be_bytes());
    }
    file
}

/// Changes a frame and its neighbours, so that the others keep their times.
fn without(track: &mut Track, index: usize) {
    let lost = track.samples.remove(index);
    track.samples[index - 1].duration += lost.duration;
}

/// All rows of damage.
pub(crate) fn rows(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    let mut rows = pictures(flat, reordered);
    rows.extend(tables(flat));
    rows.extend(joined(flat));
    rows.extend(lost_time(flat));
    rows
}

fn pictures(flat: &Pictures, reordered: &Pictures) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: &str, pictures: &Pictures, error, change: &dyn Fn(&mut Vec<Sample>)| {
        let mut clip = Clip::new(pictures);
        change(&mut clip.video.samples);
        let fragments = Layout { fragment: Some(10), ..Layout::PLAIN };
        for layout in [Layout::PLAIN, fragments] {
            // FFmpeg does not open fragments with a sample of no bytes.
            if layout.fragment.is_some() && clip.video.samples.iter().any(|one| one.data.is_empty())
            {
                continue;
            }
            rows.push(refused(name, &clip.tracks(), layout, error));
        }
    };
    let missing = "frames before it are missing or repeated (its frame_num is";
    add("a frame comes twice", flat, missing, &|samples| samples.insert(33, samples[33].clone()));
    add("a sample without bytes", flat, "sample 33 of 160 has no bytes", &|samples| {
        samples[33].data.clear();
    });
    add("a sample without a slice", flat, "no slice of a picture", &|samples| {
        samples[33].data = vec![0, 0, 0, 2, 9, 0xf0];
    });
    add("a NAL unit that is too long", flat, "runs past the end of the sample", &|samples| {
        samples[33].data[2] ^= 0x40;
    });
    add("a NAL unit of a damaged type", flat, "forbidden_zero_bit", &|samples| {
        samples[33].data[4] ^= 0x80;
    });
    for (name, pictures, lost) in [("flat", flat, 33), ("reordered", reordered, 1)] {
        let mut clip = Clip::new(pictures);
        without(&mut clip.video, lost);
        let name = format!("a frame is lost ({name})");
        rows.push(refused(&name, &clip.tracks(), Layout::PLAIN, missing));
    }
    rows
}

fn tables(flat: &Pictures) -> Vec<Row> {
    let clip = Clip::new(flat);
    let file = boxes::write(&clip.tracks(), Layout::PLAIN);
    let mut rows = Vec::new();
    let mut add = |name: &str, file: Vec<u8>, error| {
        rows.push(row(name, file, Right::Refused(error)));
    };
    // The first box of a kind is that of the video track. Word 0 is the number of entries.
    add("stss beyond the samples", patched(&file, b"stss", 1, &[200]), "'stss' names sample 200");
    let stsc = "names sample description 4097, but box 'stsd' has 1";
    add("stsc of another description", patched(&file, b"stsc", 3, &[0x1001]), stsc);
    let stsc = "'stsc' describes 176 samples, but the track has 160";
    add("stsc of more samples", patched(&file, b"stsc", 2, &[11]), stsc);
    add("stco beyond the end", patched(&file, b"stco", 5, &[u32::MAX]), "truncated: the video");
    let mut clip = Clip::new(flat);
    clip.video.samples[20].shift = -512 * 20 - 100;
    let late = "before more than 16 samples that are decoded earlier";
    rows.push(refused("a frame is shown too early", &clip.tracks(), Layout::PLAIN, late));
    rows
}

/// A file after a file, and a box after a file.
fn joined(flat: &Pictures) -> Vec<Row> {
    let clip = Clip::new(flat);
    let mut rows = Vec::new();
    for (name, layout) in [
        ("index last", Layout::PLAIN),
        ("index first", Layout { index_first: true, ..Layout::PLAIN }),
    ] {
        let file = boxes::write(&clip.tracks(), layout);
        let twice = [&file[..], &file].concat();
        let error = Right::Refused("MP4 files were joined byte by byte: another one follows");
        let mut add = |what: &str, bytes, right| {
            let wanted = avff_media::Tracks::default();
            rows.push(Row {
                name: format!("{what}, {name}"),
                only_ffmpeg: false,
                file: bytes,
                wanted,
                right,
            });
        };
        add("the file twice", twice, error);
        let free = [&file[..], &[0, 0, 0, 12], b"free", &[1; 4]].concat();
        add("another box after the file", free, Right::Shown(clip.shown.clone()));
    }
    rows
}

/// A frame of a constant rate that lasts long, before one that refers to lost ones.
fn lost_time(flat: &Pictures) -> Vec<Row> {
    let mut clip = Clip::new(flat);
    clip.video.samples[52].duration = 512 + 2 * 12_800;
    clip.shown.frames.iter_mut().skip(53).for_each(|(_, time)| *time += 2.0);
    clip.shown.video_end += 2.0;
    let key = (53..).find(|&index| clip.video.samples[index].sync).unwrap();
    clip.shown.holes = vec![(53.0 / FPS, key as f64 / FPS + 2.0)];
    let file = boxes::write(&clip.tracks(), Layout::PLAIN);
    vec![row("frames lost for 2 s", file, Right::Shown(clip.shown))]
}
