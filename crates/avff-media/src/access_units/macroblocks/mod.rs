//! Reads the macroblocks of coded pictures, without decoding them, to find damage.
//!
//! The decoder accepts nearly any damage inside a slice of arithmetic codes: each sequence of bits is
//! some picture. But damaged codes hardly ever end where the slice does. So this reads the syntax of
//! all macroblocks (ITU-T H.264 sections 7.3.4 and 7.3.5) and checks that each slice ends with its last
//! macroblock and with its data, and that the slices fill the picture. The tables are those of the
//! decoder's crate.

mod around;
mod cabac;
mod cavlc;
mod elements;
mod engine;
mod fault;
mod kinds;
mod walk;

use self::{
    around::{Around, Macroblock},
    cabac::Cabac,
    cavlc::Cavlc,
    elements::Stop,
    engine::{Engine, states},
    fault::Fault,
    walk::{Allowed, macroblock},
};
use super::{
    header_rest::{Coding, SliceType},
    sets::{ParameterSets, Picture},
    slice::{Start, Unreadable},
};
use crate::{
    avc::{NAL_IDR, nal_type},
    bits::{Bits, stop_bit, unescape},
};

/// Bits between the end of the codes and of the data: x264 fills up a byte, by the standard there are
/// none.
const MAX_LEFT: usize = 7;

/// Checks the macroblocks of one access unit after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Macroblocks {
    /// Whether data behind the codes of a slice is a fault.
    pub(super) is_strict: bool,
    /// The macroblocks of the last row, by column.
    row: Vec<Macroblock>,
}

/// What the header of a slice says.
enum Header<'a> {
    /// The slice holds macroblocks of the picture.
    Primary(Slice<'a>),
    /// The slice repeats macroblocks.
    Redundant,
    /// The macroblocks cannot be checked.
    Unknown,
}

/// A slice whose header was read.
struct Slice<'a> {
    payload: &'a [u8],
    /// The first bit after the header.
    start: usize,
    first: usize,
    arithmetic: bool,
    coding: Coding,
    allowed: Allowed,
    picture: Picture,
}

impl Slice<'_> {
    fn count(&self) -> usize {
        self.picture.columns as usize * self.picture.rows as usize
    }

    fn fault(&self, at: usize, stop: Stop) -> Fault {
        let count = self.count();
        match stop {
            Stop::Cut => Fault::Cut { at, count },
            Stop::Invalid(what) => Fault::Invalid { at, count, what },
        }
    }
}

impl Macroblocks {
    /// Checks the slices of an access unit. Returns whether they can be read: fields, pictures of 10 bit
    /// and others, which the embedded reader's decoder refuses, pass unseen.
    ///
    /// # Errors
    ///
    /// The fault.
    pub(super) fn check<'a>(
        &mut self,
        nals: impl IntoIterator<Item = &'a [u8]>,
        sets: &ParameterSets,
    ) -> Result<bool, Fault> {
        let (mut next, mut count) = (0, 0);
        for nal in nals {
            match nal_type(nal) {
                Some(1 | NAL_IDR) => {}
                Some(2..=4) => return Err(Fault::Partition),
                _ => continue,
            }
            let payload = unescape(nal.get(1..).unwrap_or_default());
            let slice = match read_header(nal, &payload, sets)? {
                Header::Primary(slice) => slice,
                Header::Redundant => continue,
                Header::Unknown => return Ok(false),
            };
            count = slice.count();
            if slice.first != next {
                return Err(Fault::Gap { start: slice.first, expected: next });
            }
            next = self.slice(&slice)?;
        }
        if next < count { Err(Fault::Incomplete { at: next, count }) } else { Ok(true) }
    }

    /// Reads a slice. Returns the macroblock after its last one.
    fn slice(&mut self, slice: &Slice<'_>) -> Result<usize, Fault> {
        self.row.clear();
        self.row.resize(slice.picture.columns as usize, Macroblock::outside());
        if slice.arithmetic { self.arithmetic(slice) } else { self.variable(slice) }
    }

    fn arithmetic(&mut self, slice: &Slice<'_>) -> Result<usize, Fault> {
        let count = slice.count();
        let length = stop_bit(slice.payload).ok_or(Fault::Header)? + 1;
        let Coding { contexts, quantizer } = slice.coding;
        let engine = Engine::new(slice.payload, slice.start.div_ceil(8));
        let mut cabac = Cabac::new(engine, states(contexts, quantizer), length);
        let kind = slice.allowed.slice;
        let mut requantized = false;
        let mut at = slice.first;
        loop {
            let column = self.column(at);
            let mut around = Around::new(&self.row, column, requantized);
            if kind != SliceType::I && cabac.is_skipped(&around, kind) {
                requantized = false;
                self.put(column, Macroblock::skipped(kind == SliceType::B));
            } else {
                let read = macroblock(&mut cabac, &mut around, slice.allowed);
                read.map_err(|stop| slice.fault(at, stop))?;
                requantized = around.requantized;
                let current = around.current;
                self.put(column, current);
            }
            let is_end = cabac.is_end();
            let left = cabac.left().ok_or(Fault::Cut { at, count })?;
            if is_end {
                let fault = Fault::Left { bits: left, at, count };
                let is_fault = self.is_strict && left > MAX_LEFT;
                return if is_fault { Err(fault) } else { Ok(at + 1) };
            }
            at += 1;
            if at >= count {
                return Err(Fault::GoesOn { count });
            }
        }
    }

    fn variable(&mut self, slice: &Slice<'_>) -> Result<usize, Fault> {
        let count = slice.count();
        let kind = slice.allowed.slice;
        let mut at = slice.first;
        let fault = |at| move |stop| slice.fault(at, stop);
        let mut cavlc = Cavlc::new(slice.payload, slice.start).map_err(fault(at))?;
        while cavlc.has_more() {
            if kind != SliceType::I {
                let skipped = cavlc.skipped().map_err(fault(at))? as usize;
                if skipped > count - at {
                    return Err(Fault::GoesOn { count });
                }
                for at in at..at + skipped {
                    self.put(self.column(at), Macroblock::skipped(kind == SliceType::B));
                }
                at += skipped;
                if !cavlc.has_more() {
                    break;
                }
            }
            if at >= count {
                return Err(Fault::GoesOn { count });
            }
            let column = self.column(at);
            let mut around = Around::new(&self.row, column, false);
            macroblock(&mut cavlc, &mut around, slice.allowed).map_err(fault(at))?;
            let current = around.current;
            self.put(column, current);
            at += 1;
        }
        // The last code must end before the stop bit.
        if Some(cavlc.position()) == stop_bit(slice.payload) {
            Ok(at)
        } else {
            Err(Fault::Cut { at: at.saturating_sub(1), count })
        }
    }

    fn column(&self, at: usize) -> usize {
        at % self.row.len().max(1)
    }

    fn put(&mut self, column: usize, macroblock: Macroblock) {
        if let Some(place) = self.row.get_mut(column) {
            *place = macroblock;
        }
    }
}

/// Reads the header of a slice.
fn read_header<'a>(
    nal: &[u8],
    payload: &'a [u8],
    sets: &ParameterSets,
) -> Result<Header<'a>, Fault> {
    let mut bits = Bits::new(payload);
    let header = nal.first().copied().unwrap_or_default();
    let start = match Start::read(header, &mut bits, sets) {
        Ok(start) if !start.field => start,
        Ok(_) | Err(Unreadable::NoSets) => return Ok(Header::Unknown),
        Err(Unreadable::Cut) => return Err(Fault::Header),
    };
    let (Some(fields), Some(picture), Some(kind)) =
        (start.fields, start.numbering.picture, start.kind)
    else {
        return Ok(Header::Unknown);
    };
    let references = start.references(&mut bits).ok_or(Fault::Header)?;
    if references.is_redundant {
        return Ok(Header::Redundant);
    }
    let coding = Coding::read(&mut bits, kind, fields).ok_or(Fault::Header)?;
    let slice = Slice {
        payload,
        start: bits.position(),
        first: start.first as usize,
        arithmetic: fields.arithmetic,
        coding,
        allowed: Allowed {
            slice: kind,
            references: references.counts,
            blocks_of_8: fields.blocks_of_8,
            direct_by_quarters: picture.direct_by_quarters,
        },
        picture,
    };
    if slice.first >= slice.count() {
        return Err(Fault::Gap { start: slice.first, expected: 0 });
    }
    Ok(Header::Primary(slice))
}

#[cfg(test)]
mod tests;
