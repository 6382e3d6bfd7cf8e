//! Why facts could not be applied, told apart by what to do about it.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failed application of a batch.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Nothing is wrong with the facts: try the same again later.
    #[error("a dependency is unavailable")]
    Unavailable(#[source] Source),
    /// The same input would fail again: the fact becomes a dead letter.
    #[error("the fact cannot be applied")]
    Bug(#[source] Source),
}

impl ApplyError {
    /// A definite failure described in words.
    pub fn bug(why: impl Into<String>) -> Self {
        Self::Bug(why.into().into())
    }
}

/// An error as logs take it, with its causes.
pub fn traced<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> &'e (dyn std::error::Error + 'static) {
    error
}

impl From<sqlx::Error> for ApplyError {
    fn from(error: sqlx::Error) -> Self {
        if passes_by_itself(&error) {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Bug(Box::new(error))
        }
    }
}

/// Whether a database error says nothing about the statement: lost connections, shutdowns,
/// deadlocks, serialization failures, lock and statement time-outs, a full disk.
pub fn passes_by_itself(error: &sqlx::Error) -> bool {
    match error.as_database_error() {
        Some(database) => database.code().is_some_and(|code| {
            ["08", "40", "53", "55", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        None => !matches!(
            error,
            sqlx::Error::RowNotFound
                | sqlx::Error::InvalidArgument(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::TypeNotFound { .. }
        ),
    }
}
