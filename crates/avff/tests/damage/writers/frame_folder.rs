//! Frame folders of the first second of a fixture.

use std::{fs, path::Path};

use avff_media::{FolderWriter, FrameCoding};

const CLIP: &str = "tests/fixtures/clips/match_a.mp4";
/// A second of frames.
const FRAMES: usize = 25;

/// Writes a folder of frames with 16-bit audio, and returns the names of its files in order.
pub fn write(folder: &Path, coding: FrameCoding) -> Vec<String> {
    fs::create_dir_all(folder).unwrap();
    let mut clip = avff_media::open(Path::new(CLIP)).unwrap();
    let frames = clip.frames_at(&(0..FRAMES).collect::<Vec<_>>()).unwrap();
    let mut audio = clip.audio().unwrap();
    let second = audio.rate as usize;
    audio.channels.iter_mut().for_each(|channel| channel.truncate(second));
    let mut writer = FolderWriter::new(folder, coding);
    frames.iter().for_each(|frame| writer.frame(frame).unwrap());
    writer.finish_with_fps(&audio, FRAMES as f64).unwrap();
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}
