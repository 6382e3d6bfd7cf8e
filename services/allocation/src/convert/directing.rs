//! What subscribers ask for.

use std::collections::HashSet;

use kit::Error;
use ledger::Month;
use money::{Amount, Asset};
use wire::allocation::v1 as contract;

use super::{creator, month, program, subscriber};
use crate::domain::{Ask, Order, Target, Wish};
use crate::error::invalid;

/// The most that one creator can be given of one pool: a million dollars.
const AMOUNT_MAX_MINOR: i64 = 100_000_000;

/// The most creators that a whole set names. All of it is one transaction, and one creator more
/// is one row more in four tables, and a fact.
const TARGETS_MAX: usize = 1_000;

/// Bytes of a caller's key, as at Stripe.
const KEY_MAX: usize = 255;

/// # Errors
/// `Invalid` naming the field.
pub fn one(request: &contract::SetAllocationRequest) -> Result<Order, Error> {
    let ask = Ask {
        subscriber: subscriber(&request.subscriber_id)?,
        program: program(&request.program)?,
        wish: Wish::One(Target {
            creator: creator("creator_id", &request.creator_id)?,
            to: amount("amount_minor", request.amount_minor)?,
        }),
    };
    let month = month("month", &request.month)?;
    order(ask, month, &request.idempotency_key)
}

/// # Errors
/// `Invalid` naming the field, such as `targets[2].amount_minor`.
pub fn all(request: &contract::SetAllocationsRequest) -> Result<Order, Error> {
    let ask = Ask {
        subscriber: subscriber(&request.subscriber_id)?,
        program: program(&request.program)?,
        wish: Wish::All(targets(&request.targets)?),
    };
    let month = month("month", &request.month)?;
    order(ask, month, &request.idempotency_key)
}

/// # Errors
/// `Invalid` naming the field.
pub fn copy(request: &contract::CopyAllocationsRequest) -> Result<Order, Error> {
    let ask = Ask {
        subscriber: subscriber(&request.subscriber_id)?,
        program: program(&request.program)?,
        wish: Wish::Copy {
            from: month("from_month", &request.from_month)?,
            scale: request.scale,
        },
    };
    order(ask, None, &request.idempotency_key)
}

/// An empty key is none.
fn order(ask: Ask, month: Option<Month>, key: &str) -> Result<Order, Error> {
    if key.len() > KEY_MAX || key.contains(char::is_control) {
        let why = format!("use at most {KEY_MAX} bytes without control characters");
        return Err(invalid("idempotency_key", why));
    }
    let key = Some(key).filter(|key| !key.is_empty());
    let key = key.map(ToOwned::to_owned);
    Ok(Order { ask, month, key })
}

fn targets(given: &[contract::AllocationTarget]) -> Result<Vec<Target>, Error> {
    if given.len() > TARGETS_MAX {
        let why = format!("{} creators are more than {TARGETS_MAX}", given.len());
        return Err(invalid("targets", why));
    }
    let mut named = HashSet::with_capacity(given.len());
    let mut targets = Vec::with_capacity(given.len());
    for (place, target) in given.iter().enumerate() {
        let field = |name| format!("targets[{place}].{name}");
        let creator = creator(&field("creator_id"), &target.creator_id)?;
        let to = amount(&field("amount_minor"), target.amount_minor)?;
        if !named.insert(target.creator_id.as_str()) {
            return Err(invalid(
                &field("creator_id"),
                format!("{creator} is named twice"),
            ));
        }
        targets.push(Target { creator, to });
    }
    Ok(targets)
}

fn amount(field: &str, minor: i64) -> Result<Amount, Error> {
    let refused = || invalid(field, format!("{minor} is not 0 to {AMOUNT_MAX_MINOR}"));
    if minor > AMOUNT_MAX_MINOR {
        return Err(refused());
    }
    Amount::try_new(minor, Asset::Usd).map_err(|_| refused())
}
