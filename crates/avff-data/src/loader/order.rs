//! The order of rows in an epoch, and the shard of each process.
//!
//! An order depends only on seed and epoch. Any epoch can therefore start without the previous
//! ones, and every process of a distributed run computes an identical order.

use avff_datasets::Dataset;
use serde::{Deserialize, Serialize};

use super::config::{LastBatch, LoaderConfig};
use crate::error::DataError;
use avff_rng::{Purpose, Rng, RngKey};

/// The order of an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// The manifest's order: for validation.
    Plain,
    /// Every row once, in a random order that is new in each epoch.
    #[default]
    Shuffled,
    /// Weighted sampling with replacement, as many samples as there are rows. A row's probability
    /// is its weight over the sum of all weights, so some rows occur several times and some not at
    /// all.
    Weighted(Weights),
}

/// Sampling weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Weights {
    /// By target: `fake / (real + fake)` of all samples are fakes, each equally likely, whatever
    /// the class balance. One of the weights may be 0.
    Classes {
        /// The weight of rows with target 0.
        real: f64,
        /// The weight of rows with target 1.
        fake: f64,
    },
    /// By a manifest column with each row's weight, a non-negative number.
    Column(String),
}

/// The shard of every epoch for one of several processes: every `world`-th row of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// The rank of this process, from 0.
    pub rank: usize,
    /// The number of processes.
    pub world: usize,
    /// Whether to repeat rows from the start of the order until all shards have equal length.
    /// Without padding no row occurs twice, and the first shards may be one row longer.
    pub pad: bool,
}

impl Default for Shard {
    /// A single process.
    fn default() -> Self {
        Self { rank: 0, world: 1, pad: false }
    }
}

/// Maximum number of processes.
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

    /// Returns the length of this shard of `all` rows.
    fn len(self, all: usize) -> usize {
        if self.pad {
            all.div_ceil(self.world)
        } else {
            (all + self.world - 1 - self.rank) / self.world
        }
    }
}

/// One occurrence of a row in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The row, from 0.
    pub row: u32,
    /// Number of previous occurrences in this epoch, in any shard.
    pub occurrence: u32,
}

/// Creates the orders of a run.
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
    /// The cumulative weights, including each row.
    Weighted(Vec<f64>),
}

impl Orders {
    /// Creates the orders of `dataset` under `seed`, restricted to a shard.
    ///
    /// # Errors
    /// [`DataError::Setting`] for an invalid shard and for invalid weights: rows without target, a
    /// missing or non-numeric column, or a sum of 0.
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
            Order::Weighted(weights) => Rule::Weighted(cumulative(&weights.row_weights(dataset)?)?),
        };
        // A dataset has at most 2^24 rows.
        Ok(Self { rule, rows: dataset.len() as u32, seed, shard })
    }

    /// Returns the number of rows per epoch in this shard.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a shard may be empty, but an order is not")]
    pub fn len(&self) -> usize {
        self.shard.len(self.rows as usize)
    }

    /// Returns the rows of an epoch in this shard, in order.
    #[must_use]
    pub fn epoch(&self, epoch: u64) -> Vec<Pick> {
        let mut rng = RngKey { seed: self.seed, epoch, row: 0, occurrence: 0 }.rng(Purpose::Order);
        let mut order: Vec<u32> = (0..self.rows).collect();
        match &self.rule {
            Rule::Plain => {}
            Rule::Shuffled => rng.shuffle(&mut order),
            Rule::Weighted(sums) => {
                order.iter_mut().for_each(|row| *row = sample_row(sums, &mut rng))
            }
        }
        let Shard { rank, world, pad } = self.shard;
        let all = if pad { self.len() * world } else { order.len() };
        let mut seen = vec![0_u32; order.len()];
        let mut picks = Vec::with_capacity(self.len());
        for (index, &row) in order.iter().cycle().take(all).enumerate() {
            let occurrence = seen.get(row as usize).copied().unwrap_or_default();
            if let Some(count) = seen.get_mut(row as usize) {
                *count += 1;
            }
            if index % world == rank {
                picks.push(Pick { row, occurrence });
            }
        }
        picks
    }
}

impl Orders {
    /// Returns the rows of an epoch that this process reads from `position` on. A cut leaves it its
    /// places in every batch.
    pub(super) fn rest(&self, epoch: u64, position: usize, config: &LoaderConfig) -> Vec<Pick> {
        let mut picks = self.epoch(epoch).into_iter().skip(position);
        if config.cut.is_whole() {
            return picks.collect();
        }
        let mut rest = Vec::new();
        loop {
            let batch: Vec<Pick> = picks.by_ref().take(config.batch).collect();
            if batch.is_empty() || (batch.len() < config.batch && config.last == LastBatch::Drop) {
                return rest;
            }
            rest.extend_from_slice(batch.get(config.cut.places(batch.len())).unwrap_or_default());
        }
    }
}

impl Weights {
    /// Returns every row's weight.
    fn row_weights(&self, dataset: &Dataset) -> Result<Vec<f64>, DataError> {
        match self {
            &Self::Classes { real, fake } => {
                if let Some(row) = dataset.unlabeled() {
                    let rule = format!("absent if rows have no target, as in line {}", row.line);
                    return Err(DataError::setting("order.weighted.classes", "set", rule));
                }
                let fakes = dataset.rows().iter().filter(|row| row.target == Some(1)).count();
                let classes = [("real", real, dataset.len() - fakes), ("fake", fake, fakes)];
                for (name, weight, rows) in classes {
                    if !(weight.is_finite() && weight >= 0.0) || (weight > 0.0 && rows == 0) {
                        let rule = format!("0 or a positive number; there are {rows} {name} rows");
                        return Err(DataError::setting("order.weighted.classes", weight, rule));
                    }
                }
                let each = classes.map(|(_, weight, rows)| weight / rows.max(1) as f64);
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

/// Samples a row by weight. Rows of weight 0 are never sampled, because their cumulative weight
/// equals that of the previous row.
fn sample_row(sums: &[f64], rng: &mut Rng) -> u32 {
    let total = sums.last().copied().unwrap_or_default();
    let at = rng.unit() * total;
    // Rounding could raise the product to the total itself, which lies beyond the last row.
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
    struct Case {
        seed: u64,
        epoch: u64,
        order: Vec<u32>,
    }

    #[test]
    fn shuffles_match_the_reference_implementation() {
        let text = include_str!("../../tests/fixtures/loader/order.json");
        for Case { seed, epoch, order } in serde_json::from_str::<Vec<Case>>(text).unwrap() {
            let data = plain(order.len());
            let orders = Orders::new(&data, &Order::Shuffled, seed, Shard::default()).unwrap();
            assert_eq!(rows(&orders.epoch(epoch)), order, "seed {seed}, epoch {epoch}");
        }
    }

    #[test]
    fn classes_are_sampled_by_weight() {
        let mut cells = vec![(Some(1), ""); 90];
        cells.extend([(Some(0), ""); 10]);
        let data = dataset(&cells);
        let count_real = |real, fake| {
            let order = Order::Weighted(Weights::Classes { real, fake });
            let orders = Orders::new(&data, &order, 5, Shard::default()).unwrap();
            let all: Vec<u32> = (0..100).flat_map(|epoch| rows(&orders.epoch(epoch))).collect();
            assert_eq!(all.len(), 10_000);
            all.iter().filter(|&&row| row >= 90).count()
        };
        // Standard deviation of a count of 10,000 fair samples: 50; the tolerance is five
        // deviations.
        assert!((4_750..=5_250).contains(&count_real(1.0, 1.0)));
        assert!((2_283..=2_717).contains(&count_real(1.0, 3.0)), "standard deviation 43.3");
        assert_eq!(count_real(2.0, 0.0), 10_000);
    }

    #[test]
    fn rows_are_sampled_by_column_weight() {
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
        // 8,000 samples at 1/4: standard deviation 38.7.
        assert!((1_806..=2_194).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn invalid_weights_are_errors() {
        let data = dataset(&[(Some(0), "1"), (None, "x")]);
        let error = |order: Weights| {
            let order = Order::Weighted(order);
            Orders::new(&data, &order, 5, Shard::default()).unwrap_err().to_string()
        };
        assert!(error(Weights::Classes { real: 1.0, fake: 1.0 }).contains("line 3"));
        assert!(error(Weights::Column("weight".into())).starts_with("line 3: "));
        assert!(error(Weights::Column("wight".into())).contains("`wight`"));
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
        fn every_epoch_is_a_different_permutation(
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
        fn shards_partition_the_order(
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
            let complete = Orders::new(&data, &order, 9, Shard::default()).unwrap().epoch(4);
            let shards: Vec<Vec<Pick>> = (0..world)
                .map(|rank| {
                    let orders = Orders::new(&data, &order, 9, Shard { rank, world, pad }).unwrap();
                    let picks = orders.epoch(4);
                    assert_eq!(picks.len(), orders.len());
                    picks
                })
                .collect();
            if pad {
                prop_assert!(shards.iter().all(|shard| shard.len() == count.div_ceil(world)));
            }
            let longest = shards[0].len();
            let interleaved: Vec<Pick> = (0..longest)
                .flat_map(|index| shards.iter().filter_map(move |shard| shard.get(index)))
                .copied()
                .collect();
            prop_assert_eq!(&interleaved[..count], &complete[..]);
            // Padding repeats the start of the order with a higher occurrence.
            for (extra, first) in interleaved[count..].iter().zip(complete.iter().cycle()) {
                prop_assert_eq!(extra.row, first.row);
                prop_assert!(extra.occurrence > first.occurrence);
            }
            let mut distinct = interleaved.clone();
            distinct.sort_by_key(|pick| (pick.row, pick.occurrence));
            distinct.dedup();
            prop_assert_eq!(distinct.len(), interleaved.len());
        }
    }
}
