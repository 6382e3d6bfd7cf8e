//! A subscriber's history, page by page.

use kit::Error;
use ledger::SubscriberId;
use wire::allocation::v1 as contract;

use super::{creator, month, program, subscriber};
use crate::error::invalid;
use crate::store::{ChangeRow, Cursor, History};
use crate::usecases::Page;

const LIMIT_DEFAULT: u8 = 10;
const LIMIT_MAX: u8 = 100;

/// What is asked for, and how many at most.
///
/// # Errors
/// `Invalid` naming the field.
pub fn history(request: &contract::ListChangesRequest) -> Result<(History, u8), Error> {
    let given = |text: &str| !text.is_empty();
    let subscriber = subscriber(&request.subscriber_id)?;
    let after = Some(request.starting_after.as_str()).filter(|text| given(text));
    let history = History {
        program: Some(request.program.as_str())
            .filter(|text| given(text))
            .map(program)
            .transpose()?,
        month: month("month", &request.month)?,
        creator: Some(request.creator_id.as_str())
            .filter(|text| given(text))
            .map(|text| creator("creator_id", text))
            .transpose()?,
        after: after.map(|text| cursor(text, &subscriber)).transpose()?,
        subscriber,
    };
    Ok((history, limit(request.limit)?))
}

fn limit(given: i32) -> Result<u8, Error> {
    match u8::try_from(given) {
        Ok(0) => Ok(LIMIT_DEFAULT),
        Ok(limit) if limit <= LIMIT_MAX => Ok(limit),
        _ => Err(invalid("limit", format!("{given} is not 1 to {LIMIT_MAX}"))),
    }
}

/// A change's id says where the change stands: `alloc:{subscriber}:{program}:{month}:{version}:
/// {creator}`, none of which can have a colon.
fn cursor(text: &str, subscriber: &SubscriberId) -> Result<Cursor, Error> {
    let read = || {
        let parts: Vec<&str> = text.split(':').collect();
        let &["alloc", owner, program, month, version, creator] = parts.as_slice() else {
            return None;
        };
        Some(Cursor {
            month: month.parse().ok()?,
            program: program.parse().ok()?,
            version: version.parse().ok()?,
            creator: creator.parse().ok()?,
        })
        .filter(|_| owner == subscriber.as_str())
    };
    read().ok_or_else(|| {
        let why = format!("{text:?} is no change of {subscriber}");
        invalid("starting_after", why)
    })
}

pub fn changes(page: Page) -> contract::ListChangesResponse {
    let change = |row: ChangeRow| contract::AllocationChange {
        change_id: row.fact_key,
        creator_id: row.creator.to_string(),
        program: row.program.to_string(),
        month: row.month.to_string(),
        from_minor: row.from.minor(),
        to_minor: row.to.minor(),
        changed_at: Some(wire::timestamp(row.changed_at)),
    };
    contract::ListChangesResponse {
        changes: page.changes.into_iter().map(change).collect(),
        has_more: page.has_more,
    }
}
