//! Reads what the bindings of FFmpeg do not show of a Matroska header: which tracks are enabled, and
//! at which size their frames are displayed.
//!
//! A header that this module does not understand says nothing, because FFmpeg decides whether a file
//! can be read.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use video_rs::ffmpeg::{Stream as FfStream, format::stream::Disposition};

use super::{
    input::{Input, MATROSKA},
    length::bytes,
};
use crate::{
    allocate::zeros,
    error::{MediaError, Stream},
    pixel_aspect::lowest_terms,
};

/// The largest accepted list of tracks, in bytes.
const MAX_TRACKS_BYTES: u64 = 16 << 20;
/// The limit on elements that are passed over before the list of tracks.
const MAX_ELEMENTS: usize = 100_000;

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_TYPE: u32 = 0x83;
const FLAG_ENABLED: u32 = 0xb9;
const CODEC_PRIVATE: u32 = 0x63a2;
const VIDEO: u32 = 0xe0;
const CODEC_ID: u32 = 0x86;
const PIXEL_SIZE: [u32; 2] = [0xb0, 0xba];
/// Left and right, top and bottom.
const PIXEL_CROP: [[u32; 2]; 2] = [[0x54cc, 0x54dd], [0x54bb, 0x54aa]];
const DISPLAY_SIZE: [u32; 2] = [0x54b0, 0x54ba];
const DISPLAY_UNIT: u32 = 0x54b2;
/// The display unit that says nothing.
const UNKNOWN_UNIT: u64 = 4;

/// What the header says about a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) stream: Stream,
    /// Whether the track is usable.
    pub(super) enabled: bool,
    /// Width and height of a pixel, where the header says them.
    pub(super) pixel_aspect: Option<(u32, u32)>,
    /// The configuration of the codec.
    pub(super) codec_private: Vec<u8>,
}

/// Returns the tracks of a kind in the order of FFmpeg's streams, without covers, which are no tracks
/// and come last. Returns none for another container, or where the header is not understood.
pub(super) fn tracks(path: &Path, input: &Input, stream: Stream) -> Vec<Track> {
    if input.container() != MATROSKA {
        return Vec::new();
    }
    let tracks: Vec<Track> =
        all_tracks(path).into_iter().filter(|track| track.stream == stream).collect();
    let is_track = |one: &FfStream<'_>| !one.disposition().contains(Disposition::ATTACHED_PIC);
    // FFmpeg passes over tracks that it does not understand.
    if tracks.len() == input.of_kind(stream).filter(is_track).count() { tracks } else { Vec::new() }
}

/// The pictures of a video track as the header describes them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pictures {
    /// Width and height; 0 where the header does not say them.
    pub(super) size: [u64; 2],
    /// The configuration record of H.264.
    pub(super) avc: Option<Vec<u8>>,
    /// The configuration record of HEVC.
    pub(super) hevc: Option<Vec<u8>>,
}

/// Returns the pictures of all video tracks; none of another container.
pub(super) fn pictures(path: &Path) -> Vec<Pictures> {
    let list = track_list(path);
    let entries = Elements(&list).filter(|(id, _)| *id == TRACK_ENTRY);
    entries.filter_map(|(_, entry)| pictures_of(entry)).collect()
}

fn pictures_of(entry: &[u8]) -> Option<Pictures> {
    let content = |wanted: u32| Elements(entry).find(|(id, _)| *id == wanted);
    let (_, video) = content(VIDEO)?;
    let record = |name: &[u8]| {
        let is_codec = content(CODEC_ID).is_some_and(|(_, codec)| codec == name);
        content(CODEC_PRIVATE).filter(|_| is_codec).map(|(_, config)| config.to_vec())
    };
    Some(Pictures {
        size: PIXEL_SIZE.map(|side| number(video, side).unwrap_or(0)),
        avc: record(b"V_MPEG4/ISO/AVC"),
        hevc: record(b"V_MPEGH/ISO/HEVC"),
    })
}

/// Returns the content of the list of tracks of a file; nothing of another container.
fn track_list(path: &Path) -> Vec<u8> {
    let read = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let list = list(&mut BufReader::new(file), size)?;
        Ok::<_, MediaError>(list.unwrap_or_default())
    };
    read().unwrap_or_default()
}

fn all_tracks(path: &Path) -> Vec<Track> {
    let list = track_list(path);
    let entries = Elements(&list).filter(|(id, _)| *id == TRACK_ENTRY);
    entries.filter_map(|(_, entry)| track(entry)).collect()
}

/// Returns the content of the list of tracks.
fn list(file: &mut (impl Read + Seek), size: u64) -> Result<Option<Vec<u8>>, MediaError> {
    let mut at = 0;
    for _ in 0..MAX_ELEMENTS {
        let head: [u8; 12] = bytes(file, at, size)?;
        let Some(element) = Head::of(&head).filter(|_| at < size) else { break };
        let start = at.saturating_add(element.bytes);
        at = match (element.id, element.length) {
            // The segment contains everything else. A live recording does not state its length.
            (SEGMENT, _) => start,
            (TRACKS, Some(length)) if length <= MAX_TRACKS_BYTES.min(size) => {
                let mut content =
                    zeros(usize::try_from(length).unwrap_or(0), "the list of tracks")?;
                file.seek(SeekFrom::Start(start))?;
                file.read_exact(&mut content)?;
                return Ok(Some(content));
            }
            (_, Some(length)) => start.saturating_add(length),
            (_, None) => break,
        };
    }
    Ok(None)
}

/// Reads a track entry; `None` for other kinds of tracks.
fn track(entry: &[u8]) -> Option<Track> {
    let stream = match number(entry, TRACK_TYPE) {
        Some(1) => Stream::Video,
        Some(2) => Stream::Audio,
        _ => return None,
    };
    let video = Elements(entry).find(|(id, _)| *id == VIDEO).map(|(_, content)| content);
    let private = Elements(entry).find(|(id, _)| *id == CODEC_PRIVATE);
    Some(Track {
        stream,
        enabled: number(entry, FLAG_ENABLED) != Some(0),
        pixel_aspect: video.and_then(pixel_aspect),
        codec_private: private.map_or_else(Vec::new, |(_, content)| content.to_vec()),
    })
}

/// Returns width and height of a pixel (RFC 9559, section 5.1.4.1.28.10 and after). Without a display
/// size, pixels are square.
fn pixel_aspect(video: &[u8]) -> Option<(u32, u32)> {
    let unit = number(video, DISPLAY_UNIT).unwrap_or(0);
    if unit >= UNKNOWN_UNIT {
        return None;
    }
    let side = |side: usize| {
        let crop = PIXEL_CROP.get(side)?.map(|id| number(video, id).unwrap_or(0));
        let pixels = number(video, *PIXEL_SIZE.get(side)?)?;
        let pixels = crop.iter().try_fold(pixels, |rest, &crop| rest.checked_sub(crop))?;
        let stated = number(video, *DISPLAY_SIZE.get(side)?);
        // Only in pixels, a side that is not stated is displayed as it is stored.
        let display = stated.or((unit == 0).then_some(pixels))?;
        Some((u32::try_from(display).ok()?, u32::try_from(pixels).ok()?))
    };
    let ((width, columns), (height, rows)) = (side(0)?, side(1)?);
    lowest_terms(u64::from(width) * u64::from(rows), u64::from(height) * u64::from(columns))
}

/// Returns the value of an unsigned integer.
fn number(content: &[u8], id: u32) -> Option<u64> {
    let (_, bytes) = Elements(content).find(|(candidate, _)| *candidate == id)?;
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// The id and the length of an element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: u32,
    /// `None` where the length is not stated.
    pub(super) length: Option<u64>,
    /// The bytes of id and length.
    pub(super) bytes: u64,
}

impl Head {
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (id, id_bytes) = variable(bytes)?;
        let (length, length_bytes) = variable(bytes.get(id_bytes..)?)?;
        // The first one bit marks the number of bytes.
        let ones = (1 << (7 * length_bytes)) - 1;
        let length = length & ones;
        Some(Self {
            id: u32::try_from(id).ok()?,
            length: (length != ones).then_some(length),
            bytes: (id_bytes + length_bytes) as u64,
        })
    }
}

/// Reads a number whose leading zero bits say how many bytes follow the first one. Returns the number
/// with its marker, and its bytes.
fn variable(bytes: &[u8]) -> Option<(u64, usize)> {
    let count = bytes.first()?.leading_zeros() as usize + 1;
    let bytes = bytes.get(..count).filter(|bytes| bytes.len() <= 8)?;
    Some((bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)), count))
}

/// Iterates over the elements of a content, up to the first one that is damaged.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let head = Head::of(self.0)?;
        let rest = self.0.get(usize::try_from(head.bytes).ok()?..)?;
        let (content, rest) = rest.split_at_checked(usize::try_from(head.length?).ok()?)?;
        self.0 = rest;
        Some((head.id, content))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    #[test]
    fn elements_end_at_damage() {
        assert_eq!(variable(&[0x81]), Some((0x81, 1)));
        assert_eq!(variable(&[0x40, 2]), Some((0x4002, 2)));
        assert_eq!(variable(&[0x40]), None);
        assert_eq!(variable(&[0, 1, 2]), None);
        let elements: Vec<_> = Elements(&[0x83, 0x81, 1, 0xb9, 0x80, 0xae, 0x85, 1]).collect();
        assert_eq!(elements, [(0x83, &[1_u8][..]), (0xb9, &[])]);
        let open = Head::of(&[0x18, 0x53, 0x80, 0x67, 0xff]).unwrap();
        assert_eq!(open, Head { id: SEGMENT, length: None, bytes: 5 });
    }

    #[test]
    fn the_display_size_is_that_of_the_cropped_frame() {
        let video = |fields: &[(u32, u8)]| -> Vec<u8> {
            let field = |&(id, value): &(u32, u8)| {
                let id = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0);
                id.chain([0x81, value]).collect::<Vec<u8>>()
            };
            fields.iter().flat_map(field).collect()
        };
        let size = [(0xb0, 96), (0xba, 80)];
        let with = |more: &[(u32, u8)]| pixel_aspect(&video(&[&size, more].concat()));
        assert_eq!(with(&[]), Some((1, 1)));
        assert_eq!(with(&[(0x54b0, 192)]), Some((2, 1)));
        assert_eq!(with(&[(0x54bb, 40), (0x54b0, 96), (0x54ba, 40)]), Some((1, 1)));
        assert_eq!(with(&[(0x54bb, 90)]), None, "cropped by more than the frame");
        assert_eq!(with(&[(0x54b2, 3), (0x54b0, 16)]), None, "half a ratio");
        assert_eq!(with(&[(0x54ba, 0)]), None);
        assert_eq!(pixel_aspect(&video(&size[..1])), None);
    }

    #[test]
    fn a_header_that_is_cut_off_has_no_tracks() {
        let file = [&[0x18, 0x53, 0x80, 0x67, 0xff, 0x16, 0x54, 0xae, 0x6b, 0x84][..], &[9; 4]];
        let file = file.concat();
        let read = |length: usize| list(&mut Cursor::new(&file[..length]), length as u64);
        assert_eq!(read(file.len()).unwrap(), Some(vec![9; 4]));
        for length in 0..file.len() {
            assert!(!matches!(read(length), Ok(Some(_))), "{length} bytes");
        }
    }
}
