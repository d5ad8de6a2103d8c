//! Merges the folders of shards into one manifest above them.

use std::path::{Path, PathBuf};

use super::{CropRun, CropSummary, Names, clip};
use crate::{
    merge::{
        MergeError,
        records::Records,
        set::{Member, complete, other_run},
    },
    output::{OutputError, partial, read_json, remove, table::Table, vouch, write_json},
};

/// A finished shard: its summary and its rows.
struct Shard {
    folder: PathBuf,
    summary: CropSummary,
    clips: Records,
    errors: Records,
}

/// Merges the shards of one run, given by their folders in any order. The folders must lie in `into`.
///
/// The clips are not moved. Manifest, errors and summary in `into` equal those of a run without shards,
/// except that clips are named `3-of-8/clips/...` after their location.
///
/// # Errors
/// Returns [`MergeError::NotAShard`], [`MergeError::Unfinished`], [`MergeError::Duplicate`],
/// [`MergeError::Missing`], [`MergeError::Damaged`], or [`MergeError::OtherRun`] for another manifest or
/// option. Also fails if the output cannot be written. After an error, existing output is unchanged.
pub fn merge(shards: &[PathBuf], into: &Path, overwrite: bool) -> Result<CropSummary, MergeError> {
    let members = shards.iter().map(|folder| open(folder, into)).collect::<Result<_, _>>()?;
    let mut members = complete(members)?;
    let run = same_run(&members)?;
    let names = Names::new(into);
    if !overwrite {
        let mut files = [&names.manifest, &names.errors, &names.summary].into_iter();
        if let Some(path) = files.find(|path| path.exists()) {
            return Err(OutputError::Results { path: path.clone() }.into());
        }
    }
    let merged = write(&mut members, run, &names).and_then(|(mut summary, tables)| {
        for table in tables {
            table.finish()?;
        }
        summary.files = vouch::hashes(&names.tables())?;
        write_json(&names.summary, &summary)?;
        Ok(summary)
    });
    if merged.is_err() {
        for path in [&names.manifest, &names.errors] {
            // The first error is the one to report.
            let _ = remove(&partial(path));
        }
    }
    merged
}

/// Opens a shard's files without reading their rows.
fn open(folder: &Path, into: &Path) -> Result<Member<Shard>, MergeError> {
    let names = Names::new(folder);
    if names.unfinished.exists() {
        return Err(MergeError::Unfinished { path: names.unfinished });
    }
    let Some(summary) = read_json::<CropSummary>(&names.summary)? else {
        return Err(MergeError::NotAShard { path: folder.into(), missing: names.summary });
    };
    let damaged =
        |reason: &str| MergeError::Damaged { path: names.summary.clone(), reason: reason.into() };
    let shard = summary.run.shard.ok_or_else(|| damaged("it is not the summary of a shard"))?;
    if shard.row_count(summary.run.manifest.rows) != summary.rows {
        return Err(damaged("its row count is not that of the shard"));
    }
    vouch::expect_unchanged(&summary.files, &names.tables())?;
    let canonical = |path: &Path| path.canonicalize().map_err(OutputError::io(path));
    if canonical(folder)? != canonical(into)?.join(shard.folder()) {
        return Err(MergeError::OutsideFolder { path: folder.into(), into: into.into() });
    }
    let (clips, errors) = (Records::open(&names.manifest)?, Records::open(&names.errors)?);
    let content = Shard { folder: folder.into(), summary, clips, errors };
    Ok(Member { path: folder.into(), shard, content })
}

/// Returns the run of the shards and checks that all belong to it.
fn same_run(members: &[Member<Shard>]) -> Result<CropRun, MergeError> {
    let Some((first, others)) = members.split_first() else {
        return Err(MergeError::Empty);
    };
    for other in others {
        let (was, now) = (&first.content, &other.content);
        if let Some(difference) = was.summary.run.differs(&now.summary.run) {
            return Err(other_run(first, other, difference));
        }
        for (ours, theirs) in [(&was.clips, &now.clips), (&was.errors, &now.errors)] {
            if ours.header() != theirs.header() {
                return Err(
                    theirs.damaged("its columns differ from those of the other shards".into())
                );
            }
        }
    }
    Ok(CropRun { shard: None, ..first.content.summary.run.clone() })
}

/// Writes both tables under their partial names and makes the summary.
fn write(
    members: &mut [Member<Shard>],
    run: CropRun,
    names: &Names,
) -> Result<(CropSummary, [Table; 2]), MergeError> {
    let mut cropped = Table::create(&names.manifest)?;
    let mut failed = Table::create(&names.errors)?;
    if let Some(Member { content: first, .. }) = members.first() {
        cropped.copy(first.clips.header())?;
        failed.copy(first.errors.header())?;
    }
    let rows = run.manifest.rows;
    let mut summary = CropSummary::new(run, rows);
    let mut coverage = 0.0;
    let mut waiting: Vec<Option<(u64, csv::ByteRecord)>> = Vec::new();
    for member in &mut *members {
        waiting.push(next_clip(&mut member.content.clips)?);
    }
    // The next record of the row's shard is either its clip or its failure.
    for row in 0..rows {
        let at = (row % members.len() as u64) as usize;
        let (Some(Member { content: shard, shard: number, .. }), Some(next)) =
            (members.get_mut(at), waiting.get_mut(at))
        else {
            break;
        };
        if let Some((_, clip)) = next.take_if(|(number, _)| *number == row) {
            let name = clip.get(0).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default();
            coverage += clip::coverage(&shard.folder.join(name))?;
            summary.cropped += 1;
            let location = format!("{}/{name}", number.folder());
            let cells = [location.as_bytes()].into_iter().chain(clip.iter().skip(1));
            cropped.copy(&cells.collect())?;
            *next = next_clip(&mut shard.clips)?;
        } else {
            let failure = shard.errors.next()?.ok_or_else(|| other_rows(&shard.errors))?;
            let stage = failure.get(1).and_then(|stage| str::from_utf8(stage).ok());
            summary.count_failure(stage.ok_or_else(|| other_rows(&shard.errors))?.into());
            failed.copy(&failure)?;
        }
    }
    for (Member { content: shard, .. }, next) in members.iter_mut().zip(waiting) {
        if next.is_some() {
            return Err(other_rows(&shard.clips));
        }
        if shard.errors.next()?.is_some() {
            return Err(other_rows(&shard.errors));
        }
    }
    summary.finish(coverage);
    Ok((summary, [cropped, failed]))
}

/// Reads the next clip of a shard's manifest and its row in the original manifest.
fn next_clip(clips: &mut Records) -> Result<Option<(u64, csv::ByteRecord)>, MergeError> {
    let Some(clip) = clips.next()? else { return Ok(None) };
    let name = clip.get(0).and_then(|name| str::from_utf8(name).ok());
    let row = name.and_then(clip::row_of).ok_or_else(|| other_rows(clips))?;
    Ok(Some((row, clip)))
}

fn other_rows(table: &Records) -> MergeError {
    table.damaged("its rows are not the rows that the shard wrote".into())
}
