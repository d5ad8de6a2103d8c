//! Merges the shards of a run into the exact files of a run without shards.

use std::{
    io,
    path::{Path, PathBuf},
};

use avff_datasets::manifest::{NAME_COLUMN, TARGET_COLUMN};
use csv::ByteRecord;

use super::{
    Accumulator, Entry,
    clip_notes::ClipNotes,
    journal::{self, Journal},
    output::Paths,
    report::{Categories, ReportOptions},
    summary::{Run, Summary},
};
use crate::{
    input::SCORE,
    merge::{
        MergeError,
        records::Records,
        set::{Member, complete, other_run},
    },
    output::{
        MAX_TABLE, OutputError, partial, read_json, remove,
        table::{ERRORS, Table},
        vouch, write_json,
    },
};

/// A finished shard: its run, the entry of each row, and the rows.
struct Shard {
    run: Run,
    entries: Vec<Entry>,
    predictions: Records,
    errors: Records,
}

/// Merges the shards of one run, given by their predictions in any order.
///
/// Rows are written in the manifest's order. Metrics are computed over all rows, with the categories and
/// intervals of `report`. The manifest and the clips are not read.
///
/// # Errors
/// Returns [`MergeError::NotAShard`], [`MergeError::Unfinished`], [`MergeError::Duplicate`],
/// [`MergeError::Missing`], [`MergeError::Damaged`], or [`MergeError::OtherRun`] for another checkpoint,
/// manifest or option. Also fails if the output cannot be written. After an error, existing output is
/// unchanged.
pub fn merge(
    shards: &[PathBuf],
    output: &Path,
    overwrite: bool,
    report: &ReportOptions,
) -> Result<Summary, MergeError> {
    let paths = Paths::new(output);
    for shard in shards {
        let own = Paths::new(shard);
        for file in [&own.predictions, &own.errors, &own.notes, &own.summary, &own.rows] {
            paths.expect_not_input(file)?;
        }
    }
    let members = shards.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
    let mut members = complete(members)?;
    let run = same_run(&members)?;
    if !overwrite {
        paths.refuse_results()?;
    }
    let journal = Journal::create(&paths, &run)?;
    let merged =
        write(&mut members, run, report, &paths).and_then(|(mut summary, notes, tables)| {
            remove(&paths.summary)?;
            for table in tables {
                table.finish()?;
            }
            notes.write(&paths)?;
            summary.files = vouch::hashes(&paths.tables())?;
            write_json(&paths.summary, &summary)?;
            Ok(summary)
        });
    if merged.is_err() {
        for path in [&paths.predictions, &paths.errors] {
            // The first error is the one to report.
            let _ = remove(&partial(path));
        }
    }
    journal.remove()?;
    merged
}

/// Opens a shard's files without reading their rows.
fn open(path: &Path) -> Result<Member<Shard>, MergeError> {
    let paths = Paths::new(path);
    if paths.journal.exists() {
        return Err(MergeError::Unfinished { path: paths.journal });
    }
    let text = match avff_files::read_text(&paths.rows, MAX_TABLE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(MergeError::NotAShard { path: path.into(), missing: paths.rows });
        }
        text => text.map_err(OutputError::io(&paths.rows))?,
    };
    let damaged =
        |reason: &str| MergeError::Damaged { path: paths.rows.clone(), reason: reason.into() };
    let (run, entries) = journal::read(&text).map_err(|reason| damaged(&reason))?;
    let shard = run.shard.ok_or_else(|| damaged("its shard number is missing"))?;
    let rows = run.manifest.as_ref().map_or(0, |manifest| manifest.rows);
    if shard.row_count(rows) != entries.len() as u64 || !text.ends_with('\n') {
        return Err(damaged(&format!("rows are missing: the shard has {}", shard.row_count(rows))));
    }
    if let Some(summary) = read_json::<Summary>(&paths.summary)? {
        vouch::expect_unchanged(&summary.files, &paths.tables())?;
    }
    let (predictions, errors) = (Records::open(&paths.predictions)?, Records::open(&paths.errors)?);
    let content = Shard { run, entries, predictions, errors };
    Ok(Member { path: path.into(), shard, content })
}

/// Returns the run of the shards and checks that all belong to it.
fn same_run(members: &[Member<Shard>]) -> Result<Run, MergeError> {
    let Some((first, others)) = members.split_first() else {
        return Err(MergeError::Empty);
    };
    for other in others {
        let (was, now) = (&first.content, &other.content);
        if let Some(difference) = was.run.differs(&now.run) {
            return Err(other_run(first, other, difference));
        }
        for (ours, theirs) in [(&was.predictions, &now.predictions), (&was.errors, &now.errors)] {
            if ours.header() != theirs.header() {
                return Err(
                    theirs.damaged("its columns differ from those of the other shards".into())
                );
            }
        }
    }
    Ok(Run { shard: None, ..first.content.run.clone() })
}

/// Writes both tables under their partial names and makes the summary of all rows.
fn write(
    members: &mut [Member<Shard>],
    run: Run,
    report: &ReportOptions,
    paths: &Paths,
) -> Result<(Summary, ClipNotes, [Table; 2]), MergeError> {
    let mut scored = Table::create(&paths.predictions)?;
    let mut failed = Table::create(&paths.errors)?;
    let Some(first) = members.first().map(|member| &member.content) else {
        return Err(MergeError::Empty);
    };
    scored.copy(first.predictions.header())?;
    failed.copy(first.errors.header())?;
    let position = |column: &str| {
        let header = first.predictions.header();
        header.iter().position(|cell| cell == column.as_bytes())
    };
    let (score, target) = (position(SCORE), position(TARGET_COLUMN));
    let name = position(NAME_COLUMN);
    let failed_name = ERRORS.iter().position(|column| *column == NAME_COLUMN);
    let columns: Vec<String> = first
        .predictions
        .header()
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).into_owned())
        .collect();
    let path = members.first().map(|member| member.path.display().to_string()).unwrap_or_default();
    let mut accumulator = Accumulator::new(Categories::new(&report.by, &columns, &path)?, &columns);
    let mut total = 0;
    // Rows were assigned to shards in turn: one row of each shard, then the next row of each.
    for nth in 0.. {
        let before = total;
        for Member { content: shard, .. } in &mut *members {
            let Some(entry) = shard.entries.get(nth) else { break };
            total += 1;
            match entry {
                Entry::Scored { logits, .. } => {
                    let row = next(&mut shard.predictions)?;
                    let cell =
                        |position: Option<usize>| position.and_then(|position| row.get(position));
                    // Metrics come from the logits; an edited score would contradict them.
                    let expected = logits.probability_fake().to_string();
                    if cell(score) != Some(expected.as_bytes()) {
                        return Err(other_rows(&shard.predictions));
                    }
                    scored.copy(&row)?;
                    let target = cell(target).map_or(Some(None), label);
                    let target = target.ok_or_else(|| other_rows(&shard.predictions))?;
                    let text = |position| str::from_utf8(row.get(position)?).ok();
                    let name = name.and_then(text).unwrap_or_default();
                    accumulator.count(entry, name, target, text);
                }
                Entry::Failed(stage) => {
                    let row = next(&mut shard.errors)?;
                    if row.get(1) != Some(stage.as_bytes()) {
                        return Err(other_rows(&shard.errors));
                    }
                    failed.copy(&row)?;
                    let name = failed_name.and_then(|position| row.get(position));
                    let name = name.and_then(|cell| str::from_utf8(cell).ok()).unwrap_or_default();
                    accumulator.count(entry, name, None, |_| None);
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
    let (summary, notes) = accumulator.finish(run, total, report)?;
    Ok((summary, notes, [scored, failed]))
}

fn next(table: &mut Records) -> Result<ByteRecord, MergeError> {
    table.next()?.ok_or_else(|| other_rows(table))
}

fn other_rows(table: &Records) -> MergeError {
    table.damaged("its rows are not the rows that the shard wrote".into())
}

/// Parses a target as the manifest reader does.
fn label(cell: &[u8]) -> Option<Option<u8>> {
    avff_datasets::manifest::label(str::from_utf8(cell).ok()?).ok()
}
