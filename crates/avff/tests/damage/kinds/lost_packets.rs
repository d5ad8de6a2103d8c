//! Samples that are missing from all tables of a track, with the time stamps of the others kept, and samples
//! without bytes.

use super::{
    super::{
        fixtures::Clip,
        h264,
        mp4::{Sample, with_samples},
        random::Random,
    },
    Damaged, choose,
};

/// The site of samples of uncompressed audio, each of which is shorter than a millisecond.
const PCM: &str = "uncompressed samples";

pub fn damage(clips: &[Clip], random: &mut Random) -> Damaged {
    let index = choose(clips, random, |clip| !clip.tracks.is_empty());
    let clip = &clips[index];
    let mut tracks = clip.tracks.clone();
    let number = random.below(tracks.len());
    let track = &mut tracks[number];
    let video = track.video;
    // The first sample stays, so that the others keep their times.
    let first = 1 + random.below(track.samples.len() - 1);
    if random.below(4) == 0 {
        track.samples[first].data.clear();
        let site = match video {
            true => "frame without bytes",
            false if clip.audio == "PCM" => PCM,
            false => "audio packet without bytes",
        };
        let bytes = with_samples(&clip.bytes, &tracks);
        return Damaged { clip: index, site: site.into(), what: format!("sample {first}"), bytes };
    }
    let last = (first + random.below(3)).min(track.samples.len() - 1);
    let is_h264 = matches!(clip.video, "CABAC" | "CAVLC");
    // The last frame that is shown need not be the last in the file.
    let mut decoded = 0;
    let shown = track.samples.iter().map(|sample| {
        // A shift may be negative, in two's complement of 32 bits.
        let time = decoded + i64::from(sample.shift.unwrap_or_default() as u32 as i32);
        decoded += sample.duration as i64;
        time
    });
    let latest = shown.enumerate().max_by_key(|(_, time)| *time).map(|(index, _)| index);
    let at_end = last + 1 == track.samples.len()
        || latest.is_some_and(|latest| (first..=last).contains(&latest));
    let site = match (video, is_h264) {
        (true, _) if at_end => "frames at the end of a clip",
        (true, true) => lost_frames(&track.samples, first, last),
        (true, false) => "frames without numbers",
        (false, _) if clip.audio == "PCM" => PCM,
        (false, _) if at_end => "audio at the end",
        (false, _) => "audio packets",
    };
    let lost: usize = track.samples.drain(first..=last).map(|sample| sample.duration).sum();
    track.samples[first - 1].duration += lost;
    let bytes = with_samples(&clip.bytes, &tracks);
    Damaged { clip: index, site: site.into(), what: format!("samples {first} to {last}"), bytes }
}

/// Names what the lost frames of H.264 were for the others.
fn lost_frames(samples: &[Sample], first: usize, last: usize) -> &'static str {
    let is_reference = |sample: &Sample| h264::is_reference(&sample.data);
    if samples[first..=last].iter().any(|sample| h264::is_idr(&sample.data)) {
        return "key frames";
    }
    if !samples[first..=last].iter().any(is_reference) {
        return "frames that no other refers to";
    }
    // The next frame shows the gap in its number, unless numbers start again.
    match samples.get(last + 1) {
        Some(next) if !h264::is_idr(&next.data) => "frames that others refer to",
        _ => "frames at the end of a group",
    }
}
