//! Shards of a run to what one run writes, to the byte.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use avff_datasets::manifest::TARGET_COLUMN;
use csv::ByteRecord;

use super::{
    Entry, Tally,
    journal::{self, Journal},
    output::{Paths, SCORE},
    report::{Categories, ReportOptions},
    summary::{Run, Summary},
};
use crate::{
    merge::{
        MergeError,
        records::Records,
        set::{Member, complete, other_run},
    },
    output::{OutputError, partial, remove, table::Table, write_json},
};

/// A finished shard: what it was, what became of each row, and the rows themselves.
struct Shard {
    run: Run,
    entries: Vec<Entry>,
    predictions: Records,
    errors: Records,
}

/// Puts the shards of one run together, given by their predictions in any order: rows in the
/// manifest's order, metrics over all of them, those that `report` asks for too. Neither manifest nor
/// clips are looked at.
///
/// # Errors
/// [`MergeError::NotAShard`], [`MergeError::Unfinished`], [`MergeError::Twice`], [`MergeError::Missing`],
/// [`MergeError::OtherRun`] for another checkpoint, manifest or option, [`MergeError::Damaged`], and what
/// keeps the output from being written. Then there is no output, or what was there before.
pub fn merge(
    shards: &[PathBuf],
    output: &Path,
    overwrite: bool,
    report: &ReportOptions,
) -> Result<Summary, MergeError> {
    let paths = Paths::new(output);
    for shard in shards {
        let own = Paths::new(shard);
        for file in [&own.predictions, &own.errors, &own.summary, &own.rows] {
            paths.expect_apart(file)?;
        }
    }
    let members = shards.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
    let mut members = complete(members)?;
    let run = same_run(&members)?;
    if !overwrite {
        paths.refuse_results()?;
    }
    let journal = Journal::create(&paths.journal, &run)?;
    let merged = write(&mut members, run, report, &paths).and_then(|(summary, tables)| {
        remove(&paths.summary)?;
        for table in tables {
            table.finish()?;
        }
        write_json(&paths.summary, &summary)?;
        Ok(summary)
    });
    if merged.is_err() {
        for path in [&paths.predictions, &paths.errors] {
            // The error that led here is the one to report.
            let _ = remove(&partial(path));
        }
    }
    journal.remove()?;
    merged
}

/// Reads a shard's files, but for their rows.
fn open(path: &Path) -> Result<Member<Shard>, MergeError> {
    let paths = Paths::new(path);
    if paths.journal.exists() {
        return Err(MergeError::Unfinished { path: paths.journal });
    }
    let text = match fs::read_to_string(&paths.rows) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(MergeError::NotAShard { path: path.into(), lacks: paths.rows });
        }
        text => text.map_err(OutputError::io(&paths.rows))?,
    };
    let damaged =
        |reason: &str| MergeError::Damaged { path: paths.rows.clone(), reason: reason.into() };
    let (run, entries) = journal::read(&text).map_err(|reason| damaged(&reason))?;
    let shard = run.shard.ok_or_else(|| damaged("it does not say which shard it is"))?;
    let rows = run.manifest.as_ref().map_or(0, |manifest| manifest.rows);
    if shard.share(rows) != entries.len() as u64 || !text.ends_with('\n') {
        return Err(damaged(&format!("it has not all of the shard's {} rows", shard.share(rows))));
    }
    let (predictions, errors) = (Records::open(&paths.predictions)?, Records::open(&paths.errors)?);
    let content = Shard { run, entries, predictions, errors };
    Ok(Member { path: path.into(), shard, content })
}

/// The run that all shards are of.
fn same_run(members: &[Member<Shard>]) -> Result<Run, MergeError> {
    let Some((first, others)) = members.split_first() else {
        return Err(MergeError::Empty);
    };
    for other in others {
        let (was, now) = (&first.content, &other.content);
        if let Some(found) = was.run.differs(&now.run) {
            return Err(other_run(first, other, found));
        }
        for (ours, theirs) in [(&was.predictions, &now.predictions), (&was.errors, &now.errors)] {
            if ours.header() != theirs.header() {
                return Err(theirs.damaged("its columns are not those of the other shards".into()));
            }
        }
    }
    Ok(Run { shard: None, ..first.content.run.clone() })
}

/// Writes both tables, under the names of partial ones, and makes the summary of all rows.
fn write(
    members: &mut [Member<Shard>],
    run: Run,
    report: &ReportOptions,
    paths: &Paths,
) -> Result<(Summary, [Table; 2]), MergeError> {
    let mut scored = Table::create(&paths.predictions)?;
    let mut failed = Table::create(&paths.errors)?;
    let Some(first) = members.first().map(|member| &member.content) else {
        return Err(MergeError::Empty);
    };
    scored.copy(first.predictions.header())?;
    failed.copy(first.errors.header())?;
    let place = |column: &str| {
        let header = first.predictions.header();
        header.iter().position(|cell| cell == column.as_bytes())
    };
    let (score, target) = (place(SCORE), place(TARGET_COLUMN));
    let columns: Vec<String> = first
        .predictions
        .header()
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).into_owned())
        .collect();
    let of = members.first().map(|member| member.path.display().to_string()).unwrap_or_default();
    let mut tally = Tally::new(Categories::new(&report.by, &columns, &of)?);
    let mut total = 0;
    // Shard by shard, a row of each, then the next one.
    for nth in 0.. {
        let before = total;
        for Member { content: shard, .. } in &mut *members {
            let Some(entry) = shard.entries.get(nth) else { break };
            total += 1;
            match entry {
                Entry::Scored { logits, .. } => {
                    let row = next(&mut shard.predictions)?;
                    let cell = |place: Option<usize>| place.and_then(|place| row.get(place));
                    // What was put there by hand would not be what the metrics are of.
                    let own = logits.probability_fake().to_string();
                    if cell(score) != Some(own.as_bytes()) {
                        return Err(other_rows(&shard.predictions));
                    }
                    scored.copy(&row)?;
                    let target = cell(target).map_or(Some(None), label);
                    let target = target.ok_or_else(|| other_rows(&shard.predictions))?;
                    let text = |place| str::from_utf8(row.get(place)?).ok();
                    tally.count(entry, target, text);
                }
                Entry::Failed(stage) => {
                    let row = next(&mut shard.errors)?;
                    if row.get(1) != Some(stage.as_bytes()) {
                        return Err(other_rows(&shard.errors));
                    }
                    failed.copy(&row)?;
                    tally.count(entry, None, |_| None);
                }
            }
        }
        if total == before {
            break;
        }
    }
    for Member { content: shard, .. } in members {
        for table in [&mut shard.predictions, &mut shard.errors] {
            if table.next()?.is_some() {
                return Err(other_rows(table));
            }
        }
    }
    Ok((tally.summary(run, total, report)?, [scored, failed]))
}

fn next(table: &mut Records) -> Result<ByteRecord, MergeError> {
    table.next()?.ok_or_else(|| other_rows(table))
}

fn other_rows(table: &Records) -> MergeError {
    table.damaged("its rows are not those that the shard wrote".into())
}

/// A target as the manifest's reader took it.
fn label(cell: &[u8]) -> Option<Option<u8>> {
    avff_datasets::manifest::label(str::from_utf8(cell).ok()?).ok()
}
