//! Between the contract's messages and the domain.

use kit::{Error, Rejection};
use ledger::{CreatorId, Month};
use money::{Amount, Asset};
use time::OffsetDateTime;
use wire::payout::v1 as proto;

use crate::domain::{self, Account, Carried, Creator, Floor, Payout, Profile, State};
use crate::store::Filter;
use crate::usecases::{Addresses, Request, RunView};

/// Longer texts are not names.
const TEXT_MAX: usize = 320;
/// Longer texts are not keys.
const KEY_MAX: usize = 255;

fn invalid(field: &'static str, why: impl std::fmt::Display) -> Error {
    let message = format!("{field} is not valid: {why}");
    Error::Invalid(Rejection::new("INVALID_ARGUMENT", message).with("field", field))
}

/// # Errors
/// `Invalid`.
pub fn creator_id(text: &str) -> Result<CreatorId, Error> {
    CreatorId::try_new(text).map_err(|error| invalid("creator_id", error))
}

/// # Errors
/// `Invalid`.
pub fn month(text: &str) -> Result<Month, Error> {
    text.parse()
        .map_err(|error: ledger::LedgerError| invalid("month", error))
}

/// # Errors
/// `Invalid` naming the field.
pub fn profile(message: proto::PutCreatorRequest) -> Result<Profile, Error> {
    let fits = |field, text: &str| {
        let plain = text.len() <= TEXT_MAX && !text.chars().any(char::is_control);
        if plain {
            Ok(())
        } else {
            Err(invalid(field, "at most 320 bytes in one line"))
        }
    };
    fits("display_name", &message.display_name)?;
    fits("email", &message.email)?;
    let created_at = match message.created_at {
        None => None,
        at => Some(stored(
            wire::instant("created_at", at).map_err(|e| invalid("created_at", e))?,
        )),
    };
    Ok(Profile {
        creator_id: creator_id(&message.creator_id)?,
        display_name: message.display_name,
        email: message.email,
        created_at,
    })
}

/// An instant as precise as a column keeps it, so that a `PUT` repeated changes nothing.
fn stored(instant: OffsetDateTime) -> OffsetDateTime {
    let micros = instant.microsecond();
    instant.replace_microsecond(micros).unwrap_or(instant)
}

pub fn creator(creator: Creator) -> proto::Creator {
    proto::Creator {
        creator_id: creator.creator_id,
        display_name: creator.display_name,
        email: creator.email,
        created_at: Some(wire::timestamp(creator.created_at)),
        version: creator.version,
    }
}

/// # Errors
/// `Invalid` naming the field.
pub fn addresses(return_url: String, refresh_url: String) -> Result<Addresses, Error> {
    for (field, url) in [("return_url", &return_url), ("refresh_url", &refresh_url)] {
        if url.is_empty() {
            return Err(invalid(field, "an address is needed"));
        }
    }
    Ok(Addresses {
        return_url,
        refresh_url,
    })
}

pub fn account(account: Account) -> proto::Account {
    proto::Account {
        status: account.status().as_str().to_owned(),
        creator_id: account.creator_id,
        account_id: account.account_id.unwrap_or_default(),
        charges_enabled: account.charges_enabled,
        payouts_enabled: account.payouts_enabled,
        details_submitted: account.details_submitted,
        requirements_due: account.requirements_due,
    }
}

/// # Errors
/// `Invalid` naming the field.
pub fn filter(message: proto::ListPayoutsRequest) -> Result<Filter, Error> {
    if !message.creator_id.is_empty() {
        creator_id(&message.creator_id)?;
    }
    if !message.month.is_empty() {
        month(&message.month)?;
    }
    if !message.state.is_empty() {
        message
            .state
            .parse::<State>()
            .map_err(|error| invalid("state", error))?;
    }
    let limit = match message.limit {
        0 => 10,
        given @ 1..=100 => i64::from(given),
        _ => return Err(invalid("limit", "it is 1 to 100, or 0 for 10")),
    };
    Ok(Filter {
        creator_id: message.creator_id,
        state: message.state,
        month: message.month,
        starting_after: message.starting_after,
        limit,
    })
}

pub fn payout(payout: Payout) -> proto::Payout {
    let (month, scheduled) = (month_text(&payout), payout.month.is_some());
    proto::Payout {
        payout_id: payout.payout_id.to_string(),
        creator_id: payout.creator_id.to_string(),
        amount_minor: payout.amount.minor(),
        currency: payout.amount.asset().code().to_owned(),
        state: payout.state.as_str().to_owned(),
        step: payout.step.to_string(),
        reason: payout.reason,
        failure_code: payout.failure_code,
        transfer_id: payout.transfer_id.unwrap_or_default(),
        bank_payout_id: payout.bank_payout_id.unwrap_or_default(),
        created_at: Some(wire::timestamp(payout.created_at)),
        expected_arrival_at: payout.expected_arrival_at.map(wire::timestamp),
        paid_at: payout.paid_at.map(wire::timestamp),
        scheduled,
        month,
        version: payout.version,
        reversed_minor: payout.reversed.minor(),
        retry_count: i32::try_from(payout.retry_count).unwrap_or(i32::MAX),
        next_retry_at: payout.next_retry_at.map(wire::timestamp),
    }
}

/// Empty for a payout that its creator asked for.
pub fn month_text(payout: &Payout) -> String {
    payout
        .month
        .map(|month| month.to_string())
        .unwrap_or_default()
}

/// A request for a payout. Bounds that are settings are checked by the use case.
///
/// # Errors
/// `Invalid` naming the field.
pub fn request(message: proto::RequestPayoutRequest) -> Result<Request, Error> {
    let key = message.idempotency_key;
    if key.is_empty() || key.len() > KEY_MAX || key.chars().any(char::is_control) {
        return Err(invalid("idempotency_key", "1 to 255 bytes in one line"));
    }
    let amount = Amount::try_new(message.amount_minor, Asset::Usd)
        .map_err(|error| invalid("amount_minor", error))?;
    Ok(Request {
        creator_id: creator_id(&message.creator_id)?,
        key,
        amount: Some(amount).filter(|amount| !amount.is_zero()),
    })
}

pub fn run(month: Month, run: RunView) -> proto::GetRunResponse {
    let RunView {
        planning,
        figures,
        carried,
    } = run;
    let count = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let open = figures.open_count.saturating_add(figures.errand_count);
    proto::GetRunResponse {
        state: domain::run_state(planning, open).to_owned(),
        planned_count: count(figures.planned_count),
        planned_minor: figures.planned_minor,
        paid_count: count(figures.paid_count),
        paid_minor: figures.paid_minor,
        carried_over: carried
            .into_iter()
            .map(|carried| carried_over(month.to_string(), carried))
            .collect(),
        failed_count: count(figures.failed_count),
        failed_minor: figures.failed_minor,
        open_count: count(figures.open_count),
        open_minor: figures.open_minor,
    }
}

pub fn carried_over(month: String, carried: Carried) -> proto::CarriedOver {
    proto::CarriedOver {
        creator_id: carried.creator_id.to_string(),
        payable_minor: carried.payable.minor(),
        reason: carried.reason,
        expected_on: carried.expected_on.map(wire::timestamp),
        month,
    }
}

/// A floor that was never set answers zeros.
pub fn floor(floor: Option<Floor>) -> proto::GetFloorResponse {
    floor.map_or_else(proto::GetFloorResponse::default, |floor| {
        proto::GetFloorResponse {
            minimum_minor: floor.settings.minimum_minor,
            required_minor: floor.required_minor,
            cut: floor.cut,
            set_at: Some(wire::timestamp(floor.set_at)),
            is_manual: floor.settings.is_manual,
        }
    })
}
