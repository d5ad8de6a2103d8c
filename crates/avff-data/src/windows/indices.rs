//! Frame selection: frames evenly spaced over a complete clip.

use avff_media::{MediaError, Stream};

use crate::error::DataError;

/// Computes `floor(linspace(0, total - 1, count))` like NumPy in f64, the reference's choice.
///
/// A clip shorter than `count` repeats frames. The result is non-decreasing and below `total`.
/// Every step is rounded like NumPy's (`i * ((total - 1) / (count - 1))`, with the last one set to
/// `total - 1`). Exact integer arithmetic would select other frames where a product falls just
/// short of an integer.
///
/// # Errors
/// [`MediaError::Damaged`] for a clip without frames.
pub fn frame_indices(total: usize, count: usize) -> Result<Vec<usize>, DataError> {
    let Some(last) = total.checked_sub(1) else {
        return Err(MediaError::Damaged {
            stream: Stream::Video,
            what: "it holds no frames".into(),
        }
        .into());
    };
    // For a single value, NumPy's step is undefined and the result is the start.
    let step = if count > 1 { last as f64 / (count - 1) as f64 } else { 0.0 };
    Ok((0..count)
        .map(
            |i| if i > 0 && i + 1 == count { last } else { ((i as f64 * step) as usize).min(last) },
        )
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `np.floor(np.linspace(0, n - 1, 16)).astype(int)`, NumPy 2.
    const NUMPY: [(usize, [usize; 16]); 8] = [
        (1, [0; 16]),
        (2, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (15, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
        (16, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        (40, [0, 2, 5, 7, 10, 13, 15, 18, 20, 23, 26, 28, 31, 33, 36, 39]),
        (90, [0, 5, 11, 17, 23, 29, 35, 41, 47, 53, 59, 65, 71, 77, 83, 89]),
        (100, [0, 6, 13, 19, 26, 33, 39, 46, 52, 59, 66, 72, 79, 85, 92, 99]),
        (150, [0, 9, 19, 29, 39, 49, 59, 69, 79, 89, 99, 109, 119, 129, 139, 149]),
    ];

    #[test]
    fn matches_numpy() {
        for (total, expected) in NUMPY {
            assert_eq!(frame_indices(total, 16).unwrap(), expected, "{total} frames");
        }
        // A case in which f64 rounding and exact division differ: `7 * (122 / 14)` is just below
        // 61.
        assert_eq!(frame_indices(123, 15).unwrap()[7], 60);
        assert_eq!(frame_indices(16, 1).unwrap(), [0]);
        assert_eq!(frame_indices(5, 2).unwrap(), [0, 4]);
        assert_eq!(frame_indices(5, 0).unwrap(), [0; 0]);
    }

    #[test]
    fn no_frames_is_an_error() {
        let error = frame_indices(0, 16).unwrap_err();
        assert_eq!(error.stage(), crate::error::Stage::Damaged);
        assert_eq!(error.stream(), Some(Stream::Video));
        assert!(error.to_string().contains("no frames"), "{error}");
    }

    proptest! {
        #[test]
        fn indices_are_monotone_and_span_the_clip(
            total in prop_oneof![1..2000_usize, Just(usize::MAX), any::<usize>().prop_map(|n| n.max(1))],
            count in 2..200_usize,
        ) {
            let indices = frame_indices(total, count).unwrap();
            prop_assert_eq!(indices.len(), count);
            prop_assert!(indices.is_sorted());
            prop_assert_eq!((indices[0], indices[count - 1]), (0, total - 1));
        }
    }
}
