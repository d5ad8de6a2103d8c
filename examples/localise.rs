//! Predicts which half of a clip is fake:
//! `cargo run --release --features all --example localise -- CHECKPOINT CSV`.
//!
//! `avff synth --half 1` writes the CSV; its columns `fake_from` and `fake_to` give the fake half
//! of each clip. The example sums the importance of the time segments of each half, for audio and
//! video together. It predicts the half with the larger sum.

use std::{env, error::Error, path::Path};

use avff::{Detector, Device, explain::TimeSegment};

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [weights, csv] = arguments.as_slice() else {
        return Err(
            "two arguments are needed: a checkpoint and a CSV of `avff synth --half 1`".into()
        );
    };
    let detector = Detector::builder().device(Device::host()).open(weights)?;
    let root = Path::new(csv).parent().unwrap_or(Path::new(""));

    let mut reader = csv::Reader::from_path(csv)?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        let index = headers.iter().position(|header| header == name);
        index.ok_or_else(|| format!("{csv} has no column `{name}`"))
    };
    let [name, from, to] = [column("video_name")?, column("fake_from")?, column("fake_to")?];
    let (mut correct, mut clips) = (0, 0);
    for row in reader.records() {
        let row = row?;
        let seconds = |column: usize| row.get(column).and_then(|cell| cell.parse::<f64>().ok());
        let (Some(from), Some(to)) = (seconds(from), seconds(to)) else { continue };
        let clip = root.join(row.get(name).unwrap_or_default());
        let explanation = detector.explain(&clip, None)?;
        let segments = explanation.windows.iter().flat_map(|window| &window.segments);
        let middle = |segment: &TimeSegment| (segment.span.start + segment.span.end) / 2.0;
        let (fake_half, other_half): (Vec<&TimeSegment>, Vec<&TimeSegment>) =
            segments.partition(|segment| (from..to).contains(&middle(segment)));
        if fake_half.is_empty() || other_half.is_empty() {
            continue;
        }
        let sum =
            |segments: Vec<&TimeSegment>| segments.iter().map(|segment| segment.both).sum::<f32>();
        clips += 1;
        correct += usize::from(sum(fake_half) > sum(other_half));
    }
    let fraction = correct as f64 / f64::from(clips.max(1));
    println!(
        "the fake half is predicted in {correct} of {clips} clips ({:.1} %)",
        fraction * 100.0
    );
    Ok(())
}
