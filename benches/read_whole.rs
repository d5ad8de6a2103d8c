//! Reads every frame and all audio of media files, and names each file that cannot be read:
//! `cargo bench -p avff-data --bench read_whole -- [--decoder NAME] FILE...`.
//! Add `--features ffmpeg` for FFmpeg.
//!
//! Files that no damage befell must all be read: a refused one is a false alarm. The seconds are
//! those of decoding, on one thread.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{env, ops::ControlFlow, path::Path, process::exit, time::Instant};

use avff_media::{Decoder, MediaError, open_with};

fn main() {
    let mut decoder = Decoder::default();
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut read, mut refused, mut pictures, mut seconds) = (0, 0, 0, 0.);
    while let Some(argument) = arguments.next() {
        if argument == "--decoder" {
            decoder = arguments.next().unwrap().parse().unwrap();
            continue;
        }
        let start = Instant::now();
        match read_whole(Path::new(&argument), decoder) {
            Ok(frames) => {
                let took = start.elapsed().as_secs_f64();
                println!("{argument} frames={frames} seconds={took:.4}");
                read += 1;
                pictures += frames;
                seconds += took;
            }
            Err(error) => {
                println!("{argument} refused: {error}");
                refused += 1;
            }
        }
    }
    println!("{read} files read ({pictures} frames in {seconds:.3} s), {refused} refused");
    exit(i32::from(refused > 0));
}

/// Reads a file and returns the number of its frames.
fn read_whole(path: &Path, decoder: Decoder) -> Result<usize, MediaError> {
    let mut source = open_with(path, decoder)?;
    let indices: Vec<usize> = (0..source.frame_count()).collect();
    let mut count = 0;
    source.streams().0.frames(&indices, &mut |_, _| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    match source.audio() {
        Ok(_) | Err(MediaError::MissingStream { .. }) => Ok(count),
        Err(error) => Err(error),
    }
}
