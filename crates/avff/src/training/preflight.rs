//! Finds unreadable clips before the first step of a run, and not hours later.

use std::{
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use avff_data::{ClipError, loader::ClipReader};
use avff_datasets::Dataset;
use avff_train::TrainError;

use super::TrainingError;

/// More threads than cores, because a network file system answers each call slowly.
const THREADS: usize = 8;

/// Checks that the clips of a manifest can be read.
pub(super) struct Preflight<'a> {
    pub(super) reader: &'a ClipReader,
    /// Whether clips are opened, or only looked up.
    pub(super) open: bool,
    /// Ends the check early.
    pub(super) stop: &'a AtomicBool,
}

impl Preflight<'_> {
    /// Checks every clip of a manifest. `progress` receives the number of checked clips and of all
    /// clips.
    ///
    /// # Errors
    /// Returns [`TrainingError::UnreadableClips`] with the number of unreadable clips and the first
    /// of them, and errors of `progress`.
    pub(super) fn check(
        &self,
        dataset: &Dataset,
        manifest: &Path,
        progress: &mut dyn FnMut(usize, usize) -> Result<(), TrainError>,
    ) -> Result<(), TrainingError> {
        let rows = dataset.rows();
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (mut unreadable, mut first) = (0, None::<(usize, ClipError)>);
        thread::scope(|scope| {
            let (send, results) = mpsc::channel();
            for _ in 0..THREADS.min(rows.len()) {
                let (send, next, failed) = (send.clone(), &next, &failed);
                scope.spawn(move || {
                    while !self.stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(row) = rows.get(index) else { return };
                        if send.send((index, self.read(&row.path))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            for (done, (index, result)) in results.into_iter().enumerate() {
                if let Err(error) = result {
                    unreadable += 1;
                    if first.as_ref().is_none_or(|(first, _)| index < *first) {
                        first = Some((index, error));
                    }
                }
                if let Err(error) = progress(done + 1, rows.len()) {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(())
        })?;
        match first {
            Some((index, source)) if !self.stop.load(Ordering::Relaxed) => {
                Err(TrainingError::UnreadableClips {
                    manifest: manifest.into(),
                    unreadable,
                    clips: rows.len(),
                    line: rows.get(index).map_or(0, |row| row.line),
                    source: source.into(),
                })
            }
            _ => Ok(()),
        }
    }

    fn read(&self, path: &Path) -> Result<(), ClipError> {
        if self.open { self.reader.probe(path) } else { self.reader.locate(path) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use avff_data::ClipSpec;
    use avff_datasets::ManifestOptions;

    use super::*;

    fn dataset(folder: &Path, bad: &[(usize, &[u8])]) -> Dataset {
        let clip = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../avff-media/tests/fixtures/timeline/edit_list_of_two.mp4"
        ));
        let clip = clip.unwrap();
        let mut text = "video_name,target\n".to_owned();
        for number in 0..40 {
            let name = format!("{number}.mp4");
            match bad.iter().find(|(bad, _)| *bad == number) {
                None => std::fs::write(folder.join(&name), &clip).unwrap(),
                Some((_, [])) => {}
                Some((_, bytes)) => std::fs::write(folder.join(&name), bytes).unwrap(),
            }
            text += &format!("{name},1\n");
        }
        let path = folder.join("train.csv");
        std::fs::write(&path, text).unwrap();
        Dataset::read(&path, &ManifestOptions::default()).unwrap()
    }

    fn check(dataset: &Dataset, open: bool, stop: bool) -> Result<usize, TrainingError> {
        let reader = ClipReader::new(ClipSpec::open_avff()).unwrap();
        let stop = AtomicBool::new(stop);
        let mut checked = 0;
        Preflight { reader: &reader, open, stop: &stop }.check(
            dataset,
            Path::new("train.csv"),
            &mut |done, clips| {
                assert_eq!((done, clips), (checked + 1, 40));
                checked = done;
                Ok(())
            },
        )?;
        Ok(checked)
    }

    #[test]
    fn unreadable_clips_are_counted_and_the_first_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let clips = dataset(folder.path(), &[(17, b""), (31, b"no video"), (38, b"")]);
        let text = check(&clips, true, false).unwrap_err().to_string();
        let start = "train.csv: 3 of 40 clips cannot be read; the first is on line 19: ";
        assert!(text.starts_with(start) && text.ends_with("17.mp4: no such file"), "{text}");
        // Without opening, only missing files are found.
        let text = check(&clips, false, false).unwrap_err().to_string();
        assert!(text.starts_with("train.csv: 2 of 40 clips"), "{text}");
    }

    #[test]
    fn readable_clips_pass() {
        let folder = tempfile::tempdir().unwrap();
        let clips = dataset(folder.path(), &[]);
        assert_eq!(check(&clips, true, false).unwrap(), 40);
    }

    #[test]
    fn a_stopped_check_ends_without_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let clips = dataset(folder.path(), &[(3, b"")]);
        assert_eq!(check(&clips, true, true).unwrap(), 0);
    }
}
