//! One fact and its envelope, as it travels.

use time::OffsetDateTime;
use wire::Event;
use wire::mailbox::v1 as proto;

use crate::ApplyError;

/// Something that happened, in the past tense, with all that a consumer needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Business key, unique within the publisher for ever: `charge:ch_…`.
    pub fact_id: String,
    /// `billing.v1.charge.settled`.
    pub subject: String,
    /// Business time.
    pub occurred_at: OffsetDateTime,
    pub aggregate_id: String,
    pub aggregate_version: i64,
    /// The encoded event message.
    pub payload: Vec<u8>,
    /// The request that caused it; may be empty.
    pub request_id: String,
}

impl Fact {
    /// Wraps an event. The subject follows from the event's type, the request from the work that is being done.
    pub fn new<E: Event>(
        fact_id: impl Into<String>,
        aggregate_id: impl Into<String>,
        aggregate_version: i64,
        occurred_at: OffsetDateTime,
        event: &E,
    ) -> Self {
        Self {
            fact_id: fact_id.into(),
            subject: E::SUBJECT.to_owned(),
            occurred_at,
            aggregate_id: aggregate_id.into(),
            aggregate_version,
            payload: event.encode_to_vec(),
            request_id: crate::cause::current(),
        }
    }

    /// Whether this fact carries `E`.
    #[must_use]
    pub fn is<E: Event>(&self) -> bool {
        self.subject == E::SUBJECT
    }

    /// The event inside.
    ///
    /// # Errors
    /// `Bug` when the subject is another event's or the bytes do not decode.
    pub fn decode<E: Event>(&self) -> Result<E, ApplyError> {
        if !self.is::<E>() {
            return Err(ApplyError::bug(format!(
                "{} is not {}",
                self.subject,
                E::SUBJECT
            )));
        }
        E::decode(self.payload.as_slice()).map_err(|error| ApplyError::Bug(Box::new(error)))
    }

    pub(crate) fn from_proto(fact: proto::Fact) -> Result<Self, ApplyError> {
        let occurred_at = wire::instant("occurred_at", fact.occurred_at)
            .map_err(|error| ApplyError::Bug(Box::new(error)))?;
        Ok(Self {
            fact_id: fact.fact_id,
            subject: fact.subject,
            occurred_at,
            aggregate_id: fact.aggregate_id,
            aggregate_version: fact.aggregate_version,
            payload: fact.payload,
            request_id: fact.request_id,
        })
    }
}

impl From<&Fact> for proto::Fact {
    fn from(fact: &Fact) -> Self {
        Self {
            fact_id: fact.fact_id.clone(),
            subject: fact.subject.clone(),
            occurred_at: Some(wire::timestamp(fact.occurred_at)),
            aggregate_id: fact.aggregate_id.clone(),
            aggregate_version: fact.aggregate_version,
            payload: fact.payload.clone(),
            request_id: fact.request_id.clone(),
        }
    }
}
