//! The boxes and samples of healthy MP4 files, and copies with other samples.

use std::ops::Range;

/// A box of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub kind: [u8; 4],
    /// The bytes of the box, with its header of eight bytes.
    pub bytes: Range<usize>,
    /// Whether other boxes are in it.
    pub holds_boxes: bool,
}

impl Part {
    /// The name of the box.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.kind).into_owned()
    }

    /// The bytes after the header.
    pub fn body(&self) -> Range<usize> {
        self.bytes.start + 8..self.bytes.end
    }
}

fn word(file: &[u8], at: usize) -> usize {
    u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize
}

fn full(kind: &[u8; 4], words: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let words = words.into_iter().flat_map(|value| u32::try_from(value).unwrap().to_be_bytes());
    boxed(kind, &[0; 4].into_iter().chain(words).collect::<Vec<_>>())
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).unwrap();
    [&size.to_be_bytes()[..], kind, body].concat()
}

/// Returns all boxes, each before the boxes in it.
pub fn parts(file: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    collect(file, 0..file.len(), &mut parts);
    parts
}

fn collect(file: &[u8], range: Range<usize>, parts: &mut Vec<Part>) {
    let mut at = range.start;
    while at + 8 <= range.end {
        let size = word(file, at);
        let kind: [u8; 4] = file[at + 4..at + 8].try_into().unwrap();
        assert!(size >= 8 && at + size <= range.end, "a box of a healthy file");
        // How many bytes of fields precede the boxes in a box. Others are taken as bytes.
        let fields = match &kind {
            b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"edts" | b"moof" | b"traf"
            | b"mvex" => Some(0),
            b"stsd" => Some(8),
            b"avc1" | b"hvc1" | b"hev1" | b"av01" => Some(78),
            b"mp4a" | b"alac" | b"fLaC"
                if parts.last().is_some_and(|last| last.kind == *b"stsd") =>
            {
                Some(28)
            }
            _ => None,
        };
        parts.push(Part { kind, bytes: at..at + size, holds_boxes: fields.is_some() });
        if let Some(fields) = fields {
            collect(file, at + 8 + fields..at + size, parts);
        }
        at += size;
    }
}

/// A sample of a track.
#[derive(Debug, Clone)]
pub struct Sample {
    pub data: Vec<u8>,
    /// Where the data is in the file.
    pub at: usize,
    /// The ticks until the next sample is decoded.
    pub duration: usize,
    /// The word of `ctts`, if there is one.
    pub shift: Option<usize>,
    pub sync: bool,
}

/// A track and its samples in decode order.
#[derive(Debug, Clone)]
pub struct Track {
    pub video: bool,
    pub samples: Vec<Sample>,
}

/// Reads the tracks of a file without fragments.
pub fn tracks(file: &[u8]) -> Vec<Track> {
    let all = parts(file);
    let traks = all.iter().filter(|part| part.kind == *b"trak");
    traks.map(|trak| track(file, &all, &trak.bytes)).collect()
}

fn track(file: &[u8], all: &[Part], trak: &Range<usize>) -> Track {
    let within = |part: &&Part| trak.start < part.bytes.start && part.bytes.end <= trak.end;
    let body =
        |kind: &[u8; 4]| all.iter().filter(within).find(|part| part.kind == *kind).map(Part::body);
    let words = |kind: &[u8; 4], from: usize| -> Vec<usize> {
        let body = body(kind).map_or(0..0, |body| body.start + from..body.end);
        body.step_by(4).map(|at| word(file, at)).collect()
    };
    let runs = |kind: &[u8; 4]| -> Vec<usize> {
        let pairs = words(kind, 8);
        pairs.chunks(2).flat_map(|run| std::iter::repeat_n(run[1], run[0])).collect()
    };
    let (common, sizes) = (words(b"stsz", 4), words(b"stsz", 12));
    let size = |index: usize| if common[0] == 0 { sizes[index] } else { common[0] };
    let (durations, shifts) = (runs(b"stts"), runs(b"ctts"));
    let keys = body(b"stss").map(|_| words(b"stss", 8));
    let chunk_runs = words(b"stsc", 8);
    let mut samples: Vec<Sample> = Vec::new();
    for (chunk, mut at) in words(b"stco", 8).into_iter().enumerate() {
        let run = chunk_runs.chunks(3).rfind(|run| run[0] <= chunk + 1).unwrap();
        for _ in 0..run[1] {
            let index = samples.len();
            samples.push(Sample {
                data: file[at..at + size(index)].to_vec(),
                at,
                duration: durations[index],
                shift: shifts.get(index).copied(),
                sync: keys.as_ref().is_none_or(|keys| keys.contains(&(index + 1))),
            });
            at += size(index);
        }
    }
    let handler = body(b"hdlr").unwrap().start + 8;
    Track { video: file[handler..].starts_with(b"vide"), samples }
}

/// Writes a copy of a file without fragments whose tracks have these samples. All other boxes of the index
/// stay, except the groups of samples.
pub fn with_samples(file: &[u8], tracks: &[Track]) -> Vec<u8> {
    let all = parts(file);
    let top = |kind: &[u8; 4]| all.iter().find(|part| part.kind == *kind).unwrap();
    let mut out = file[top(b"ftyp").bytes.clone()].to_vec();
    let mut offsets = Vec::new();
    let mut media = Vec::new();
    for track in tracks {
        let mut of_track = Vec::new();
        for sample in &track.samples {
            of_track.push(out.len() + 8 + media.len());
            media.extend(&sample.data);
        }
        offsets.push(of_track);
    }
    out.extend(boxed(b"mdat", &media));
    let mut next = tracks.iter().zip(&offsets);
    out.extend(copy(file, &all, top(b"moov"), &mut next));
    out
}

/// Copies a box; each `stbl` gets the tables of the next track.
fn copy<'a>(
    file: &[u8],
    all: &[Part],
    part: &Part,
    next: &mut impl Iterator<Item = (&'a Track, &'a Vec<usize>)>,
) -> Vec<u8> {
    if part.kind == *b"stbl" {
        let (track, offsets) = next.next().unwrap();
        let stsd = all
            .iter()
            .find(|other| other.kind == *b"stsd" && part.body().contains(&other.bytes.start));
        return boxed(b"stbl", &tables(&file[stsd.unwrap().bytes.clone()], track, offsets));
    }
    if ![*b"moov", *b"trak", *b"mdia", *b"minf"].contains(&part.kind) {
        return file[part.bytes.clone()].to_vec();
    }
    let mut body = Vec::new();
    let mut at = part.body().start;
    while at < part.bytes.end {
        let child = all.iter().find(|other| other.bytes.start == at && *other != part).unwrap();
        body.extend(copy(file, all, child, next));
        at = child.bytes.end;
    }
    boxed(&part.kind, &body)
}

fn tables(stsd: &[u8], track: &Track, offsets: &[usize]) -> Vec<u8> {
    let samples = &track.samples;
    let count = samples.len();
    let durations = samples.iter().flat_map(|sample| [1, sample.duration]);
    let mut body = stsd.to_vec();
    body.extend(full(b"stts", [count].into_iter().chain(durations)));
    let shifts: Option<Vec<usize>> = samples.iter().map(|sample| sample.shift).collect();
    if let Some(shifts) = shifts {
        let runs = shifts.into_iter().flat_map(|shift| [1, shift]);
        body.extend(full(b"ctts", [count].into_iter().chain(runs)));
    }
    if track.video {
        let keys: Vec<usize> = (1..=count).filter(|index| samples[index - 1].sync).collect();
        body.extend(full(b"stss", [keys.len()].into_iter().chain(keys)));
    }
    body.extend(full(b"stsc", [1, 1, 1, 1]));
    body.extend(full(b"stsz", [0, count].into_iter().chain(samples.iter().map(|s| s.data.len()))));
    body.extend(full(b"stco", [count].into_iter().chain(offsets.iter().copied())));
    body
}
