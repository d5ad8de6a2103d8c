//! Options whose values are the names of a library's enum.

use std::{error::Error, str::FromStr};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Takes the names of `values`, and shows in the help what each means.
pub(super) fn named<T>(
    values: impl IntoIterator<Item = (T, &'static str)>,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>
        + Into<&'static str>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let value = |(value, help): (T, _)| PossibleValue::new(value.into()).help(help);
    PossibleValuesParser::new(values.into_iter().map(value)).try_map(|name| name.parse::<T>())
}
