//! The valid and invalid files from which mutants are created.

use std::{fs, io::Cursor, path::PathBuf, sync::Arc};

use image::{DynamicImage, ImageFormat, RgbImage};

/// The reader of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Clip,
    Wav,
    Frame,
}

pub struct Seed {
    pub name: String,
    pub kind: Kind,
    pub bytes: Arc<[u8]>,
}

fn media() -> PathBuf {
    PathBuf::from("../avff-media/tests/fixtures/media")
}

/// Returns a fixture by name.
pub fn fixture(name: &str) -> Vec<u8> {
    fs::read(media().join(name)).unwrap()
}

/// Returns every media fixture, WAV files of each encoding, and small images.
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for folder in ["", "bad"] {
        let mut paths: Vec<_> = fs::read_dir(media().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let kind = match path.extension().and_then(|extension| extension.to_str()) {
                Some("mp4" | "mov" | "m4a" | "avi" | "webm") => Kind::Clip,
                Some("png") => Kind::Frame,
                _ => continue,
            };
            seeds.push(Seed { name, kind, bytes: fs::read(path).unwrap().into() });
        }
    }
    for (tag, bytes) in [(1, 1), (1, 2), (1, 3), (1, 4), (3, 4), (3, 8)] {
        let coding = if tag == 3 { "float" } else { "bit" };
        let name = format!("{}-{coding}.wav", 8 * bytes);
        seeds.push(Seed { name, kind: Kind::Wav, bytes: wav(tag, bytes, 8_000, 900).into() });
    }
    for (name, format) in [("small.png", ImageFormat::Png), ("small.jpg", ImageFormat::Jpeg)] {
        let bytes = encoded_image(48, 36, format);
        seeds.push(Seed { name: name.to_owned(), kind: Kind::Frame, bytes: bytes.into() });
    }
    seeds
}

/// Returns a WAV file of two channels; `tag` 1 is integers, 3 is floats.
pub fn wav(tag: u16, bytes: u16, rate: u32, samples: u32) -> Vec<u8> {
    let length = samples * 2 * u32::from(bytes);
    let mut out = b"RIFF".to_vec();
    out.extend((36 + length).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0");
    out.extend(tag.to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend(rate.wrapping_mul(2 * u32::from(bytes)).to_le_bytes());
    out.extend((2 * bytes).to_le_bytes());
    out.extend((8 * bytes).to_le_bytes());
    out.extend(b"data");
    out.extend(length.to_le_bytes());
    for index in 0..2 * samples {
        let value = (f64::from(index) * 0.07).sin() * 0.4;
        match (tag, bytes) {
            (3, 4) => out.extend((value as f32).to_le_bytes()),
            (3, _) => out.extend(value.to_le_bytes()),
            (_, 1) => out.push((value * 127.0 + 128.0) as u8),
            _ => {
                let word = ((value * 2_147_483_647.0) as i32).to_le_bytes();
                out.extend(&word[4 - usize::from(bytes)..]);
            }
        }
    }
    out
}

/// Returns an encoded image of a gradient.
pub fn encoded_image(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5) as u8, (y * 7) as u8, (x * y) as u8])
    });
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut out, format).unwrap();
    out.into_inner()
}
