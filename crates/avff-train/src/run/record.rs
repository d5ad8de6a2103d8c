//! The reports of a run: named numbers of a step or an epoch.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};

/// The event that a [`Record`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Training starts or resumes.
    Session,
    /// A step was taken.
    Step,
    /// An epoch ended.
    Epoch,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The reported event.
    pub kind: Kind,
    /// Epoch number, from 1; 0 before the first epoch.
    pub epoch: u64,
    /// Number of steps taken so far; the first step is 1.
    pub step: u64,
    /// Seconds since 1970, UTC.
    pub time: f64,
    /// The numbers.
    pub values: Values,
}

impl Record {
    /// Reports step number `step` within epoch number `epoch`, at the current time.
    #[must_use]
    pub fn step(epoch: u64, step: u64, values: Values) -> Self {
        Self { kind: Kind::Step, epoch, step, time: now(), values }
    }

    /// Reports the end of epoch number `epoch` after step number `step`, at the current time.
    #[must_use]
    pub fn epoch(epoch: u64, step: u64, values: Values) -> Self {
        Self { kind: Kind::Epoch, epoch, step, time: now(), values }
    }

    pub(super) fn session(position: Position) -> Self {
        let Position { step, epochs } = position;
        Self { kind: Kind::Session, epoch: epochs, step, time: now(), values: Values::default() }
    }
}

/// Progress of training, as stored in a training checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Number of steps taken.
    pub step: u64,
    /// Number of epochs that ended and were reported.
    pub epochs: u64,
}

impl Position {
    /// Whether a record was made by this position. Both step and epoch count, because a checkpoint
    /// at the last step of an epoch may be from before or after its validation.
    #[must_use]
    pub fn covers(&self, record: &Record) -> bool {
        record.step <= self.step && (record.kind != Kind::Epoch || record.epoch <= self.epochs)
    }
}

/// Returns the seconds since 1970, to the millisecond.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1e3).round() / 1e3
}

/// Named numbers, in insertion order.
///
/// A name is `SUBSET/QUANTITY` with subset `train` or `val`, or a quantity alone for a value of the
/// run itself: `train/loss`, `val/map`, `lr`. A dot separates components: `lr.head`. Tables,
/// TensorBoard tags and charts use the names.
///
/// Numbers are rounded to 14 significant digits. JSON readers are not exact beyond that, and the
/// tables of a resumed run must equal those of an uninterrupted one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(Vec<(String, f64)>);

impl Values {
    /// Adds or replaces a number.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let (name, value) = (name.into(), rounded(value));
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Returns the number with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Iterates over names and numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Whether there are no numbers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Rounds to 14 significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.13e}").parse().unwrap_or(value)
}

impl<N: Into<String>> FromIterator<(N, f64)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, f64)>>(values: I) -> Self {
        let mut all = Self::default();
        all.extend(values);
        all
    }
}

impl<N: Into<String>> Extend<(N, f64)> for Values {
    fn extend<I: IntoIterator<Item = (N, f64)>>(&mut self, values: I) {
        for (name, value) in values {
            self.set(name, value);
        }
    }
}

impl<N: Into<String>, const L: usize> From<[(N, f64); L]> for Values {
    fn from(values: [(N, f64); L]) -> Self {
        values.into_iter().collect()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &Number(value))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = Vec::new();
                while let Some((name, Number(value))) = map.next_entry::<String, Number>()? {
                    values.push((name, rounded(value)));
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A number in JSON, which cannot represent NaN: non-finite numbers are `"NaN"`, `"inf"` or
/// `"-inf"`. A diverged loss stays visible, and writing a line never fails.
#[derive(Debug, Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value) = *self;
        if value.is_finite() {
            serializer.serialize_f64(value)
        } else {
            serializer.collect_str(&value)
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<'a> {
            Finite(f64),
            Other(std::borrow::Cow<'a, str>),
        }
        match Written::deserialize(deserializer)? {
            Written::Finite(value) => Ok(Self(value)),
            Written::Other(text) => match &*text {
                "NaN" => Ok(Self(f64::NAN)),
                "inf" => Ok(Self(f64::INFINITY)),
                "-inf" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(serde::de::Error::custom(format!("`{text}` is not a number"))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_matches_documentation() {
        let values =
            Values::from([("train/loss", 0.5), ("val/loss", f64::NAN), ("a", f64::NEG_INFINITY)]);
        let record = Record { time: 12.25, ..Record::step(2, 7, values) };
        let line = r#"{"kind":"step","epoch":2,"step":7,"time":12.25,"values":{"train/loss":0.5,"val/loss":"NaN","a":"-inf"}}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
        for wrong in ["\"nan\"", "null", "\"0.5\"", "[]"] {
            let text = line.replace("\"NaN\"", wrong);
            assert!(serde_json::from_str::<Record>(&text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn setting_twice_replaces() {
        let mut values = Values::from([("a", 1.0), ("b", 2.0)]);
        values.set("a", 3.0);
        assert_eq!(values.iter().collect::<Vec<_>>(), [("a", 3.0), ("b", 2.0)]);
        assert_eq!(values.get("c"), None);
    }

    #[test]
    fn position_covers_earlier_records() {
        let position = Position { step: 10, epochs: 1 };
        let none = Values::default;
        assert!(position.covers(&Record::step(2, 10, none())));
        assert!(!position.covers(&Record::step(2, 11, none())));
        assert!(position.covers(&Record::epoch(1, 5, none())));
        // The checkpoint was saved before this epoch's validation, which will be repeated.
        assert!(!position.covers(&Record::epoch(2, 10, none())));
    }

    proptest! {
        /// The result is bit-identical, except for subnormal numbers, which have fewer bits than
        /// digits.
        #[test]
        fn numbers_round_trip(bits in any::<u64>(), single in any::<f32>()) {
            let values = Values::from([("a", f64::from_bits(bits)), ("b", f64::from(single))]);
            let text = serde_json::to_string(&values).unwrap();
            let read: Values = serde_json::from_str(&text).unwrap();
            for (name, value) in values.iter() {
                let read = read.get(name).unwrap();
                prop_assert!(
                    read == value || (read.is_nan() && value.is_nan()) || value.abs() < 1e-300,
                    "{value:e} became {read:e}"
                );
            }
            // Rounding does not merge different single-precision numbers.
            prop_assert!(single.is_nan() || values.get("b").unwrap() as f32 == single);
        }
    }
}
