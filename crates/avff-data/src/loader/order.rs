//! In which order an epoch goes through the rows, and which of them a process gets.
//!
//! An order follows from seed and epoch alone, so any epoch can be begun anywhere without going
//! through those before it, and every process of a parallel run computes the same one.

use avff_datasets::Dataset;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use avff_rng::{Purpose, Rng, RngKey};

/// The order of an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// The manifest's: for validation.
    Plain,
    /// Every row once, in an order drawn anew each epoch.
    #[default]
    Shuffled,
    /// As many draws as there are rows, each independent of the others: a row comes up with
    /// probability weight over the sum of all weights, so some come several times and some not at
    /// all.
    Weighted(Weights),
}

/// How likely rows are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Weights {
    /// By target: `fake / (real + fake)` of all draws are fakes, each as likely as any other fake,
    /// however many there are of either. One of the shares may be 0.
    Classes {
        /// The share of rows with target 0.
        real: f64,
        /// The share of rows with target 1.
        fake: f64,
    },
    /// By a column of the manifest that holds each row's weight, a number not below 0.
    Column(String),
}

/// The part of every epoch that one process of several gets: every `world`-th row of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// This process, from 0.
    pub rank: usize,
    /// All of them.
    pub world: usize,
    /// Whether the order is continued from its start until all parts are of one length. Without it no
    /// row comes twice, and the first parts may be a row longer.
    pub pad: bool,
}

impl Default for Shard {
    /// One process.
    fn default() -> Self {
        Self { rank: 0, world: 1, pad: false }
    }
}

/// The most processes of a run.
const MAX_WORLD: usize = 1 << 16;

impl Shard {
    fn validate(self) -> Result<(), DataError> {
        if !(1..=MAX_WORLD).contains(&self.world) {
            let rule = format!("from 1 to {MAX_WORLD}");
            return Err(DataError::setting("shard.world", self.world, rule));
        }
        if self.rank >= self.world {
            return Err(DataError::setting(
                "shard.rank",
                self.rank,
                format!("below {}", self.world),
            ));
        }
        Ok(())
    }

    /// The length of this part of `all` rows.
    fn len(self, all: usize) -> usize {
        if self.pad {
            all.div_ceil(self.world)
        } else {
            (all + self.world - 1 - self.rank) / self.world
        }
    }
}

/// A row's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The row, from 0.
    pub row: u32,
    /// How often it came before in this epoch, in any shard.
    pub occurrence: u32,
}

/// Makes the orders of a run.
#[derive(Debug, Clone)]
pub struct Orders {
    rule: Rule,
    rows: u32,
    seed: u64,
    shard: Shard,
}

#[derive(Debug, Clone)]
enum Rule {
    Plain,
    Shuffled,
    /// The sum of the weights up to and with each row.
    Weighted(Vec<f64>),
}

impl Orders {
    /// The orders of `dataset` under `seed`, in the part that `shard` names.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a shard that does not exist and for weights that cannot be used:
    /// rows without target, a column that is missing or holds no number, nothing to draw.
    pub fn new(
        dataset: &Dataset,
        order: &Order,
        seed: u64,
        shard: Shard,
    ) -> Result<Self, DataError> {
        shard.validate()?;
        let rule = match order {
            Order::Plain => Rule::Plain,
            Order::Shuffled => Rule::Shuffled,
            Order::Weighted(weights) => Rule::Weighted(cumulative(&weights.of(dataset)?)?),
        };
        // A dataset has at most 2^24 rows.
        Ok(Self { rule, rows: dataset.len() as u32, seed, shard })
    }

    /// Picks in every epoch, in this shard.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a shard may be empty, an order is a whole")]
    pub fn len(&self) -> usize {
        self.shard.len(self.rows as usize)
    }

    /// This shard's picks of an epoch, in order.
    #[must_use]
    pub fn epoch(&self, epoch: u64) -> Vec<Pick> {
        let mut draws =
            RngKey { seed: self.seed, epoch, row: 0, occurrence: 0 }.rng(Purpose::Order);
        let mut order: Vec<u32> = (0..self.rows).collect();
        match &self.rule {
            Rule::Plain => {}
            Rule::Shuffled => draws.shuffle(&mut order),
            Rule::Weighted(sums) => order.iter_mut().for_each(|row| *row = draw(sums, &mut draws)),
        }
        let Shard { rank, world, pad } = self.shard;
        let all = if pad { self.len() * world } else { order.len() };
        let mut seen = vec![0_u32; order.len()];
        let mut picks = Vec::with_capacity(self.len());
        for (place, &row) in order.iter().cycle().take(all).enumerate() {
            let occurrence = seen.get(row as usize).copied().unwrap_or_default();
            if let Some(count) = seen.get_mut(row as usize) {
                *count += 1;
            }
            if place % world == rank {
                picks.push(Pick { row, occurrence });
            }
        }
        picks
    }
}

impl Weights {
    /// Every row's weight.
    fn of(&self, dataset: &Dataset) -> Result<Vec<f64>, DataError> {
        match self {
            &Self::Classes { real, fake } => {
                if let Some(row) = dataset.unlabelled() {
                    let rule =
                        format!("left out where rows have no target, as in line {}", row.line);
                    return Err(DataError::setting("order.weighted.classes", "set", rule));
                }
                let fakes = dataset.rows().iter().filter(|row| row.target == Some(1)).count();
                let classes = [("real", real, dataset.len() - fakes), ("fake", fake, fakes)];
                for (name, share, rows) in classes {
                    if !(share.is_finite() && share >= 0.0) || (share > 0.0 && rows == 0) {
                        let rule = format!("0 or a positive number; there are {rows} {name} rows");
                        return Err(DataError::setting("order.weighted.classes", share, rule));
                    }
                }
                let each = classes.map(|(_, share, rows)| share / rows.max(1) as f64);
                let weight = |target: Option<u8>| each[usize::from(target == Some(1))];
                Ok(dataset.rows().iter().map(|row| weight(row.target)).collect())
            }
            Self::Column(name) => {
                let Some(column) = dataset.column(name) else {
                    let rule = "a column of the manifest".to_owned();
                    return Err(DataError::setting(
                        "order.weighted.column",
                        format!("`{name}`"),
                        rule,
                    ));
                };
                let weight = |row: &avff_datasets::manifest::Row| {
                    let cell = row.extra.get(column).map_or("", |cell| cell.trim());
                    let weight = cell.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0);
                    let (line, column) = (row.line, name.clone());
                    weight.ok_or(DataError::Weight { line, column })
                };
                dataset.rows().iter().map(weight).collect()
            }
        }
    }
}

fn cumulative(weights: &[f64]) -> Result<Vec<f64>, DataError> {
    let mut total = 0.0;
    let sums: Vec<f64> = weights
        .iter()
        .map(|weight| {
            total += weight;
            total
        })
        .collect();
    if total.is_finite() && total > 0.0 {
        return Ok(sums);
    }
    Err(DataError::setting("order.weighted", format!("a sum of {total}"), "a positive number"))
}

/// A row by its weight. Rows of weight 0 are never drawn: their sum is that of the row before.
fn draw(sums: &[f64], draws: &mut Rng) -> u32 {
    let total = sums.last().copied().unwrap_or_default();
    let at = draws.unit() * total;
    // Rounding could bring the product up to the total itself, which lies behind the last row.
    let row = sums.partition_point(|&sum| sum <= at);
    row.min(sums.partition_point(|&sum| sum < total)) as u32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use avff_datasets::manifest::Row;

    fn dataset(cells: &[(Option<u8>, &str)]) -> Dataset {
        let row = |(index, &(target, cell)): (usize, &(Option<u8>, &str))| Row {
            name: index.to_string(),
            path: index.to_string().into(),
            target,
            extra: vec![cell.to_owned()],
            line: index as u64 + 2,
        };
        let rows = cells.iter().enumerate().map(row).collect();
        Dataset::new(rows, vec!["weight".into()]).unwrap()
    }

    fn plain(rows: usize) -> Dataset {
        dataset(&vec![(Some(0), ""); rows])
    }

    fn rows(picks: &[Pick]) -> Vec<u32> {
        picks.iter().map(|pick| pick.row).collect()
    }

    #[derive(serde::Deserialize)]
    struct Known {
        seed: u64,
        epoch: u64,
        order: Vec<u32>,
    }

    #[test]
    fn shuffles_are_those_of_another_implementation() {
        let text = include_str!("../../tests/fixtures/loader/order.json");
        for Known { seed, epoch, order } in serde_json::from_str::<Vec<Known>>(text).unwrap() {
            let data = plain(order.len());
            let orders = Orders::new(&data, &Order::Shuffled, seed, Shard::default()).unwrap();
            assert_eq!(rows(&orders.epoch(epoch)), order, "seed {seed}, epoch {epoch}");
        }
    }

    #[test]
    fn classes_are_drawn_by_their_shares() {
        let mut cells = vec![(Some(1), ""); 90];
        cells.extend([(Some(0), ""); 10]);
        let data = dataset(&cells);
        let share = |real, fake| {
            let order = Order::Weighted(Weights::Classes { real, fake });
            let orders = Orders::new(&data, &order, 5, Shard::default()).unwrap();
            let all: Vec<u32> = (0..100).flat_map(|epoch| rows(&orders.epoch(epoch))).collect();
            assert_eq!(all.len(), 10_000);
            all.iter().filter(|&&row| row >= 90).count()
        };
        // Deviation of a count of 10,000 fair draws: 50; five are allowed.
        assert!((4_750..=5_250).contains(&share(1.0, 1.0)));
        assert!((2_283..=2_717).contains(&share(1.0, 3.0)), "deviation 43.3");
        assert_eq!(share(2.0, 0.0), 10_000);
    }

    #[test]
    fn columns_weigh_rows_and_nothing_weighs_none() {
        let data = dataset(&[(None, "1"), (None, "0"), (None, " 3.0 "), (None, "0")]);
        let order = Order::Weighted(Weights::Column("weight".into()));
        let orders = Orders::new(&data, &order, 5, Shard::default()).unwrap();
        let mut counts = [0; 4];
        for epoch in 0..2_000 {
            for row in rows(&orders.epoch(epoch)) {
                counts[row as usize] += 1;
            }
        }
        assert_eq!((counts[1], counts[3]), (0, 0));
        // 8,000 draws at 1/4: deviation 38.7.
        assert!((1_806..=2_194).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn weights_that_cannot_be_used_are_named() {
        let data = dataset(&[(Some(0), "1"), (None, "x")]);
        let fault = |order: Weights| {
            let order = Order::Weighted(order);
            Orders::new(&data, &order, 5, Shard::default()).unwrap_err().to_string()
        };
        assert!(fault(Weights::Classes { real: 1.0, fake: 1.0 }).contains("line 3"));
        assert!(fault(Weights::Column("weight".into())).starts_with("line 3: "));
        assert!(fault(Weights::Column("wight".into())).contains("`wight`"));
        let real = plain(4);
        for classes in [(1.0, 1.0), (-1.0, 0.0), (f64::NAN, 0.0), (0.0, 0.0)] {
            let order = Order::Weighted(Weights::Classes { real: classes.0, fake: classes.1 });
            assert!(Orders::new(&real, &order, 5, Shard::default()).is_err(), "{classes:?}");
        }
        for (rank, world) in [(0, 0), (1, 1), (0, MAX_WORLD + 1)] {
            let shard = Shard { rank, world, pad: false };
            assert!(Orders::new(&real, &Order::Plain, 5, shard).is_err(), "{shard:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_epoch_is_a_permutation_of_its_own(
            count in 1..300_usize,
            seed in any::<u64>(),
            epoch in any::<u64>(),
        ) {
            let orders = Orders::new(&plain(count), &Order::Shuffled, seed, Shard::default()).unwrap();
            let picks = orders.epoch(epoch);
            prop_assert!(picks.iter().all(|pick| pick.occurrence == 0));
            let mut all = rows(&picks);
            prop_assert_eq!(&rows(&orders.epoch(epoch)), &all);
            if count > 20 {
                prop_assert_ne!(&rows(&orders.epoch(epoch ^ 1)), &all);
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..count as u32).collect::<Vec<_>>());
        }

        #[test]
        fn shards_are_disjoint_and_together_the_whole(
            count in 1..200_usize,
            world in 1..9_usize,
            pad in any::<bool>(),
            weighted in any::<bool>(),
        ) {
            let data = plain(count);
            let order = match weighted {
                true => Order::Weighted(Weights::Classes { real: 1.0, fake: 0.0 }),
                false => Order::Shuffled,
            };
            let whole = Orders::new(&data, &order, 9, Shard::default()).unwrap().epoch(4);
            let parts: Vec<Vec<Pick>> = (0..world)
                .map(|rank| {
                    let orders = Orders::new(&data, &order, 9, Shard { rank, world, pad }).unwrap();
                    let picks = orders.epoch(4);
                    assert_eq!(picks.len(), orders.len());
                    picks
                })
                .collect();
            if pad {
                prop_assert!(parts.iter().all(|part| part.len() == count.div_ceil(world)));
            }
            let longest = parts[0].len();
            let joined: Vec<Pick> = (0..longest)
                .flat_map(|place| parts.iter().filter_map(move |part| part.get(place)))
                .copied()
                .collect();
            prop_assert_eq!(&joined[..count], &whole[..]);
            // What is repeated to fill up is the start again, and known as a repetition.
            for (extra, first) in joined[count..].iter().zip(whole.iter().cycle()) {
                prop_assert_eq!(extra.row, first.row);
                prop_assert!(extra.occurrence > first.occurrence);
            }
            let mut distinct = joined.clone();
            distinct.sort_by_key(|pick| (pick.row, pick.occurrence));
            distinct.dedup();
            prop_assert_eq!(distinct.len(), joined.len());
        }
    }
}
