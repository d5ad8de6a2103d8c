//! Protocols over tables as people have them.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use avff_datasets::protocol::{
    Groups, Marks, Names, Parts, Split, SplitError, Strata, Table, balance::balance,
    composition::Composition, leakage, leave_out::leave_out, random::random, subjects::subjects,
    table::values,
};
use proptest::prelude::*;

const HEADER: &str = "video_name,target,category,identity,source,note";
const PEOPLE: [&str; 2] = ["identity", "source"];

fn table(rows: &[String]) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clips.csv");
    fs::write(&path, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap();
    Table::read(&[path], Some(Path::new("/clips"))).unwrap()
}

/// `count` clips: a real for every four fakes of two categories, a few clips for each person.
fn clips(count: usize, per_person: usize) -> Vec<String> {
    let kinds = ["RR,0", "FVRA,1", "FVFA,1", "FVRA,1", "FVFA,1"];
    (0..count)
        .map(|clip| {
            let (category, target) = kinds[clip % kinds.len()].split_once(',').unwrap();
            let person = clip / per_person;
            format!("{target}/{clip:05}.mp4,{target},{category},id{person},,\"n, {clip}\"")
        })
        .collect()
}

/// The part of every row by its name.
fn by_name(table: &Table, split: &Split) -> BTreeMap<String, Option<String>> {
    let part = |row: usize| split.of[row].map(|part| split.names[part].clone());
    (0..table.len()).map(|row| (table.name(row).to_owned(), part(row))).collect()
}

/// Rows with a value in a column, by part.
fn count(table: &Table, split: &Split, column: &str, value: &str) -> Vec<usize> {
    let column = table.column(column).unwrap();
    let mut counts = vec![0; split.names.len()];
    for (row, part) in split.of.iter().enumerate() {
        if let Some(part) = part {
            counts[*part] += usize::from(table.value(row, column) == value);
        }
    }
    counts
}

#[test]
fn random_parts_have_their_shares_of_every_stratum() {
    let table = table(&clips(1000, 4));
    let groups = Groups::by_path(&table, 3);
    let parts: Parts = "train=65,val=5,test=30".parse().unwrap();
    let strata = Strata::new(&table, &["category"]).unwrap();
    assert_eq!(strata.names(), ["FVFA", "FVRA", "RR"]);
    let split = random(&groups, &strata, &parts, table.len()).unwrap();
    assert_eq!(split.sizes(), [650, 50, 300]);
    assert_eq!(count(&table, &split, "category", "RR"), [130, 10, 60]);
    assert_eq!(count(&table, &split, "category", "FVFA"), [260, 20, 120]);
    // Without strata the sizes hold and the classes fall as they may.
    let whole = Strata::new(&table, &[] as &[&str]).unwrap();
    let split = random(&groups, &whole, &parts, table.len()).unwrap();
    assert_eq!(split.sizes(), [650, 50, 300]);
    let other = random(&Groups::by_path(&table, 4), &whole, &parts, table.len()).unwrap();
    assert_ne!(split.of, other.of, "another seed is another split");
}

#[test]
fn five_folds_share_nobody_and_are_balanced() {
    // 100 people with 1 to 9 clips each.
    let rows: Vec<String> = (0..100)
        .flat_map(|person| (0..=person % 9).map(move |clip| (person, clip)))
        .map(|(person, clip)| {
            let target = usize::from((person + clip) % 5 > 0);
            format!("{person}/{clip}.mp4,{target},c,id{person},,")
        })
        .collect();
    let table = table(&rows);
    let groups = Groups::connected(&table, &PEOPLE, 0).unwrap();
    assert_eq!((groups.len(), groups.largest(), groups.alone()), (100, 9, 0));
    let strata = Strata::new(&table, &["target"]).unwrap();
    let split = subjects(&groups, &strata, &Parts::folds(5).unwrap(), table.len()).unwrap();
    let sizes = split.sizes();
    // A perfect deal of 486 rows has 97 or 98 a fold.
    assert!(sizes.iter().all(|size| (95..=100).contains(size)), "{sizes:?}");
    for target in ["0", "1"] {
        let counts = count(&table, &split, "target", target);
        let (low, high) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(high - low <= 4, "{target}: {counts:?}");
    }
    let names: Vec<String> = split.names.clone();
    let composition = Composition::new(&table, &names, &split.of);
    assert_eq!(composition.shared_identities, Some(0));
    assert_eq!(composition.identities.unwrap().values().sum::<usize>(), 100);
    assert!(split.notes[0].starts_with("100 groups that share nobody"), "{:?}", split.notes);
    let held = split.hold_out(2);
    assert_eq!(held.names, ["train", "test"]);
    assert_eq!(held.sizes(), [table.len() - sizes[2], sizes[2]]);
}

#[test]
fn people_are_connected_over_any_number_of_steps() {
    let rows = [
        "a.mp4,1,c,p;q,,",
        "b.mp4,1,c,q,s,",
        "c.mp4,0,c,,s,",
        "d.mp4,0,c,r,t,",
        // The same file under another spelling joins what has nobody in common.
        "./d.mp4,0,c,,,",
        "e.mp4,0,c,,,",
        // An identity and a source of one name are not the same thing.
        "f.mp4,0,c,s,,",
    ];
    let table = table(&rows.map(str::to_owned));
    let groups = Groups::connected(&table, &PEOPLE, 1).unwrap();
    let found: BTreeSet<Vec<u32>> = groups.iter().map(<[u32]>::to_vec).collect();
    assert_eq!(found, BTreeSet::from([vec![0, 1, 2], vec![3, 4], vec![5], vec![6]]));
    assert_eq!(groups.alone(), 2);
    let apart = Groups::connected(&table, &["source"], 1).unwrap();
    assert_eq!(apart.len(), 5);
}

#[test]
fn a_set_where_everyone_is_connected_is_refused() {
    let rows: Vec<String> =
        (0..20).map(|clip| format!("{clip}.mp4,1,c,id{clip};id{},,", clip + 1)).collect();
    let table = table(&rows);
    let groups = Groups::connected(&table, &PEOPLE, 0).unwrap();
    let strata = Strata::new(&table, &["target"]).unwrap();
    let error = subjects(&groups, &strata, &Parts::folds(5).unwrap(), 20).unwrap_err();
    assert!(
        matches!(&error, SplitError::EmptyPart { part, groups: 1, largest: 20, .. } if part == "fold1"),
        "{error}"
    );
    let unknown = self::table(&["a.mp4,1,c,,,".to_owned(), "b.mp4,0,c, ; ,,".to_owned()]);
    let error = Groups::connected(&unknown, &PEOPLE, 0).unwrap_err();
    assert!(matches!(error, SplitError::NoSubjects { .. }), "{error}");
    let error = Groups::connected(&unknown, &["person"], 0).unwrap_err();
    assert!(matches!(error, SplitError::NoColumn { .. }), "{error}");
}

#[test]
fn a_category_left_out_takes_as_many_reals_along() {
    let table = table(&clips(1000, 4));
    let groups = Groups::by_path(&table, 0);
    let strata = Strata::new(&table, &["target", "category"]).unwrap();
    let stratum = strata.find("target/category", "1/FVRA").unwrap();
    let split = leave_out(&table, &groups, &strata, stratum, 0.3).unwrap();
    // 400 fakes of the category, 200 reals in all: no more than 60 of them may test.
    assert_eq!(count(&table, &split, "category", "FVRA"), [0, 400]);
    assert_eq!(count(&table, &split, "category", "RR"), [140, 60]);
    assert_eq!(count(&table, &split, "category", "FVFA"), [400, 0]);
    assert!(split.notes[1].starts_with("fewer reals than fakes"), "{:?}", split.notes);

    let few = table_with_reals();
    let strata = Strata::new(&few, &["category"]).unwrap();
    let groups = Groups::by_path(&few, 0);
    let split =
        leave_out(&few, &groups, &strata, strata.find("category", "X").unwrap(), 0.5).unwrap();
    assert_eq!(count(&few, &split, "category", "X"), [0, 10]);
    assert_eq!(count(&few, &split, "target", "0"), [90, 10]);
    let real = strata.find("category", "real").unwrap();
    for (stratum, share) in [(real, 0.5), (0, 0.001)] {
        let error = leave_out(&few, &groups, &strata, stratum, share).unwrap_err();
        assert!(matches!(error, SplitError::OneClass { .. }), "{error}");
    }
    assert!(leave_out(&few, &groups, &strata, 0, 1.0).is_err());
    let error = strata.find("category", "Y").unwrap_err().to_string();
    assert!(error.ends_with("there are: W, X, real"), "{error}");
}

fn table_with_reals() -> Table {
    let category = |clip| match clip {
        0..100 => "0,real",
        100..110 => "1,X",
        _ => "1,W",
    };
    let row = |clip| format!("{clip}.mp4,{},,,", category(clip));
    table(&(0..150).map(row).collect::<Vec<_>>())
}

#[test]
fn balance_keeps_what_the_scarcest_allows() {
    let table = table(&clips(1000, 4));
    let groups = Groups::by_path(&table, 0);
    let strata = Strata::new(&table, &["target"]).unwrap();
    let split = balance(&groups, &strata, None, table.len()).unwrap();
    assert_eq!((count(&table, &split, "target", "0"), split.sizes()), (vec![200], vec![400]));
    // 1 real to 3 fakes: all 200 reals; 1 to 8: all 800 fakes, 100 reals.
    for (weights, want) in [([1.0, 3.0], 200), ([1.0, 8.0], 100)] {
        let ratio = [(0, weights[0]), (1, weights[1])];
        let split = balance(&groups, &strata, Some(&ratio), table.len()).unwrap();
        assert_eq!(count(&table, &split, "target", "0"), [want]);
        assert_eq!(count(&table, &split, "target", "1")[0] as f64, want as f64 * weights[1]);
    }
    let error = balance(&groups, &strata, Some(&[(0, 1.0), (1, 1e6)]), table.len()).unwrap_err();
    assert!(matches!(error, SplitError::NothingLeft { rows: 200, .. }), "{error}");
    assert!(balance(&groups, &strata, Some(&[(0, -1.0)]), table.len()).is_err());
}

#[test]
fn written_rows_are_verbatim_and_found_from_elsewhere() {
    let table =
        table(&["b.mp4,1.0,c,, s ,\"x, \"\"y\"\"\"".to_owned(), "/abs/a.mp4,,,,,".to_owned()]);
    let write = |names: &Names| {
        let mut out = Vec::new();
        let cells = |row: usize| format!("part{row}");
        let (new, own) =
            (Marks { column: "split", cells: &cells }, Marks { column: "category", cells: &cells });
        table.write(&mut out, [1, 0].into_iter(), &[new, own], names).unwrap();
        String::from_utf8(out).unwrap()
    };
    let want = "video_name,target,category,identity,source,note,split\n/abs/a.mp4,,part1,,,,part1\n\
                b.mp4,1.0,part0,, s ,\"x, \"\"y\"\"\",part0\n";
    assert_eq!(write(&Names::Verbatim), want);
    assert_eq!(write(&Names::From("/clips".into())), want);
    assert_eq!(write(&Names::From("/clips/sub".into())), want.replace("\nb.mp4", "\n../b.mp4"));
    assert_eq!(
        write(&Names::From("/else/x".into())),
        want.replace("\nb.mp4", "\n../../clips/b.mp4")
    );
}

/// A small world: few people and sources, so that chains of them form; some paths twice.
fn world() -> impl Strategy<Value = Vec<String>> {
    let row = (0..40_usize, 0..2_u8, 0..3_u8, "[a-j]?(;[a-j])?", "[s-w]?");
    proptest::collection::vec(row, 2..60).prop_map(|rows| {
        let text = |(name, target, category, identity, source): (usize, u8, u8, String, String)| {
            format!("{name}.mp4,{target},k{category},{identity},{source},")
        };
        rows.into_iter().map(text).collect()
    })
}

/// Every protocol that works on a table, under the name of each.
fn all(table: &Table, seed: u64) -> Vec<(&'static str, Split)> {
    let parts: Parts = "train=2,val=1,test=1".parse().unwrap();
    let rows = table.len();
    let paths = Groups::by_path(table, seed);
    let category = Strata::new(table, &["category"]).unwrap();
    let target = Strata::new(table, &["target"]).unwrap();
    let people = Groups::connected(table, &PEOPLE, seed);
    let mut splits = vec![
        ("random", random(&paths, &category, &parts, rows)),
        ("left out", leave_out(table, &paths, &category, 0, 0.5)),
        ("balanced", balance(&paths, &target, None, rows)),
    ];
    if let Ok(people) = people {
        splits.push(("subjects", subjects(&people, &target, &parts, rows)));
        splits.push(("folds", subjects(&people, &category, &Parts::folds(3).unwrap(), rows)));
    }
    splits.into_iter().filter_map(|(name, split)| Some((name, split.ok()?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn parts_are_whole_apart_and_the_same_in_any_order(rows in world(), seed: u64, turn in 0..60_usize) {
        let table = self::table(&rows);
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        turned.reverse();
        let turned = self::table(&turned);
        let (splits, again) = (all(&table, seed), all(&turned, seed));
        prop_assert_eq!(splits.len(), again.len());
        prop_assert_eq!(&splits, &all(&table, seed));
        for ((name, split), (_, other)) in splits.iter().zip(&again) {
            prop_assert_eq!(by_name(&table, split), by_name(&turned, other), "{}", name);
            prop_assert!(split.sizes().iter().all(|&size| size > 0), "{}", name);
            if *name != "balanced" {
                prop_assert!(split.of.iter().all(Option::is_some), "{}", name);
            }
            let leaks = leakage::by_path(&table, &split.of, &table.first_of_path());
            prop_assert_eq!(leaks, [], "{}", name);
            if ["subjects", "folds"].contains(name) {
                for column in PEOPLE {
                    prop_assert_eq!(leakage::by_column(&table, &split.of, column).unwrap(), []);
                }
            }
        }
    }

    /// Against every pair of rows.
    #[test]
    fn leaks_are_what_pairs_of_rows_share(rows in world(), seed: u64) {
        let table = self::table(&rows);
        let parts: Vec<Option<usize>> =
            (0..table.len()).map(|row| ((seed >> (row % 60)) as usize % 4).checked_sub(1)).collect();
        let place = table.column("identity").unwrap();
        let mut want = BTreeSet::new();
        for (a, b) in (0..table.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            if parts[a].is_some() && parts[b].is_some() && parts[a] != parts[b] {
                let own: BTreeSet<&str> = values(table.cell(a, place)).collect();
                want.extend(values(table.cell(b, place)).filter(|value| own.contains(value)));
            }
        }
        let leaks = leakage::by_column(&table, &parts, "identity").unwrap();
        prop_assert_eq!(leaks.iter().map(|leak| leak.key.as_str()).collect::<Vec<_>>(), Vec::from_iter(want));
    }
}
