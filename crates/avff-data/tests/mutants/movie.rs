//! Writes small MP4 files: gray H.264 pictures of any size, and any audio.
//!
//! The fuzz targets share this file, so it depends only on the standard library.

/// A track to write: one chunk, with samples of equal duration.
pub struct Track<'a> {
    /// `vide` or `soun`.
    pub handler: &'a [u8; 4],
    /// Ticks per second, and ticks per sample.
    pub timescale: u32,
    pub delta: u32,
    /// The format and the body of the sample entry.
    pub format: &'a [u8; 4],
    pub entry: Vec<u8>,
    /// Composition offsets, if any.
    pub shifts: Option<Vec<u32>>,
    pub samples: Vec<Vec<u8>>,
}

/// Writes a file with these tracks, media data first.
pub fn movie(tracks: &[Track<'_>]) -> Vec<u8> {
    let ftyp = box_of(b"ftyp", b"isom\0\0\0\0isom");
    let mut media = Vec::new();
    let mut moov = full(b"mvhd", &[&[0, 0, 1000][..], &[0; 21]].concat());
    for (number, track) in (1..).zip(tracks) {
        let offset = u32::try_from(ftyp.len() + 8 + media.len()).unwrap();
        moov.extend(trak(number, track, offset));
        media.extend(track.samples.concat());
    }
    [ftyp, box_of(b"mdat", &media), box_of(b"moov", &moov)].concat()
}

fn trak(number: u32, track: &Track<'_>, offset: u32) -> Vec<u8> {
    let count = u32::try_from(track.samples.len()).unwrap();
    let sizes = track.samples.iter().map(|sample| u32::try_from(sample.len()).unwrap());
    let sizes: Vec<u32> = [0, count].into_iter().chain(sizes).collect();
    let entry = box_of(track.format, &track.entry);
    let mut stbl = box_of(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat());
    stbl.extend(full(b"stts", &[1, count, track.delta]));
    if let Some(shifts) = &track.shifts {
        let runs = shifts.iter().flat_map(|&shift| [1, shift]);
        stbl.extend(full(b"ctts", &[count].into_iter().chain(runs).collect::<Vec<_>>()));
    }
    if track.handler == b"vide" {
        stbl.extend(full(b"stss", &[1, 1]));
    }
    stbl.extend(full(b"stsc", &[1, 1, count, 1]));
    stbl.extend(full(b"stsz", &sizes));
    stbl.extend(full(b"stco", &[1, offset]));
    let tkhd = full(b"tkhd", &[&[0, 0, number][..], &[0; 17]].concat());
    let mdhd = full(b"mdhd", &[0, 0, track.timescale, 0, 0]);
    let hdlr = full(b"hdlr", &[0, u32::from_be_bytes(*track.handler), 0, 0, 0]);
    let minf = box_of(b"minf", &box_of(b"stbl", &stbl));
    box_of(b"trak", &[tkhd, box_of(b"mdia", &[mdhd, hdlr, minf].concat())].concat())
}

/// Writes a box.
pub fn box_of(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).unwrap();
    [&size.to_be_bytes()[..], kind, body].concat()
}

/// Writes a box of version 0 without flags, containing words.
fn full(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let body: Vec<u8> = [0].iter().chain(words).flat_map(|word: &u32| word.to_be_bytes()).collect();
    box_of(kind, &body)
}

/// Returns the fields of an audio sample entry of version 0, before its boxes.
pub fn audio_entry(channels: u8, bits: u8, rate: u16) -> Vec<u8> {
    let mut entry = vec![0; 28];
    (entry[17], entry[19]) = (channels, bits);
    entry[24..26].copy_from_slice(&rate.to_be_bytes());
    entry
}

/// Half a second of 16-bit silence.
pub fn silence() -> Track<'static> {
    Track {
        handler: b"soun",
        timescale: 8_000,
        delta: 1,
        format: b"sowt",
        entry: audio_entry(1, 16, 8_000),
        shifts: None,
        samples: vec![vec![0; 2]; 4_000],
    }
}

/// A bit string, most significant bit first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn bits(&mut self, count: u32, value: u32) -> &mut Self {
        self.0.extend((0..count).rev().map(|bit| u64::from(value) >> bit & 1 == 1));
        self
    }

    fn ue(&mut self, value: u32) -> &mut Self {
        let length = 32 - (value + 1).leading_zeros();
        self.bits(2 * length - 1, value + 1)
    }

    fn nal(&mut self, header: u8) -> Vec<u8> {
        self.bits(1, 1);
        let mut unit = vec![header];
        for chunk in self.0.chunks(8) {
            let byte = chunk.iter().fold(0, |sum, &bit| sum << 1 | u8::from(bit));
            unit.push(byte << (8 - chunk.len()));
        }
        unit
    }
}

/// Creates pictures of `columns` by `rows` macroblocks: a gray IDR picture of one byte per
/// macroblock, followed by pictures of a few bytes that skip all macroblocks. Syntax: ITU-T H.264
/// section 7.3.
pub fn pictures(
    columns: u32,
    rows: u32,
    references: u32,
    count: u32,
    reverse: bool,
) -> Track<'static> {
    let mut sps = Bits::default();
    sps.bits(8, 66).bits(8, 0).bits(8, 62).ue(0).ue(0).ue(2).ue(references).bits(1, 0);
    sps.ue(columns - 1).ue(rows - 1).bits(1, 1).bits(1, 1).bits(1, 0).bits(1, 0);
    let mut pps = Bits::default();
    // One slice group, one reference by default, no weights, deblocking filter control.
    pps.ue(0).ue(0).bits(2, 0).ue(0).ue(0).ue(0).bits(3, 0).ue(0).ue(0).ue(0).bits(3, 0b100);
    let (sps, pps) = (sps.nal(0x67), pps.nal(0x68));
    let mut avcc = vec![1, 66, 0, 62, 0xff, 0xe1];
    avcc.extend(u16::try_from(sps.len()).unwrap().to_be_bytes());
    avcc.extend(&sps);
    avcc.push(1);
    avcc.extend(u16::try_from(pps.len()).unwrap().to_be_bytes());
    avcc.extend(&pps);

    let macroblocks = columns * rows;
    let mut idr = Bits::default();
    idr.ue(0).ue(7).ue(0).bits(4, 0).ue(0).bits(2, 0).ue(0).ue(1);
    for _ in 0..macroblocks {
        // I_16x16 with DC prediction, no coefficients.
        idr.ue(3).ue(0).ue(0).bits(1, 1);
    }
    let mut units = vec![idr.nal(0x65)];
    for number in 1..count {
        let mut skip = Bits::default();
        skip.ue(0).ue(5).ue(0).bits(4, number % 16).bits(3, 0).ue(0).ue(1).ue(macroblocks);
        units.push(skip.nal(0x61));
    }
    let sized =
        |unit: Vec<u8>| [&u32::try_from(unit.len()).unwrap().to_be_bytes()[..], &unit].concat();
    Track {
        handler: b"vide",
        timescale: 1000,
        delta: 40,
        format: b"avc1",
        entry: [vec![0; 78], box_of(b"avcC", &avcc)].concat(),
        shifts: reverse.then(|| (0..count).map(|number| (count - number) * 80).collect()),
        samples: units.into_iter().map(sized).collect(),
    }
}

/// Writes such pictures with half a second of silence.
pub fn h264(columns: u32, rows: u32, references: u32, count: u32, reverse: bool) -> Vec<u8> {
    movie(&[pictures(columns, rows, references, count, reverse), silence()])
}
