//! Path operations.

/// Splits a path into dashes.
pub(crate) fn dashes(path: &[(i32, i32)], dash: i32, gap: i32) -> Vec<Vec<(i32, i32)>> {
    let mut dashes = Vec::new();
    let (mut drawing, mut remaining) = (true, f64::from(dash));
    let mut current: Vec<(i32, i32)> = path.first().copied().into_iter().collect();
    for pair in path.windows(2) {
        let &[(x0, y0), (x1, y1)] = pair else { continue };
        let (dx, dy) = (f64::from(x1 - x0), f64::from(y1 - y0));
        let (length, mut done) = (dx.hypot(dy), 0.0);
        while length - done > remaining {
            done += remaining;
            let fraction = done / length;
            let at = (x0 + (dx * fraction).round() as i32, y0 + (dy * fraction).round() as i32);
            if drawing {
                current.push(at);
                dashes.push(std::mem::take(&mut current));
            } else {
                current = vec![at];
            }
            drawing = !drawing;
            remaining = f64::from(if drawing { dash } else { gap });
        }
        remaining -= length - done;
        if drawing {
            current.push((x1, y1));
        }
    }
    if drawing {
        dashes.push(current);
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_and_gaps_alternate_along_the_path() {
        let segments = dashes(&[(0, 0), (100, 0), (100, 30)], 20, 10);
        assert_eq!(segments[0], [(0, 0), (20, 0)]);
        assert_eq!(segments[3], [(90, 0), (100, 0), (100, 10)]);
        assert_eq!(segments.len(), 5);
        assert!(dashes(&[], 2, 1).iter().all(Vec::is_empty));
    }
}
