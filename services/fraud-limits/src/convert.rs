//! Between the contract's messages and the domain.

use kit::Error;
use wire::fraud_limits::v1::{ReserveRequest, ReserveResponse};

use crate::domain::{Decision, Request};

/// # Errors
/// `Invalid` naming the field that is missing or wrong.
pub fn request(message: ReserveRequest) -> Result<Request, Error> {
    if message.payout_id.is_empty() {
        return Err(wire::ConvertError::Missing("payout_id").into());
    }
    if message.creator_id.is_empty() {
        return Err(wire::ConvertError::Missing("creator_id").into());
    }
    let amount = wire::amount("amount_minor", message.amount_minor, &message.currency)?;
    if amount.minor() == 0 {
        let why = "it must be at least 1".to_owned();
        return Err(wire::ConvertError::Invalid {
            field: "amount_minor",
            why,
        }
        .into());
    }
    Ok(Request {
        payout_id: message.payout_id,
        creator_id: message.creator_id,
        amount,
        scheduled: message.scheduled,
    })
}

pub fn response(asked_minor: i64, decision: Decision) -> ReserveResponse {
    match decision {
        Decision::Allowed => ReserveResponse {
            allowed: true,
            allowed_minor: asked_minor,
            ..Default::default()
        },
        Decision::Capped {
            limit,
            allowed_minor,
            reason,
        } => ReserveResponse {
            code: limit.code().to_owned(),
            reason,
            allowed_minor,
            ..Default::default()
        },
        Decision::Refused { limit, reason } => ReserveResponse {
            code: limit.code().to_owned(),
            reason,
            ..Default::default()
        },
    }
}
