//! Why a split is refused.

/// A protocol that cannot be carried out on a table as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// Parts that make no sense by themselves.
    #[error("parts `{parts}`: {why}; write them as train=70,test=30")]
    Parts {
        /// As they were given.
        parts: String,
        /// What is wrong with them.
        why: &'static str,
    },
    /// A column the protocol needs is not in the table.
    #[error("no column `{column}`; there are: {known}")]
    NoColumn {
        /// What was asked for.
        column: String,
        /// The columns of the table, joined by commas.
        known: String,
    },
    /// Nothing says who is in any clip, so nothing can be kept apart.
    #[error("every cell of {columns} is empty: nothing says which clips belong together")]
    NoSubjects {
        /// The columns, joined by commas.
        columns: String,
    },
    /// Nothing says what kind a fake is, so no kind can be kept out of training.
    #[error(
        "{fakes} fakes say no category: what kind they are is not known, so it cannot be left out; \
         fill the column in, or choose another one"
    )]
    NoCategory {
        /// Fakes whose cells are empty.
        fakes: usize,
    },
    /// A part that would hold no row.
    #[error(
        "part `{part}` would be empty: {rows} rows form {groups} groups that must stay together, \
         the largest of {largest}; ask for fewer or larger parts, or keep fewer columns together"
    )]
    EmptyPart {
        /// The part.
        part: String,
        /// Rows of the table.
        rows: usize,
        /// Groups that cannot be taken apart.
        groups: usize,
        /// Rows in the largest group.
        largest: usize,
    },
    /// A value that no row has.
    #[error("no row has {column} `{value}`; there are: {known}")]
    NoValue {
        /// The column or columns, joined by `/`.
        column: String,
        /// What was asked for.
        value: String,
        /// The first of the values there are, joined by commas.
        known: String,
    },
    /// A protocol that needs both classes where there is one.
    #[error("{what}: both real and fake clips are needed there")]
    OneClass {
        /// Where a class is missing.
        what: String,
    },
    /// A share or ratio outside of its range.
    #[error("{what} is {value}: it must be {rule}")]
    Number {
        /// What it is.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is accepted.
        rule: &'static str,
    },
    /// Down-sampling to the given ratio would leave nothing of a value.
    #[error(
        "nothing would be left of `{value}`: the ratio asks for less than one of its {rows} rows"
    )]
    NothingLeft {
        /// The value.
        value: String,
        /// Rows that have it.
        rows: usize,
    },
}
