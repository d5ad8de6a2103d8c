//! Parts of a video track whose pictures were lost, as its times say.

use std::ops::Range;

/// The longest time in seconds for which a frame of a constant rate is shown and no frame was lost.
/// Some writers hold a frame, for example where a recorder stalled.
const LONGEST_HELD: f64 = 1.25;

/// How many frames a frame lasts at least where others were lost.
const MANY_FRAMES: i64 = 8;

/// A coded picture: display time and duration in ticks, and whether decoding may start there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedPicture {
    pub(crate) time: i64,
    pub(crate) duration: i64,
    pub(crate) sync: bool,
}

/// Returns the parts of a track whose pictures cannot be trusted. `holes` are the parts that no
/// fragment holds, and `pictures` are in decode order. `tick` is in seconds.
///
/// Pictures after lost ones refer to them, up to the next picture where decoding may start. A clip of
/// a constant rate lost pictures where a frame lasts long and the next frame refers to earlier ones.
/// Where the rate varies, a long frame says nothing.
pub(crate) fn lost_pictures(
    pictures: &[TimedPicture],
    holes: &[Range<i64>],
    tick: f64,
) -> Vec<Range<i64>> {
    let mut lost: Vec<Range<i64>> = holes
        .iter()
        .map(|hole| {
            let after = pictures.iter().position(|picture| picture.time >= hole.end);
            hole.start..after.map_or(hole.end, |after| trusted_from(pictures, after, hole.end))
        })
        .collect();
    let mut order: Vec<(i64, usize)> =
        pictures.iter().zip(0..).map(|(picture, index)| (picture.time, index)).collect();
    order.sort_unstable();
    let steps = order.windows(2).filter_map(|two| match *two {
        [(time, _), (next, index)] => Some((time, next.saturating_sub(time), index)),
        _ => None,
    });
    let mut sorted: Vec<i64> = steps.clone().map(|(_, step, _)| step).collect();
    sorted.sort_unstable();
    let Some(&usual) = sorted.get(sorted.len() / 2) else { return lost };
    let is_usual = |step: i64| step.abs_diff(usual).saturating_mul(8) <= usual.unsigned_abs();
    let constant = sorted.iter().filter(|&&step| is_usual(step)).count();
    if usual <= 0 || constant * 10 < sorted.len() * 9 {
        return lost;
    }
    for (time, step, index) in steps {
        let in_hole = |hole: &Range<i64>| hole.start < time.saturating_add(step) && time < hole.end;
        let is_sync = pictures.get(index).is_some_and(|picture| picture.sync);
        let long = step as f64 * tick > LONGEST_HELD && step / usual >= MANY_FRAMES;
        if long && !is_sync && !holes.iter().any(in_hole) {
            let end = trusted_from(pictures, index, time.saturating_add(step));
            lost.push(time.saturating_add(usual)..end);
        }
    }
    lost
}

/// Returns the time of the first picture from `index` on where decoding may start; `end` where that
/// is the first one, and the end of the track where there is none.
fn trusted_from(pictures: &[TimedPicture], index: usize, end: i64) -> i64 {
    let rest = pictures.get(index..).unwrap_or_default();
    match rest.iter().position(|picture| picture.sync) {
        Some(0) => end,
        Some(at) => rest.get(at).map_or(end, |picture| picture.time).max(end),
        None => {
            let ends = rest.iter().map(|picture| picture.time.saturating_add(picture.duration));
            ends.max().unwrap_or(end).max(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of 4 ticks, of 100 ticks a second, with a sync picture every 10.
    fn pictures(longer: &[(usize, i64)]) -> Vec<TimedPicture> {
        let mut time = 0;
        let mut list = Vec::new();
        for index in 0..40 {
            let more = longer.iter().find(|(at, _)| *at == index).map_or(0, |(_, more)| *more);
            list.push(TimedPicture { time, duration: 4 + more, sync: index % 10 == 0 });
            time += 4 + more;
        }
        list
    }

    fn spans(ranges: &[Range<i64>]) -> Vec<(i64, i64)> {
        ranges.iter().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn a_long_frame_before_a_dependent_one_is_a_hole() {
        let lost = |longer: &[(usize, i64)]| spans(&lost_pictures(&pictures(longer), &[], 0.01));
        // The next sync picture is number 20.
        assert_eq!(lost(&[(14, 160)]), [(60, 80 + 160)]);
        assert_eq!(lost(&[(34, 160)]), [(140, 160 + 160)], "none follows");
        assert_eq!(lost(&[(19, 160)]), [], "a sync picture follows");
        assert_eq!(lost(&[(14, 100)]), [], "a frame is held");
        assert_eq!(lost(&[(39, 1000)]), [], "the last frame is held");
        let many: Vec<_> = (0..10).map(|at| (4 * at + 1, 160)).collect();
        assert_eq!(lost(&many), [], "the rate varies");
        assert_eq!(lost_pictures(&[], &[], 0.01), []);
        assert_eq!(lost_pictures(&pictures(&[(14, 16)]), &[], 0.5), [], "slides of 2 s");
    }

    #[test]
    fn frames_after_a_hole_are_lost_up_to_a_sync_picture() {
        let list = pictures(&[(14, 40), (29, 40)]);
        let holes = [60..100, 160..200];
        assert_eq!(spans(&lost_pictures(&list, &holes, 0.01)), [(60, 120), (160, 200)]);
    }
}
