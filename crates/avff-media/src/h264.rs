//! Pictures of an H.264 track, by their place in display order.
//!
//! The decoder gives one picture for each sample, in decode order. Display order comes from the
//! container: the n-th shown picture is the sample with the n-th composition time. Only groups of
//! pictures that hold a wanted one are decoded, each from an IDR picture, where H.264 guarantees
//! that nothing before matters; and of those, pictures that nobody wants and no other is predicted
//! from are passed over.

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
};

use rusty_h264_common::YuvFrame;
use rusty_h264_decoder::{DecodeError, Decoder};

use super::{
    avc::{
        AvcConfig, NAL_IDR, NAL_SPS, Nals, has_start_code, is_disposable, is_slice, nal_type,
        push_nal,
    },
    color::{Colour, to_rgb},
    mp4::{Children, Edit, Entry, Fields, Sample, read_sample, visual_name},
    rotate::Turns,
    source::{FrameSink, beyond, missing},
    sps::Sps,
};
use crate::error::{MediaError, Stream};

/// The settings in a picture track's sample entry.
#[derive(Debug, Clone)]
pub(crate) struct VideoConfig {
    avc: AvcConfig,
    container_colour: Option<Colour>,
}

impl VideoConfig {
    /// Reads the settings of a sample entry, as far as they can be checked without a sample.
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
        let container_colour = match Children::find(entry.boxes, *b"colr")? {
            Some(body) => container_colour(body)?,
            None => None,
        };
        Ok(Self { avc, container_colour })
    }
}

/// Matrix and range of a `colr` box: `nclx` of ISO/IEC 14496-12 or `nclc` of QuickTime.
fn container_colour(body: &[u8]) -> Result<Option<Colour>, MediaError> {
    let mut fields = Fields::new("colr", body);
    let kind = fields.code()?;
    if !matches!(&kind, b"nclx" | b"nclc") {
        return Ok(None);
    }
    fields.take(4)?;
    let matrix = u8::try_from(fields.u16()?).unwrap_or(2);
    let full_range = kind == *b"nclx" && fields.u8()? & 0x80 != 0;
    Ok(Some(Colour { matrix, full_range }))
}

fn unsupported(codec: String) -> MediaError {
    MediaError::UnsupportedCodec { stream: Stream::Video, codec }
}

fn damaged(what: String) -> MediaError {
    MediaError::Damaged { stream: Stream::Video, what }
}

/// A picture track that can be decoded.
#[derive(Debug, Clone)]
pub(crate) struct VideoTrack {
    avc: AvcConfig,
    sps: Sps,
    colour: Colour,
    turns: Turns,
    /// In decode order.
    samples: Vec<Sample>,
    /// Indices of the shown samples in display order.
    shown: Vec<usize>,
    /// When each of those is shown, in seconds on the clip's clock.
    times: Vec<f64>,
}

impl VideoTrack {
    /// Joins settings and samples; reads the first sample where the settings are in it.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec` for interlaced and other streams that the decoder refuses, `Malformed`
    /// where the edit list hides every picture, `Damaged` for broken parameter sets, `Io`.
    pub(crate) fn new(
        file: &mut (impl Read + Seek),
        config: VideoConfig,
        samples: Vec<Sample>,
        edit: Edit,
        timescale: u32,
        turns: Turns,
    ) -> Result<Self, MediaError> {
        let VideoConfig { mut avc, container_colour } = config;
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
        let mut order: Vec<usize> = (0..samples.len()).collect();
        let time = |index: &usize| samples.get(*index).map_or(0, |sample| sample.time);
        order.retain(|index| edit.shows(time(index)));
        order.sort_by_key(time);
        if order.is_empty() {
            return Err(MediaError::Malformed {
                container: "MP4",
                what: "the edit list hides every picture".to_owned(),
            });
        }
        let seconds = |index: &usize| edit.clock(time(index)) as f64 / f64::from(timescale.max(1));
        let times = order.iter().map(seconds).collect();
        let colour = sps.colour(container_colour);
        let track = Self { colour, avc, sps, turns, samples, shown: order, times };
        // The parameter sets may ask for tools that the decoder lacks; so may, where fields are
        // allowed, each picture, of which the first speaks for the rest.
        let mut decoder = track.decoder()?;
        if sps.fields_allowed {
            track.decode(file, &mut decoder, 0, true, &mut first)?;
        }
        Ok(track)
    }

    /// When each picture is shown, in seconds.
    pub(crate) fn times(&self) -> &[f64] {
        &self.times
    }

    /// Pixels in a row and rows of a picture as shown.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (width, height) = self.sps.decoded;
        let (left, top) = self.sps.origin;
        self.turns.size((width.saturating_sub(left), height.saturating_sub(top)))
    }

    /// Decodes the pictures at these places in display order, which increase strictly.
    ///
    /// # Errors
    ///
    /// `TooLarge` for a place beyond the last, `Damaged` for any fault between the start of a
    /// needed group of pictures and the last one needed of it, `UnsupportedCodec` for a tool that
    /// shows up only there, `Io`.
    pub(crate) fn frames(
        &self,
        file: &mut (impl Read + Seek),
        indices: &[usize],
        sink: FrameSink<'_>,
    ) -> Result<(), MediaError> {
        let mut wanted = Vec::with_capacity(indices.len());
        for &index in indices {
            let sample = self.shown.get(index).ok_or_else(|| beyond(index, self.shown.len()))?;
            wanted.push((*sample, index));
        }
        // Decode order; what comes before its turn on the screen waits.
        wanted.sort_unstable();
        let mut early = BTreeMap::new();
        let mut due = indices.iter().copied().peekable();
        let mut buffer = Vec::new();
        let mut decoder = self.decoder()?;
        // The next sample for the decoder, or `None` while it has had none.
        let mut next = None;
        for (target, index) in wanted {
            let start = self.start_for(file, target, next.unwrap_or(0), &mut buffer)?;
            if let Some(start) = start.or(if next.is_none() { Some(0) } else { None }) {
                decoder = self.decoder()?;
                next = Some(start);
            }
            let mut frame = None;
            for sample in next.unwrap_or(0)..=target {
                frame = self.decode(file, &mut decoder, sample, sample == target, &mut buffer)?;
            }
            next = Some(target + 1);
            let picture = frame
                .and_then(|frame| to_rgb(&frame, self.sps.decoded, self.sps.origin, self.colour))
                .ok_or_else(|| damaged(format!("{}: unexpected size", self.name(target))))?;
            early.insert(index, self.turns.apply(picture));
            while let Some(picture) = due.peek().and_then(|index| early.remove(index)) {
                if sink(due.next().unwrap_or_default(), picture).is_break() {
                    return Ok(());
                }
            }
            // H.264 keeps no more of them back, and each takes the memory of a whole picture.
            if early.len() > self.sps.most_waiting() {
                return Err(damaged(format!("{}: shown too long after it", self.name(target))));
            }
        }
        match due.len() {
            0 => Ok(()),
            left => Err(missing(indices.len(), indices.len() - left)),
        }
    }

    /// The last sample after `from` and up to `target` from which decoding can start: one that the
    /// container calls a sync sample and that holds an IDR picture. (Containers also list the I
    /// pictures of open groups, whose leading pictures need what came before.)
    fn start_for(
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

    /// A decoder that has the parameter sets.
    fn decoder(&self) -> Result<Decoder, MediaError> {
        let mut decoder = Decoder::new();
        match decoder.decode(&self.avc.annex_b) {
            Ok(_) => Ok(decoder),
            Err(DecodeError::Unsupported(tool)) => Err(unsupported(format!("H.264 with {tool}"))),
            Err(error) => Err(damaged(format!("parameter sets: {error}"))),
        }
    }

    /// Decodes a sample; `None` for one that is not wanted and that no other needs.
    fn decode(
        &self,
        file: &mut (impl Read + Seek),
        decoder: &mut Decoder,
        index: usize,
        wanted: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<YuvFrame>, MediaError> {
        let fault = |what: &str| damaged(format!("{}: {what}", self.name(index)));
        let sample = self.samples.get(index).ok_or_else(|| fault("not in the index"))?;
        read_sample(file, sample, buffer)?;
        let mut annex_b = Vec::with_capacity(buffer.len() + 64);
        let mut needed = wanted;
        for nal in Nals::new(buffer, self.avc.length_size) {
            let nal = nal.ok_or_else(|| fault("a NAL unit runs past its end"))?;
            if has_start_code(nal) {
                return Err(fault("a NAL unit with a start code in it"));
            }
            if nal_type(nal) == Some(NAL_SPS) && Sps::read(nal)? != self.sps {
                return Err(unsupported("H.264 whose size or colours change midway".to_owned()));
            }
            needed |= !is_disposable(nal);
            push_nal(&mut annex_b, nal);
        }
        if !needed {
            return Ok(None);
        }
        let frame = decoder.decode(&annex_b).map_err(|error| match error {
            // These two follow from the parameter sets, so they are no sign of damage.
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
        frame.map(Some).ok_or_else(|| fault("no complete picture in it"))
    }

    fn name(&self, index: usize) -> String {
        format!("sample {index} of {}", self.samples.len())
    }
}
