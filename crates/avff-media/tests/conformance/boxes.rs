//! Writes MP4 files from a description. It shares nothing with the reader that it tests.

use super::streams::{Pictures, alac_entry, alac_packet};

/// A box.
pub(crate) fn plain(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], kind, body].concat()
}

/// A box with version and flags.
pub(crate) fn full(kind: &[u8; 4], version: u8, flags: u32, body: &[u8]) -> Vec<u8> {
    let head = u32::from(version) << 24 | flags;
    plain(kind, &[&head.to_be_bytes()[..], body].concat())
}

fn words(values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    values.into_iter().flat_map(u32::to_be_bytes).collect()
}

/// One sample of a track.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) data: Vec<u8>,
    /// In ticks of the track.
    pub(crate) duration: u32,
    /// Display time less decode time, in ticks.
    pub(crate) shift: i32,
    pub(crate) sync: bool,
}

/// One segment of an edit list: milliseconds, start in ticks, speed.
pub(crate) type Edit = (u32, i32, u32);

pub(crate) const PLAY: u32 = 0x1_0000;

/// A track.
#[derive(Clone)]
pub(crate) struct Track {
    pub(crate) video: bool,
    pub(crate) timescale: u32,
    pub(crate) samples: Vec<Sample>,
    pub(crate) entry: Vec<u8>,
    pub(crate) edits: Option<Vec<Edit>>,
    pub(crate) enabled: bool,
    /// Whether the media is said to be in another file.
    pub(crate) external: bool,
    /// Whether the tables are short: a run for equal durations, and one size for all samples.
    pub(crate) uncompressed: bool,
}

/// How a file is laid out.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// The index before the media.
    pub(crate) index_first: bool,
    /// 64-bit offsets, and boxes of version 1.
    pub(crate) wide: bool,
    /// Samples in a chunk.
    pub(crate) chunk: usize,
    /// Samples per fragment of each track; `None` for a plain file.
    pub(crate) fragment: Option<usize>,
    /// Fragments that are left out, and time before the first, in milliseconds.
    pub(crate) lost: (usize, usize),
    pub(crate) live: u64,
}

impl Layout {
    pub(crate) const PLAIN: Self =
        Self { index_first: false, wide: false, chunk: 10, fragment: None, lost: (0, 0), live: 0 };
}

/// The video track of pictures, each of `ticks`.
pub(crate) fn video(pictures: &Pictures, timescale: u32, ticks: u32) -> Track {
    let samples = pictures.coded.iter().map(|picture| Sample {
        data: picture.data.clone(),
        duration: ticks,
        shift: picture.delay * i32::try_from(ticks).unwrap(),
        sync: picture.sync,
    });
    Track {
        video: true,
        timescale,
        samples: samples.collect(),
        entry: pictures.entry.clone(),
        edits: None,
        enabled: true,
        external: false,
        uncompressed: false,
    }
}

/// The audio track of packets of these lengths, which hold consecutive samples.
pub(crate) fn audio(lengths: &[usize], timescale: u32) -> Track {
    let mut at = 0;
    let samples = lengths.iter().map(|&length| {
        let data = alac_packet(at..at + length);
        at += length;
        let ticks = length as u64 * u64::from(timescale) / u64::from(super::streams::RATE);
        Sample { data, duration: u32::try_from(ticks).unwrap(), shift: 0, sync: true }
    });
    Track {
        video: false,
        timescale,
        samples: samples.collect(),
        entry: alac_entry(),
        edits: None,
        enabled: true,
        external: false,
        uncompressed: false,
    }
}

/// The track of `count` uncompressed samples, each a sample of the container.
pub(crate) fn uncompressed(count: usize, timescale: u32) -> Track {
    let mut track = audio(&[], timescale);
    let duration = timescale / super::streams::RATE;
    let sample = |index: usize| Sample {
        data: super::streams::value(index).to_le_bytes().to_vec(),
        duration,
        shift: 0,
        sync: true,
    };
    track.samples = (0..count).map(sample).collect();
    (track.entry, track.uncompressed) = (super::streams::pcm_entry(), true);
    track
}

/// Writes a file.
pub(crate) fn write(tracks: &[Track], layout: Layout) -> Vec<u8> {
    let ftyp = plain(b"ftyp", b"isom\0\0\x02\0isom");
    if let Some(count) = layout.fragment {
        return fragmented(&ftyp, tracks, count, layout);
    }
    // Chunks of the tracks take turns.
    let mut order = Vec::new();
    let chunks = tracks.iter().map(|track| track.samples.len().div_ceil(layout.chunk)).max();
    for chunk in 0..chunks.unwrap_or(0) {
        order.extend((0..tracks.len()).map(|track| (track, chunk)));
    }
    let chunk_of = |track: &Track, chunk: usize| -> Vec<u8> {
        let samples = track.samples.chunks(layout.chunk).nth(chunk).unwrap_or_default();
        samples.iter().flat_map(|sample| sample.data.clone()).collect()
    };
    let media: Vec<u8> =
        order.iter().flat_map(|&(track, chunk)| chunk_of(&tracks[track], chunk)).collect();
    let index = |start: u64| {
        let mut offsets = vec![Vec::new(); tracks.len()];
        let mut at = start;
        for &(track, chunk) in &order {
            let bytes = chunk_of(&tracks[track], chunk).len() as u64;
            if chunk < tracks[track].samples.len().div_ceil(layout.chunk) {
                offsets[track].push(at);
            }
            at += bytes;
        }
        moov(tracks, &offsets, layout, &[])
    };
    let mdat = plain(b"mdat", &media);
    let before = ftyp.len() as u64 + 8;
    if layout.index_first {
        let index = index(before + index(0).len() as u64);
        [ftyp, index, mdat].concat()
    } else {
        let index = index(before);
        [ftyp, mdat, index].concat()
    }
}

fn moov(tracks: &[Track], offsets: &[Vec<u64>], layout: Layout, extra: &[u8]) -> Vec<u8> {
    let version = u8::from(layout.wide);
    let time = |value: u32| if layout.wide { words([0, value]) } else { words([value]) };
    let matrix = words([PLAY, 0, 0, 0, PLAY, 0, 0, 0, 0x4000_0000]);
    let header = [time(0), time(0), words([1000]), time(0), words([PLAY]), vec![1, 0]].concat();
    let header = [header, vec![0; 10], matrix.clone(), vec![0; 24], words([9])].concat();
    let mut body = full(b"mvhd", version, 0, &header);
    for (number, track) in (1..).zip(tracks) {
        let id = words([number]);
        let tkhd = [time(0), time(0), id, vec![0; 4], time(0), vec![0; 16], matrix.clone()];
        let mut trak =
            full(b"tkhd", version, u32::from(track.enabled), &[tkhd.concat(), vec![0; 8]].concat());
        if let Some(edits) = &track.edits {
            let mut list = words([u32::try_from(edits.len()).unwrap()]);
            for &(duration, start, rate) in edits {
                if layout.wide {
                    list.extend(u64::from(duration).to_be_bytes());
                    list.extend(i64::from(start).to_be_bytes());
                } else {
                    list.extend(words([duration]));
                    list.extend(start.to_be_bytes());
                }
                list.extend(words([rate]));
            }
            trak.extend(plain(b"edts", &full(b"elst", version, 0, &list)));
        }
        let offsets = offsets.get(number as usize - 1).map_or(&[][..], Vec::as_slice);
        trak.extend(mdia(track, offsets, layout, &time));
        body.extend(plain(b"trak", &trak));
    }
    body.extend(extra);
    plain(b"moov", &body)
}

fn mdia(track: &Track, offsets: &[u64], layout: Layout, time: &dyn Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let samples = if layout.fragment.is_some() { &[][..] } else { &track.samples };
    let header = [time(0), time(0), words([track.timescale]), time(0), vec![0x55, 0xc4, 0, 0]];
    let kind = if track.video { *b"vide" } else { *b"soun" };
    let handler = [&[0; 4][..], &kind, &[0; 13]].concat();
    let count = |of: usize| u32::try_from(of).unwrap();
    let mut durations: Vec<[u32; 2]> = Vec::new();
    for sample in samples {
        match durations.last_mut().filter(|_| track.uncompressed) {
            Some([runs, duration]) if *duration == sample.duration => *runs += 1,
            _ => durations.push([1, sample.duration]),
        }
    }
    let stts = words(durations.as_flattened().iter().copied());
    let stts = [words([count(durations.len())]), stts].concat();
    let mut stbl = full(b"stsd", 0, 0, &[words([1]), track.entry.clone()].concat());
    stbl.extend(full(b"stts", 0, 0, &stts));
    if samples.iter().any(|sample| sample.shift != 0) {
        let ctts = samples.iter().flat_map(|sample| words([1, sample.shift.cast_unsigned()]));
        let ctts = [words([count(samples.len())]), ctts.collect()].concat();
        stbl.extend(full(b"ctts", u8::from(layout.wide), 0, &ctts));
    }
    if samples.iter().any(|sample| !sample.sync) {
        let keys = (1..).zip(samples).filter(|(_, sample)| sample.sync).map(|(number, _)| number);
        let keys: Vec<u32> = keys.collect();
        stbl.extend(full(b"stss", 0, 0, &[words([count(keys.len())]), words(keys)].concat()));
    }
    let rest = samples.len() % layout.chunk;
    let mut runs = vec![1, count(layout.chunk), 1];
    if rest > 0 {
        if offsets.len() == 1 {
            runs.clear()
        }
        runs.extend([count(offsets.len()), count(rest), 1]);
    }
    let runs = if samples.is_empty() { Vec::new() } else { runs };
    stbl.extend(full(b"stsc", 0, 0, &[words([count(runs.len() / 3)]), words(runs)].concat()));
    let sizes = samples.iter().map(|sample| count(sample.data.len()));
    let sizes = match samples.first().filter(|_| track.uncompressed) {
        Some(first) => words([count(first.data.len()), count(samples.len())]),
        None => [words([0, count(samples.len())]), words(sizes)].concat(),
    };
    stbl.extend(full(b"stsz", 0, 0, &sizes));
    let mut chunks = words([count(offsets.len())]);
    for &offset in offsets {
        if layout.wide {
            chunks.extend(offset.to_be_bytes());
        } else {
            chunks.extend(words([u32::try_from(offset).unwrap()]));
        }
    }
    stbl.extend(full(if layout.wide { b"co64" } else { b"stco" }, 0, 0, &chunks));
    let url = full(b"url ", 0, u32::from(!track.external), &[]);
    let dinf = plain(b"dinf", &full(b"dref", 0, 0, &[words([1]), url].concat()));
    let media =
        if track.video { full(b"vmhd", 0, 1, &[0; 8]) } else { full(b"smhd", 0, 0, &[0; 4]) };
    let minf = plain(b"minf", &[media, dinf, plain(b"stbl", &stbl)].concat());
    let mdhd = full(b"mdhd", u8::from(layout.wide), 0, &header.concat());
    plain(b"mdia", &[mdhd, full(b"hdlr", 0, 0, &handler), minf].concat())
}

/// Writes a fragmented file: `count` samples of each track a fragment.
fn fragmented(ftyp: &[u8], tracks: &[Track], count: usize, layout: Layout) -> Vec<u8> {
    let trex = (1..).zip(tracks).flat_map(|(id, _)| full(b"trex", 0, 0, &words([id, 1, 0, 0, 0])));
    let mvex = plain(b"mvex", &trex.collect::<Vec<u8>>());
    let mut file = [ftyp.to_vec(), moov(tracks, &[], layout, &mvex)].concat();
    let mut times: Vec<u64> =
        tracks.iter().map(|track| layout.live * u64::from(track.timescale) / 1000).collect();
    let fragments = tracks.iter().map(|track| track.samples.len().div_ceil(count)).max();
    for number in 0..fragments.unwrap_or(0) {
        let parts: Vec<&[Sample]> = tracks
            .iter()
            .map(|track| track.samples.chunks(count).nth(number).unwrap_or_default())
            .collect();
        let sequence = u32::try_from(number + 1).unwrap();
        let moof = |start: u32| {
            let mut body = full(b"mfhd", 0, 0, &words([sequence]));
            let mut at = start;
            for (index, samples) in parts.iter().enumerate() {
                let id = u32::try_from(index + 1).unwrap();
                let mut traf = full(b"tfhd", 0, 0x2_0000, &words([id]));
                traf.extend(full(b"tfdt", 1, 0, &times[index].to_be_bytes()));
                let length = u32::try_from(samples.len()).unwrap();
                let mut trun = words([length, at]);
                for sample in *samples {
                    let size = u32::try_from(sample.data.len()).unwrap();
                    let flags = if sample.sync { 0 } else { 0x1_0000 };
                    trun.extend(words([sample.duration, size, flags]));
                    trun.extend(sample.shift.to_be_bytes());
                    at += size;
                }
                traf.extend(full(b"trun", 1, 0xf01, &trun));
                body.extend(plain(b"traf", &traf));
            }
            plain(b"moof", &body)
        };
        let size = u32::try_from(moof(0).len()).unwrap();
        if !(layout.lost.0..layout.lost.1).contains(&number) {
            file.extend(moof(size + 8));
            let media = parts.iter().flat_map(|part| part.iter().flat_map(|one| one.data.clone()));
            file.extend(plain(b"mdat", &media.collect::<Vec<u8>>()));
        }
        for (time, samples) in times.iter_mut().zip(&parts) {
            *time += samples.iter().map(|sample| u64::from(sample.duration)).sum::<u64>();
        }
    }
    file
}
