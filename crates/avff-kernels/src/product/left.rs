//! The left operand, and its panels.

use std::ops::Range;

use super::kernel::ROWS;

/// Rows to be multiplied.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left<'a> {
    /// Row by row.
    Rows(&'a [f32]),
    /// As columns `first` and on of rows that are `stride` long.
    Columns { x: &'a [f32], stride: usize, first: usize },
}

impl Left<'_> {
    /// The first `count` rows, and the others.
    pub(super) fn split_at(self, count: usize, inputs: usize) -> (Self, Self) {
        match self {
            Self::Rows(x) => {
                let (now, later) = x.split_at(count * inputs);
                (Self::Rows(now), Self::Rows(later))
            }
            Self::Columns { x, stride, first } => {
                (self, Self::Columns { x, stride, first: first + count })
            }
        }
    }

    /// A block of inputs as panels of [`ROWS`] rows, each panel input by input; rows that are not there
    /// are zeros.
    #[inline(always)]
    pub(super) fn pack(self, inputs: usize, block: Range<usize>, panels: &mut [[f32; ROWS]]) {
        match self {
            Self::Rows(x) => pack_rows(x, inputs, block, panels),
            Self::Columns { x, stride, first } => {
                let columns = first..stride.min(first + panels.len() / block.len() * ROWS);
                pack_columns(&x[block.start * stride..block.end * stride], stride, columns, panels);
            }
        }
    }
}

#[inline(always)]
fn pack_rows(x: &[f32], inputs: usize, block: Range<usize>, panels: &mut [[f32; ROWS]]) {
    let depth = block.len();
    for (panel, rows) in panels.chunks_exact_mut(depth).zip(x.chunks(ROWS * inputs)) {
        if rows.len() < ROWS * inputs {
            panel.fill([0.0; ROWS]);
            for (r, row) in rows.chunks_exact(inputs).enumerate() {
                for (to, from) in panel.iter_mut().zip(&row[block.clone()]) {
                    to[r] = *from;
                }
            }
            continue;
        }
        // (Slices of a length that the compiler knows to be the same need no checks in the loop.)
        let mut starts = [&rows[..depth]; ROWS];
        for (r, row) in rows.chunks_exact(inputs).enumerate() {
            starts[r] = &row[block.clone()][..depth];
        }
        let [a, b, c, d, e, f] = starts;
        for (k, to) in panel.iter_mut().enumerate() {
            *to = [a[k], b[k], c[k], d[k], e[k], f[k]];
        }
    }
}

#[inline(always)]
fn pack_columns(x: &[f32], stride: usize, columns: Range<usize>, panels: &mut [[f32; ROWS]]) {
    let depth = x.len() / stride;
    for (k, row) in x.chunks_exact(stride).enumerate() {
        let (whole, rest) = row[columns.clone()].as_chunks::<ROWS>();
        let mut to = panels[k..].iter_mut().step_by(depth);
        for (to, from) in to.by_ref().zip(whole) {
            *to = *from;
        }
        if let (false, Some(to)) = (rest.is_empty(), to.next()) {
            *to = [0.0; ROWS];
            to[..rest.len()].copy_from_slice(rest);
        }
    }
}
