//! Between the contract's messages and the domain.

use kit::Error;
use ledger::{
    AttemptStep, Control, ControlTotals, CreatorId, Fact, FactBody, FactKind, LedgerError, Month,
    PayoutId,
};
use mailbox::ApplyError;
use time::OffsetDateTime;
use wire::allocation::v1::MonthSealed;
use wire::earnings::v1::{
    CreatorSnapshot, GetCreatorEarningsResponse, GetMonthResponse, GetSolvencyResponse,
    HoldRequest, HoldResponse, MonthEarnings, Payable, TotalCheck,
};
use wire::{ConvertError, facts};

use crate::domain::batch::Occurred;
use crate::domain::history::{History, Line};
use crate::domain::hold::{HoldState, Snapshot};
use crate::domain::month::MonthReport;
use crate::domain::solvency::Weighed;
use crate::store;
use crate::usecases::{HoldOrder, RefusedAttempt, Seal};

type Read<T> = Result<T, ApplyError>;

/// The only asset that is paid out.
const CURRENCY: &str = "USD";

/// A body that was read becomes a fact of the books, if they can take it.
pub fn occurred(fact: &mailbox::Fact, body: FactBody) -> Read<Occurred> {
    let made = Fact::try_new(body).map_err(bug)?;
    Ok(Occurred {
        fact: made,
        at: fact.occurred_at,
    })
}

pub fn charge_settled(fact: &mailbox::Fact) -> Read<FactBody> {
    facts::charge_settled(&fact.decode()?)
        .map(Into::into)
        .map_err(bug)
}

pub fn funding_attributed(fact: &mailbox::Fact) -> Read<FactBody> {
    facts::funding_attributed(&fact.decode()?)
        .map(Into::into)
        .map_err(bug)
}

pub fn allocation_changed(fact: &mailbox::Fact) -> Read<FactBody> {
    facts::allocation_changed(&fact.decode()?)
        .map(Into::into)
        .map_err(bug)
}

pub fn attempt_settled(fact: &mailbox::Fact) -> Read<FactBody> {
    facts::attempt_settled(&fact.decode()?)
        .map(Into::into)
        .map_err(bug)
}

pub fn balance_transaction_observed(fact: &mailbox::Fact) -> Read<FactBody> {
    facts::balance_transaction_observed(&fact.decode()?)
        .map(Into::into)
        .map_err(bug)
}

/// `None` for a bank step: its money stays committed, in the connected account.
pub fn attempt_refused(fact: &mailbox::Fact) -> Read<Option<RefusedAttempt>> {
    let body = facts::attempt_refused(&fact.decode()?).map_err(bug)?;
    let at = fact.occurred_at;
    Ok(match body.step {
        AttemptStep::Transfer => Some(RefusedAttempt { body, at }),
        AttemptStep::Bank => None,
    })
}

pub fn seal(fact: &mailbox::Fact) -> Read<Seal> {
    let event: MonthSealed = fact.decode()?;
    let month = facts::month("month", &event.month).map_err(bug)?;
    let mut totals = ControlTotals::new();
    for total in &event.totals {
        let kind: FactKind = total.kind.parse().map_err(bug::<LedgerError>)?;
        let count = u64::try_from(total.count).map_err(bug)?;
        let control = Control {
            count,
            sum_minor: total.sum_minor,
            digest: total.digest,
        };
        let program = facts::program(&total.program).map_err(bug)?;
        totals.add_control(program, kind, control).map_err(bug)?;
    }
    Ok(Seal {
        month,
        totals,
        at: fact.occurred_at,
    })
}

fn bug<E: std::error::Error + Send + Sync + 'static>(error: E) -> ApplyError {
    ApplyError::Bug(Box::new(error))
}

/// What lost a race with another replica is no fault of the facts: they come again.
pub fn again(error: Error) -> ApplyError {
    match ApplyError::from(error) {
        ApplyError::Bug(cause) if cause.downcast_ref().is_some_and(store::is_raced) => {
            ApplyError::Unavailable(cause)
        }
        ApplyError::Bug(cause) => ApplyError::Bug(cause),
        ApplyError::Unavailable(cause) => ApplyError::Unavailable(cause),
    }
}

/// # Errors
/// `Invalid` naming the field that is missing or wrong.
pub fn hold_order(message: &HoldRequest) -> Result<HoldOrder, Error> {
    let amount = wire::amount("amount_minor", message.amount_minor, &message.currency)?;
    if amount.is_zero() || amount.asset().code() != CURRENCY {
        let why = "a hold is of at least one cent".to_owned();
        return Err(ConvertError::Invalid {
            field: "amount_minor",
            why,
        }
        .into());
    }
    let (payout, creator) = (payout(&message.payout_id)?, creator(&message.creator_id)?);
    Ok(HoldOrder {
        payout,
        creator,
        amount,
    })
}

/// # Errors
/// `Invalid`.
pub fn payout(text: &str) -> Result<PayoutId, Error> {
    PayoutId::try_new(text).map_err(|error| invalid("payout_id", &error))
}

/// # Errors
/// `Invalid`.
pub fn creator(text: &str) -> Result<CreatorId, Error> {
    CreatorId::try_new(text).map_err(|error| invalid("creator_id", &error))
}

/// # Errors
/// `Invalid`.
pub fn month(text: &str) -> Result<Month, Error> {
    Ok(facts::month("month", text)?)
}

/// # Errors
/// `Invalid` below zero.
pub fn attempt(number: i32) -> Result<u32, Error> {
    u32::try_from(number).map_err(|error| invalid("attempt", &error))
}

/// 0 means the most. Errors: `Invalid` outside 1 to 1000.
pub fn page(limit: i32) -> Result<i64, Error> {
    match limit {
        0 => Ok(1000),
        1..=1000 => Ok(i64::from(limit)),
        _ => Err(invalid("limit", &"it is not between 1 and 1000")),
    }
}

fn invalid(field: &'static str, why: &dyn std::fmt::Display) -> Error {
    ConvertError::Invalid {
        field,
        why: why.to_string(),
    }
    .into()
}

pub fn hold_response(state: HoldState, snapshot: Snapshot) -> HoldResponse {
    let snapshot = CreatorSnapshot {
        lifetime_net_minor: snapshot.lifetime_net_minor,
        first_payout: snapshot.first_payout,
        // Refunds and disputes are not facts of the books yet.
        refunds_and_disputes_30d_minor: 0,
        income_30d_minor: snapshot.income_30d_minor,
    };
    HoldResponse {
        state: state.as_str().to_owned(),
        snapshot: Some(snapshot),
    }
}

pub fn payable(payable: store::Payable) -> Payable {
    let store::Payable {
        creator_id,
        payable_minor,
    } = payable;
    Payable {
        creator_id,
        payable_minor,
        currency: CURRENCY.to_owned(),
    }
}

pub fn earnings(
    creator: &CreatorId,
    history: &History,
    now: OffsetDateTime,
) -> GetCreatorEarningsResponse {
    let newest_first = history.lines.iter().rev();
    let months = newest_first.map(|((month, program), line)| MonthEarnings {
        month: month.to_string(),
        program: program.to_string(),
        pending_minor: line.pending_minor,
        gross_minor: line.gross_minor,
        fee_minor: line.fee_minor,
        net_minor: line.net_minor,
        payable_minor: line.payable_minor,
        status: history.status(*month, line, now).as_str().to_owned(),
    });
    GetCreatorEarningsResponse {
        creator_id: creator.to_string(),
        currency: CURRENCY.to_owned(),
        pending_minor: history.sum(|line: &Line| line.pending_minor),
        payable_minor: history.sum(|line: &Line| line.payable_minor),
        reserved_minor: history.reserved_minor,
        in_transit_minor: history.in_transit_minor,
        paid_minor: history.paid_minor,
        lifetime_net_minor: history.sum(|line: &Line| line.net_minor),
        months: months.collect(),
    }
}

pub fn month_response(report: &MonthReport) -> GetMonthResponse {
    let mut response = GetMonthResponse {
        month: report.month.to_string(),
        state: report.state.to_owned(),
        totals: totals(&report.sealed, &report.posted),
        ..GetMonthResponse::default()
    };
    if let Some(closed) = &report.closed {
        response.closed_at = Some(wire::timestamp(closed.at));
        response.manifest_root = closed.root.clone();
        response.gross_minor = closed.gross_minor;
        response.fee_minor = closed.fee_minor;
        response.net_minor = closed.net_minor;
        response.unallocated_minor = closed.unallocated_minor;
        response.creator_count = closed.creator_count;
    }
    response
}

/// One line per program and kind that either side knows.
fn totals(sealed: &ControlTotals, posted: &ControlTotals) -> Vec<TotalCheck> {
    let keys: std::collections::BTreeSet<_> = sealed
        .iter()
        .chain(posted.iter())
        .map(|(program, kind, _)| (program, kind))
        .collect();
    let checks = keys.into_iter().map(|(program, kind)| {
        let (sealed, posted) = (sealed.get(program, kind), posted.get(program, kind));
        TotalCheck {
            program: program.to_string(),
            kind: kind.to_string(),
            sealed_count: i64::try_from(sealed.count).unwrap_or(i64::MAX),
            sealed_sum_minor: sealed.sum_minor,
            posted_count: i64::try_from(posted.count).unwrap_or(i64::MAX),
            posted_sum_minor: posted.sum_minor,
            digest_equal: sealed.digest == posted.digest,
        }
    });
    checks.collect()
}

pub fn solvency(weighed: &Weighed) -> GetSolvencyResponse {
    GetSolvencyResponse {
        payments_minor: weighed.payments_minor,
        storage_minor: weighed.storage_minor,
        connected_minor: weighed.connected_minor,
        in_flight_minor: weighed.in_flight_minor,
        obligations_minor: weighed.obligations_minor,
        claims_minor: weighed.claims_minor,
        frozen_minor: weighed.frozen_minor,
        deferred_minor: weighed.deferred_minor,
        tax_minor: weighed.tax_minor,
        missing_minor: weighed.missing_minor(),
    }
}
