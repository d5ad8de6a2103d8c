//! The pictures of a clip through FFmpeg, by their place in display order.
//!
//! Where every packet has a time of its own, only the stretches are decoded that hold wanted
//! pictures, each from a packet after which nothing earlier matters. Otherwise the clip is walked
//! from the start and pictures are counted.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use video_rs::ffmpeg::packet::side_data::Type as Side;

use super::{
    count::Shown,
    fault::{codec_name, damaged},
    index::Packets,
    paint::Painter,
    walk::Walk,
};
use crate::{
    error::{MediaError, Stream},
    frame::Frame,
    mp4::MAX_DIMENSION,
    rotate::Turns,
    source::{FrameSink, FrameStream, beyond, missing},
};

/// A picture stream that can be decoded.
pub(super) struct Pictures {
    path: PathBuf,
    stream: usize,
    packets: Packets,
    /// Packets from which decoding can start, in decode order.
    clean: Vec<usize>,
    shown: Shown,
    turns: Turns,
    /// Width and height as decoded.
    size: (u32, u32),
    painter: Painter,
    walk: Option<Walk>,
}

/// What the first picture tells.
pub(super) struct First {
    /// When it is shown, in seconds of the container.
    pub(super) time: f64,
    /// How it is coded.
    pub(super) codec: String,
    /// Width and height as shown.
    pub(super) size: (usize, usize),
}

impl Pictures {
    /// Decodes the first picture and, where packets do not tell which are shown, all of them.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec`, `TooLarge`, `Damaged`, `Io`; `UnsupportedContainer` for a mirror.
    pub(super) fn open(
        path: &Path,
        stream: usize,
        packets: Packets,
    ) -> Result<(Self, First), MediaError> {
        let mut walk = Walk::open(path, stream)?;
        let turns = walk.input().stream(stream).map_or(Ok(Turns::default()), |stream| {
            let matrix = stream.side_data().find(|side| side.kind() == Side::DisplayMatrix);
            matrix.map_or(Ok(Turns::default()), |side| turns_of(side.data()))
        })?;
        if !walk.picture()? {
            return Err(damaged(Stream::Video, "no picture in it decodes".to_owned()));
        }
        let size = (walk.eye().frame().width(), walk.eye().frame().height());
        for value in [size.0, size.1].map(u64::from) {
            if value > MAX_DIMENSION {
                let what = "width or height of a picture";
                return Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION });
            }
        }
        let mut seen = vec![walk.seen()];
        let shown = match Shown::listed(&packets, walk.seen()) {
            Some(shown) => shown,
            None => {
                while walk.picture()? {
                    // A packet can hold two pictures, never more in the long run.
                    if seen.len() > packets.count.saturating_mul(2) {
                        let what = "more pictures came than were coded".to_owned();
                        return Err(damaged(Stream::Video, what));
                    }
                    seen.push(walk.seen());
                }
                Shown::walked(&packets, &seen)
            }
        };
        let first = First {
            time: shown.times.first().copied().unwrap_or_default(),
            codec: codec_name(packets.codec),
            size: turns.size((size.0 as usize, size.1 as usize)),
        };
        let clean = packets.coded.iter().enumerate().filter(|(_, coded)| coded.clean);
        let clean = clean.map(|(number, _)| number).collect();
        let (path, painter) = (path.to_owned(), Painter::default());
        let pictures =
            Self { path, stream, packets, clean, shown, turns, size, painter, walk: Some(walk) };
        Ok((pictures, first))
    }

    /// Moves the clock's start to a time of the container, in seconds.
    pub(super) fn started_at(mut self, origin: f64) -> Self {
        self.shown.times.iter_mut().for_each(|time| *time -= origin);
        self
    }

    /// When each picture is shown, in seconds.
    pub(super) fn times(&self) -> &[f64] {
        &self.shown.times
    }

    /// The packet to start from for the picture of another.
    fn start_for(&self, target: usize) -> usize {
        let time = |number: usize| self.packets.coded.get(number).map(|coded| coded.time);
        let until = self.clean.partition_point(|&number| number <= target);
        // What is shown before the start, but coded after it, may need what is before it.
        let mut before = self.clean.get(..until).unwrap_or_default().iter().rev();
        before.find(|&&start| time(start) <= time(target)).copied().unwrap_or(0)
    }

    /// Decodes stretches, each as short as the wanted pictures in it allow.
    fn by_packet(
        &mut self,
        indices: &[usize],
        shown: &[usize],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), MediaError> {
        let mut wanted = Vec::with_capacity(indices.len());
        for &index in indices {
            let packet = *shown.get(index).ok_or_else(|| beyond(index, shown.len()))?;
            wanted.push((packet, index));
        }
        // Decode order; what comes before its turn on the screen waits.
        wanted.sort_unstable();
        // A start is needed by its own picture or one that follows, such as one that is coded after
        // the start of a group but shown before it.
        let mut starts: Vec<usize> =
            wanted.iter().map(|(packet, _)| self.start_for(*packet)).collect();
        let mut earliest = usize::MAX;
        for start in starts.iter_mut().rev() {
            earliest = earliest.min(*start);
            *start = earliest;
        }
        let mut at = 0;
        while let (Some(&start), Some(&(mut end, _))) = (starts.get(at), wanted.get(at)) {
            // A picture whose start lies before the end of this stretch belongs to it.
            let from = at;
            at += 1;
            while let (Some(&next), Some(&(packet, _))) = (starts.get(at), wanted.get(at))
                && next <= end
            {
                end = packet;
                at += 1;
            }
            self.stretch(start, end + 1, wanted.get(from..at).unwrap_or_default(), delivery)?;
            if delivery.stopped {
                break;
            }
        }
        Ok(())
    }

    /// Decodes packets `start` to `end`, and hands over those pictures of them that are wanted.
    fn stretch(
        &mut self,
        start: usize,
        end: usize,
        wanted: &[(usize, usize)],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), MediaError> {
        let mut walk = self.walk()?.go(start, &self.packets, &self.path)?;
        let of = |packet: usize| wanted.binary_search_by_key(&packet, |(packet, _)| *packet).ok();
        let mut came = 0;
        while walk.picture_until(end, |packet| of(packet).is_some())? {
            let packet = walk.seen().0.and_then(|time| self.packets.at(time));
            if let Some((_, index)) = packet.and_then(of).and_then(|at| wanted.get(at)) {
                came += 1;
                if delivery.hand(*index, self.paint(&walk)?).is_break() {
                    self.walk = Some(walk);
                    return Ok(());
                }
            }
        }
        self.walk = Some(walk);
        if came == wanted.len() { Ok(()) } else { Err(missing(wanted.len(), came)) }
    }

    /// Walks on, or once more from the start, and counts.
    fn by_count(
        &mut self,
        indices: &[usize],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), MediaError> {
        let mut walk = self.walk()?;
        for &index in indices {
            if index >= self.shown.times.len() {
                return Err(beyond(index, self.shown.times.len()));
            }
            if walk.came() > index {
                walk = Walk::open(&self.path, self.stream)?;
            }
            while walk.came() <= index {
                if !walk.picture()? {
                    return Err(missing(self.shown.times.len(), walk.came()));
                }
            }
            if delivery.hand(index, self.paint(&walk)?).is_break() {
                break;
            }
        }
        self.walk = Some(walk);
        Ok(())
    }

    fn walk(&mut self) -> Result<Walk, MediaError> {
        self.walk.take().map_or_else(|| Walk::open(&self.path, self.stream), Ok)
    }

    /// The picture that came last, as the viewer sees it.
    fn paint(&mut self, walk: &Walk) -> Result<Frame, MediaError> {
        let frame = walk.eye().frame();
        if (frame.width(), frame.height()) != self.size {
            let codec = format!("{} whose size changes midway", codec_name(self.packets.codec));
            return Err(MediaError::UnsupportedCodec { stream: Stream::Video, codec });
        }
        Ok(self.turns.apply(self.painter.picture(frame)?))
    }
}

impl FrameStream for Pictures {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        let mut delivery = Delivery { due: indices, early: BTreeMap::new(), sink, stopped: false };
        match self.shown.packets.take() {
            Some(shown) => {
                let result = self.by_packet(indices, &shown, &mut delivery);
                self.shown.packets = Some(shown);
                result?;
            }
            None => self.by_count(indices, &mut delivery)?,
        }
        match delivery.due.len() {
            0 => Ok(()),
            _ if delivery.stopped => Ok(()),
            left => Err(missing(indices.len(), indices.len() - left)),
        }
    }
}

/// Hands pictures over in display order, whatever the order they come in.
struct Delivery<'a> {
    due: &'a [usize],
    early: BTreeMap<usize, Frame>,
    sink: FrameSink<'a>,
    stopped: bool,
}

impl Delivery<'_> {
    fn hand(&mut self, index: usize, picture: Frame) -> ControlFlow<()> {
        self.early.insert(index, picture);
        while let Some((next, rest)) = self.due.split_first()
            && let Some(picture) = self.early.remove(next)
        {
            self.due = rest;
            if (self.sink)(*next, picture).is_break() {
                self.stopped = true;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// The rotation in a display matrix: nine words in the machine's byte order.
fn turns_of(matrix: &[u8]) -> Result<Turns, MediaError> {
    let (words, _) = matrix.as_chunks::<4>();
    let word = |at: usize| words.get(at).map_or(0, |word| i32::from_ne_bytes(*word));
    Turns::from_matrix([0, 1, 3, 4].map(word))
}
