//! The key that was meant by one that is not there.

use super::keys::KEYS;

/// The name of `known` that is fewest changes away from `name`, if it is few.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &'a str| {
        if name.len() > 1 && candidate.starts_with(name) {
            return Some((1, candidate));
        }
        let changes = distance(name, candidate);
        let most = (candidate.len().min(name.len()) / 3).max(1);
        (changes <= most).then_some((changes, candidate))
    };
    known.filter_map(near).min_by_key(|&(changes, _)| changes).map(|(_, candidate)| candidate)
}

/// The key that was meant by `name` in the table at `at`, which has the keys `known`; from the root.
///
/// A key of the same table first, then one of the same name in another table.
pub(super) fn meant(at: &str, name: &str, known: &[String]) -> Option<String> {
    let joined = |name: &str| if at.is_empty() { name.into() } else { format!("{at}.{name}") };
    if let Some(sibling) = nearest(name, known.iter().map(String::as_str)) {
        return Some(joined(sibling));
    }
    // From the end, as the tables that recipes rarely have happen to come first.
    let elsewhere = KEYS.iter().rev().find_map(|key| {
        let end = key.split('.').scan(0, |end, step| {
            *end += step.len() + 1;
            Some((step, *end - 1))
        });
        let (_, end) = end.into_iter().find(|&(step, _)| step == name)?;
        key.get(..end)
    });
    elsewhere.map(str::to_owned).filter(|key| *key != joined(name))
}

/// Insertions, deletions, replacements and swaps of neighbours between two words, the last three of
/// which count once (Damerau's distance in its restricted form).
fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().max(other.len()) > LONGEST {
        return usize::MAX;
    }
    let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
    for row in 0..=one.len() {
        for column in 0..=other.len() {
            table[row][column] = match (row, column) {
                (0, n) | (n, 0) => n,
                _ => {
                    let differ = usize::from(one[row - 1] != other[column - 1]);
                    let mut least = (table[row - 1][column] + 1)
                        .min(table[row][column - 1] + 1)
                        .min(table[row - 1][column - 1] + differ);
                    let swapped = row > 1
                        && column > 1
                        && one[row - 1] == other[column - 2]
                        && one[row - 2] == other[column - 1];
                    if swapped {
                        least = least.min(table[row - 2][column - 2] + 1);
                    }
                    least
                }
            };
        }
    }
    table[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_damerau_s() {
        for (one, other, changes) in [
            ("", "", 0),
            ("lr", "", 2),
            ("kitten", "sitting", 3),
            ("eposch", "epochs", 2),
            ("epcohs", "epochs", 1),
            ("größe", "grösse", 2),
        ] {
            assert_eq!(distance(one, other), changes, "{one} {other}");
            assert_eq!(distance(other, one), changes, "{other} {one}");
        }
        assert_eq!(distance(&"x".repeat(100), "x"), usize::MAX);
    }

    #[test]
    fn a_sibling_is_meant_before_a_namesake() {
        let known = ["lr".to_owned(), "betas".into(), "weight_decay".into()];
        assert_eq!(meant("optimizer", "lrr", &known).as_deref(), Some("optimizer.lr"));
        assert_eq!(
            meant("optimizer", "weightdecay", &known).as_deref(),
            Some("optimizer.weight_decay")
        );
        assert_eq!(meant("optimizer", "weight", &known).as_deref(), Some("optimizer.weight_decay"));
        assert_eq!(meant("", "beta", &known).as_deref(), Some("betas"));
        assert_eq!(meant("steps", "cache", &known).as_deref(), Some("data.cache"));
        assert_eq!(meant("", "encoder", &known).as_deref(), Some("model.config.encoder"));
        assert_eq!(meant("schedule", "gamma", &known), None, "known, but not of this kind");
        assert_eq!(meant("steps", "momentum", &known), None);
    }
}
