//! In which half of a clip is it fake? `cargo run --release --features all --example localise -- CHECKPOINT CSV`.
//!
//! The CSV is one that `avff synth --half 1` wrote: its columns `fake_from` and `fake_to` say which half of each
//! fake is. The half is taken for fake whose moments, both streams together, speak for it more.

use std::{env, error::Error, path::Path};

use avff::{Detector, Device, explain::Moment};

#[expect(clippy::print_stdout, reason = "this is what the example shows")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [weights, csv] = arguments.as_slice() else {
        return Err("give a checkpoint and a CSV of `avff synth --half 1`".into());
    };
    let detector = Detector::builder().device(Device::host()).open(weights)?;
    let root = Path::new(csv).parent().unwrap_or(Path::new(""));

    let mut reader = csv::Reader::from_path(csv)?;
    let headers = reader.headers()?.clone();
    let place = |name: &str| {
        let place = headers.iter().position(|header| header == name);
        place.ok_or_else(|| format!("{csv} has no column `{name}`"))
    };
    let [name, from, to] = [place("video_name")?, place("fake_from")?, place("fake_to")?];
    let (mut found, mut clips) = (0, 0);
    for row in reader.records() {
        let row = row?;
        let second = |place: usize| row.get(place).and_then(|cell| cell.parse::<f64>().ok());
        let (Some(from), Some(to)) = (second(from), second(to)) else { continue };
        let clip = root.join(row.get(name).unwrap_or_default());
        let made = detector.explain(&clip, None)?;
        let moments = made.windows.iter().flat_map(|window| &window.moments);
        let middle = |moment: &Moment| (moment.span.start + moment.span.end) / 2.0;
        let (own, other): (Vec<&Moment>, Vec<&Moment>) =
            moments.partition(|moment| (from..to).contains(&middle(moment)));
        if own.is_empty() || other.is_empty() {
            continue;
        }
        let sum = |moments: Vec<&Moment>| moments.iter().map(|moment| moment.both).sum::<f32>();
        clips += 1;
        found += usize::from(sum(own) > sum(other));
    }
    let share = found as f64 / f64::from(clips.max(1));
    println!("the fake half is named in {found} of {clips} clips ({:.1} %)", share * 100.0);
    Ok(())
}
