//! Failures, told apart by what the caller should do, and their gRPC form.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An expected refusal: stable code, sentence, and figures for the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// `INSUFFICIENT_FUNDS`: stable, upper case, part of the contract.
    pub code: &'static str,
    /// A sentence that says what was wrong and what is allowed.
    pub message: String,
    /// `left_minor` -> `120`, `field` -> `amount_cents`.
    pub metadata: Vec<(&'static str, String)>,
}

impl Rejection {
    /// A refusal without figures.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            metadata: Vec::new(),
        }
    }

    /// Adds one figure.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }
}

/// How a use case fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input itself is wrong, whatever the state.
    #[error("{0}")]
    Invalid(Rejection),
    /// The state does not allow it.
    #[error("{0}")]
    Rejected(Rejection),
    #[error("{0}")]
    NotFound(Rejection),
    /// Somebody else was first.
    #[error("{0}")]
    Conflict(Rejection),
    #[error("{0}")]
    Forbidden(Rejection),
    /// A dependency is away; the same call may work later.
    #[error("a dependency is unavailable")]
    Unavailable(#[source] Source),
    /// Our fault. Pages.
    #[error("internal error")]
    Bug(#[source] Source),
}

impl Error {
    /// A bug described in words.
    pub fn bug(why: impl Into<String>) -> Self {
        Self::Bug(why.into().into())
    }

    /// A dependency's failure described in words.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(why.into().into())
    }

    /// The refusal inside, if it is one.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Invalid(r)
            | Self::Rejected(r)
            | Self::NotFound(r)
            | Self::Conflict(r)
            | Self::Forbidden(r) => Some(r),
            Self::Unavailable(_) | Self::Bug(_) => None,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::Rejected(_) => Code::FailedPrecondition,
            Self::NotFound(_) => Code::NotFound,
            Self::Conflict(_) => Code::Aborted,
            Self::Forbidden(_) => Code::PermissionDenied,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Bug(_) => Code::Internal,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if mailbox::passes_by_itself(&error) {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Bug(Box::new(error))
        }
    }
}

impl From<wire::ConvertError> for Error {
    fn from(error: wire::ConvertError) -> Self {
        let field = match &error {
            wire::ConvertError::Missing(field) | wire::ConvertError::Invalid { field, .. } => {
                *field
            }
        };
        Self::Invalid(Rejection::new("INVALID_ARGUMENT", error.to_string()).with("field", field))
    }
}

/// A call to another service failed in a way that the caller did not expect.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        if is_lost(&status) {
            Self::Unavailable(Box::new(status))
        } else {
            Self::Bug(Box::new(status))
        }
    }
}

/// Whether the callee said nothing, so that the outcome is unknown and the same call may be
/// sent again. A status that was made on this side, of a connection that broke, has a source
/// (and any code, `Internal` among them); one that came over the wire has none.
#[must_use]
pub fn is_lost(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
        || matches!(
            status.code(),
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Cancelled
                | Code::Unknown
                | Code::ResourceExhausted
        )
}

impl From<Error> for mailbox::ApplyError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(source) => Self::Unavailable(source),
            Error::Bug(source) => Self::Bug(source),
            Error::Invalid(r)
            | Error::Rejected(r)
            | Error::NotFound(r)
            | Error::Conflict(r)
            | Error::Forbidden(r) => Self::Bug(Box::new(r)),
        }
    }
}

/// Logged here, once, at the boundary; what leaves the process names no internals.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = error.code();
        let Some(rejection) = error.rejection() else {
            tracing::error!(error = mailbox::traced(&error), "call failed");
            return Status::new(code, error.to_string());
        };
        tracing::info!(code = rejection.code, message = %rejection.message, "call refused");
        let metadata: std::collections::HashMap<String, String> = rejection
            .metadata
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect();
        let details = ErrorDetails::with_error_info(rejection.code, "tributary", metadata);
        Status::with_error_details(code, rejection.message.clone(), details)
    }
}

/// The stable code of a refusal that another service answered, with its figures.
#[must_use]
pub fn reason_of(status: &Status) -> Option<(String, std::collections::HashMap<String, String>)> {
    let info = status.get_details_error_info()?;
    Some((info.reason, info.metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_broke_is_told_from_a_handler_that_failed() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(is_lost(&Status::from_error(Box::new(broken))));
        assert!(is_lost(&Status::unavailable("away")));
        assert!(!is_lost(&Status::internal("internal error")));
        assert!(!is_lost(&Status::failed_precondition("no")));
    }

    #[test]
    fn a_field_that_does_not_convert_is_named_to_the_caller() {
        for error in [
            wire::ConvertError::Missing("payout_id"),
            wire::ConvertError::Invalid {
                field: "payout_id",
                why: "no".into(),
            },
        ] {
            let (code, metadata) = reason_of(&Status::from(Error::from(error))).expect("a reason");
            assert_eq!(code, "INVALID_ARGUMENT");
            assert_eq!(metadata.get("field").map(String::as_str), Some("payout_id"));
        }
    }
}
