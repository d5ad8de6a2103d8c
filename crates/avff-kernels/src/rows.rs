//! Rows, and how many of them a task takes.

use pulp::Simd;

/// Rows of a task: enough work to be worth a thread's while, few enough to share out evenly, and
/// never a matter of how many threads there are.
pub(crate) const TASK_ROWS: usize = 32;

/// A row in vectors, the last filled with zeros.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(simd: S, row: &[f32]) -> impl Iterator<Item = S::f32s> {
    let (head, tail) = S::as_simd_f32s(row);
    let rest = (!tail.is_empty()).then(|| simd.partial_load_f32s(tail));
    head.iter().copied().chain(rest)
}
