//! Reads the macroblocks of a slice, whose syntax is the same for both codings (ITU-T H.264 section
//! 7.3.5).

use super::{
    around::{Around, Macroblock},
    elements::{Block, Elements, Stop},
    kinds::{Kind, Quarter, Split},
};
use crate::access_units::header_rest::SliceType;

/// What a slice allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    pub(super) slice: SliceType,
    /// The number of reference pictures of each list.
    pub(super) references: [u32; 2],
    /// Whether macroblocks may have blocks of 8x8.
    pub(super) blocks_of_8: bool,
    /// Whether derived motion is the same for a quarter of a macroblock.
    pub(super) direct_by_quarters: bool,
}

/// The left and upper block of a quarter.
pub(super) fn corner(quarter: usize) -> [usize; 2] {
    [2 * (quarter & 1), 2 * (quarter >> 1 & 1)]
}

/// Reads a macroblock that is not skipped into `around.current`.
pub(super) fn macroblock(
    elements: &mut impl Elements,
    around: &mut Around<'_>,
    allowed: Allowed,
) -> Result<(), Stop> {
    around.current.is_there = true;
    let kind = elements.kind(around, allowed.slice)?;
    around.current.intra = kind.is_intra();
    let mut may_be_of_8 = allowed.blocks_of_8;
    match kind {
        Kind::Samples => {
            elements.samples()?;
            around.current = Macroblock::of_samples();
            around.requantized = false;
            return Ok(());
        }
        Kind::Blocks => {
            around.current.of_blocks = true;
            if allowed.blocks_of_8 {
                around.current.of_8 = elements.of_8(around)?;
            }
            for _ in 0..if around.current.of_8 { 4 } else { 16 } {
                elements.block_mode()?;
            }
            around.current.chroma_mode = elements.chroma_mode(around)?;
            may_be_of_8 = false;
        }
        Kind::Whole { pattern } => {
            around.current.chroma_mode = elements.chroma_mode(around)?;
            around.current.pattern = pattern;
            may_be_of_8 = false;
        }
        Kind::Direct => {
            around.current.direct = true;
            may_be_of_8 &= allowed.direct_by_quarters;
        }
        Kind::Parts(split, lists) => parts(elements, around, allowed, split, lists)?,
        Kind::Quarters { first_picture } => {
            let references = if first_picture { [1; 2] } else { allowed.references };
            may_be_of_8 &= quarters(elements, around, Allowed { references, ..allowed })?;
        }
    }
    let is_whole = matches!(kind, Kind::Whole { .. });
    if !is_whole {
        around.current.pattern = elements.pattern(around)?;
        if may_be_of_8 && around.current.pattern & 15 > 0 {
            around.current.of_8 = elements.of_8(around)?;
        }
    }
    let is_coded = is_whole || around.current.pattern > 0;
    around.requantized = is_coded && elements.quantizer(around)?;
    if is_coded { residual(elements, around, is_whole) } else { Ok(()) }
}

/// Reads the motion of one or two parts.
fn parts(
    elements: &mut impl Elements,
    around: &mut Around<'_>,
    allowed: Allowed,
    split: Split,
    lists: [u8; 2],
) -> Result<(), Stop> {
    let (areas, count) = split.areas([0, 0], 4);
    let parts = || areas.into_iter().zip(lists).take(count);
    for list in 0..2 {
        for (area, _) in parts().filter(|(_, lists)| lists >> list & 1 == 1) {
            let references = allowed.references[list];
            if references > 1 {
                let index = elements.reference(around, list, [area[0], area[1]], references)?;
                around.current.refer(list, area, index);
            }
        }
    }
    for list in 0..2 {
        for (area, _) in parts().filter(|(_, lists)| lists >> list & 1 == 1) {
            let by = elements.motion(around, list, [area[0], area[1]])?;
            around.current.move_by(list, area, by);
        }
    }
    Ok(())
}

/// Reads the motion of four quarters. Returns whether none of them forbids blocks of 8x8.
fn quarters(
    elements: &mut impl Elements,
    around: &mut Around<'_>,
    allowed: Allowed,
) -> Result<bool, Stop> {
    let mut kinds = [Quarter::Direct; 4];
    for kind in &mut kinds {
        *kind = elements.quarter(allowed.slice)?;
    }
    for list in 0..2 {
        for (quarter, kind) in kinds.into_iter().enumerate() {
            let references = allowed.references[list];
            if kind.lists() >> list & 1 == 1 && references > 1 {
                let [x, y] = corner(quarter);
                let index = elements.reference(around, list, [x, y], references)?;
                around.current.refer(list, [x, y, 2, 2], index);
            }
        }
    }
    for list in 0..2 {
        for (quarter, kind) in kinds.into_iter().enumerate() {
            let Quarter::Parts(split, lists) = kind else { continue };
            if lists >> list & 1 == 0 {
                continue;
            }
            let (areas, count) = split.areas(corner(quarter), 2);
            for area in areas.into_iter().take(count) {
                let by = elements.motion(around, list, [area[0], area[1]])?;
                around.current.move_by(list, area, by);
            }
        }
    }
    Ok(kinds.into_iter().all(|kind| match kind {
        Quarter::Direct => allowed.direct_by_quarters,
        Quarter::Parts(split, _) => split == Split::None,
    }))
}

/// Reads the coefficients (section 7.3.5.3).
fn residual(
    elements: &mut impl Elements,
    around: &mut Around<'_>,
    is_whole: bool,
) -> Result<(), Stop> {
    let pattern = around.current.pattern;
    if is_whole {
        around.current.means[0] = elements.block(around, Block::LumaMeans)? > 0;
    }
    for quarter in (0..4).filter(|quarter| pattern >> quarter & 1 == 1) {
        if around.current.of_8 {
            elements.block_of_8(around, quarter)?;
            continue;
        }
        let [left, top] = corner(quarter);
        for [x, y] in [[left, top], [left + 1, top], [left, top + 1], [left + 1, top + 1]] {
            let block = if is_whole { Block::LumaRest([x, y]) } else { Block::Luma([x, y]) };
            around.current.luma[4 * y + x] = elements.block(around, block)?;
        }
    }
    if pattern >> 4 > 0 {
        for plane in 0..2 {
            around.current.means[1 + plane] =
                elements.block(around, Block::ChromaMeans(plane))? > 0;
        }
    }
    if pattern >> 4 > 1 {
        for plane in 0..2 {
            for [x, y] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
                let count = elements.block(around, Block::Chroma(plane, [x, y]))?;
                around.current.chroma[plane][2 * y + x] = count;
            }
        }
    }
    Ok(())
}
