//! Between the contract's messages and the domain.

use kit::{Error, Rejection};
use ledger::{ChargeSettled, Control, Month, Program, SubscriberId};
use mailbox::Fact;
use time::OffsetDateTime;
use wire::ConvertError;
use wire::billing::v1 as proto;
use wire::webhook_ingest::v1::{MonthIngested, StripeEvent};

use crate::domain::event::Event;
use crate::domain::month::EventTotals;
use crate::domain::plan::{self, Plan, Plans};
use crate::store::{MonthCash, Subscription};
use crate::usecases::{Asked, Order, What, refusals};

/// Bytes of a caller's idempotency key, as at Stripe.
const KEY_MAX: usize = 255;
/// Bytes of a promotion code.
const CODE_MAX: usize = 255;
/// Characters of a reason: one that quotes what was sent may be as long as that, and a refusal
/// travels in headers, of which too long ones break the caller's connection.
const REASON_MAX: usize = 400;
/// Bytes of an address; few browsers take longer ones.
const URL_MAX: usize = 2_048;

/// # Errors
/// A sentence: the fact can never be read.
pub fn event(fact: &Fact) -> Result<Event, String> {
    let message: StripeEvent = decode(fact)?;
    let created_at = wire::instant("created", message.created).map_err(told)?;
    let counts_from = match message.counts_from {
        None => created_at,
        given => wire::instant("counts_from", given).map_err(told)?,
    };
    Ok(Event {
        event_id: message.event_id,
        kind: message.r#type,
        account: message.account,
        object_id: message.object_id,
        created_at,
        counts_from,
    })
}

/// # Errors
/// A sentence: the fact can never be read.
pub fn month_ingested(fact: &Fact) -> Result<(Month, EventTotals), String> {
    let message: MonthIngested = decode(fact)?;
    let month = wire::facts::month("month", &message.month).map_err(told)?;
    Ok((
        month,
        EventTotals {
            event_count: message.event_count,
            digest: message.digest,
        },
    ))
}

fn decode<E: wire::Event>(fact: &Fact) -> Result<E, String> {
    fact.decode().map_err(told)
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A charge as it is announced.
pub fn charge_fact(
    charge: &ChargeSettled,
    key: &str,
    subscription_id: &str,
    invoice_id: &str,
) -> Fact {
    let message = proto::ChargeSettled {
        subscription_id: subscription_id.to_owned(),
        invoice_id: invoice_id.to_owned(),
        ..proto::ChargeSettled::from(charge)
    };
    Fact::new(key, charge.charge.as_str(), 1, charge.settled_at, &message)
}

/// A subscription as it is announced.
pub fn subscription_fact(subscription: &Subscription, now: OffsetDateTime) -> Fact {
    let s = subscription;
    let message = proto::SubscriptionChanged {
        subscription_id: s.subscription_id.clone(),
        subscriber_id: s.subscriber_id.clone(),
        program: s.program.clone(),
        plan_id: s.plan_id.clone(),
        amount_minor: s.amount_minor,
        currency: s.currency.clone(),
        status: s.status.clone(),
        period_start: Some(wire::timestamp(s.period_start)),
        period_end: Some(wire::timestamp(s.period_end)),
        cancel_at_period_end: s.cancel_at_period_end,
        version: s.version,
        pay_url: s.pay_url.clone(),
    };
    let fact_id = format!("subscription:{}:{}", s.subscription_id, s.version);
    Fact::new(fact_id, &s.subscription_id, s.version, now, &message)
}

/// A cut as it is announced.
pub fn cut_fact(month: Month, control: Control, charge_count: i64, now: OffsetDateTime) -> Fact {
    let message = proto::MonthCut {
        month: month.to_string(),
        charge_count,
        gross_minor: control.sum_minor,
        digest: control.digest,
    };
    Fact::new(
        format!("cut:{month}"),
        format!("month:{month}"),
        1,
        now,
        &message,
    )
}

/// # Errors
/// `Invalid` naming the field.
pub fn order(message: proto::StartCheckoutRequest) -> Result<Order, Error> {
    Ok(Order {
        subscriber: subscriber(&message.subscriber_id)?,
        plan_id: message.plan_id,
        amount_minor: message.amount_minor,
        success_url: url("success_url", message.success_url)?,
        cancel_url: url("cancel_url", message.cancel_url)?,
        promotion_code: storable("promotion_code", message.promotion_code, CODE_MAX)?,
        request_key: storable("idempotency_key", message.idempotency_key, KEY_MAX)?,
    })
}

/// # Errors
/// `Invalid` naming the field; `PROGRAM_UNKNOWN`.
pub fn change(message: proto::ChangeSubscriptionRequest) -> Result<Asked, Error> {
    let proto::ChangeSubscriptionRequest {
        plan_id,
        amount_minor,
        resume,
        ..
    } = message;
    if plan_id.is_empty() && amount_minor == 0 && !resume {
        let why = "name a plan, an amount, or resume".to_owned();
        let field = "plan_id";
        return Err(invalid(field, &ConvertError::Invalid { field, why }));
    }
    Ok(Asked {
        subscriber: subscriber(&message.subscriber_id)?,
        program: program(&message.program)?,
        what: What::Change {
            plan_id,
            amount_minor,
            resume,
        },
        request_key: storable("idempotency_key", message.idempotency_key, KEY_MAX)?,
    })
}

/// # Errors
/// `Invalid` naming the field; `PROGRAM_UNKNOWN`.
pub fn cancel(message: proto::CancelSubscriptionRequest) -> Result<Asked, Error> {
    Ok(Asked {
        subscriber: subscriber(&message.subscriber_id)?,
        program: program(&message.program)?,
        what: What::Cancel,
        request_key: storable("idempotency_key", message.idempotency_key, KEY_MAX)?,
    })
}

/// Empty is `None`.
///
/// # Errors
/// `PROGRAM_UNKNOWN`.
pub fn program(text: &str) -> Result<Option<Program>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let known: Option<Program> = text.parse().ok();
    let sold = known.filter(|program| plan::is_sold(*program));
    sold.map(Some)
        .ok_or_else(|| refusals::no_such_program(text))
}

/// # Errors
/// `Invalid` naming the field.
pub fn subscriber(text: &str) -> Result<SubscriberId, Error> {
    SubscriberId::try_new(text).map_err(|error| invalid("subscriber_id", &error))
}

/// # Errors
/// `Invalid` naming the field.
pub fn month(text: &str) -> Result<Month, Error> {
    text.parse()
        .map_err(|error: ledger::LedgerError| invalid("month", &error))
}

fn url(field: &'static str, text: String) -> Result<String, Error> {
    if text.starts_with("https://") || text.starts_with("http://") {
        return storable(field, text, URL_MAX);
    }
    let why = "an address that begins with http:// or https:// is needed".to_owned();
    Err(invalid(field, &ConvertError::Invalid { field, why }))
}

fn storable(field: &'static str, text: String, longest: usize) -> Result<String, Error> {
    if text.len() <= longest && !text.contains(char::is_control) {
        return Ok(text);
    }
    let why = format!("use at most {longest} bytes without control characters");
    Err(invalid(field, &ConvertError::Invalid { field, why }))
}

fn invalid(field: &'static str, why: &dyn std::fmt::Display) -> Error {
    let why: String = why.to_string().chars().take(REASON_MAX).collect();
    Error::Invalid(Rejection::new("INVALID_ARGUMENT", why).with("field", field))
}

pub fn plans(plans: &Plans) -> proto::ListPlansResponse {
    proto::ListPlansResponse {
        plans: plans.iter().map(one_plan).collect(),
    }
}

fn one_plan(plan: &Plan) -> proto::Plan {
    proto::Plan {
        plan_id: plan.plan_id.clone(),
        name: plan.name.clone(),
        program: plan.program.to_string(),
        amount_minor: plan.lowest_minor(),
        amount_max_minor: plan.highest_minor(),
        currency: money::Asset::Usd.code().to_owned(),
        trial_days: plan.trial_days,
        prorate: plan.prorate,
    }
}

pub fn subscription(s: Subscription) -> proto::Subscription {
    let ends_at = s.ends_at();
    let on_trial = s.status == "trialing";
    proto::Subscription {
        subscription_id: s.subscription_id,
        subscriber_id: s.subscriber_id,
        program: s.program,
        plan_id: s.plan_id,
        amount_minor: s.amount_minor,
        currency: s.currency,
        status: s.status,
        period_start: Some(wire::timestamp(s.period_start)),
        period_end: Some(wire::timestamp(s.period_end)),
        cancel_at_period_end: s.cancel_at_period_end,
        created_at: Some(wire::timestamp(s.created_at)),
        next_plan_id: s.next_plan_id,
        next_amount_minor: s.next_amount_minor,
        trial_end: s.trial_end.filter(|_| on_trial).map(wire::timestamp),
        pay_url: s.pay_url,
        ends_at: ends_at.map(wire::timestamp),
    }
}

pub fn month_cash(month: MonthCash) -> proto::GetMonthResponse {
    proto::GetMonthResponse {
        cut: month.cut,
        charge_count: month.charge_count,
        gross_minor: month.gross_minor,
        pending_count: month.pending_count,
    }
}
