//! Files of frame folders: JPEG, PNG, WAV and `clip.json`.

use std::{fs, path::Path};

use avff_media::FrameCoding;

use super::{
    super::{
        change::Change,
        oracle::{Healthy, Oracle},
        random::Random,
        writers::frame_folder,
    },
    Result, scratch,
};

/// A healthy frame folder.
struct Folder {
    name: &'static str,
    files: Vec<(String, Vec<u8>)>,
    healthy: Healthy,
}

/// The healthy frame folders.
pub struct Folders([Folder; 2]);

impl Folders {
    pub fn new(oracle: &Oracle, root: &Path) -> Self {
        Self([("jpeg", FrameCoding::Jpeg(85)), ("png", FrameCoding::Png)].map(|(name, coding)| {
            let folder = root.join(name);
            let names = frame_folder::write(&folder, coding);
            let file = |file: String| {
                let bytes = fs::read(folder.join(&file)).unwrap();
                (file, bytes)
            };
            let healthy = oracle.healthy(&folder);
            Folder { name, files: names.into_iter().map(file).collect(), healthy }
        }))
    }

    /// Damages a file of a folder. `root` is a folder of this thread.
    pub fn damage(&self, oracle: &Oracle, root: &Path, random: &mut Random) -> Result {
        let folder = &self.0[random.below(self.0.len())];
        let path = scratch(root, folder.name);
        if !path.exists() {
            fs::create_dir_all(&path).unwrap();
            folder
                .files
                .iter()
                .for_each(|(name, bytes)| fs::write(path.join(name), bytes).unwrap());
        }
        let (name, healthy) = &folder.files[random.below(folder.files.len())];
        let format = name.rsplit('.').next().unwrap_or_default();
        let mut bytes = healthy.clone();
        let how = if random.below(4) == 0 {
            bytes.truncate(random.below(bytes.len()));
            "cut"
        } else {
            let change = random.choose(&Change::ALL);
            let range = 0..bytes.len();
            change.apply(&mut bytes, range, random);
            change.name()
        };
        fs::write(path.join(name), &bytes).unwrap();
        let observed = oracle.observe(&path, &folder.healthy);
        fs::write(path.join(name), healthy).unwrap();
        Result {
            site: format!("{format}, {how}"),
            what: format!("{}/{name}", folder.name),
            observed,
        }
    }
}
