//! What callers are told when nothing is done: stable codes and sentences.

use kit::{Error, Rejection};
use ledger::Program;
use stripe::Failure;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::domain::change;
use crate::domain::plan::OutOfBounds;
use crate::domain::subscription::status_word;
use crate::store::Subscription;

/// Characters of a word of the caller's that a sentence quotes: what was sent may be long.
const QUOTED_MAX: usize = 64;

pub fn no_such_plan(plan_id: &str) -> Error {
    let message = format!("there is no plan {:?}", quoted(plan_id));
    Error::Invalid(Rejection::new("PLAN_UNKNOWN", message).with("field", "plan_id"))
}

pub fn out_of_bounds(bounds: OutOfBounds) -> Error {
    let OutOfBounds {
        min_minor,
        max_minor,
    } = bounds;
    let message = format!("the amount must be {min_minor} to {max_minor} cents");
    let rejection = Rejection::new("AMOUNT_OUT_OF_BOUNDS", message)
        .with("field", "amount_minor")
        .with("min_minor", min_minor)
        .with("max_minor", max_minor);
    Error::Invalid(rejection)
}

/// Either there is no such code, or it cannot be redeemed for this.
pub fn no_such_promotion(code: &str) -> Error {
    let message = format!(
        "the promotion code {:?} is unknown, used up, or not for this plan",
        quoted(code)
    );
    let rejection = Rejection::new("PROMOTION_UNKNOWN", message);
    Error::Invalid(rejection.with("field", "promotion_code"))
}

pub fn already_subscribed(subscription_id: &str, program: &str) -> Error {
    let message = format!(
        "there is a live subscription for {program} already: change it \
         (ChangeSubscription, PATCH /v1/subscriptions/me) instead of buying another"
    );
    let rejection = Rejection::new("ALREADY_SUBSCRIBED", message)
        .with("subscription_id", subscription_id)
        .with("program", program);
    Error::Conflict(rejection)
}

pub fn no_subscription() -> Error {
    let message = "there is no live subscription: start one with a checkout";
    Error::Forbidden(Rejection::new("SUBSCRIPTION_REQUIRED", message))
}

pub fn which_program(programs: &[&str]) -> Error {
    let message = format!(
        "name a program: there are subscriptions for {}",
        programs.join(", ")
    );
    Error::Invalid(Rejection::new("PROGRAM_REQUIRED", message).with("field", "program"))
}

pub fn no_such_program(program: &str) -> Error {
    let sold = Program::Allocation;
    let message = format!("nothing is sold for {:?}: try {sold}", quoted(program));
    Error::Invalid(Rejection::new("PROGRAM_UNKNOWN", message).with("field", "program"))
}

/// A change that the subscription's state does not allow.
pub fn not_now(why: change::Refused, read: &stripe::Subscription, pay_url: &str) -> Error {
    match why {
        change::Refused::PastDue => {
            let status = status_word(&read.status);
            let message = format!("the subscription is {status}: pay what is due first");
            let rejection = Rejection::new("SUBSCRIPTION_PAST_DUE", message)
                .with("subscription_status", status)
                .with("pay_url", pay_url);
            Error::Rejected(rejection)
        }
        change::Refused::Ending => {
            let message = "the subscription ends with its period, so this price would never be \
                           charged: resume it with the same call";
            let rejection = Rejection::new("SUBSCRIPTION_ENDING", message);
            Error::Rejected(rejection.with("ends_at", in_rfc3339(read.period_end)))
        }
    }
}

/// Nothing was charged and nothing changed.
pub fn declined(decline_code: &str) -> Error {
    let message = format!("the card was declined ({decline_code}): nothing was changed");
    let rejection = Rejection::new("PAYMENT_REQUIRED", message);
    Error::Rejected(rejection.with("decline_code", decline_code))
}

pub fn changing(subscription: &Subscription) -> Error {
    let message = "another change of this subscription is under way: try again in a moment";
    let rejection = Rejection::new("CHANGE_IN_PROGRESS", message);
    Error::Conflict(rejection.with("subscription_id", &subscription.subscription_id))
}

/// The same call may come again in a moment.
pub fn starting(program: &str) -> Error {
    let message = "another checkout for this program is being made: try again in a moment";
    let rejection = Rejection::new("CHECKOUT_IN_PROGRESS", message);
    Error::Conflict(rejection.with("program", program))
}

pub fn reused() -> Error {
    let message = "this idempotency key was used for another request";
    Error::Conflict(Rejection::new("IDEMPOTENCY_KEY_REUSED", message))
}

/// The outcome was never learned, and can no longer be asked for by this key.
pub fn expired() -> Error {
    let message = "what became of this request is not known: look at the subscription, and use \
                   another idempotency key";
    Error::Conflict(Rejection::new("IDEMPOTENCY_KEY_EXPIRED", message))
}

/// An order that Stripe did not carry out. Only an address can be the caller's mistake.
pub fn refused(failure: Failure) -> Error {
    match failure {
        Failure::Refused {
            param: Some(field), ..
        } if field == "success_url" || field == "cancel_url" => {
            let message = format!("Stripe does not take this {field}");
            Error::Invalid(Rejection::new("INVALID_ARGUMENT", message).with("field", field))
        }
        Failure::Refused { .. } | Failure::KeyMisused { .. } | Failure::Mismatch { .. } => {
            Error::Bug(Box::new(failure))
        }
        Failure::Unknown { .. }
        | Failure::RateLimited { .. }
        | Failure::NotSent { .. }
        | Failure::Unauthorized { .. } => Error::Unavailable(Box::new(failure)),
    }
}

/// "2027-02-01T00:00:00Z". Stripe's times are whole seconds of years with four digits, all of
/// which can be written so.
fn in_rfc3339(instant: OffsetDateTime) -> String {
    let written = instant.to_offset(UtcOffset::UTC).format(&Rfc3339);
    written.unwrap_or_else(|_| instant.to_string())
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).collect()
}
