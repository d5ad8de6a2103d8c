//! The rest of a slice header, after the number of the frame (ITU-T H.264 section 7.3.3).

use super::sets::{Numbering, Order, SliceFields};
use crate::bits::Bits;

/// The operation that removes all reference pictures and starts frame numbers anew.
const RESET: u32 = 5;
/// The limit on reference pictures of a list, those of fields.
const MAX_REFERENCES: u32 = 32;
/// The limit on operations in a list, far above what pictures can use.
const MAX_OPERATIONS: usize = 128;

/// The type of a slice whose macroblocks can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SliceType {
    I,
    P,
    B,
}

impl SliceType {
    /// Returns the type of `slice_type` (Table 7-6); `None` for switching slices.
    pub(super) fn of(code: u32) -> Option<Self> {
        match code {
            0 | 5 => Some(Self::P),
            1 | 6 => Some(Self::B),
            2 | 7 => Some(Self::I),
            _ => None,
        }
    }

    /// Returns how many lists of reference pictures there are.
    fn lists(self) -> usize {
        match self {
            Self::I => 0,
            Self::P => 1,
            Self::B => 2,
        }
    }
}

/// What a slice header says of reference pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct References {
    /// The number of reference pictures of each list.
    pub(super) counts: [u32; 2],
    /// Whether frame numbers start anew after the picture.
    pub(super) resets: bool,
    /// Whether the slice repeats macroblocks of another one.
    pub(super) is_redundant: bool,
}

impl References {
    /// Reads the fields up to the marking of reference pictures. `bits` follow the number of a frame
    /// that is no field. Returns `None` where they cannot be read.
    pub(super) fn read(
        bits: &mut Bits<'_>,
        kind: SliceType,
        (idr, reference): (bool, bool),
        numbering: Numbering,
        slices: SliceFields,
    ) -> Option<Self> {
        if idr {
            bits.ue()?;
        }
        display_order(bits, numbering.order, slices.order_of_fields)?;
        let is_redundant = slices.redundant && bits.ue()? > 0;
        if kind == SliceType::B {
            bits.flag()?;
        }
        let lists = kind.lists();
        let mut counts = slices.references;
        if lists > 0 && bits.flag()? {
            for count in counts.iter_mut().take(lists) {
                *count = bits.ue()?.checked_add(1)?;
            }
        }
        for _ in 0..lists {
            modification(bits)?;
        }
        let is_weighted = match kind {
            SliceType::I => false,
            SliceType::P => slices.weighted,
            SliceType::B => slices.weighted_both,
        };
        if is_weighted {
            let chroma = numbering.chroma && !numbering.separate_planes;
            bits.ue()?;
            if chroma {
                bits.ue()?;
            }
            for &count in counts.iter().take(lists) {
                for _ in 0..Some(count).filter(|&count| count <= MAX_REFERENCES)? {
                    weights(bits, chroma)?;
                }
            }
        }
        let resets = reference && marking(bits, idr)?;
        Some(Self { counts, resets, is_redundant })
    }
}

/// How the macroblocks of a slice are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coding {
    /// Which of the tables of contexts starts the slice: 0 for I slices, else 1 to 3.
    pub(super) contexts: usize,
    /// The quantizer of the first macroblock, 0 to 51.
    pub(super) quantizer: i32,
}

impl Coding {
    /// Reads the last fields of a slice header.
    pub(super) fn read(bits: &mut Bits<'_>, kind: SliceType, slices: SliceFields) -> Option<Self> {
        let contexts = if slices.arithmetic && kind != SliceType::I {
            bits.ue().filter(|&table| table <= 2)? as usize + 1
        } else {
            0
        };
        let quantizer = slices.quantizer.checked_add(bits.se()?)?;
        if slices.filter && bits.ue()? != 1 {
            bits.se()?;
            bits.se()?;
        }
        Some(Self { contexts, quantizer: Some(quantizer).filter(|qp| (0..=51).contains(qp))? })
    }
}

/// Passes over the display order of a frame.
fn display_order(bits: &mut Bits<'_>, order: Order, of_fields: bool) -> Option<()> {
    match order {
        Order::Bits(count) => {
            bits.bits(count)?;
            if of_fields {
                bits.se()?;
            }
        }
        Order::Cycle { stated: true } => {
            bits.se()?;
            if of_fields {
                bits.se()?;
            }
        }
        Order::Cycle { stated: false } | Order::Decoded => {}
    }
    Some(())
}

/// Passes over the changes of a list of reference pictures.
fn modification(bits: &mut Bits<'_>) -> Option<()> {
    if !bits.flag()? {
        return Some(());
    }
    for _ in 0..MAX_OPERATIONS {
        if bits.ue()? >= 3 {
            return Some(());
        }
        bits.ue()?;
    }
    None
}

/// Passes over the weights of a reference picture.
fn weights(bits: &mut Bits<'_>, chroma: bool) -> Option<()> {
    if bits.flag()? {
        bits.se()?;
        bits.se()?;
    }
    if chroma && bits.flag()? {
        for _ in 0..4 {
            bits.se()?;
        }
    }
    Some(())
}

/// Reads the marking of reference pictures. Returns whether frame numbers start anew.
fn marking(bits: &mut Bits<'_>, idr: bool) -> Option<bool> {
    if idr {
        bits.bits(2)?;
        return Some(false);
    }
    if !bits.flag()? {
        return Some(false);
    }
    let mut resets = false;
    for _ in 0..MAX_OPERATIONS {
        match bits.ue()? {
            0 => return Some(resets),
            RESET => resets = true,
            3 => drop((bits.ue()?, bits.ue()?)),
            1 | 2 | 4 | 6 => drop(bits.ue()?),
            _ => return None,
        }
    }
    None
}
