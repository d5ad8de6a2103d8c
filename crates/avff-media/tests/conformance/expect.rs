//! What a player shows and plays of a row, and whether a reader agrees.

use std::{io::Write as _, ops::Range, panic, path::Path};

use avff_media::{Decoder, Frame, MediaSource, OpenOptions, Tracks, missing_spans, open_with};

use super::streams::value;

/// What is right for a file.
#[derive(Clone)]
pub(crate) enum Right {
    /// The presentation.
    Shown(Shown),
    /// An error whose text contains this.
    Refused(&'static str),
}

/// A presentation. Times are in seconds.
#[derive(Clone)]
pub(crate) struct Shown {
    /// The frames, by their display order in the plain clip, and when each is shown.
    pub(crate) frames: Vec<(usize, f64)>,
    pub(crate) video_end: f64,
    /// When each part of the audio is played, and its samples; silence between parts.
    pub(crate) audio: Vec<(f64, Range<usize>)>,
    /// Samples per second of the audio.
    pub(crate) rate: u32,
    pub(crate) holes: Vec<(f64, f64)>,
    /// Whether an edit list makes the silence between parts of the audio, and not a lost packet.
    pub(crate) pauses: bool,
    /// The numbers of the tracks.
    pub(crate) tracks: (usize, usize),
    pub(crate) pixel_aspect: (u32, u32),
}

/// A file and what is right for it.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Whether only FFmpeg reads the container.
    pub(crate) only_ffmpeg: bool,
    pub(crate) file: Vec<u8>,
    pub(crate) wanted: Tracks,
    pub(crate) right: Right,
}

/// Compares what a reader makes of a row. Returns what is wrong.
pub(crate) fn check(row: &Row, decoder: Decoder, plain: &[Frame]) -> Result<(), String> {
    let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    file.write_all(&row.file).unwrap();
    let options = OpenOptions { decoder, tracks: row.wanted, ..OpenOptions::default() };
    let read = || {
        compare(file.path(), options, &row.right, plain)?;
        match &row.right {
            Right::Shown(shown) if row.only_ffmpeg => drift(file.path(), options, shown),
            _ => Ok(()),
        }
    };
    panic::catch_unwind(panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("panicked".to_owned()))
}

fn compare(
    path: &Path,
    options: OpenOptions,
    right: &Right,
    plain: &[Frame],
) -> Result<(), String> {
    let shown = match (open_with(path, options), right) {
        (Err(error), Right::Refused(part)) if error.to_string().contains(part) => return Ok(()),
        (Err(error), Right::Refused(part)) => return Err(format!("{error}, not {part}")),
        (Err(error), Right::Shown(_)) => return Err(error.to_string()),
        (Ok(_), Right::Refused(part)) => return Err(format!("was read, should be: {part}")),
        (Ok(mut clip), Right::Shown(shown)) => {
            frames(&mut *clip, shown, plain)?;
            audio(&mut *clip, shown)?;
            let info = clip.info();
            gaps(&info.audio_gaps, shown)?;
            let tracks = (info.video_track.number, info.audio_track.number);
            if tracks != shown.tracks {
                return Err(format!("tracks {tracks:?}, not {:?}", shown.tracks));
            }
            if info.pixel_aspect != shown.pixel_aspect {
                let (seen, right) = (info.pixel_aspect, shown.pixel_aspect);
                return Err(format!("pixels of {seen:?}, not {right:?}"));
            }
            (missing_spans(&info.damage), shown.holes.clone())
        }
    };
    let near =
        |(a, b): (&(f64, f64), &(f64, f64))| (a.0 - b.0).abs() < 2e-3 && (a.1 - b.1).abs() < 2e-3;
    if shown.0.len() != shown.1.len() || !shown.0.iter().zip(&shown.1).all(near) {
        return Err(format!("holes {:?}, not {:?}", shown.0, shown.1));
    }
    Ok(())
}

/// Checks which gaps in the audio are named.
fn gaps(seen: &[(f64, f64)], shown: &Shown) -> Result<(), String> {
    let end = |(start, samples): &(f64, Range<usize>)| {
        start + samples.len() as f64 / f64::from(shown.rate)
    };
    let pairs = shown.audio.windows(2).map(|two| (end(&two[0]), two[1].0));
    let in_hole =
        |gap: &(f64, f64)| shown.holes.iter().any(|hole| gap.0 < hole.1 && hole.0 < gap.1);
    let right: Vec<(f64, f64)> =
        pairs.filter(|gap| gap.1 - gap.0 > 0.01 && !in_hole(gap) && !shown.pauses).collect();
    // Rounded time stamps may differ by 5 ms.
    let near =
        |(a, b): (&(f64, f64), &(f64, f64))| (a.0 - b.0).abs() < 5e-3 && (a.1 - b.1).abs() < 5e-3;
    if seen.len() != right.len() || !seen.iter().zip(&right).all(near) {
        return Err(format!("gaps {seen:?}, not {right:?}"));
    }
    Ok(())
}

/// Checks how far packets are from their places when they are played one after the other. An edit list
/// would not count.
fn drift(path: &Path, options: OpenOptions, shown: &Shown) -> Result<(), String> {
    let seconds = |samples: usize| samples as f64 / f64::from(shown.rate);
    let right = match &shown.audio[..] {
        [(first, before), (then, after)] => {
            let gap = then - first - seconds(before.len());
            // Without a gap, the end of a packet was cut.
            if gap > 1e-3 { gap } else { seconds(after.start - before.end) }
        }
        _ => 0.0,
    };
    let seen = open_with(path, options).unwrap().info().audio_drift;
    // Time stamps are rounded, or jitter by 2.5 ms.
    if (seen - right).abs() > 5e-3 {
        return Err(format!("packets drift by {seen:.4} s, not {right:.4}"));
    }
    Ok(())
}

fn frames(clip: &mut dyn MediaSource, shown: &Shown, plain: &[Frame]) -> Result<(), String> {
    let times = clip.frame_times();
    let count = times.len();
    if count != shown.frames.len() {
        return Err(format!("{count} frames, not {}", shown.frames.len()));
    }
    for (index, (time, (_, right))) in times.iter().zip(&shown.frames).enumerate() {
        if (time - right).abs() > 2e-3 {
            return Err(format!("frame {index} is shown at {time:.4} s, not {right:.4}"));
        }
    }
    let end = clip.info().video_end;
    if (end - shown.video_end).abs() > 2e-3 {
        return Err(format!("the last frame ends at {end:.4} s, not {:.4}", shown.video_end));
    }
    // The first and the last frames, those around a cut, and some between.
    let looked: Vec<usize> = (0..shown.frames.len())
        .filter(|&index| {
            let next = shown.frames.get(index + 1).map(|(frame, _)| *frame);
            let cut = next.is_none_or(|next| next != shown.frames[index].0 + 1);
            let before = index.checked_sub(1).map(|before| shown.frames[before].0 + 1);
            index % 17 == 0 || cut || before.is_some_and(|before| before != shown.frames[index].0)
        })
        .collect();
    let mut decoded = clip.frames_at(&looked).map_err(|error| error.to_string())?;
    let mut looked = looked;
    // The last frame, then the one in the middle, as a reader that goes back.
    for index in [count - 1, count / 2] {
        decoded.extend(clip.frames_at(&[index]).map_err(|error| error.to_string())?);
        looked.push(index);
    }
    for (frame, &index) in decoded.iter().zip(&looked) {
        let right = shown.frames[index].0;
        if *frame != plain[right] {
            let seen = plain.iter().position(|plain| plain == frame);
            return Err(format!("frame {index} is {seen:?} of the plain clip, not {right}"));
        }
    }
    Ok(())
}

fn audio(clip: &mut dyn MediaSource, shown: &Shown) -> Result<(), String> {
    let rate = f64::from(shown.rate);
    let at = |time: f64| (time * rate).round() as i64;
    let start = at(shown.audio[0].0);
    let end = shown.audio.iter().map(|(time, span)| at(*time) + span.len() as i64).max().unwrap();
    let mut right = vec![0.0_f32; usize::try_from(end - start).unwrap()];
    for (time, span) in &shown.audio {
        let from = usize::try_from(at(*time) - start).unwrap();
        for (offset, sample) in span.clone().enumerate() {
            right[from + offset] = f32::from(value(sample)) / 32_768.0;
        }
    }
    let info = clip.info().clone();
    for (what, seen, right) in [
        ("starts", info.audio_start, start as f64 / rate),
        ("ends", info.audio_end, end as f64 / rate),
    ] {
        // Rounded time stamps may differ by 5 ms.
        if (seen - right).abs() > 5e-3 {
            return Err(format!("the audio {what} at {seen:.4} s, not {right:.4}"));
        }
    }
    let (from, to) = (start as f64 / rate, end as f64 / rate);
    let (_, stream) = clip.streams();
    let seen = stream.between(from, to + 1.0).map_err(|error| error.to_string())?;
    same(&seen.channels[0], &right, 0)?;
    // A later span, then an earlier one, as overlapping windows read them.
    let middle = right.len() / 2;
    for (from, to) in [(middle, right.len().min(middle + 3000)), (middle / 2, middle / 2 + 2000)] {
        let second = |sample: usize| (start + sample as i64) as f64 / rate;
        let seen = stream.between(second(from), second(to)).map_err(|error| error.to_string())?;
        same(&seen.channels[0], &right[from..to.min(right.len())], from)?;
    }
    Ok(())
}

fn same(seen: &[f32], right: &[f32], from: usize) -> Result<(), String> {
    if let Some(at) = seen.iter().zip(right).position(|(a, b)| (a - b).abs() > 1e-6) {
        let place = (0..3 * 60_000)
            .find(|&sample| (seen[at] - f32::from(value(sample)) / 32_768.0).abs() < 1e-6);
        return Err(format!(
            "sample {} is that of {place:?}, not {}",
            from + at,
            right[at] * 32_768.0
        ));
    }
    if seen.len() != right.len() {
        return Err(format!("{} samples, not {}", seen.len(), right.len()));
    }
    Ok(())
}
