//! Rows as vectors, and the number of rows per task.

use pulp::Simd;

/// Rows per task: enough work for one thread, and few enough for an even split. The value does not
/// depend on the number of threads.
pub(crate) const TASK_ROWS: usize = 32;

/// Returns a row as vectors; zeros pad the last one.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(simd: S, row: &[f32]) -> impl Iterator<Item = S::f32s> {
    let (head, tail) = S::as_simd_f32s(row);
    let rest = (!tail.is_empty()).then(|| simd.partial_load_f32s(tail));
    head.iter().copied().chain(rest)
}
