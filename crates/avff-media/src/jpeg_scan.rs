//! Checks the coded data of a baseline JPEG file (ITU-T T.81), without decoding its pixels.
//!
//! JPEG has no checksum, and its decoders fill what is missing with gray. But damage usually leads to
//! a code that does not exist, to more coefficients than a block has, or to data that ends too early
//! or too late. Progressive and other files are not checked.

/// The number of coefficients of a block.
const BLOCK: u32 = 64;
/// The largest category of a difference of DC coefficients of 8-bit samples (Table F.1).
const MAX_DC_CATEGORY: u8 = 11;
/// The limit on a DC coefficient. The mean of a block is at most 1024; encoders may overshoot.
const MAX_DC: i32 = 2048;
/// Codes of at most this length are found in one step.
const FAST_BITS: u32 = 9;

/// Checks a whole file.
///
/// # Errors
///
/// The fault and its place.
pub(crate) fn check(file: &[u8]) -> Result<(), String> {
    let mut tables = Tables::default();
    let mut frame = None;
    let mut at = 2;
    let mut scans = 0;
    while let Some((marker, after)) = next_marker(file, at) {
        at = after;
        match marker {
            EOI => return Ok(()),
            // Markers without a length: restarts, and one for private use.
            0xd0..=0xd8 | 1 => continue,
            _ => {}
        }
        let Some(body) = segment(file, at) else { break };
        at += 2 + body.len();
        match marker {
            // Baseline and extended sequential.
            0xc0 | 0xc1 => match Frame::read(body) {
                Some(read) => frame = Some(read),
                None => return Ok(()),
            },
            // Other kinds of frames, and arithmetic coding.
            0xc2 | 0xc3 | 0xc5..=0xcf => return Ok(()),
            0xc4 => tables.read_huffman(body).ok_or("a Huffman table is invalid")?,
            0xdb => tables.read_quantization(body).ok_or("a quantization table is invalid")?,
            0xdd => {
                let interval = body.first_chunk().ok_or("the restart interval is cut off")?;
                tables.restart_interval = u32::from(u16::from_be_bytes(*interval));
            }
            0xda => {
                let frame = frame.as_ref().ok_or("the coded data comes before the frame header")?;
                let Some(scan) = frame.scan(body, &tables) else { return Ok(()) };
                at = scan.check(file, at)?;
                scans += 1;
            }
            _ => {}
        }
    }
    // The marker of the end may be missing where all data is there.
    if scans > 0 { Ok(()) } else { Err("the file ends before its coded data".to_owned()) }
}

/// The marker of the end.
const EOI: u8 = 0xd9;

/// Returns the next marker and the place behind it. Other bytes are passed over.
fn next_marker(file: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = file.get(at..)?;
    let (mut is_start, mut after) = (false, at);
    for &byte in rest {
        after += 1;
        match byte {
            0xff => is_start = true,
            0 => is_start = false,
            marker if is_start => return Some((marker, after)),
            _ => {}
        }
    }
    None
}

/// Returns the body of a segment whose length stands at `at`.
fn segment(file: &[u8], at: usize) -> Option<&[u8]> {
    let length = file.get(at..)?.first_chunk().map(|length| u16::from_be_bytes(*length))?;
    file.get(at + 2..at + usize::from(length).max(2))
}

/// The tables that scans refer to.
#[derive(Default)]
struct Tables {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// The quantization of DC coefficients.
    steps: [Option<i32>; 4],
    /// The number of units between restarts; 0 for none.
    restart_interval: u32,
}

impl Tables {
    fn read_huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while let [place, rest @ ..] = body {
            let (lengths, rest) = rest.split_first_chunk::<16>()?;
            let count = lengths.iter().map(|&count| usize::from(count)).sum();
            let (values, rest) = rest.split_at_checked(count)?;
            let tables = if place >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(place & 15))? = Some(Huffman::new(lengths, values)?);
            body = rest;
        }
        Some(())
    }

    fn read_quantization(&mut self, mut body: &[u8]) -> Option<()> {
        while let [place, rest @ ..] = body {
            let wide = place >> 4 != 0;
            let (table, rest) = rest.split_at_checked(if wide { 128 } else { 64 })?;
            let step = match *table {
                [high, low, ..] if wide => i32::from(u16::from_be_bytes([high, low])),
                [step, ..] => i32::from(step),
                [] => return None,
            };
            *self.steps.get_mut(usize::from(place & 15))? = Some(step);
            body = rest;
        }
        Some(())
    }
}

/// A table of Huffman codes.
#[derive(Clone)]
struct Huffman {
    /// The length and the value for each start of the data; length 0 for longer codes.
    fast: Vec<(u8, u8)>,
    /// For each length above [`FAST_BITS`]: its first code, the number of codes, the first value.
    long: Vec<(u32, u32, usize)>,
    values: Vec<u8>,
}

impl Huffman {
    fn new(lengths: &[u8; 16], values: &[u8]) -> Option<Self> {
        let mut table =
            Self { fast: vec![(0, 0); 1 << FAST_BITS], long: Vec::new(), values: values.to_vec() };
        let (mut code, mut first) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(lengths) {
            let end = code + u32::from(count);
            if end > 1 << length {
                return None;
            }
            if length <= FAST_BITS {
                let free = FAST_BITS - length;
                for (code, &value) in (code..end).zip(values.get(first..)?) {
                    let entries = (code << free) as usize..((code + 1) << free) as usize;
                    table.fast.get_mut(entries)?.fill((u8::try_from(length).ok()?, value));
                }
            } else {
                table.long.push((code, u32::from(count), first));
            }
            first += usize::from(count);
            code = end << 1;
        }
        Some(table)
    }

    /// Reads a code; returns `None` for one that does not exist, and where the data ends.
    fn read(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let start = bits.peek(16);
        let (length, value) = *self.fast.get((start >> (16 - FAST_BITS)) as usize)?;
        if length > 0 {
            bits.skip(u32::from(length))?;
            return Some(value);
        }
        for (length, &(code, count, first)) in (FAST_BITS + 1..).zip(&self.long) {
            let index = (start >> (16 - length)).wrapping_sub(code);
            if index < count {
                bits.skip(length)?;
                return self.values.get(first + index as usize).copied();
            }
        }
        None
    }
}

/// A frame header.
struct Frame {
    width: u32,
    height: u32,
    components: Vec<Component>,
}

/// A channel of a frame.
#[derive(Clone, Copy)]
struct Component {
    id: u8,
    /// Blocks in a unit of the interleaved data, in each direction.
    across: u32,
    down: u32,
    /// The number of the quantization table.
    quantization: u8,
}

impl Frame {
    /// Reads a header; returns `None` where this check does not know the format.
    fn read(body: &[u8]) -> Option<Self> {
        let (&[precision, a, b, c, d, count], rest) = body.split_first_chunk()?;
        let height = u32::from(u16::from_be_bytes([a, b]));
        let width = u32::from(u16::from_be_bytes([c, d]));
        let (fields, _) = rest.as_chunks::<3>();
        let component = |&[id, sampling, quantization]: &[u8; 3]| Component {
            id,
            across: u32::from(sampling >> 4),
            down: u32::from(sampling & 15),
            quantization,
        };
        let components: Vec<_> = fields.iter().take(usize::from(count)).map(component).collect();
        let is_valid =
            |one: &Component| (1..=4).contains(&one.across) && (1..=4).contains(&one.down);
        // A height of 0 is stated after the first scan.
        let known = precision == 8 && width > 0 && height > 0 && (1..=4).contains(&count);
        let complete = components.len() == usize::from(count);
        (known && complete && components.iter().all(is_valid)).then_some(Self {
            width,
            height,
            components,
        })
    }

    /// Reads the header of a scan; returns `None` where it is invalid, or where a table is missing
    /// that another file defines.
    fn scan<'a>(&self, body: &[u8], tables: &'a Tables) -> Option<Scan<'a>> {
        let (&count, rest) = body.split_first()?;
        let (fields, _) = rest.as_chunks::<2>();
        let largest = |of: fn(&Component) -> u32| self.components.iter().map(of).max();
        let (across, down) = (largest(|one| one.across)?, largest(|one| one.down)?);
        let mut parts = Vec::new();
        let mut units = self.width.div_ceil(8 * across) * self.height.div_ceil(8 * down);
        for &[id, places] in fields.get(..usize::from(count))? {
            let component = *self.components.iter().find(|one| one.id == id)?;
            let mut blocks = component.across * component.down;
            if count == 1 {
                let wide = (self.width * component.across).div_ceil(across);
                let high = (self.height * component.down).div_ceil(down);
                (blocks, units) = (1, wide.div_ceil(8) * high.div_ceil(8));
            }
            let step = tables.steps.get(usize::from(component.quantization)).copied().flatten();
            parts.push(Part {
                dc: tables.dc.get(usize::from(places >> 4))?.as_ref()?,
                ac: tables.ac.get(usize::from(places & 15))?.as_ref()?,
                blocks,
                step: step.unwrap_or(1).max(1),
                mean: 0,
            });
        }
        let restart_interval = tables.restart_interval;
        (!parts.is_empty()).then_some(Scan { parts, units, restart_interval })
    }
}

/// A scan: the coded data of one channel or of several.
struct Scan<'a> {
    parts: Vec<Part<'a>>,
    /// The number of units of the interleaved data.
    units: u32,
    restart_interval: u32,
}

/// A channel in a scan.
struct Part<'a> {
    dc: &'a Huffman,
    ac: &'a Huffman,
    /// Blocks in a unit.
    blocks: u32,
    /// The quantization of DC coefficients.
    step: i32,
    /// The DC coefficient of the last block.
    mean: i32,
}

impl Scan<'_> {
    /// Checks the data from `at` on and returns where the next marker lies.
    fn check(mut self, file: &[u8], at: usize) -> Result<usize, String> {
        let units = self.units;
        let mut bits = Bits { file, at, held: 0, count: 0 };
        let mut restarts = 0_u8;
        for unit in 0..units {
            let fault = |what: &str| format!("{what} in block group {unit} of {units}");
            if unit > 0 && self.restart_interval > 0 && unit % self.restart_interval == 0 {
                bits.end().ok_or_else(|| fault("the coded data does not end where it should"))?;
                if bits.restart_marker() != Some(0xd0 | restarts) {
                    return Err(fault("the restart marker is missing or out of order"));
                }
                restarts = (restarts + 1) % 8;
                self.parts.iter_mut().for_each(|part| part.mean = 0);
            }
            for part in &mut self.parts {
                for _ in 0..part.blocks {
                    part.block(&mut bits).ok_or_else(|| match bits.is_at_end() {
                        true => fault("the coded data ends early,"),
                        false => fault("the coded data is invalid"),
                    })?;
                }
            }
        }
        bits.end().ok_or_else(|| "the coded data goes on after the last block".to_owned())
    }
}

impl Part<'_> {
    /// Passes over a block; returns `None` where it is invalid or the data ends.
    fn block(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let category = self.dc.read(bits).filter(|&category| category <= MAX_DC_CATEGORY)?;
        let difference = difference(bits.read(u32::from(category))?, category);
        self.mean = self.mean.saturating_add(difference);
        if self.mean.saturating_mul(self.step).abs() > MAX_DC + self.step {
            return None;
        }
        let mut index = 1;
        while index < BLOCK {
            let symbol = self.ac.read(bits)?;
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            match (run, size) {
                // The rest of the block is zero.
                (0, 0) => return Some(()),
                (15, 0) => index += 16,
                (_, 0) => return None,
                _ => {
                    index += run + 1;
                    bits.read(size)?;
                }
            }
        }
        (index == BLOCK).then_some(())
    }
}

/// Returns the value of a difference from its bits (section F.2.2.1, `EXTEND`).
fn difference(bits: u32, category: u8) -> i32 {
    let (bits, full) = (bits as i32, 1_i32 << category);
    if category > 0 && bits < full / 2 { bits - full + 1 } else { bits }
}

/// Reads the bits of coded data up to the next marker.
struct Bits<'a> {
    file: &'a [u8],
    /// Where the next byte lies.
    at: usize,
    /// The bits that were read but not used, at the bottom.
    held: u64,
    /// The number of these bits.
    count: u32,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 48 {
            let (byte, length) = match self.file.get(self.at..) {
                // A byte of ones is followed by a zero where it does not start a marker.
                Some([0xff, 0, ..]) => (0xff, 2),
                Some([0xff, ..] | []) | None => return,
                Some([byte, ..]) => (*byte, 1),
            };
            self.at += length;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// Returns the next bits, at most 16, without using them; bits after the end are zeros.
    fn peek(&mut self, count: u32) -> u32 {
        if self.count < count {
            self.fill();
        }
        let bits = match self.count.checked_sub(count) {
            Some(rest) => self.held >> rest,
            None => self.held << (count - self.count),
        };
        (bits & ((1 << count) - 1)) as u32
    }

    fn skip(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        Some(())
    }

    fn read(&mut self, count: u32) -> Option<u32> {
        let bits = self.peek(count);
        self.skip(count)?;
        Some(bits)
    }

    fn is_at_end(&mut self) -> bool {
        self.fill();
        self.count < 16
    }

    /// Goes to the next marker or the end of the file and returns its place. Only padding may come
    /// before it: equal bits up to a whole byte, then bytes that are all zeros or all ones.
    fn end(&mut self) -> Option<usize> {
        self.fill();
        let rest = self.count % 8;
        let padding = self.read(rest)?;
        if padding != 0 && padding != (1 << rest) - 1 {
            return None;
        }
        let mut first = None;
        loop {
            self.fill();
            if self.count == 0 {
                return Some(self.at);
            }
            let byte = self.read(8)?;
            let first = *first.get_or_insert(byte);
            if byte != first || !matches!(byte, 0 | 0xff) {
                return None;
            }
        }
    }

    /// Reads a marker.
    fn restart_marker(&mut self) -> Option<u8> {
        let (marker, after) = next_marker(self.file, self.at)?;
        self.at = after;
        Some(marker)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
    use proptest::prelude::*;

    use super::*;

    /// A file with noise, so that all kinds of codes are used.
    fn encoded(width: u32, height: u32, quality: u8) -> Vec<u8> {
        let noise = |x: u32, y: u32| ((x * 71) ^ (y * 37)).wrapping_mul(2_654_435_761) >> 24;
        let pixel = |x, y| Rgb([noise(x, y) as u8, (x * 4) as u8, noise(y, x) as u8]);
        let mut file = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut file, quality);
        RgbImage::from_fn(width, height, pixel).write_with_encoder(encoder).unwrap();
        file
    }

    /// A gray file of 8 x 8 blocks that are all zero: a block is the bits 00, or 0 and `more`.
    fn blocks(count: u8, interval: u8, data: &[u8]) -> Vec<u8> {
        let mut file = b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0".to_vec();
        file.extend([8 * count, 1, 1, 0x11, 0]);
        // The code 0 is category 0 of the DC coefficient; 0 is the end of a block, 10 a run of 16.
        file.extend(b"\xff\xc4\0\x14\x00\x01");
        file.extend([0; 15]);
        file.push(0);
        file.extend(b"\xff\xc4\0\x15\x10\x01\x01");
        file.extend([0; 14]);
        file.extend([0, 0xf0]);
        file.extend([0xff, 0xdd, 0, 4, 0, interval]);
        file.extend(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0");
        file.extend(data);
        file
    }

    #[test]
    fn whole_files_are_accepted() {
        for (width, height) in [(1, 1), (64, 48), (37, 53), (8, 200)] {
            for quality in [1, 50, 95, 100] {
                let file = encoded(width, height, quality);
                assert_eq!(check(&file), Ok(()), "{width} x {height} at {quality}");
                // Behind the end may be anything, such as a second image.
                assert_eq!(check(&[file.as_slice(), b"text", &file[..99]].concat()), Ok(()));
            }
        }
    }

    #[test]
    fn cut_data_is_refused_with_and_without_an_end() {
        let file = encoded(64, 48, 80);
        let start = file.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 14;
        for length in (start..file.len() - 6).step_by(7) {
            let cut = &file[..length];
            for file in [cut.to_vec(), [cut, &[0xff, EOI]].concat()] {
                let error = check(&file).unwrap_err();
                assert!(error.contains("coded data"), "{length} bytes: {error}");
            }
        }
        assert!(check(&file[..start - 14]).unwrap_err().contains("before its coded data"));
    }

    #[test]
    fn block_has_64_coefficients() {
        assert_eq!(check(&blocks(1, 0, b"\x3f\xff\xd9")), Ok(()));
        // Three runs of 16, then the end of the block: 0 10 10 10 0.
        assert_eq!(check(&blocks(1, 0, b"\x54\xff\xd9")), Ok(()));
        // Four runs are one coefficient too many.
        let error = check(&blocks(1, 0, b"\x55\x7f\x3f\x3f\xff\xd9")).unwrap_err();
        assert_eq!(error, "the coded data is invalid in block group 0 of 1");
    }

    #[test]
    fn restarts_are_in_order() {
        assert_eq!(check(&blocks(3, 1, b"\x3f\xff\xd0\x3f\xff\xd1\x3f\xff\xd9")), Ok(()));
        assert_eq!(check(&blocks(3, 2, b"\x0f\xff\xd0\x3f\xff\xd9")), Ok(()));
        for data in [
            b"\x3f\xff\xd0\x3f\xff\xd2\x3f\xff\xd9".as_slice(),
            b"\x3f\xff\xd0\x3f\x3f\xff\xd9",
            b"\x3f\xff\xd9",
        ] {
            let error = check(&blocks(3, 1, data)).unwrap_err();
            assert!(error.contains("block group"), "{error}");
        }
    }

    #[test]
    fn only_padding_follows_the_last_block() {
        for data in [
            b"\x3f\xff\xd9".as_slice(),
            b"\x00\xff\xd9",
            b"\x3f\0\0\0\xff\xd9",
            b"\x3f\xff\xff\xff\xd9",
            b"\x3f\xff\0\xff\0\xff\xd9",
            b"\x3f",
        ] {
            assert_eq!(check(&blocks(1, 0, data)), Ok(()), "{data:x?}");
        }
        for data in [b"\x3e\xff\xd9".as_slice(), b"\x3f\x01\xff\xd9", b"\x3f\0\xff\0\xff\xd9"] {
            let error = check(&blocks(1, 0, data)).unwrap_err();
            assert_eq!(error, "the coded data goes on after the last block", "{data:x?}");
        }
    }

    #[test]
    fn other_kinds_of_files_are_not_checked() {
        let mut progressive = blocks(1, 0, b"\x12\x34");
        progressive[3] = 0xc2;
        assert_eq!(check(&progressive), Ok(()));
        let mut later_height = blocks(1, 0, b"\x12\x34");
        later_height[8] = 0;
        assert_eq!(check(&later_height), Ok(()));
        let without_tables =
            [&blocks(1, 0, b"")[..15], b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"].concat();
        assert_eq!(check(&without_tables), Ok(()));
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
            let _ = check(&blocks(9, 2, &bytes));
            let _ = check(&[b"\xff\xd8\xff".as_slice(), &bytes].concat());
        }

        #[test]
        fn any_damage_ends_without_a_panic(
            at in any::<prop::sample::Index>(),
            bytes in prop::collection::vec(any::<u8>(), 1..20),
        ) {
            let mut file = encoded(24, 24, 90);
            let at = at.index(file.len() - bytes.len());
            file[at..at + bytes.len()].copy_from_slice(&bytes);
            let _ = check(&file);
        }
    }
}
