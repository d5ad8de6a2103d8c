//! Writes shards.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use avff_datasets::Row;

use super::{
    Prepared, ShardError,
    index::{Entry, FailedRow, Header, Index, index_name, shard_name},
    store::Store,
};

/// What all shards of a run share.
#[derive(Debug, Clone)]
pub struct ShardRun {
    /// The folder.
    pub folder: PathBuf,
    /// The process that writes, from 0, and how many share the clips.
    pub part: (usize, usize),
    /// Rows of the manifest, of all parts together.
    pub rows: u64,
    /// SHA-256 of the manifest.
    pub manifest: String,
    /// How the clips are prepared.
    pub spec: crate::spec::ClipSpec,
    /// What is stored of them.
    pub packing: super::Packing,
    /// Names of the manifest's further columns.
    pub columns: Vec<String>,
    /// Bytes after which the next shard begins.
    pub shard_bytes: u64,
}

/// How much is in the shards of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packed {
    /// Number of clips.
    pub clips: u64,
    /// Bytes of all shards.
    pub bytes: u64,
    /// Number of shards.
    pub shards: u64,
    /// Rows that could not be packed.
    pub failed: u64,
}

/// Writes the shards of a part, one after the other. A shard appears under its name when it is
/// complete, so an interrupted run leaves whole shards and one temporary file.
pub struct ShardWriter {
    run: ShardRun,
    number: usize,
    next_row: u64,
    open: Option<OpenShard>,
    entries: Vec<Entry>,
    failed: Vec<FailedRow>,
    /// The index of the last whole shard, which says whether there are more.
    closed: Option<Index>,
    packed: Packed,
    /// Held until the end, so that no other process writes the same shards.
    _lock: File,
}

/// Locks a part of a folder for this process.
fn lock(run: &ShardRun) -> Result<File, ShardError> {
    let path = run.folder.join(format!(".clips-{:03}.lock", run.part.0));
    let file = File::create(&path).map_err(ShardError::io(&path))?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Err(ShardError::Busy { path }),
        // Some network file systems cannot lock.
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}

struct OpenShard {
    out: tar::Builder<BufWriter<Counted>>,
    partial: PathBuf,
}

/// A file with the bytes written so far and a checksum of those since the last clip.
struct Counted {
    file: File,
    bytes: u64,
    crc32: crc32fast::Hasher,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.crc32.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ShardWriter {
    /// Starts or continues a part. Whole shards of an earlier run of the same kind are kept.
    ///
    /// # Errors
    /// [`ShardError::Mixed`] for shards of another kind, and errors of the folder.
    pub fn open(run: ShardRun) -> Result<Self, ShardError> {
        fs::create_dir_all(&run.folder).map_err(ShardError::io(&run.folder))?;
        let lock = lock(&run)?;
        let store = Store::new(&run.folder)?;
        let mut writer = Self {
            run,
            number: 0,
            next_row: 0,
            open: None,
            entries: Vec::new(),
            failed: Vec::new(),
            closed: None,
            packed: Packed::default(),
            _lock: lock,
        };
        let part = writer.run.part.0;
        while store.size(&index_name(part, writer.number))?.is_some() {
            let name = index_name(part, writer.number);
            let index = Index::parse(&store.text(&name)?, &store.path(&name))?;
            index.header.expect_place(part, writer.number, &store.path(&name))?;
            if let Some(what) = index.header.difference(&writer.header()) {
                return Err(ShardError::Mixed { path: store.path(&name), what });
            }
            let shard = shard_name(part, writer.number);
            if store.size(&shard)? != Some(index.header.bytes) {
                break;
            }
            writer.next_row = index.header.next_row;
            writer.count(&index);
            writer.closed = Some(index);
        }
        Ok(writer)
    }

    /// The header of the next shard, without what is known when it is complete.
    fn header(&self) -> Header {
        let run = &self.run;
        Header {
            version: Header::VERSION,
            part: run.part,
            number: self.number,
            last: false,
            bytes: 0,
            rows: run.rows,
            manifest: run.manifest.clone(),
            spec: run.spec.clone(),
            packing: run.packing,
            columns: run.columns.clone(),
            clips: 0,
            failed: Vec::new(),
            next_row: self.next_row,
            crc32: 0,
        }
    }

    /// Returns how many of the part's rows were done by an earlier run.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.next_row
    }

    /// Returns what is in the whole shards so far.
    #[must_use]
    pub fn packed(&self) -> Packed {
        self.packed
    }

    fn count(&mut self, index: &Index) {
        self.number += 1;
        self.packed.shards += 1;
        self.packed.clips += index.entries.len() as u64;
        self.packed.bytes += index.header.bytes;
        self.packed.failed += index.header.failed.len() as u64;
    }

    /// Returns whether an earlier run wrote all shards.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.closed.as_ref().is_some_and(|index| index.header.last)
    }

    /// Adds the next row's clip.
    ///
    /// # Errors
    /// Errors of the files.
    pub fn add(&mut self, row: &Row, clip: &Prepared) -> Result<(), ShardError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        let failed = ShardError::io(open.partial.clone());
        let added = self.append(&mut open, row, clip).map_err(failed)?;
        let end = added.at + added.bytes;
        self.entries.push(added);
        self.open = Some(open);
        self.next_row += 1;
        if end >= self.run.shard_bytes {
            self.close(false)?;
        }
        Ok(())
    }

    /// Notes that the next row's clip cannot be packed.
    pub fn fail(&mut self, row: &Row, reason: String) {
        self.failed.push(FailedRow { line: row.line, name: row.name.clone(), reason });
        self.next_row += 1;
    }

    /// Ends the part, and returns what is in all its shards. A part without any clip gets one empty
    /// shard.
    ///
    /// # Errors
    /// Errors of the files.
    pub fn finish(mut self) -> Result<Packed, ShardError> {
        if self.is_complete() {
            return Ok(self.packed);
        }
        let rest = self.open.is_some() || !self.failed.is_empty() || self.closed.is_none();
        if rest {
            if self.open.is_none() {
                self.open = Some(self.create()?);
            }
            self.close(true)?;
            return Ok(self.packed);
        }
        // The last shard was full, so its index does not say yet that it is the last.
        if let Some(mut index) = self.closed.take() {
            index.header.last = true;
            self.write_index(&index)?;
        }
        Ok(self.packed)
    }

    fn create(&self) -> Result<OpenShard, ShardError> {
        let path = self.run.folder.join(shard_name(self.run.part.0, self.number));
        // No number of the process: an interrupted run's file is overwritten.
        let partial = path.with_extension("tar.partial");
        let file = File::create(&partial).map_err(ShardError::io(&partial))?;
        let counted = Counted { file, bytes: 0, crc32: crc32fast::Hasher::new() };
        Ok(OpenShard { out: tar::Builder::new(BufWriter::new(counted)), partial })
    }

    fn append(&self, open: &mut OpenShard, row: &Row, clip: &Prepared) -> io::Result<Entry> {
        let (part, parts) = self.run.part;
        let key = format!("{:09}", self.next_row * parts as u64 + part as u64);
        let columns = self.run.columns.iter().zip(&row.extra);
        let columns: serde_json::Map<_, _> =
            columns.map(|(name, cell)| (name.clone(), cell.as_str().into())).collect();
        let about = serde_json::json!({
            "name": row.name,
            "target": row.target,
            "windows": clip.windows,
            "columns": columns,
        });
        open.out.get_mut().flush()?;
        let counted = open.out.get_mut().get_mut();
        counted.crc32.reset();
        let at = counted.bytes;
        let mut member = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            open.out.append_data(&mut header, format!("{key}.{name}"), bytes)
        };
        member("json", about.to_string().as_bytes())?;
        for (name, bytes) in &clip.members {
            member(name, bytes)?;
        }
        open.out.get_mut().flush()?;
        let counted = open.out.get_mut().get_mut();
        Ok(Entry {
            key,
            name: row.name.clone(),
            line: row.line,
            target: row.target,
            extra: row.extra.clone(),
            at,
            bytes: counted.bytes - at,
            crc32: counted.crc32.clone().finalize(),
        })
    }

    /// Completes the open shard: its end, its name, and then its index.
    fn close(&mut self, last: bool) -> Result<(), ShardError> {
        let Some(OpenShard { out, partial }) = self.open.take() else { return Ok(()) };
        let path = self.run.folder.join(shard_name(self.run.part.0, self.number));
        let finish = || -> io::Result<u64> {
            let counted = out.into_inner()?.into_inner().map_err(|error| error.into_error())?;
            avff_files::finish(&partial, &path)?;
            Ok(counted.bytes)
        };
        let bytes = finish().map_err(ShardError::io(&path))?;
        let failed = std::mem::take(&mut self.failed);
        let header = Header { last, bytes, failed, ..self.header() };
        let index = Index { header, entries: std::mem::take(&mut self.entries) };
        self.write_index(&index)?;
        self.count(&index);
        self.closed = Some(index);
        Ok(())
    }

    fn write_index(&self, index: &Index) -> Result<(), ShardError> {
        let path = self.run.folder.join(index_name(index.header.part.0, index.header.number));
        let text = index.to_text().map_err(io::Error::other).map_err(ShardError::io(&path))?;
        avff_files::write(Path::new(&path), text).map_err(ShardError::io(&path))
    }
}
