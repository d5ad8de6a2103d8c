//! The rest of a slice header up to the marking of reference pictures (ITU-T H.264 section 7.3.3),
//! which may start frame numbers anew.

use super::sets::{Numbering, Order, SliceFields};
use crate::bits::Bits;

/// The operation that removes all reference pictures and starts frame numbers anew.
const RESET: u32 = 5;
/// The limit on reference pictures of a list, those of fields.
const MAX_REFERENCES: u32 = 32;
/// The limit on operations in a list, far above what pictures can use.
const MAX_OPERATIONS: usize = 128;

/// Returns whether frame numbers start anew after a picture; `None` where the header cannot be read.
/// `bits` follow the number of a frame that is a reference picture, no field and no IDR picture.
pub(super) fn resets(
    bits: &mut Bits<'_>,
    kind: u32,
    numbering: Numbering,
    slices: SliceFields,
) -> Option<bool> {
    let (is_p, is_b) = (matches!(kind % 5, 0 | 3), kind % 5 == 1);
    match numbering.order {
        Order::Bits(count) => {
            bits.bits(count)?;
            if slices.order_of_fields {
                bits.se()?;
            }
        }
        Order::Cycle { stated: true } => {
            bits.se()?;
            if slices.order_of_fields {
                bits.se()?;
            }
        }
        Order::Cycle { stated: false } | Order::Decoded => {}
    }
    if slices.redundant {
        bits.ue()?;
    }
    if is_b {
        bits.flag()?;
    }
    let lists = usize::from(is_p) + 2 * usize::from(is_b);
    let mut references = slices.references;
    if lists > 0 && bits.flag()? {
        for count in references.iter_mut().take(lists) {
            *count = bits.ue()?.checked_add(1)?;
        }
    }
    for _ in 0..lists {
        modification(bits)?;
    }
    if is_p && slices.weighted || is_b && slices.weighted_both {
        bits.ue()?;
        if numbering.chroma && !numbering.separate_planes {
            bits.ue()?;
        }
        for &count in references.iter().take(lists) {
            for _ in 0..Some(count).filter(|&count| count <= MAX_REFERENCES)? {
                weights(bits, numbering.chroma && !numbering.separate_planes)?;
            }
        }
    }
    if !bits.flag()? {
        return Some(false);
    }
    for _ in 0..MAX_OPERATIONS {
        match bits.ue()? {
            0 => return Some(false),
            RESET => return Some(true),
            3 => drop((bits.ue()?, bits.ue()?)),
            1 | 2 | 4 | 6 => drop(bits.ue()?),
            _ => return None,
        }
    }
    None
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
