//! The clips that a user means: files, folders, patterns, and lists.

use std::{
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use avff_media::{is_frame_folder, is_video};
use walkdir::{DirEntry, WalkDir};

/// The argument that stands for a list on standard input.
pub const LIST: &str = "-";

/// Clips, in the order of the arguments. Those of a folder are sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clips {
    /// Media files and frame folders. What cannot be read is among them, so that it is named.
    pub paths: Vec<PathBuf>,
    /// Files in folders that are no video files.
    pub others: u64,
}

impl Clips {
    /// Finds clips:
    ///
    /// - a file, also one that does not exist, and a folder of frames, as they are;
    /// - any other folder: all video files and frame folders in it and below. A video file is one that starts like a
    ///   container of video, or has the extension of one;
    /// - a name with `*`, `?` or `[`, unless a file has this name: what matches the pattern, where `**` stands for any
    ///   folders;
    /// - `-`: the lines of `list`, each one of the above.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn find(arguments: &[PathBuf], list: &mut dyn BufRead) -> io::Result<Self> {
        let mut clips = Self::default();
        for argument in arguments {
            if argument.as_os_str() == LIST {
                for line in list.lines() {
                    let line = line?;
                    if !line.trim().is_empty() {
                        clips.add(Path::new(&line));
                    }
                }
            } else {
                clips.add(argument);
            }
        }
        Ok(clips)
    }

    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            return self.add_folder(path);
        }
        let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']));
        let matches = pattern.filter(|_| !path.exists()).and_then(|text| glob::glob(text).ok());
        let mut matches: Vec<PathBuf> = matches.into_iter().flatten().flatten().collect();
        matches.sort();
        if matches.is_empty() {
            return self.paths.push(path.into());
        }
        for path in matches {
            // A pattern chooses files by itself, as a shell does; folders are searched.
            if path.is_dir() { self.add_folder(&path) } else { self.paths.push(path) }
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        if is_frame_folder(folder) {
            return self.paths.push(folder.into());
        }
        let before = self.paths.len();
        let mut walk = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    if entry.depth() > 0 && is_hidden(&entry) {
                        walk.skip_current_dir();
                    } else if entry.depth() > 0 && is_frame_folder(entry.path()) {
                        self.paths.push(entry.into_path());
                        walk.skip_current_dir();
                    }
                }
                Ok(entry) => {
                    if !is_hidden(&entry) && is_video(entry.path()) {
                        self.paths.push(entry.into_path());
                    } else {
                        self.others += 1;
                    }
                }
                // A folder that cannot be listed, or a link that leads nowhere, is named as a clip that cannot be read.
                Err(error) => self.paths.extend(error.path().map(Path::to_path_buf)),
            }
        }
        if self.paths.len() == before {
            self.paths.push(folder.into());
        }
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    const MP4: &[u8] = b"\0\0\0\x18ftypisom";

    fn found(arguments: &[PathBuf], list: &str) -> Clips {
        Clips::find(arguments, &mut list.as_bytes()).unwrap()
    }

    #[test]
    fn folders_are_searched_by_content_and_extension() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["a/frames", "a/more", "a/photos", ".trash"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for (name, bytes) in [
            ("b.bin", MP4),
            ("a/c.MP4", b"no video"),
            ("a/notes.txt", b"text"),
            ("a/frames/0.png", b"x"),
            ("a/frames/a.wav", b"x"),
            ("a/photos/0.jpg", b"x"),
            (".trash/d.mp4", MP4),
            ("a/more/0.png", b"x"),
            ("a/more.wav", b"x"),
        ] {
            fs::write(at(name), bytes).unwrap();
        }
        let clips = found(&[root.path().into()], "");
        assert_eq!(clips.paths, [at("a/c.MP4"), at("a/frames"), at("a/more"), at("b.bin")]);
        // The notes, the photo, and the audio of the folder beside it.
        assert_eq!(clips.others, 3);
        // A folder of frames is a clip; a folder without clips is named.
        assert_eq!(found(&[at("a/frames")], "").paths, [at("a/frames")]);
        assert_eq!(found(&[at(".trash/..")], "").paths.len(), 4);
        fs::create_dir(at("empty")).unwrap();
        assert_eq!(found(&[at("empty")], "").paths, [at("empty")]);
    }

    #[test]
    fn patterns_and_lists_name_clips() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        for name in ["a.mp4", "b.mp4", "c[1].mp4", "sub/d.mp4"] {
            fs::write(at(name), MP4).unwrap();
        }
        assert_eq!(found(&[at("?.mp4")], "").paths, [at("a.mp4"), at("b.mp4")]);
        assert_eq!(found(&[at("**/d.mp4")], "").paths, [at("sub/d.mp4")]);
        // A file of that name is no pattern, and a pattern without a match stays to be named.
        assert_eq!(found(&[at("c[1].mp4")], "").paths, [at("c[1].mp4")]);
        assert_eq!(found(&[at("x*.mp4")], "").paths, [at("x*.mp4")]);
        let list = format!("{}\n\n{}\n", at("a.mp4").display(), at("sub").display());
        let clips = found(&[at("b.mp4"), LIST.into()], &list);
        assert_eq!(clips.paths, [at("b.mp4"), at("a.mp4"), at("sub/d.mp4")]);
    }
}
