//! Values by metric, serialized as a JSON map.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{metric::Metric, registry::METRICS};

/// Values by metric, in the registry's order; `None` if a set does not define the metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Values<T>(Vec<(Metric, Option<T>)>);

impl<T: Copy> Values<T> {
    /// Returns the value of a metric; `None` if it is undefined or absent.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<T> {
        self.iter().find(|(existing, _)| *existing == metric)?.1
    }

    /// Iterates over all metrics with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, Option<T>)> {
        self.0.iter().copied()
    }
}

impl<T> FromIterator<(Metric, Option<T>)> for Values<T> {
    fn from_iter<I: IntoIterator<Item = (Metric, Option<T>)>>(values: I) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by_key(|(metric, _)| METRICS.iter().position(|existing| existing == metric));
        Self(values)
    }
}

impl<T: Serialize> Serialize for Values<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in &self.0 {
            map.serialize_entry(metric.key, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Values<T> {
    /// Ignores keys that are not metrics, because a report holds more than its values.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Values<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by metric")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    match METRICS.iter().find(|metric| metric.key == key) {
                        Some(metric) => values.push((*metric, map.next_value()?)),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(values.into_iter().collect())
            }
        }

        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}
