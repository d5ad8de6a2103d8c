//! Decodes the frames of an H.264 track by their index in display order.
//!
//! The decoder returns one picture per sample, in decode order. The container defines the display
//! order: frame n is the sample with the n-th composition time. Only groups of pictures that hold a
//! requested frame are decoded, each from an IDR picture, where H.264 guarantees that nothing
//! earlier matters. Within a group, non-reference pictures that were not requested are skipped.

mod damage;

pub(crate) use self::damage::bytes_of;

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
    ops::{ControlFlow, Range},
    sync::Arc,
};

use rusty_h264_common::YuvFrame;
use rusty_h264_decoder::{DecodeError, Decoder};

use super::{
    access_units::{AccessUnits, CodedPictures, names_x264},
    avc::{
        AvcConfig, NAL_IDR, NAL_SPS, Nals, has_start_code, is_disposable, is_slice, nal_type,
        push_nal, whole_nals,
    },
    color::{ColorSpace, to_rgb},
    damage_policy::DamagePolicy,
    mp4::{Children, Entry, Fields, Heads, Sample, malformed, read_sample, visual_name},
    pixel_aspect,
    rotate::Turns,
    source::{FrameSink, missing, out_of_range},
    sps::Sps,
    timeline::{EditList, FrameTime, PresentedFrames, TimedPicture, hidden_frames, lost_pictures},
};
use crate::{
    error::{MediaError, Stream},
    interleaving::Interleaving,
};

/// The settings in the sample entry of a video track.
#[derive(Debug, Clone)]
pub(crate) struct VideoConfig {
    avc: AvcConfig,
    container_color: Option<ColorSpace>,
    /// The width and height of a pixel in the `pasp` box.
    container_pixel_aspect: Option<(u32, u32)>,
}

impl VideoConfig {
    /// Reads the settings of a sample entry and checks all that needs no sample.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec` with the codec's name, `Malformed` for broken settings.
    pub(crate) fn of(entry: &Entry<'_>) -> Result<Self, MediaError> {
        if !matches!(&entry.format, b"avc1" | b"avc3") {
            return Err(unsupported(visual_name(entry.format)));
        }
        let avc = AvcConfig::read(Children::need(entry.boxes, *b"avcC")?)?;
        if !avc.sps.is_empty() {
            Sps::read(&avc.sps)?;
        }
        let container_color = match Children::find(entry.boxes, *b"colr")? {
            Some(body) => container_color(body)?,
            None => None,
        };
        let pasp = Children::find(entry.boxes, *b"pasp").ok().flatten();
        let container_pixel_aspect = pasp.and_then(pixel_aspect::of_pasp);
        Ok(Self { avc, container_color, container_pixel_aspect })
    }
}

/// Reads matrix and range of a `colr` box: `nclx` of ISO/IEC 14496-12 or `nclc` of QuickTime.
fn container_color(body: &[u8]) -> Result<Option<ColorSpace>, MediaError> {
    let mut fields = Fields::new("colr", body);
    let kind = fields.code()?;
    if !matches!(&kind, b"nclx" | b"nclc") {
        return Ok(None);
    }
    fields.take(4)?;
    let matrix = u8::try_from(fields.u16()?).unwrap_or(2);
    let full_range = kind == *b"nclx" && fields.u8()? & 0x80 != 0;
    Ok(Some(ColorSpace { matrix, full_range }))
}

fn unsupported(codec: String) -> MediaError {
    MediaError::UnsupportedCodec { stream: Stream::Video, codec }
}

fn damaged(what: String) -> MediaError {
    MediaError::Damaged { stream: Stream::Video, what }
}

/// A decoder and the checks that it lacks.
struct CheckedDecoder {
    decoder: Decoder,
    pictures: CodedPictures,
}

/// A faulty sample, and what is wrong with it.
type Fault = (usize, String);

/// A position in a track.
struct Decoding {
    decoder: CheckedDecoder,
    /// The next sample for the decoder, or `None` before the first.
    next: Option<usize>,
    buffer: Vec<u8>,
}

/// A video track that can be decoded.
#[derive(Debug, Clone)]
pub(crate) struct VideoTrack {
    avc: AvcConfig,
    sps: Sps,
    color: ColorSpace,
    turns: Turns,
    /// The width and height of a decoded pixel, before rotation.
    pixel_aspect: (u32, u32),
    /// Whether the encoder is x264, as its first sample says.
    is_of_x264: bool,
    /// The samples, in decode order.
    samples: Vec<Sample>,
    /// The displayed samples.
    presented: PresentedFrames,
    /// Parts whose pictures were lost or refer to lost ones, in ticks.
    lost: Vec<Range<i64>>,
    /// What is done with damage.
    damage: DamagePolicy,
    /// The samples that start with an IDR picture, so that decoding may start there.
    idr_samples: Vec<usize>,
    /// Samples that are faulty, as their headers say, and what is wrong with each.
    faults: Vec<Fault>,
    /// What lies near the samples; known where the clip is read on after damage.
    places: Option<Arc<Interleaving>>,
}

impl VideoTrack {
    /// Combines settings and samples. Reads the headers of all samples, as frames may be missing
    /// anywhere. `holes` are the parts that no fragment holds, in ticks.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec` for interlaced and other streams that the decoder refuses, `Malformed`
    /// where the edit list hides every frame, `Damaged` for broken parameter sets, `Io`.
    pub(crate) fn new(
        file: &mut (impl Read + Seek),
        config: VideoConfig,
        samples: Vec<Sample>,
        edits: &EditList,
        (timescale, holes): (u32, &[Range<i64>]),
        turns: Turns,
        damage: DamagePolicy,
    ) -> Result<Self, MediaError> {
        let VideoConfig { mut avc, container_color, container_pixel_aspect } = config;
        let mut first = Vec::new();
        if let Some(sample) = samples.first() {
            read_sample(file, sample, &mut first)?;
        }
        if avc.sps.is_empty() {
            let set = Nals::new(&first, avc.length_size)
                .flatten()
                .find(|nal| nal_type(nal) == Some(NAL_SPS))
                .ok_or_else(|| damaged("no sequence parameter set".to_owned()))?;
            avc.sps = set.to_vec();
        }
        let sps = Sps::read(&avc.sps)?;
        let frames = frame_times(&samples)?;
        check_display_order(&frames, sps.max_reordered())?;
        let tick = 1.0 / f64::from(timescale.max(1));
        let presented = PresentedFrames::new(&frames, edits, tick)?;
        let lost = lost_pictures(&timed_pictures(&samples), holes, tick);
        let color = sps.color(container_color);
        let pixel_aspect = pixel_aspect::first_known([container_pixel_aspect, sps.pixel_aspect]);
        let is_of_x264 = names_x264(Nals::new(&first, avc.length_size).flatten());
        let (idr_samples, faults, places) = (Vec::new(), Vec::new(), None);
        let mut track = Self {
            color,
            avc,
            sps,
            turns,
            pixel_aspect,
            is_of_x264,
            samples,
            presented,
            lost,
            damage,
            idr_samples,
            faults,
            places,
        };
        (track.idr_samples, track.faults) = track.check_access_units(file, holes)?;
        // The parameter sets may require tools that the decoder lacks. Where fields are allowed, so
        // may each picture; the first picture is checked on behalf of all.
        let mut decoder = track.decoder()?;
        if sps.fields_allowed {
            track.decode(file, &mut decoder, 0, true, &mut first)?;
        }
        Ok(track)
    }

    /// Checks the headers of every sample, also of those that will not be decoded. After a hole,
    /// frame numbers start anew. Returns the samples that start with an IDR picture, and the faulty
    /// samples that the rest of the clip can be read without.
    fn check_access_units(
        &self,
        file: &mut (impl Read + Seek),
        holes: &[Range<i64>],
    ) -> Result<(Vec<usize>, Vec<Fault>), MediaError> {
        let (mut idr_samples, mut faults) = (Vec::new(), Vec::new());
        let mut units = AccessUnits::new(&self.avc.annex_b);
        let mut holes = holes.iter().peekable();
        let mut heads = Heads::new(file);
        for (index, sample) in self.samples.iter().enumerate() {
            let fault = |what: &str| damaged(format!("{}: {what}", self.describe(index)));
            if holes.next_if(|hole| sample.time >= hole.end).is_some() {
                units.restart();
            }
            let checked = match heads.of(sample, self.avc.length_size)? {
                Some(nals) => {
                    let slice = nals.iter().find(|nal| is_slice(nal));
                    if sample.sync && slice.and_then(|nal| nal_type(nal)) == Some(NAL_IDR) {
                        idr_samples.push(index);
                    }
                    units.check(nals.iter().map(Vec::as_slice))
                }
                None => Err("a NAL unit runs past the end of the sample".to_owned()),
            };
            let Err(what) = checked else { continue };
            if self.damage.is_refuse() || units.misnumbered() && !self.shows_gap_before(index) {
                return Err(fault(&what));
            }
            faults.push((index, format!("{}: {what}", self.describe(index))));
            units.restart();
        }
        Ok((idr_samples, faults))
    }

    /// Returns the parts whose pictures were lost or refer to lost ones, in ticks.
    pub(crate) fn lost(&self) -> &[Range<i64>] {
        &self.lost
    }

    /// Returns the displayed frames.
    pub(crate) fn presented(&self) -> &PresentedFrames {
        &self.presented
    }

    /// Returns how many frames decord counts beyond the displayed ones.
    pub(crate) fn hidden_frames(&self, edits: &EditList) -> usize {
        let picture = |sample: &Sample| (sample.time, i64::from(sample.duration), sample.sync);
        let pictures: Vec<_> = self.samples.iter().map(picture).collect();
        hidden_frames(&pictures, edits, self.presented.indices.len())
    }

    /// Moves the start of the clock to `origin`, in seconds.
    pub(crate) fn started_at(&mut self, origin: f64) {
        self.presented.started_at(origin);
    }

    /// Returns width and height of a displayed frame.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (width, height) = self.sps.decoded;
        let (left, top) = self.sps.origin;
        self.turns.size((width.saturating_sub(left), height.saturating_sub(top)))
    }

    /// Returns the width and height of a displayed pixel.
    pub(crate) fn pixel_aspect(&self) -> (u32, u32) {
        self.turns.size(self.pixel_aspect)
    }

    /// Decodes the frames at `indices`, which are in display order and strictly increasing.
    ///
    /// # Errors
    ///
    /// `TooLarge` for an index past the last frame. `Damaged` for any fault between the start of a
    /// needed group of pictures and its last needed picture. `UnsupportedCodec` for an unsupported
    /// tool that first appears there. `Io`. `DamagedPart` instead of `Damaged` where the rest of the
    /// clip is to be read: another call starts with a new decoder.
    pub(crate) fn frames(
        &self,
        file: &mut (impl Read + Seek),
        indices: &[usize],
        sink: FrameSink<'_>,
    ) -> Result<(), MediaError> {
        let mut decoding = Decoding { decoder: self.decoder()?, next: None, buffer: Vec::new() };
        let mut rest = indices;
        while let Some((&first, after)) = rest.split_first() {
            // Frames are reordered within a segment of the edit list, never across segments.
            let segment = self.presented.segment(first);
            let same = after.iter().take_while(|&&index| self.presented.segment(index) == segment);
            let (now, later) = rest.split_at(1 + same.count());
            if self.segment(file, now, &mut decoding, sink)?.is_break() {
                return Ok(());
            }
            rest = later;
        }
        Ok(())
    }

    /// Decodes the frames at `indices` of one segment of the edit list.
    fn segment(
        &self,
        file: &mut (impl Read + Seek),
        indices: &[usize],
        decoding: &mut Decoding,
        sink: FrameSink<'_>,
    ) -> Result<ControlFlow<()>, MediaError> {
        let count = self.presented.indices.len();
        let mut requested = Vec::with_capacity(indices.len());
        for &index in indices {
            let sample = self.presented.indices.get(index);
            requested.push((*sample.ok_or_else(|| out_of_range(index, count))?, index));
        }
        // Decode order; a frame that is decoded before its display turn waits.
        requested.sort_unstable();
        let mut waiting = BTreeMap::new();
        let mut pending = indices.iter().copied().peekable();
        for (target, index) in requested {
            let from = decoding.next.filter(|&next| next <= target);
            let start = self.decode_start(file, target, from.unwrap_or(0), &mut decoding.buffer)?;
            if let Some(start) = start.or(if from.is_none() { Some(0) } else { None }) {
                decoding.decoder = self.decoder()?;
                decoding.next = Some(start);
            }
            let mut frame = None;
            for sample in decoding.next.unwrap_or(0)..=target {
                let Decoding { decoder, buffer, .. } = decoding;
                let decoded = self.decode(file, decoder, sample, sample == target, buffer);
                frame = decoded.map_err(|error| self.located(sample, error))?;
            }
            decoding.next = Some(target + 1);
            let rgb_frame = frame
                .and_then(|frame| to_rgb(&frame, self.sps.decoded, self.sps.origin, self.color));
            let Some(rgb_frame) = rgb_frame else {
                let error = damaged(format!("{}: unexpected frame size", self.describe(target)));
                return Err(self.located(target, error));
            };
            waiting.insert(index, self.turns.apply(rgb_frame));
            while let Some(frame) = pending.peek().and_then(|index| waiting.remove(index)) {
                if sink(pending.next().unwrap_or_default(), frame).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            // H.264 allows no more reordered pictures, and each takes the memory of a whole frame.
            if waiting.len() > self.sps.max_reordered() {
                return Err(damaged(format!(
                    "{}: displayed too long after it is decoded",
                    self.describe(target)
                )));
            }
        }
        match pending.len() {
            0 => Ok(ControlFlow::Continue(())),
            left => Err(missing(indices.len(), indices.len() - left)),
        }
    }

    /// Finds the last sample after `from` and up to `target` from which decoding can start. That is
    /// a sync sample of the container that holds an IDR picture. (Containers also list the I
    /// pictures of open groups, whose leading pictures reference the group before.)
    fn decode_start(
        &self,
        file: &mut (impl Read + Seek),
        target: usize,
        from: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<usize>, MediaError> {
        let range = self.samples.get(from..=target).unwrap_or_default();
        for (index, sample) in range.iter().enumerate().rev() {
            if sample.sync {
                read_sample(file, sample, buffer)?;
                let mut nals = Nals::new(buffer, self.avc.length_size).flatten();
                let slice = nals.find(|nal| is_slice(nal));
                if slice.and_then(nal_type) == Some(NAL_IDR) {
                    return Ok(Some(from + index));
                }
            }
        }
        Ok(None)
    }

    /// Creates a decoder with the parameter sets.
    fn decoder(&self) -> Result<CheckedDecoder, MediaError> {
        let mut decoder = Decoder::new();
        let pictures = CodedPictures::new(&self.avc.annex_b, self.is_of_x264);
        match decoder.decode(&self.avc.annex_b) {
            Ok(_) => Ok(CheckedDecoder { decoder, pictures }),
            Err(DecodeError::Unsupported(tool)) => Err(unsupported(format!("H.264 with {tool}"))),
            Err(error) => Err(damaged(format!("parameter sets: {error}"))),
        }
    }

    /// Decodes a sample; `None` for a non-reference sample that was not requested.
    fn decode(
        &self,
        file: &mut (impl Read + Seek),
        checked: &mut CheckedDecoder,
        index: usize,
        requested: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<YuvFrame>, MediaError> {
        let fault = |what: &str| damaged(format!("{}: {what}", self.describe(index)));
        let sample = self.samples.get(index).ok_or_else(|| fault("not in the index"))?;
        read_sample(file, sample, buffer)?;
        let mut annex_b = Vec::with_capacity(buffer.len() + 64);
        let mut needed = requested;
        let nals = whole_nals(buffer, self.avc.length_size).map_err(|what| fault(&what))?;
        for &nal in &nals {
            if has_start_code(nal) {
                return Err(fault("a NAL unit contains a start code"));
            }
            // The first pixel aspect ratio is used for all frames, as decoding does not need it.
            let is_same = |sps: Sps| Sps { pixel_aspect: self.sps.pixel_aspect, ..sps } == self.sps;
            if nal_type(nal) == Some(NAL_SPS) && !is_same(Sps::read(nal)?) {
                return Err(unsupported(
                    "H.264 with changing frame size or color space".to_owned(),
                ));
            }
            needed |= !is_disposable(nal);
            push_nal(&mut annex_b, nal);
        }
        if !needed {
            return Ok(None);
        }
        let CheckedDecoder { decoder, pictures } = checked;
        let frame = decoder.decode(&annex_b).map_err(|error| match error {
            // These two follow from the parameter sets, so they do not indicate damage.
            DecodeError::Unsupported(tool)
                if tool.contains("field picture") && self.sps.fields_allowed =>
            {
                unsupported("interlaced H.264".to_owned())
            }
            DecodeError::Unsupported(tool @ "explicit B weighted prediction") => {
                unsupported(format!("H.264 with {tool}"))
            }
            error => fault(&error.to_string()),
        })?;
        // What the decoder says is said first, since it knows what it does not support.
        pictures.check(nals).map_err(|what| fault(&what))?;
        frame.map(Some).ok_or_else(|| fault("contains no complete picture"))
    }

    fn describe(&self, index: usize) -> String {
        format!("sample {index} of {}", self.samples.len())
    }
}

/// Returns what the container says about when each sample is displayed.
pub(crate) fn timed_pictures(samples: &[Sample]) -> Vec<TimedPicture> {
    let picture = |sample: &Sample| TimedPicture {
        time: sample.time,
        duration: i64::from(sample.duration),
        sync: sample.sync,
    };
    samples.iter().map(picture).collect()
}

/// Checks that each picture is displayed soon enough after earlier ones. A decoder holds at most
/// `held` pictures back, so that a picture precedes at most as many that are decoded before it.
///
/// # Errors
///
/// `Malformed`.
pub(crate) fn check_display_order(frames: &[FrameTime], held: usize) -> Result<(), MediaError> {
    let late = frames.iter().enumerate().find(|(rank, frame)| frame.index > rank + held);
    match late {
        Some((rank, frame)) => Err(malformed(format!(
            "sample {} of {} is displayed as frame {rank}, which is before more than {held} samples \
             that are decoded earlier",
            frame.index,
            frames.len()
        ))),
        None => Ok(()),
    }
}

/// Returns the error for reordered pictures of which `count` have the time of another one.
pub(crate) fn unknown_order(count: usize) -> MediaError {
    malformed(format!("{count} frames have the time of another frame, so their order is unknown"))
}

/// Returns the times of samples in display order.
///
/// # Errors
///
/// `Malformed` where pictures are reordered but several have one time, so that their order is unknown.
pub(crate) fn frame_times(samples: &[Sample]) -> Result<Vec<FrameTime>, MediaError> {
    let frame = |(index, sample): (usize, &Sample)| FrameTime {
        time: sample.time,
        duration: i64::from(sample.duration),
        index,
    };
    let mut frames: Vec<FrameTime> = samples.iter().enumerate().map(frame).collect();
    if !frames.is_sorted_by_key(|frame| frame.time) {
        frames.sort_by_key(|frame| frame.time);
        let equal = frames.windows(2).filter(|two| matches!(two, [a, b] if a.time == b.time));
        let count = equal.count();
        if count > 0 {
            return Err(unknown_order(count));
        }
    }
    Ok(frames)
}
