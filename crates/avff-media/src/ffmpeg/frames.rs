//! Decodes the frames of a clip with FFmpeg, by their index in display order.
//!
//! Where every packet has a time of its own, only the ranges of packets with requested frames are
//! decoded. Each range begins at a random access packet. Otherwise the clip is decoded from the
//! start and frames are counted.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{ControlFlow, Range},
    path::{Path, PathBuf},
    sync::Arc,
};

use video_rs::ffmpeg::packet::side_data::Type as Side;

use super::{
    convert::RgbConverter,
    display_order::DisplayOrder,
    errors::{codec_name, damaged},
    index::Packets,
    pixel_aspect::pixel_aspect,
    video_reader::VideoReader,
};
use crate::{
    damage_policy::DamagePolicy,
    error::{DamageCode, DamagedPart, MAX_DAMAGED_PARTS, MediaError, Stream, message_of},
    frame::Frame,
    interleaving::Interleaving,
    memory::{self, Reservation},
    mp4::MAX_DIMENSION,
    rotate::Turns,
    source::{FrameSink, FrameStream, missing, out_of_range},
    sps::max_reordered,
    timeline::{EditList, PresentedFrames},
};

/// The memory of frames outside of the decoder for each pixel: RGB, a turned and a resized copy, and
/// the frames that FFmpeg decodes when it opens the file for the audio.
const IN_HAND_BYTES: u64 = 9 + 9;
/// The memory of 17 frames of 8 bit 4:2:0 and their motion vectors, for each pixel.
const UNKNOWN_BYTES: u64 = 39;

/// A video stream that can be decoded.
pub(super) struct Frames {
    path: PathBuf,
    stream: usize,
    packets: Packets,
    /// Packets from which decoding can start, in decode order.
    random_access: Vec<usize>,
    order: DisplayOrder,
    turns: Turns,
    /// Width and height of decoded frames, before rotation.
    size: (u32, u32),
    converter: RgbConverter,
    reader: Option<VideoReader>,
    damage: DamagePolicy,
    places: Arc<Interleaving>,
    /// The memory of the decoder, whose frames stay until the clip is closed.
    _memory: Reservation,
}

/// The properties of the first frame.
pub(super) struct FirstFrame {
    /// The display time, in seconds on the container's clock.
    pub(super) time: f64,
    /// The codec.
    pub(super) codec: String,
    /// Width and height as displayed, after rotation.
    pub(super) size: (usize, usize),
    /// Width and height of a pixel as displayed, after rotation.
    pub(super) pixel_aspect: (u32, u32),
}

impl Frames {
    /// Decodes the first frame, or all frames where the packets do not determine the displayed
    /// ones.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `TooLarge`, `Damaged`, `Io`; `UnsupportedContainer` for a display matrix
    /// that is neither a rotation by quarter turns nor a mirror.
    pub(super) fn open(
        path: &Path,
        stream: usize,
        packets: Packets,
        edits: &EditList,
        mut memory: Reservation,
        damage: DamagePolicy,
    ) -> Result<(Self, FirstFrame), MediaError> {
        let mut reader = VideoReader::open(path, stream, &packets)?;
        let turns = reader.input().stream(stream).map_or(Ok(Turns::default()), |stream| {
            let matrix = stream.side_data().find(|side| side.kind() == Side::DisplayMatrix);
            matrix.map_or(Ok(Turns::default()), |side| turns_of(side.data()))
        })?;
        memory.resize("the frames", needed(&reader)?)?;
        if !reader.next_frame()? {
            return Err(damaged(Stream::Video, "no frame can be decoded".to_owned()));
        }
        // The first packet of H.264 states the references.
        memory.resize("the frames", needed(&reader)?)?;
        let size = (reader.decoder().frame().width(), reader.decoder().frame().height());
        for value in [size.0, size.1].map(u64::from) {
            if value > MAX_DIMENSION {
                let what = "frame width or height";
                return Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION });
            }
        }
        let pixel_aspect = pixel_aspect(path, stream, &reader);
        let mut decoded = vec![reader.timestamps()];
        let order = match DisplayOrder::from_packets(&packets, reader.timestamps(), edits)? {
            Some(order) => order,
            None => {
                while reader.next_frame()? {
                    // A packet can hold two frames, never more on average.
                    if decoded.len() > packets.count.saturating_mul(2) {
                        let what = "more frames were decoded than coded".to_owned();
                        return Err(damaged(Stream::Video, what));
                    }
                    decoded.push(reader.timestamps());
                }
                DisplayOrder::from_decoded(&packets, &decoded, edits)?
            }
        };
        let first = FirstFrame {
            time: order.presented.times.first().copied().unwrap_or_default(),
            codec: codec_name(packets.codec),
            size: turns.size((size.0 as usize, size.1 as usize)),
            pixel_aspect: turns.size(pixel_aspect),
        };
        let random_access =
            packets.coded.iter().enumerate().filter(|(_, coded)| coded.random_access);
        let random_access = random_access.map(|(number, _)| number).collect();
        let (path, converter) = (path.to_owned(), RgbConverter::default());
        let frames = Self {
            path,
            stream,
            packets,
            random_access,
            order,
            turns,
            size,
            converter,
            reader: Some(reader),
            damage,
            places: Arc::default(),
            _memory: memory,
        };
        Ok((frames, first))
    }

    /// Moves the start of the clock to `origin`, a time of the container in seconds.
    pub(super) fn started_at(mut self, origin: f64) -> Self {
        self.order.presented.started_at(origin);
        self
    }

    /// Returns whether the macroblocks of H.264 are checked, as far as is known after the first frame.
    pub(super) fn reads_slices(&self) -> bool {
        self.reader.as_ref().is_some_and(VideoReader::reads_slices)
    }

    /// Returns the displayed frames.
    pub(super) fn presented(&self) -> &PresentedFrames {
        &self.order.presented
    }

    /// Returns the packet from which decoding must start for the frame of packet `target`.
    fn decode_start(&self, target: usize) -> usize {
        let time = |number: usize| self.packets.coded.get(number).map(|coded| coded.time);
        let until = self.random_access.partition_point(|&number| number <= target);
        // A frame that is displayed before the start but coded after it may need earlier packets.
        let mut before = self.random_access.get(..until).unwrap_or_default().iter().rev();
        before.find(|&&start| time(start) <= time(target)).copied().unwrap_or(0)
    }

    /// Decodes ranges of packets, each as short as its requested frames allow.
    fn by_packet(
        &mut self,
        indices: &[usize],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), MediaError> {
        let mut requested = Vec::with_capacity(indices.len());
        for &index in indices {
            requested.push((self.decoded_index(index)?, index));
        }
        // Decode order; a frame that is decoded before its display turn waits.
        requested.sort_unstable();
        // A start may be needed by a later packet of the list: a picture that is coded after the
        // start of a group but displayed before it.
        let mut starts: Vec<usize> =
            requested.iter().map(|(packet, _)| self.decode_start(*packet)).collect();
        let mut earliest = usize::MAX;
        for start in starts.iter_mut().rev() {
            earliest = earliest.min(*start);
            *start = earliest;
        }
        let mut at = 0;
        while let (Some(&start), Some(&(mut end, _))) = (starts.get(at), requested.get(at)) {
            // A frame whose start lies before the end of this range belongs to the range.
            let from = at;
            at += 1;
            while let (Some(&next), Some(&(packet, _))) = (starts.get(at), requested.get(at))
                && next <= end
            {
                end = packet;
                at += 1;
            }
            let requested = requested.get(from..at).unwrap_or_default();
            if let Err(error) = self.decode_range(start, end + 1, requested, delivery) {
                return Err(self.located(start..end + 1, error));
            }
            if delivery.stopped {
                break;
            }
        }
        Ok(())
    }

    /// Returns when the frames are shown that are decoded through one of these packets. The first of
    /// them starts a group.
    fn part(&self, packets: &Range<usize>, message: String) -> Option<DamagedPart> {
        let affected =
            |packet: usize| packet >= packets.start && self.decode_start(packet) < packets.end;
        let span = self.order.presented.span_of(affected)?;
        let bytes = self.packets.video_bytes.get(packets.clone())?;
        let (start, end) = bytes.iter().fold(span, |span, bytes| self.places.extend(bytes, span));
        let (stream, code) = (Stream::Video, DamageCode::Damaged);
        Some(DamagedPart { start, end, stream, code, message })
    }

    /// Returns where the packets lie, and when the frames are shown that depend on each: those from it to
    /// the end of its group.
    pub(super) fn places(&self) -> Vec<(Range<u64>, (f64, f64))> {
        if !self.order.by_packet || self.packets.video_bytes.is_empty() {
            return Vec::new();
        }
        let mut shown = self.order.presented.spans(self.packets.video_bytes.len());
        let mut groups = HashMap::<usize, (f64, f64)>::new();
        let mut places = Vec::new();
        for (packet, bytes) in self.packets.video_bytes.iter().enumerate().rev() {
            let start = self.decode_start(packet);
            if let Some(own) = shown.pop().flatten() {
                let span = groups.entry(start).or_insert(own);
                *span = (span.0.min(own.0), span.1.max(own.1));
            }
            places.extend(groups.get(&start).map(|span| (bytes.clone(), *span)));
        }
        places
    }

    /// Sets what lies near the packets.
    pub(super) fn set_places(&mut self, places: Arc<Interleaving>) {
        self.places = places;
    }

    /// Adds to an error which part of the clip depends on these packets, where the rest of the clip is
    /// to be read.
    fn located(&self, packets: Range<usize>, error: MediaError) -> MediaError {
        if self.damage.is_refuse() {
            return error;
        }
        match message_of(error) {
            Ok(what) => match self.part(&packets, what.clone()) {
                Some(part) => MediaError::DamagedPart(part),
                None => damaged(Stream::Video, what),
            },
            Err(error) => error,
        }
    }

    /// Returns the parts that depend on faulty packets.
    ///
    /// # Errors
    ///
    /// `Damaged` where frames do not belong to packets, or too many parts are damaged.
    pub(super) fn faulty(&self) -> Result<Vec<DamagedPart>, MediaError> {
        // Without a place of each packet, damage is refused.
        if let (DamagePolicy::Refuse, Some((_, what))) = (self.damage, self.packets.faults.first())
        {
            return Err(damaged(Stream::Video, what.clone()));
        }
        let mut parts = Vec::new();
        let mut last = 0;
        for (packet, what) in &self.packets.faults {
            let start = self.decode_start(*packet);
            if !parts.is_empty() && start == last {
                continue;
            }
            last = start;
            if !self.order.by_packet || parts.len() >= MAX_DAMAGED_PARTS {
                return Err(damaged(Stream::Video, what.clone()));
            }
            parts.extend(self.part(&(start..packet + 1), what.clone()));
        }
        Ok(parts)
    }

    /// Decodes packets `start..end` and delivers the requested frames among them.
    fn decode_range(
        &mut self,
        start: usize,
        end: usize,
        requested: &[(usize, usize)],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), MediaError> {
        let mut reader = self.reader()?.start_at(start, &self.packets, &self.path)?;
        let of =
            |packet: usize| requested.binary_search_by_key(&packet, |(packet, _)| *packet).ok();
        let mut delivered = 0;
        while reader.next_frame_until(end, |packet| of(packet).is_some())? {
            let packet = reader.timestamps().0.and_then(|time| self.packets.at(time));
            if let Some((_, index)) = packet.and_then(of).and_then(|at| requested.get(at)) {
                delivered += 1;
                if delivery.deliver(*index, self.convert(&reader)?)?.is_break() {
                    self.reader = Some(reader);
                    return Ok(());
                }
            }
        }
        self.reader = Some(reader);
        if delivered == requested.len() { Ok(()) } else { Err(missing(requested.len(), delivered)) }
    }

    /// Decodes and counts frames from the current position, or from the start if that was passed.
    fn by_count(
        &mut self,
        indices: &[usize],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), MediaError> {
        let mut reader = self.reader()?;
        for &index in indices {
            let decoded = self.decoded_index(index)?;
            if reader.decoded_count() > decoded {
                reader = VideoReader::open(&self.path, self.stream, &self.packets)?;
            }
            while reader.decoded_count() <= decoded {
                if !reader.next_frame()? {
                    let count = self.order.presented.times.len();
                    return Err(missing(count, reader.decoded_count()));
                }
            }
            if delivery.deliver(index, self.convert(&reader)?)?.is_break() {
                break;
            }
        }
        self.reader = Some(reader);
        Ok(())
    }

    /// Returns the index of a displayed frame in decode order.
    fn decoded_index(&self, index: usize) -> Result<usize, MediaError> {
        let indices = &self.order.presented.indices;
        indices.get(index).copied().ok_or_else(|| out_of_range(index, indices.len()))
    }

    fn reader(&mut self) -> Result<VideoReader, MediaError> {
        let open = || VideoReader::open(&self.path, self.stream, &self.packets);
        self.reader.take().map_or_else(open, Ok)
    }

    /// Converts the last decoded frame to RGB as displayed.
    fn convert(&mut self, reader: &VideoReader) -> Result<Frame, MediaError> {
        let frame = reader.decoder().frame();
        if (frame.width(), frame.height()) != self.size {
            let codec = format!("{} with changing frame size", codec_name(self.packets.codec));
            return Err(MediaError::UnsupportedCodec { stream: Stream::Video, codec });
        }
        Ok(self.turns.apply(self.converter.convert(frame)?))
    }
}

impl FrameStream for Frames {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        let mut delivery =
            Delivery { pending: indices, waiting: BTreeMap::new(), sink, stopped: false };
        // Frames are reordered within a segment of an edit list, never across segments.
        let mut rest = indices;
        while let Some((&first, after)) = rest.split_first() {
            let presented = &self.order.presented;
            let segment = presented.segment(first);
            let same = after.iter().take_while(|&&index| presented.segment(index) == segment);
            let (now, later) = rest.split_at(1 + same.count());
            if self.order.by_packet {
                self.by_packet(now, &mut delivery)?;
            } else {
                self.by_count(now, &mut delivery)?;
            }
            rest = if delivery.stopped { &[] } else { later };
        }
        match delivery.pending.len() {
            0 => Ok(()),
            _ if delivery.stopped => Ok(()),
            left => Err(missing(indices.len(), indices.len() - left)),
        }
    }
}

/// Reserves memory for opening a file whose frames have `pixels` pixels. What the decoder holds is not
/// known before; this is as much as it can hold of 8 bit 4:2:0. More than the budget is no error yet.
pub(super) fn reserve(pixels: u64) -> Result<Reservation, MediaError> {
    let bytes = pixels.saturating_mul(IN_HAND_BYTES + UNKNOWN_BYTES);
    memory::reserve("the frames", bytes.min(memory::limit()))
}

/// Returns the memory of a decoder and of the frames in hand.
fn needed(reader: &VideoReader) -> Result<u64, MediaError> {
    let (width, height) = reader.decoder().size();
    let in_hand = u64::from(width) * u64::from(height) * IN_HAND_BYTES;
    Ok(reader.decoder().check_held()?.saturating_add(in_hand))
}

/// Delivers frames to the sink in display order, whatever the order of decoding.
struct Delivery<'a> {
    pending: &'a [usize],
    waiting: BTreeMap<usize, Frame>,
    sink: FrameSink<'a>,
    stopped: bool,
}

impl Delivery<'_> {
    fn deliver(&mut self, index: usize, frame: Frame) -> Result<ControlFlow<()>, MediaError> {
        let most = max_reordered((frame.width, frame.height));
        self.waiting.insert(index, frame);
        while let Some((next, rest)) = self.pending.split_first()
            && let Some(frame) = self.waiting.remove(next)
        {
            self.pending = rest;
            if (self.sink)(*next, frame).is_break() {
                self.stopped = true;
                return Ok(ControlFlow::Break(()));
            }
        }
        // Each frame that waits takes the memory of a whole frame.
        if self.waiting.len() > most {
            let what = format!("frame {index}: displayed too long after it is decoded");
            return Err(damaged(Stream::Video, what));
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Reads the rotation and mirror of a display matrix: nine words in the machine's byte order.
fn turns_of(matrix: &[u8]) -> Result<Turns, MediaError> {
    let (words, _) = matrix.as_chunks::<4>();
    let word = |at: usize| words.get(at).map_or(0, |word| i32::from_ne_bytes(*word));
    Turns::from_matrix([0, 1, 3, 4].map(word))
}
