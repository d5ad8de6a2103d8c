//! Writes a contact sheet of random frames with mesh heads, to look at:
//! `cargo run --release -p avff-synth --example sheet -- [--plain] sheet.png [COLUMNS ROWS SEED SIZE FRAMES]`.
//! With FRAMES above 1, each clip fills that many cells with frames 80 ms apart.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use avff_datasets::layout::Split;
use avff_synth::{Appearance, Head, SynthClip, SynthConfig};

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let plain = arguments.next_if(|argument| argument == "--plain").is_some();
    let path = arguments.next().unwrap();
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (columns, rows, seed, size, frames) =
        (number(10), number(6), number(1), number(224), number(1));
    let config = SynthConfig {
        seed: seed as u64,
        size,
        head: Head::Mesh,
        appearance: if plain { Appearance::Plain } else { Appearance::Varied },
        people: 100_000,
        ..SynthConfig::default()
    };
    let mut sheet = image::RgbImage::new((columns * size) as u32, (rows * size) as u32);
    let (mut setup, mut drawing) = (0.0, Vec::new());
    let mut clip = SynthClip::new(&config, Split::Train, 0);
    for cell in 0..columns * rows {
        let start = Instant::now();
        if cell % frames == 0 {
            clip = SynthClip::new(&config, Split::Train, (cell / frames) as u64);
        }
        setup += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let frame = clip.frame(12 + 2 * (cell % frames));
        drawing.push(start.elapsed().as_secs_f64());
        let image =
            image::RgbImage::from_raw(frame.width as u32, frame.height as u32, frame.rgb).unwrap();
        let (wide, high) = image.dimensions();
        let side = size as u32;
        let part = |length: u32| (length * side / wide.max(high)).max(1);
        let fitted = image::imageops::thumbnail(&image, part(wide), part(high));
        let (x, y) = ((cell % columns) * size, (cell / columns) * size);
        image::imageops::replace(&mut sheet, &fitted, x as i64, y as i64);
    }
    sheet.save(path).unwrap();
    let cells = (columns * rows) as f64;
    drawing.sort_unstable_by(f64::total_cmp);
    let part = |share: f64| 1e3 * drawing[(share * (cells - 1.0)) as usize];
    println!(
        "{:.1} ms to set up a clip; ms a frame: {:.2} at least, {:.2} in the median",
        1e3 * setup * frames as f64 / cells,
        part(0.0),
        part(0.5)
    );
}
