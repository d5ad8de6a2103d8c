//! Tests of the split protocols on realistic and random tables.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use avff_datasets::{
    ManifestOptions,
    protocol::{
        ColumnValues, Groups, Names, Split, SplitError, Strata, Subsets, Table, balance::balance,
        composition::Composition, leakage, leave_out::leave_out, random::random,
        subjects::subjects, table::values,
    },
};
use proptest::prelude::*;

const HEADER: &str = "video_name,target,category,identity,source,note";
const PEOPLE: [&str; 2] = ["identity", "source"];

fn table(rows: &[String]) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clips.csv");
    fs::write(&path, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap();
    Table::read(&[path], &ManifestOptions::with_root("/clips")).unwrap()
}

/// Creates `count` clips: one real per four fakes of two categories, and `per_person` clips per
/// person.
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

/// Returns the subset of every row by its name.
fn by_name(table: &Table, split: &Split) -> BTreeMap<String, Option<String>> {
    let subset = |row: usize| split.assignment[row].map(|subset| split.names[subset].clone());
    (0..table.len()).map(|row| (table.name(row).to_owned(), subset(row))).collect()
}

/// Counts rows with a value in a column, by subset.
fn count(table: &Table, split: &Split, column: &str, value: &str) -> Vec<usize> {
    let column = table.column(column).unwrap();
    let mut counts = vec![0; split.names.len()];
    for (row, subset) in split.assignment.iter().enumerate() {
        if let Some(subset) = subset {
            counts[*subset] += usize::from(table.value(row, column) == value);
        }
    }
    counts
}

#[test]
fn random_subsets_preserve_strata() {
    let table = table(&clips(1000, 4));
    let groups = Groups::by_path(&table, 3);
    let subset_spec: Subsets = "train=65,val=5,test=30".parse().unwrap();
    let strata = Strata::new(&table, &["category"]).unwrap();
    assert_eq!(strata.names(), ["FVFA", "FVRA", "RR"]);
    let split = random(&groups, &strata, &subset_spec, table.len()).unwrap();
    assert_eq!(split.sizes(), [650, 50, 300]);
    assert_eq!(count(&table, &split, "category", "RR"), [130, 10, 60]);
    assert_eq!(count(&table, &split, "category", "FVFA"), [260, 20, 120]);
    // Without strata, the sizes hold but class balance is not guaranteed.
    let unstratified = Strata::new(&table, &[] as &[&str]).unwrap();
    let split = random(&groups, &unstratified, &subset_spec, table.len()).unwrap();
    assert_eq!(split.sizes(), [650, 50, 300]);
    let other =
        random(&Groups::by_path(&table, 4), &unstratified, &subset_spec, table.len()).unwrap();
    assert_ne!(split.assignment, other.assignment, "another seed is another split");
}

#[test]
fn folds_share_no_person_and_are_balanced() {
    // 100 persons with 1 to 9 clips each.
    let rows: Vec<String> = (0..100)
        .flat_map(|person| (0..=person % 9).map(move |clip| (person, clip)))
        .map(|(person, clip)| {
            let target = usize::from((person + clip) % 5 > 0);
            format!("{person}/{clip}.mp4,{target},c,id{person},,")
        })
        .collect();
    let table = table(&rows);
    let groups = Groups::connected(&table, &PEOPLE, 0).unwrap();
    assert_eq!((groups.len(), groups.largest(), groups.unconnected()), (100, 9, 0));
    let strata = Strata::new(&table, &["target"]).unwrap();
    let split = subjects(&groups, &strata, &Subsets::folds(5).unwrap(), table.len()).unwrap();
    let sizes = split.sizes();
    // A perfect assignment of 486 rows has 97 or 98 per fold.
    assert!(sizes.iter().all(|size| (95..=100).contains(size)), "{sizes:?}");
    for target in ["0", "1"] {
        let counts = count(&table, &split, "target", target);
        let (low, high) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(high - low <= 4, "{target}: {counts:?}");
    }
    let names: Vec<String> = split.names.clone();
    let composition = Composition::new(&table, &names, &split.assignment);
    assert_eq!(composition.shared_identities, Some(0));
    assert_eq!(composition.identities.unwrap().values().sum::<usize>(), 100);
    assert!(split.notes[0].starts_with("100 groups without shared persons"), "{:?}", split.notes);
    let held_out = split.hold_out(2);
    assert_eq!(held_out.names, ["train", "test"]);
    assert_eq!(held_out.sizes(), [table.len() - sizes[2], sizes[2]]);
}

#[test]
fn persons_are_connected_transitively() {
    let rows = [
        "a.mp4,1,c,p;q,,",
        "b.mp4,1,c,q,s,",
        "c.mp4,0,c,,s,",
        "d.mp4,0,c,r,t,",
        // Another spelling of the file connects rows without a common person.
        "./d.mp4,0,c,,,",
        "e.mp4,0,c,,,",
        // Equal names in the identity and source columns do not connect rows.
        "f.mp4,0,c,s,,",
    ];
    let table = table(&rows.map(str::to_owned));
    let groups = Groups::connected(&table, &PEOPLE, 1).unwrap();
    let actual: BTreeSet<Vec<u32>> = groups.iter().map(<[u32]>::to_vec).collect();
    assert_eq!(actual, BTreeSet::from([vec![0, 1, 2], vec![3, 4], vec![5], vec![6]]));
    assert_eq!(groups.unconnected(), 2);
    let by_source = Groups::connected(&table, &["source"], 1).unwrap();
    assert_eq!(by_source.len(), 5);
}

#[test]
fn fully_connected_table_is_an_error() {
    let rows: Vec<String> =
        (0..20).map(|clip| format!("{clip}.mp4,1,c,id{clip};id{},,", clip + 1)).collect();
    let table = table(&rows);
    let groups = Groups::connected(&table, &PEOPLE, 0).unwrap();
    let strata = Strata::new(&table, &["target"]).unwrap();
    let error = subjects(&groups, &strata, &Subsets::folds(5).unwrap(), 20).unwrap_err();
    assert!(
        matches!(&error, SplitError::EmptySubset { subset, groups: 1, largest: 20, .. } if subset == "fold1"),
        "{error}"
    );
    let unknown = self::table(&["a.mp4,1,c,,,".to_owned(), "b.mp4,0,c, ; ,,".to_owned()]);
    let error = Groups::connected(&unknown, &PEOPLE, 0).unwrap_err();
    assert!(matches!(error, SplitError::NoSubjects { .. }), "{error}");
    let error = Groups::connected(&unknown, &["person"], 0).unwrap_err();
    assert!(matches!(error, SplitError::NoColumn { .. }), "{error}");
}

#[test]
fn held_out_category_is_tested_with_equal_reals() {
    let table = table(&clips(1000, 4));
    let groups = Groups::by_path(&table, 0);
    let strata = Strata::new(&table, &["target", "category"]).unwrap();
    let stratum = strata.find("target/category", "1/FVRA").unwrap();
    let split = leave_out(&table, &groups, &strata, stratum, 0.3).unwrap();
    // 400 fakes of the category, 200 reals in total: at most 60 of them are used for testing.
    assert_eq!(count(&table, &split, "category", "FVRA"), [0, 400]);
    assert_eq!(count(&table, &split, "category", "RR"), [140, 60]);
    assert_eq!(count(&table, &split, "category", "FVFA"), [400, 0]);
    assert!(
        split.notes[1].starts_with("the test set has fewer reals than fakes"),
        "{:?}",
        split.notes
    );

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
fn balance_is_limited_by_the_smallest_stratum() {
    let table = table(&clips(1000, 4));
    let groups = Groups::by_path(&table, 0);
    let strata = Strata::new(&table, &["target"]).unwrap();
    let split = balance(&groups, &strata, None, table.len()).unwrap();
    assert_eq!((count(&table, &split, "target", "0"), split.sizes()), (vec![200], vec![400]));
    // 1 real to 3 fakes: all 200 reals. 1 to 8: all 800 fakes, 100 reals.
    for (weights, expected) in [([1.0, 3.0], 200), ([1.0, 8.0], 100)] {
        let ratio = [(0, weights[0]), (1, weights[1])];
        let split = balance(&groups, &strata, Some(&ratio), table.len()).unwrap();
        assert_eq!(count(&table, &split, "target", "0"), [expected]);
        assert_eq!(count(&table, &split, "target", "1")[0] as f64, expected as f64 * weights[1]);
    }
    let error = balance(&groups, &strata, Some(&[(0, 1.0), (1, 1e6)]), table.len()).unwrap_err();
    assert!(matches!(error, SplitError::NothingLeft { rows: 200, .. }), "{error}");
    assert!(balance(&groups, &strata, Some(&[(0, -1.0)]), table.len()).is_err());
}

#[test]
fn written_rows_are_verbatim_with_relative_paths() {
    let table =
        table(&["b.mp4,1.0,c,, s ,\"x, \"\"y\"\"\"".to_owned(), "/abs/a.mp4,,,,,".to_owned()]);
    let write = |names: &Names| {
        let mut out = Vec::new();
        let cells = |row: usize| format!("part{row}");
        let (new, own) = (
            ColumnValues { column: "split", cells: &cells },
            ColumnValues { column: "category", cells: &cells },
        );
        table.write(&mut out, [1, 0].into_iter(), &[new, own], names).unwrap();
        String::from_utf8(out).unwrap()
    };
    let expected = "video_name,target,category,identity,source,note,split\n/abs/a.mp4,,part1,,,,part1\n\
                b.mp4,1.0,part0,, s ,\"x, \"\"y\"\"\",part0\n";
    assert_eq!(write(&Names::Verbatim), expected);
    assert_eq!(write(&Names::RelativeTo("/clips".into())), expected);
    assert_eq!(
        write(&Names::RelativeTo("/clips/sub".into())),
        expected.replace("\nb.mp4", "\n../b.mp4")
    );
    assert_eq!(
        write(&Names::RelativeTo("/else/x".into())),
        expected.replace("\nb.mp4", "\n../../clips/b.mp4")
    );
}

/// A random table with few persons and sources, so that chains of them form. Some paths occur
/// twice.
fn random_table() -> impl Strategy<Value = Vec<String>> {
    let row = (0..40_usize, 0..2_u8, 0..3_u8, "[a-j]?(;[a-j])?", "[s-w]?");
    proptest::collection::vec(row, 2..60).prop_map(|rows| {
        let text = |(name, target, category, identity, source): (usize, u8, u8, String, String)| {
            format!("{name}.mp4,{target},k{category},{identity},{source},")
        };
        rows.into_iter().map(text).collect()
    })
}

/// Applies every protocol to a table.
fn all(table: &Table, seed: u64) -> Vec<(&'static str, Split)> {
    let subset_spec: Subsets = "train=2,val=1,test=1".parse().unwrap();
    let rows = table.len();
    let paths = Groups::by_path(table, seed);
    let category = Strata::new(table, &["category"]).unwrap();
    let target = Strata::new(table, &["target"]).unwrap();
    let people = Groups::connected(table, &PEOPLE, seed);
    let mut splits = vec![
        ("random", random(&paths, &category, &subset_spec, rows)),
        ("left out", leave_out(table, &paths, &category, 0, 0.5)),
        ("balanced", balance(&paths, &target, None, rows)),
    ];
    if let Ok(people) = people {
        splits.push(("subjects", subjects(&people, &target, &subset_spec, rows)));
        splits.push(("folds", subjects(&people, &category, &Subsets::folds(3).unwrap(), rows)));
    }
    splits.into_iter().filter_map(|(name, split)| Some((name, split.ok()?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn splits_are_complete_disjoint_and_order_independent(rows in random_table(), seed: u64, rotation in 0..60_usize) {
        let table = self::table(&rows);
        let mut shuffled = rows.clone();
        shuffled.rotate_left(rotation % rows.len());
        shuffled.reverse();
        let shuffled = self::table(&shuffled);
        let (splits, again) = (all(&table, seed), all(&shuffled, seed));
        prop_assert_eq!(splits.len(), again.len());
        prop_assert_eq!(&splits, &all(&table, seed));
        for ((name, split), (_, other)) in splits.iter().zip(&again) {
            prop_assert_eq!(by_name(&table, split), by_name(&shuffled, other), "{}", name);
            prop_assert!(split.sizes().iter().all(|&size| size > 0), "{}", name);
            if *name != "balanced" {
                prop_assert!(split.assignment.iter().all(Option::is_some), "{}", name);
            }
            let leaks = leakage::by_path(&table, &split.assignment, &table.first_of_path());
            prop_assert_eq!(leaks, [], "{}", name);
            if ["subjects", "folds"].contains(name) {
                for column in PEOPLE {
                    prop_assert_eq!(leakage::by_column(&table, &split.assignment, column).unwrap(), []);
                }
            }
        }
    }

    /// Compares leaks with a check of every pair of rows.
    #[test]
    fn leaks_match_pairwise_comparison(rows in random_table(), seed: u64) {
        let table = self::table(&rows);
        let assignment: Vec<Option<usize>> =
            (0..table.len()).map(|row| ((seed >> (row % 60)) as usize % 4).checked_sub(1)).collect();
        let column = table.column("identity").unwrap();
        let mut expected = BTreeSet::new();
        for (a, b) in (0..table.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            if assignment[a].is_some() && assignment[b].is_some() && assignment[a] != assignment[b] {
                let own: BTreeSet<&str> = values(table.cell(a, column)).collect();
                expected.extend(values(table.cell(b, column)).filter(|value| own.contains(value)));
            }
        }
        let leaks = leakage::by_column(&table, &assignment, "identity").unwrap();
        prop_assert_eq!(leaks.iter().map(|leak| leak.key.as_str()).collect::<Vec<_>>(), Vec::from_iter(expected));
    }
}
