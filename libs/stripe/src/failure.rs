//! What may be done after a call that brought no answer: the question a payout lives by.
//!
//! The variants are told apart by status and code, never by a message. The costly mistake is
//! to take a lost reply for a refusal: money that was sent would be credited again. So whatever
//! does not prove a refusal is [`Failure::Unknown`], and only [`Failure::Refused`] lets a
//! caller compensate.

use std::time::Duration;

use stripe_client_core::StripeClientErr;

/// Why a call ended without an answer. Printing it shows codes, never Stripe's message or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Stripe said no to what was asked: nothing has happened under this key, now or earlier.
    /// The next try needs a new key, for this answer is replayed for a day.
    #[error(
        "Stripe refused with status {status}, code {} (request {})",
        shown(.code),
        shown(.request_id)
    )]
    Refused {
        status: u16,
        /// Absent when Stripe named only the type of the error.
        code: Option<String>,
        /// Why a card was declined, in the bank's word: `insufficient_funds`.
        decline_code: Option<String>,
        /// For logs and support; no rule may depend on it.
        message: String,
        /// The parameter at fault, where one is.
        param: Option<String>,
        request_id: Option<String>,
    },
    /// Stripe did not let us in (401, 403), and said so before it looked at the idempotency key.
    ///
    /// No refusal: an earlier send with this key may have succeeded. Someone must mend the
    /// key or its rights; then the same key is sent again. Of a connected account that has left,
    /// see [`Failure::is_account_out_of_reach`].
    #[error(
        "Stripe did not accept our credentials: status {status}, code {} (request {})",
        shown(.code),
        shown(.request_id)
    )]
    Unauthorized {
        status: u16,
        code: Option<String>,
        message: String,
        request_id: Option<String>,
    },
    /// It may have happened or not. Leave it by the same key, by looking, or by a webhook.
    #[error("the outcome at Stripe is unknown: {why} (request {})", shown(.request_id))]
    Unknown {
        why: Doubt,
        request_id: Option<String>,
    },
    /// Turned away before anything was looked at; the key is unspent.
    #[error("Stripe asks us to slow down")]
    RateLimited { retry_after: Option<Duration> },
    /// The same key came with other parameters: our bug, and it says nothing about the first send.
    #[error("an idempotency key was used for two different requests (request {})", shown(.request_id))]
    KeyMisused { request_id: Option<String> },
    /// No connection was made, so this send cannot have had an effect. An earlier one may.
    #[error("the request was not sent: {why}")]
    NotSent { why: &'static str },
    /// Stripe did something else than it was asked to. The object exists: page someone.
    #[error("{object} has another {field} than was asked: {answered} for {asked}")]
    Mismatch {
        object: String,
        field: &'static str,
        asked: String,
        answered: String,
    },
}

/// What makes an outcome unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// No whole answer within the time-out.
    #[error("timed out")]
    TimedOut,
    /// The connection broke after the request, or part of it, had left.
    #[error("the connection was lost")]
    ConnectionLost,
    /// A status that proves nothing: 5xx, 408, 424, a redirect, or a 4xx that is not Stripe's own.
    #[error("status {status}")]
    Status { status: u16 },
    /// A stored 5xx came back for this key, and will for a day: look the object up instead.
    #[error("a replayed status {status}")]
    ReplayedStatus { status: u16 },
    /// Another request with this key, or on this object, is under way (409).
    #[error("in conflict with a request under way, code {}", shown(.code))]
    Conflict { code: Option<String> },
    /// A success whose body cannot be read.
    #[error("the answer cannot be read")]
    Unreadable,
    /// The money was charged, but Stripe has not yet written its balance transaction.
    #[error("not yet booked by Stripe")]
    NotYetBooked,
}

impl Failure {
    /// Whether the same request may go out again under the same key, and could then get further.
    ///
    /// False for a replayed 5xx: its key is spent, but the outcome is as unknown as before.
    pub fn is_retryable_same_key(&self) -> bool {
        match self {
            Self::Unknown {
                why: Doubt::ReplayedStatus { .. },
                ..
            } => false,
            Self::Unknown { .. }
            | Self::RateLimited { .. }
            | Self::NotSent { .. }
            | Self::Unauthorized { .. } => true,
            Self::Refused { .. } | Self::KeyMisused { .. } | Self::Mismatch { .. } => false,
        }
    }

    /// Whether this proves that nothing happened, so that a caller may compensate.
    pub fn is_definite_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether Stripe says that the object asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether it is a connected account that does not let us in: it has left the platform, or never
    /// was its own. The key may be good, and the platform's own calls go on. That too is said before
    /// the idempotency key is looked at: it proves nothing about an earlier send.
    pub fn is_account_out_of_reach(&self) -> bool {
        match self {
            Self::Unauthorized {
                status: 403, code, ..
            } => code.as_deref() == Some("account_invalid"),
            Self::Refused { .. }
            | Self::Unauthorized { .. }
            | Self::Unknown { .. }
            | Self::RateLimited { .. }
            | Self::KeyMisused { .. }
            | Self::NotSent { .. }
            | Self::Mismatch { .. } => false,
        }
    }

    /// Stripe's error code, where it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. }
            | Self::Unauthorized { code, .. }
            | Self::Unknown {
                why: Doubt::Conflict { code },
                ..
            } => code.as_deref(),
            Self::Unknown { .. }
            | Self::RateLimited { .. }
            | Self::KeyMisused { .. }
            | Self::NotSent { .. }
            | Self::Mismatch { .. } => None,
        }
    }

    /// Why a card was declined; `None` for every other failure. A card that needs its holder's
    /// consent counts as declined: nobody is there to give it.
    pub fn declined(&self) -> Option<&str> {
        let Self::Refused {
            status: 402,
            code,
            decline_code,
            ..
        } = self
        else {
            return None;
        };
        let why = decline_code.as_deref().or(code.as_deref());
        Some(why.unwrap_or("card_declined"))
    }

    pub(crate) fn unreadable(request_id: Option<String>) -> Self {
        Self::Unknown {
            why: Doubt::Unreadable,
            request_id,
        }
    }

    pub(crate) fn not_yet_booked() -> Self {
        Self::Unknown {
            why: Doubt::NotYetBooked,
            request_id: None,
        }
    }

    /// `Ok` when what was answered is what was asked.
    pub(crate) fn unless_same<T: PartialEq + ToString>(
        object: &str,
        field: &'static str,
        asked: &T,
        answered: &T,
    ) -> Result<(), Self> {
        if asked == answered {
            return Ok(());
        }
        Err(Self::Mismatch {
            object: object.to_owned(),
            field,
            asked: asked.to_string(),
            answered: answered.to_string(),
        })
    }
}

impl StripeClientErr for Failure {
    fn deserialize_err(_: impl std::fmt::Display) -> Self {
        Self::unreadable(None)
    }
}

/// An optional word of Stripe's, for a sentence.
fn shown(word: &Option<String>) -> &str {
    word.as_deref().unwrap_or("none")
}
