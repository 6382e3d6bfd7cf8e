//! Between the contracts' messages and the domain.

mod directing;
mod history;

pub use directing::{all, copy, one};
pub use history::{changes, history};

use kit::Error;
use ledger::{ControlTotals, CreatorId, Month, Program, SubscriberId};
use time::OffsetDateTime;
use wire::allocation::v1 as contract;
use wire::billing::v1 as billing;
use wire::facts;
use wire::payout::v1 as payout;

use crate::domain::{Charge, Cut, is_plausible};
use crate::error::invalid;
use crate::store::SubscriptionRow;
use crate::usecases::{MonthView, View};

/// # Errors
/// `Invalid` naming the field.
pub fn subscriber(text: &str) -> Result<SubscriberId, Error> {
    SubscriberId::try_new(text).map_err(|error| invalid("subscriber_id", error))
}

/// # Errors
/// `Invalid` naming the field.
pub fn creator(field: &str, text: &str) -> Result<CreatorId, Error> {
    CreatorId::try_new(text).map_err(|error| invalid(field, error))
}

/// # Errors
/// `Invalid` for a program whose money subscribers do not direct.
pub fn program(text: &str) -> Result<Program, Error> {
    let program = facts::program(text).map_err(|error| invalid("program", error))?;
    if program == Program::Allocation {
        Ok(program)
    } else {
        Err(invalid(
            "program",
            "only money of the program allocation is directed",
        ))
    }
}

/// An empty text asks for the open month.
///
/// # Errors
/// `Invalid` naming the field.
pub fn month(field: &str, text: &str) -> Result<Option<Month>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error: ledger::LedgerError| invalid(field, error))
}

/// # Errors
/// `Invalid` when the books would refuse the charge, or its month cannot be meant.
pub fn charge(event: &billing::ChargeSettled, today: Month) -> Result<Charge, Error> {
    let settled = facts::charge_settled(event)?;
    let period = settled.period_month;
    if !is_plausible(period, today) {
        return Err(invalid(
            "period_month",
            format!("{period} is too far from {today}"),
        ));
    }
    Charge::try_new(settled).map_err(|error| invalid("charge", error))
}

/// # Errors
/// `Invalid` naming the field.
pub fn subscription(event: billing::SubscriptionChanged) -> Result<SubscriptionRow, Error> {
    subscriber(&event.subscriber_id)?;
    facts::program(&event.program)?;
    Ok(SubscriptionRow {
        subscription: event.subscription_id,
        subscriber: event.subscriber_id,
        program: event.program,
        status: event.status,
        version: event.version,
    })
}

/// # Errors
/// `Invalid` naming the field.
pub fn cut(event: &billing::MonthCut) -> Result<(Month, Cut), Error> {
    let month = facts::month("month", &event.month)?;
    let count =
        u64::try_from(event.charge_count).map_err(|error| invalid("charge_count", error))?;
    Ok((
        month,
        Cut {
            count,
            sum_minor: event.gross_minor,
            digest: event.digest,
        },
    ))
}

/// # Errors
/// `Invalid` naming the field.
pub fn registered(event: &payout::CreatorRegistered) -> Result<(CreatorId, i64), Error> {
    Ok((creator("creator_id", &event.creator_id)?, event.version))
}

pub fn allocations(view: View) -> contract::GetAllocationsResponse {
    let pool = view.pool.pool;
    let shares = view
        .pool
        .shares
        .into_iter()
        .map(|share| contract::Allocation {
            creator_id: share.creator.to_string(),
            amount_minor: share.amount.minor(),
            status: share.status,
            updated_at: Some(wire::timestamp(share.updated_at)),
        });
    contract::GetAllocationsResponse {
        month: view.month.to_string(),
        program: view.program.to_string(),
        funded_minor: pool.funded().minor(),
        allocated_minor: pool.allocated().minor(),
        unallocated_minor: pool.left().minor(),
        locks_at: Some(wire::timestamp(view.month.next().first_instant())),
        state: view.standing.as_str().to_owned(),
        allocations: shares.collect(),
    }
}

pub fn month_response(view: &MonthView) -> contract::GetMonthResponse {
    let timestamp = |instant: Option<OffsetDateTime>| instant.map(wire::timestamp);
    contract::GetMonthResponse {
        month: view.month.to_string(),
        state: view.standing.as_str().to_owned(),
        locked_at: timestamp(view.locked_at),
        sealed_at: timestamp(view.sealed_at),
        totals: totals(&view.totals),
        waiting_for: view.waiting_for.clone(),
    }
}

pub fn totals(totals: &ControlTotals) -> Vec<contract::ControlTotal> {
    let total = |(program, kind, control): (Program, ledger::FactKind, ledger::Control)| {
        contract::ControlTotal {
            program: program.to_string(),
            kind: kind.to_string(),
            // More facts than fit are more than a disk holds.
            count: i64::try_from(control.count).unwrap_or(i64::MAX),
            sum_minor: control.sum_minor,
            digest: control.digest,
        }
    };
    totals.iter().map(total).collect()
}
