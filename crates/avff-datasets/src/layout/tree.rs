//! Lists the files below a root once.
//!
//! Listing folders finds all files without a system call per clip, which would be a million calls
//! for a million rows.

use std::{cmp::Ordering, ops::Range, path::Path};

use walkdir::{DirEntry, WalkDir};

use super::path;
use crate::{
    error::{DatasetError, Reason},
    normal_form,
};

/// Extensions of clips. The list includes formats that this build cannot decode, because a manifest
/// may be used by another build.
const MEDIA: [&str; 10] = ["mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "flv", "wmv"];
/// Extensions of audio files.
const AUDIO: [&str; 5] = ["m4a", "wav", "aac", "flac", "mp3"];
/// Maximum number of files of a data set, several times the largest known.
const MAX_FILES: usize = 1 << 24;
/// Maximum folder depth. KoDF is the deepest known data set, with 7 levels.
const MAX_DEPTH: usize = 32;
/// Maximum number of entries of a [`Listing`] in total, and of one folder.
const MAX_LISTING: usize = 5000;
const MAX_LISTING_OF_FOLDER: usize = 500;
/// Maximum depth of a [`Listing`]. The tables of KoDF are 5 levels deep.
const LISTING_DEPTH: usize = 6;

/// The files that a layout needs besides the clips.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    /// Whether a file with this name may contain metadata.
    pub(super) metadata: fn(&str) -> bool,
    /// Whether to list audio files.
    pub(super) audio: bool,
    /// Whether to skip a folder with this name.
    pub(super) skip: fn(&str) -> bool,
}

impl Filter {
    /// Clips only.
    pub(super) const CLIPS: Self = Self { metadata: |_| false, audio: false, skip: |_| false };
}

/// The files below a root, by kind. Paths are relative, separated by `/` and sorted by bytes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The clips.
    pub(super) media: Vec<Box<str>>,
    /// Files with a metadata name.
    pub(super) metadata: Vec<Box<str>>,
    /// Audio files.
    pub(super) audio: Vec<Box<str>>,
    /// Names that are not UTF-8, converted lossily. A CSV cannot contain them.
    pub(super) unnamed: Vec<String>,
    /// Entries that cannot be listed, with the reason: permission errors, broken links, link
    /// cycles.
    pub(super) unreadable: Vec<(String, String)>,
}

impl Tree {
    /// Lists `root`.
    ///
    /// # Errors
    /// The root cannot be listed, or there are more than [`MAX_FILES`] files.
    pub(super) fn walk(root: &Path, filter: Filter) -> Result<Self, DatasetError> {
        let mut tree = Self::default();
        let skip = |entry: &DirEntry| {
            entry.file_type().is_dir() && entry.file_name().to_str().is_some_and(filter.skip)
        };
        let walk = entries(root, MAX_DEPTH).into_iter();
        for entry in walk.filter_entry(move |entry| is_included(entry) && !skip(entry)) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.depth() == 0 => return Err(root_error(root, error)),
                Err(error) => {
                    let below = error.path().and_then(|path| path.strip_prefix(root).ok());
                    let what = below.unwrap_or(root).display().to_string();
                    tree.unreadable.push((what, reason(&error)));
                    continue;
                }
            };
            if entry.file_type().is_file() {
                tree.add(root, &entry, filter)?;
            } else if entry.depth() == MAX_DEPTH {
                let below = entry.path().strip_prefix(root).unwrap_or(root).display().to_string();
                tree.unreadable.push((below, format!("more than {MAX_DEPTH} folders deep")));
            }
        }
        for list in [&mut tree.media, &mut tree.metadata, &mut tree.audio] {
            list.sort_unstable();
        }
        Ok(tree)
    }

    fn add(&mut self, root: &Path, entry: &DirEntry, filter: Filter) -> Result<(), DatasetError> {
        let name = entry.file_name().to_string_lossy();
        let list = if is_media(&name) {
            &mut self.media
        } else if (filter.metadata)(&name) {
            &mut self.metadata
        } else if filter.audio && has_extension(&name, &AUDIO) {
            &mut self.audio
        } else {
            return Ok(());
        };
        let Some(path) = relative(root, entry.path()) else {
            let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
            self.unnamed.push(below.to_string_lossy().into_owned());
            return Ok(());
        };
        if list.len() >= MAX_FILES {
            return Err(DatasetError::new(
                root,
                Reason::TooLarge {
                    what: "number of files",
                    value: list.len() as u64 + 1,
                    limit: MAX_FILES as u64,
                },
            ));
        }
        list.push(path.into());
        Ok(())
    }

    /// Returns the index of a clip in [`Tree::media`]. Its name may have another Unicode normal
    /// form if there is no file with the name as written.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        find(&self.media, path)
    }

    /// Returns whether there is an audio file at the path, as in [`Tree::find`].
    pub(super) fn has_audio(&self, path: &str) -> bool {
        find(&self.audio, path).is_some()
    }
}

fn find(sorted: &[Box<str>], path: &str) -> Option<usize> {
    let search = |path: &str| sorted.binary_search_by(|file| (**file).cmp(path)).ok();
    search(path).or_else(|| normal_form::others(path).iter().find_map(|form| search(form)))
}

/// Clips by name, for metadata without folders.
#[derive(Debug)]
pub(super) struct Names<'a> {
    media: &'a [Box<str>],
    key: fn(&str) -> &str,
    /// Indices into `media`, sorted by key and then by path.
    order: Vec<u32>,
}

impl<'a> Names<'a> {
    /// Sorts clips by the part of their path that `key` returns.
    pub(super) fn new(media: &'a [Box<str>], key: fn(&str) -> &str) -> Self {
        // `MAX_FILES` fits in 32 bits.
        let mut order: Vec<u32> = (0u32..).take(media.len()).collect();
        let path = |index: u32| media.get(index as usize).map_or("", |path| path);
        order.sort_by(|&a, &b| key(path(a)).cmp(key(path(b))));
        Self { media, key, order }
    }

    /// Returns all clips with a name, ordered by path.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> + '_ {
        let range = self.range(name);
        let indices = self.order.get(range).unwrap_or_default();
        indices.iter().filter_map(|&index| self.media.get(index as usize).map(|path| &**path))
    }

    /// Returns the positions of a name in the order, or of its other Unicode normal form if no
    /// clip has the name as written.
    fn range(&self, name: &str) -> Range<usize> {
        let range = self.range_of(name);
        if !range.is_empty() {
            return range;
        }
        let others = normal_form::others(name);
        let ranges = others.iter().map(|form| self.range_of(form));
        ranges.into_iter().find(|range| !range.is_empty()).unwrap_or(range)
    }

    fn range_of(&self, name: &str) -> Range<usize> {
        let key = |index: &u32| self.media.get(*index as usize).map_or("", |path| (self.key)(path));
        let start = self.order.partition_point(|index| key(index).cmp(name) == Ordering::Less);
        let end = self.order.partition_point(|index| key(index).cmp(name) != Ordering::Greater);
        start..end
    }
}

/// The first entries below a root, for layout detection.
#[derive(Debug)]
pub(super) struct Listing {
    /// Folders and files. Paths are relative and separated by `/`.
    entries: Vec<String>,
}

impl Listing {
    /// Lists entries level by level, so that a large first folder does not hide other folders.
    ///
    /// # Errors
    /// The root cannot be listed.
    pub(super) fn of(root: &Path) -> Result<Self, DatasetError> {
        let mut paths: Vec<String> = Vec::new();
        let mut level = vec![root.to_owned()];
        for _ in 0..LISTING_DEPTH {
            let mut next_level = Vec::new();
            for folder in level {
                let children = entries(&folder, 1).min_depth(1).sort_by_file_name().into_iter();
                for entry in children.filter_entry(is_included).take(MAX_LISTING_OF_FOLDER) {
                    if paths.len() >= MAX_LISTING {
                        return Ok(Self { entries: paths });
                    }
                    match entry {
                        Ok(entry) => {
                            paths.extend(relative(root, entry.path()));
                            if entry.file_type().is_dir() {
                                next_level.push(entry.into_path());
                            }
                        }
                        Err(error) if folder == root && error.depth() == 0 => {
                            return Err(root_error(root, error));
                        }
                        Err(_) => {}
                    }
                }
            }
            level = next_level;
        }
        Ok(Self { entries: paths })
    }

    /// Returns whether any path satisfies the test.
    pub(super) fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.entries.iter().any(|entry| test(entry))
    }

    /// Returns whether the name of any file or folder satisfies the test.
    pub(super) fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        self.any(|entry| test(path::name(entry)))
    }

    /// Describes the first top-level names, for a message.
    pub(super) fn describe(&self) -> String {
        const SHOWN: usize = 5;
        let mut top = self.entries.iter().filter(|entry| !entry.contains('/'));
        let names: Vec<String> = top.by_ref().take(SHOWN).map(|name| format!("`{name}`")).collect();
        match (names.is_empty(), top.count()) {
            (true, _) => "nothing".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

/// Follows links, because large data sets often span several disks. `walkdir` detects cycles.
fn entries(root: &Path, depth: usize) -> WalkDir {
    WalkDir::new(root).follow_links(true).max_depth(depth)
}

/// Excludes system and archive artifacts: `.git`, `._clip.mp4`, `__MACOSX`.
fn is_included(entry: &DirEntry) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    entry.depth() == 0 || !(name.starts_with(b".") || name == b"__MACOSX")
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?.to_str()?;
    Some(if std::path::MAIN_SEPARATOR == '/' {
        below.to_owned()
    } else {
        below.replace(std::path::MAIN_SEPARATOR, "/")
    })
}

/// Returns whether the name has the extension of a clip.
pub(super) fn is_media(name: &str) -> bool {
    has_extension(name, &MEDIA)
}

fn has_extension(name: &str, list: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension
        .is_some_and(|extension| list.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

fn reason(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(_), _) => "a cycle of links".to_owned(),
        (None, Some(error)) => error.to_string(),
        (None, None) => "cannot be listed".to_owned(),
    }
}

fn root_error(root: &Path, error: walkdir::Error) -> DatasetError {
    let error = error.into_io_error();
    let source = match error {
        Some(error) if error.kind() == std::io::ErrorKind::NotFound => Reason::NotFound,
        Some(error) => Reason::Io(error),
        None => Reason::NotFound,
    };
    DatasetError::new(root, source)
}
