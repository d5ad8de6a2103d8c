//! What lies below a root, listed once.
//!
//! Listing folders tells which files are there without asking for each by name, which would take a
//! million calls for a million rows.

use std::{cmp::Ordering, ops::Range, path::Path};

use walkdir::{DirEntry, WalkDir};

use super::path;
use crate::error::{DatasetError, Reason};

/// Files that are clips. More than this build can decode: a manifest may outlive it.
const MEDIA: [&str; 10] = ["mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "flv", "wmv"];
/// Files that are sound alone.
const SOUND: [&str; 5] = ["m4a", "wav", "aac", "flac", "mp3"];
/// The most files of a data set, several times the largest there is.
const MAX_FILES: usize = 1 << 24;
/// The deepest folder that is entered; KoDF's, the deepest known, are 7 deep.
const MAX_DEPTH: usize = 32;
/// The most entries of a [`Glimpse`], and the most of one folder.
const MAX_GLIMPSE: usize = 5000;
const MAX_GLIMPSE_OF_FOLDER: usize = 500;
/// How deep a [`Glimpse`] goes: the tables of KoDF are 5 deep.
const GLIMPSE_DEPTH: usize = 6;

/// Which files a layout is interested in beside the clips.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Whether a file of this name may hold metadata.
    pub(super) metadata: fn(&str) -> bool,
    /// Whether files of sound alone are of interest.
    pub(super) sounds: bool,
    /// Whether a folder of this name holds nothing to list.
    pub(super) skip: fn(&str) -> bool,
}

impl Wanted {
    /// The clips alone.
    pub(super) const CLIPS: Self = Self { metadata: |_| false, sounds: false, skip: |_| false };
}

/// The files below a root, by kind; paths are relative, parted by `/` and sorted by bytes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The clips.
    pub(super) media: Vec<Box<str>>,
    /// Files with a name metadata may have.
    pub(super) metadata: Vec<Box<str>>,
    /// Files of sound alone.
    pub(super) sounds: Vec<Box<str>>,
    /// Names that are not UTF-8 and so fit in no CSV, made readable.
    pub(super) unnamed: Vec<String>,
    /// What could not be listed, and why: forbidden folders, broken links, links in a circle.
    pub(super) unreadable: Vec<(String, String)>,
}

impl Tree {
    /// Lists `root`.
    ///
    /// # Errors
    /// A root that cannot be listed, and more than [`MAX_FILES`] files.
    pub(super) fn walk(root: &Path, wanted: Wanted) -> Result<Self, DatasetError> {
        let mut tree = Self::default();
        let skip = |entry: &DirEntry| {
            entry.file_type().is_dir() && entry.file_name().to_str().is_some_and(wanted.skip)
        };
        let walk = entries(root, MAX_DEPTH).into_iter();
        for entry in walk.filter_entry(move |entry| keep(entry) && !skip(entry)) {
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
                tree.add(root, &entry, wanted)?;
            } else if entry.depth() == MAX_DEPTH {
                let below = entry.path().strip_prefix(root).unwrap_or(root).display().to_string();
                tree.unreadable.push((below, format!("over {MAX_DEPTH} folders deep")));
            }
        }
        for list in [&mut tree.media, &mut tree.metadata, &mut tree.sounds] {
            list.sort_unstable();
        }
        Ok(tree)
    }

    fn add(&mut self, root: &Path, entry: &DirEntry, wanted: Wanted) -> Result<(), DatasetError> {
        let name = entry.file_name().to_string_lossy();
        let list = if is_media(&name) {
            &mut self.media
        } else if (wanted.metadata)(&name) {
            &mut self.metadata
        } else if wanted.sounds && has_extension(&name, &SOUND) {
            &mut self.sounds
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

    /// The place of a clip in [`Tree::media`].
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.media.binary_search_by(|file| (**file).cmp(path)).ok()
    }

    /// Whether there is a file of sound alone at the path.
    pub(super) fn has_sound(&self, path: &str) -> bool {
        self.sounds.binary_search_by(|file| (**file).cmp(path)).is_ok()
    }
}

/// Clips by name, for metadata that does not say in which folder a clip is.
#[derive(Debug)]
pub(super) struct Names<'a> {
    media: &'a [Box<str>],
    key: fn(&str) -> &str,
    /// Places in `media`, sorted by key and then by path.
    order: Vec<u32>,
}

impl<'a> Names<'a> {
    /// `key` picks the part of a path that clips are asked for by.
    pub(super) fn new(media: &'a [Box<str>], key: fn(&str) -> &str) -> Self {
        // MAX_FILES fits in 32 bits.
        let mut order: Vec<u32> = (0u32..).take(media.len()).collect();
        let path = |place: u32| media.get(place as usize).map_or("", |path| path);
        order.sort_by(|&a, &b| key(path(a)).cmp(key(path(b))));
        Self { media, key, order }
    }

    /// All clips of a name, in the order of their paths.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> + '_ {
        let range = self.range(name);
        let places = self.order.get(range).unwrap_or_default();
        places.iter().filter_map(|&place| self.media.get(place as usize).map(|path| &**path))
    }

    fn range(&self, name: &str) -> Range<usize> {
        let key = |place: &u32| self.media.get(*place as usize).map_or("", |path| (self.key)(path));
        let start = self.order.partition_point(|place| key(place).cmp(name) == Ordering::Less);
        let end = self.order.partition_point(|place| key(place).cmp(name) != Ordering::Greater);
        start..end
    }
}

/// The first entries below a root, to tell what it may be.
#[derive(Debug)]
pub(super) struct Glimpse {
    /// Folders and files; relative, parted by `/`.
    entries: Vec<String>,
}

impl Glimpse {
    /// Looks at the first entries, level by level: what is at the top is seen however much the first
    /// folder holds.
    ///
    /// # Errors
    /// A root that cannot be listed.
    pub(super) fn of(root: &Path) -> Result<Self, DatasetError> {
        let mut found: Vec<String> = Vec::new();
        let mut level = vec![root.to_owned()];
        for _ in 0..GLIMPSE_DEPTH {
            let mut below = Vec::new();
            for folder in level {
                let inside = entries(&folder, 1).min_depth(1).sort_by_file_name().into_iter();
                for entry in inside.filter_entry(keep).take(MAX_GLIMPSE_OF_FOLDER) {
                    if found.len() >= MAX_GLIMPSE {
                        return Ok(Self { entries: found });
                    }
                    match entry {
                        Ok(entry) => {
                            found.extend(relative(root, entry.path()));
                            if entry.file_type().is_dir() {
                                below.push(entry.into_path());
                            }
                        }
                        Err(error) if folder == root && error.depth() == 0 => {
                            return Err(root_error(root, error));
                        }
                        Err(_) => {}
                    }
                }
            }
            level = below;
        }
        Ok(Self { entries: found })
    }

    /// Whether any path passes.
    pub(super) fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.entries.iter().any(|entry| test(entry))
    }

    /// Whether any file or folder has a name that passes.
    pub(super) fn any_name(&self, test: impl Fn(&str) -> bool) -> bool {
        self.any(|entry| test(path::name(entry)))
    }

    /// The first names at the top, for a message.
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

/// Follows links, since large data sets are often put together from several disks; `walkdir` breaks
/// circles.
fn entries(root: &Path, depth: usize) -> WalkDir {
    WalkDir::new(root).follow_links(true).max_depth(depth)
}

/// Leaves out what systems and archives leave behind: `.git`, `._clip.mp4`, `__MACOSX`.
fn keep(entry: &DirEntry) -> bool {
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

/// Whether the name is one of a clip.
pub(super) fn is_media(name: &str) -> bool {
    has_extension(name, &MEDIA)
}

fn has_extension(name: &str, list: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|it| list.iter().any(|known| known.eq_ignore_ascii_case(it)))
}

fn reason(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(_), _) => "a link in a circle".to_owned(),
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
