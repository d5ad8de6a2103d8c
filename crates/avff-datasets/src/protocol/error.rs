//! Errors of split protocols.

/// A protocol cannot be applied to a table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The subset specification is invalid.
    #[error("subsets `{subsets}`: {why}; write them as train=70,test=30")]
    InvalidSubsets {
        /// The specification.
        subsets: String,
        /// The reason.
        why: &'static str,
    },
    /// The table lacks a column that the protocol needs.
    #[error("no column `{column}`; there are: {known}")]
    NoColumn {
        /// The requested name.
        column: String,
        /// The columns of the table, joined by commas.
        known: String,
    },
    /// No row states a person, so persons cannot be separated.
    #[error("every cell of {columns} is empty, so related clips are unknown")]
    NoSubjects {
        /// The columns, joined by commas.
        columns: String,
    },
    /// No row has an identity, so other columns cannot separate persons.
    #[error("no row has a value in `{column}`, so the split would not be subject-independent")]
    NoIdentities {
        /// The column of identities.
        column: &'static str,
    },
    /// No fake has a category, so no category can be held out.
    #[error(
        "{fakes} fakes have no category, so no category can be held out; \
         fill in the column or select another one"
    )]
    NoCategory {
        /// Number of fakes without a category.
        fakes: usize,
    },
    /// A subset would be empty.
    #[error(
        "subset `{subset}` would be empty: {rows} rows form {groups} indivisible groups, \
         the largest with {largest} rows; request fewer or larger subsets, or group by fewer columns"
    )]
    EmptySubset {
        /// The subset.
        subset: String,
        /// Number of rows of the table.
        rows: usize,
        /// Number of indivisible groups.
        groups: usize,
        /// Number of rows in the largest group.
        largest: usize,
    },
    /// No row has the value.
    #[error("no row has {column} `{value}`; there are: {known}")]
    NoValue {
        /// The column, or several joined by `/`.
        column: String,
        /// The requested name.
        value: String,
        /// The first existing values, joined by commas.
        known: String,
    },
    /// The protocol needs both classes, but one is missing.
    #[error("{what}: both real and fake clips are needed")]
    OneClass {
        /// The place where a class is missing.
        what: String,
    },
    /// A fraction or weight is out of range.
    #[error("{what} is {value}: it must be {rule}")]
    Number {
        /// The quantity.
        what: &'static str,
        /// Its value.
        value: String,
        /// The accepted range.
        rule: &'static str,
    },
    /// Down-sampling to the ratio would remove all rows of a value.
    #[error("no row of `{value}` would remain: the ratio selects less than one of its {rows} rows")]
    NothingLeft {
        /// The value.
        value: String,
        /// Number of rows with the value.
        rows: usize,
    },
}
