//! Between the contract's messages and the domain.

use kit::{Error, Rejection};
use ledger::{CreatorId, FactBody, Month};
use mailbox::Fact;
use time::OffsetDateTime;
use wire::payout::v1 as proto;

use crate::domain::{self, Account, Creator, Payout, Profile, State};
use crate::store::Filter;
use crate::usecases::{Addresses, RunView};

/// Longer texts are not names.
const TEXT_MAX: usize = 320;

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
        month: payout.month.to_string(),
        version: payout.version,
    }
}

pub fn run(run: RunView) -> proto::GetRunResponse {
    let RunView {
        planning,
        figures,
        carried,
    } = run;
    let count = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    proto::GetRunResponse {
        state: domain::run_state(planning, figures.open_count).to_owned(),
        planned_count: count(figures.planned_count),
        planned_minor: figures.planned_minor,
        paid_count: count(figures.paid_count),
        paid_minor: figures.paid_minor,
        carried_over: carried
            .into_iter()
            .map(|carried| proto::CarriedOver {
                creator_id: carried.creator_id.to_string(),
                payable_minor: carried.payable.minor(),
                reason: carried.reason,
            })
            .collect(),
    }
}

pub fn creator_registered(creator: &Creator, now: OffsetDateTime) -> Fact {
    let event = proto::CreatorRegistered {
        creator_id: creator.creator_id.clone(),
        display_name: creator.display_name.clone(),
        created_at: Some(wire::timestamp(creator.created_at)),
        version: creator.version,
    };
    let fact_id = format!("creator:{}:{}", creator.creator_id, creator.version);
    Fact::new(fact_id, &creator.creator_id, creator.version, now, &event)
}

pub fn account_changed(account: &Account, now: OffsetDateTime) -> Fact {
    let event = proto::AccountChanged {
        creator_id: account.creator_id.clone(),
        account_id: account.account_id.clone().unwrap_or_default(),
        status: account.status().as_str().to_owned(),
        payouts_enabled: account.payouts_enabled,
        version: account.version,
    };
    let fact_id = format!("account:{}:{}", account.creator_id, account.version);
    Fact::new(fact_id, &account.creator_id, account.version, now, &event)
}

pub fn payout_changed(payout: &Payout, now: OffsetDateTime) -> Fact {
    let event = proto::PayoutChanged {
        payout_id: payout.payout_id.to_string(),
        creator_id: payout.creator_id.to_string(),
        amount_minor: payout.amount.minor(),
        currency: payout.amount.asset().code().to_owned(),
        state: payout.state.as_str().to_owned(),
        step: payout.step.to_string(),
        reason: payout.reason.clone(),
        failure_code: payout.failure_code.clone(),
        expected_arrival_at: payout.expected_arrival_at.map(wire::timestamp),
        version: payout.version,
        month: payout.month.to_string(),
    };
    let fact_id = format!("payout:{}:{}", payout.payout_id, payout.version);
    Fact::new(
        fact_id,
        payout.payout_id.as_str(),
        payout.version,
        now,
        &event,
    )
}

/// A fact for the books as it travels; `None` for kinds that are not ours to announce.
pub fn for_the_books(fact: &ledger::Fact, payout: &Payout, now: OffsetDateTime) -> Option<Fact> {
    let (fact_id, about, version) = (
        fact.key().to_string(),
        payout.payout_id.as_str(),
        payout.version,
    );
    if let FactBody::AttemptSettled(settled) = fact.body() {
        let event = proto::AttemptSettled::from(settled);
        return Some(Fact::new(fact_id, about, version, now, &event));
    }
    if let FactBody::AttemptRefused(refused) = fact.body() {
        let mut event = proto::AttemptRefused::from(refused);
        event.failure_code = payout.failure_code.clone();
        return Some(Fact::new(fact_id, about, version, now, &event));
    }
    None
}
