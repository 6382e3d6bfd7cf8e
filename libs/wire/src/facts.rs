//! Event messages as the ledger's facts, and back. Publisher and consumer meet here, so that
//! both take the digest of the same thing.

use ledger::{
    AttemptStep, BalanceTransactionKind, CreatorId, LedgerError, Month, PayoutId, Program,
    StripeId, SubscriberId,
};
use money::{Amount, Asset, Balance};

use crate::allocation::v1 as allocation;
use crate::balance_monitor::v1 as monitor;
use crate::billing::v1 as billing;
use crate::payout::v1 as payout;
use crate::{ConvertError, amount, instant, timestamp};

type Converted<T> = Result<T, ConvertError>;

/// # Errors
/// `Missing` or `Invalid` naming the field.
pub fn charge_settled(event: &billing::ChargeSettled) -> Converted<ledger::ChargeSettled> {
    let money = |field, minor| amount(field, minor, &event.currency);
    Ok(ledger::ChargeSettled {
        charge: stripe("charge", &event.charge)?,
        txn: stripe("txn", &event.txn)?,
        subscriber: subscriber(&event.subscriber_id)?,
        program: program(&event.program)?,
        gross: money("gross_minor", event.gross_minor)?,
        stripe_fee: money("stripe_fee_minor", event.stripe_fee_minor)?,
        tax: money("tax_minor", event.tax_minor)?,
        available_on: instant("available_on", event.available_on)?,
        period_month: month("period_month", &event.period_month)?,
        settled_at: instant("settled_at", event.settled_at)?,
    })
}

/// Subscription and invoice are billing's own and set by it afterwards.
impl From<&ledger::ChargeSettled> for billing::ChargeSettled {
    fn from(fact: &ledger::ChargeSettled) -> Self {
        Self {
            charge: fact.charge.to_string(),
            txn: fact.txn.to_string(),
            subscriber_id: fact.subscriber.to_string(),
            program: fact.program.to_string(),
            gross_minor: fact.gross.minor(),
            stripe_fee_minor: fact.stripe_fee.minor(),
            tax_minor: fact.tax.minor(),
            currency: code(fact.gross),
            available_on: Some(timestamp(fact.available_on)),
            period_month: fact.period_month.to_string(),
            settled_at: Some(timestamp(fact.settled_at)),
            subscription_id: String::new(),
            invoice_id: String::new(),
        }
    }
}

/// # Errors
/// `Invalid` naming the field.
pub fn funding_attributed(
    event: &allocation::FundingAttributed,
) -> Converted<ledger::FundingAttributed> {
    Ok(ledger::FundingAttributed {
        charge: stripe("charge", &event.charge)?,
        subscriber: subscriber(&event.subscriber_id)?,
        program: program(&event.program)?,
        month: month("month", &event.month)?,
        amount: amount("amount_minor", event.amount_minor, &event.currency)?,
    })
}

impl From<&ledger::FundingAttributed> for allocation::FundingAttributed {
    fn from(fact: &ledger::FundingAttributed) -> Self {
        Self {
            charge: fact.charge.to_string(),
            subscriber_id: fact.subscriber.to_string(),
            program: fact.program.to_string(),
            month: fact.month.to_string(),
            amount_minor: fact.amount.minor(),
            currency: code(fact.amount),
        }
    }
}

/// # Errors
/// `Invalid` naming the field.
pub fn allocation_changed(
    event: &allocation::AllocationChanged,
) -> Converted<ledger::AllocationChanged> {
    Ok(ledger::AllocationChanged {
        subscriber: subscriber(&event.subscriber_id)?,
        creator: creator(&event.creator_id)?,
        program: program(&event.program)?,
        month: month("month", &event.month)?,
        version: count("version", event.version)?,
        from: amount("from_minor", event.from_minor, &event.currency)?,
        to: amount("to_minor", event.to_minor, &event.currency)?,
    })
}

impl From<&ledger::AllocationChanged> for allocation::AllocationChanged {
    fn from(fact: &ledger::AllocationChanged) -> Self {
        Self {
            subscriber_id: fact.subscriber.to_string(),
            creator_id: fact.creator.to_string(),
            program: fact.program.to_string(),
            month: fact.month.to_string(),
            version: i64::try_from(fact.version).unwrap_or(i64::MAX),
            from_minor: fact.from.minor(),
            to_minor: fact.to.minor(),
            currency: code(fact.to),
        }
    }
}

/// # Errors
/// `Invalid` naming the field.
pub fn attempt_settled(event: &payout::AttemptSettled) -> Converted<ledger::AttemptSettled> {
    let txn = if event.txn.is_empty() {
        None
    } else {
        Some(stripe("txn", &event.txn)?)
    };
    Ok(ledger::AttemptSettled {
        payout: payout_id(&event.payout_id)?,
        creator: creator(&event.creator_id)?,
        step: step(&event.step)?,
        attempt: count("attempt", event.attempt)?,
        amount: amount("amount_minor", event.amount_minor, &event.currency)?,
        txn,
    })
}

impl From<&ledger::AttemptSettled> for payout::AttemptSettled {
    fn from(fact: &ledger::AttemptSettled) -> Self {
        Self {
            payout_id: fact.payout.to_string(),
            creator_id: fact.creator.to_string(),
            step: fact.step.to_string(),
            attempt: i32::try_from(fact.attempt).unwrap_or(i32::MAX),
            amount_minor: fact.amount.minor(),
            currency: code(fact.amount),
            txn: fact
                .txn
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }
}

/// The failure's code is for people; the books read only whether it is final.
///
/// # Errors
/// `Invalid` naming the field.
pub fn attempt_refused(event: &payout::AttemptRefused) -> Converted<ledger::AttemptRefused> {
    Ok(ledger::AttemptRefused {
        payout: payout_id(&event.payout_id)?,
        creator: creator(&event.creator_id)?,
        step: step(&event.step)?,
        attempt: count("attempt", event.attempt)?,
        amount: amount("amount_minor", event.amount_minor, &event.currency)?,
        is_final: event.r#final,
    })
}

/// The failure's code is set by the publisher afterwards.
impl From<&ledger::AttemptRefused> for payout::AttemptRefused {
    fn from(fact: &ledger::AttemptRefused) -> Self {
        Self {
            payout_id: fact.payout.to_string(),
            creator_id: fact.creator.to_string(),
            step: fact.step.to_string(),
            attempt: i32::try_from(fact.attempt).unwrap_or(i32::MAX),
            amount_minor: fact.amount.minor(),
            currency: code(fact.amount),
            failure_code: String::new(),
            r#final: fact.is_final,
        }
    }
}

/// The failure's code is for people.
///
/// # Errors
/// `Invalid` naming the field.
pub fn attempt_returned(event: &payout::AttemptReturned) -> Converted<ledger::AttemptReturned> {
    Ok(ledger::AttemptReturned {
        payout: payout_id(&event.payout_id)?,
        creator: creator(&event.creator_id)?,
        attempt: count("attempt", event.attempt)?,
        amount: amount("amount_minor", event.amount_minor, &event.currency)?,
    })
}

/// The failure's code is set by the publisher afterwards.
impl From<&ledger::AttemptReturned> for payout::AttemptReturned {
    fn from(fact: &ledger::AttemptReturned) -> Self {
        Self {
            payout_id: fact.payout.to_string(),
            creator_id: fact.creator.to_string(),
            attempt: i32::try_from(fact.attempt).unwrap_or(i32::MAX),
            amount_minor: fact.amount.minor(),
            currency: code(fact.amount),
            failure_code: String::new(),
        }
    }
}

/// What came back by a reversal, as far as the publisher knows it: only the books know the months
/// that it goes back to, and so only they can make the fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversed {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub reversal: StripeId,
    pub txn: StripeId,
    pub amount: Amount,
    pub after_paid: bool,
}

impl Reversed {
    /// The key that the books will post it under, and so the event's fact id.
    #[must_use]
    pub fn fact_id(&self) -> String {
        format!("reversal:{}", self.reversal)
    }
}

/// # Errors
/// `Invalid` naming the field.
pub fn transfer_reversed(event: &payout::TransferReversed) -> Converted<Reversed> {
    Ok(Reversed {
        payout: payout_id(&event.payout_id)?,
        creator: creator(&event.creator_id)?,
        reversal: stripe("reversal", &event.reversal)?,
        txn: stripe("txn", &event.txn)?,
        amount: amount("amount_minor", event.amount_minor, &event.currency)?,
        after_paid: event.after_paid,
    })
}

impl From<&Reversed> for payout::TransferReversed {
    fn from(reversed: &Reversed) -> Self {
        Self {
            payout_id: reversed.payout.to_string(),
            creator_id: reversed.creator.to_string(),
            reversal: reversed.reversal.to_string(),
            txn: reversed.txn.to_string(),
            amount_minor: reversed.amount.minor(),
            currency: code(reversed.amount),
            after_paid: reversed.after_paid,
        }
    }
}

/// Stripe's type says what it was for; a type that is neither fee nor top-up is unexplained.
///
/// # Errors
/// `Invalid` naming the field.
pub fn balance_transaction_observed(
    event: &monitor::BalanceTransactionObserved,
) -> Converted<ledger::BalanceTransactionObserved> {
    let asset: Asset = event
        .currency
        .parse()
        .map_err(|error: money::MoneyError| invalid("currency", &error))?;
    Ok(ledger::BalanceTransactionObserved {
        txn: stripe("txn", &event.txn)?,
        kind: match event.r#type.as_str() {
            "stripe_fee" | "fee" | "application_fee" => BalanceTransactionKind::Fee,
            "topup" => BalanceTransactionKind::Topup,
            _ => BalanceTransactionKind::Other,
        },
        amount: Balance::new(event.net_minor, asset),
    })
}

fn code(amount: Amount) -> String {
    amount.asset().code().to_owned()
}

fn stripe(field: &'static str, text: &str) -> Converted<StripeId> {
    StripeId::try_new(text).map_err(|error| invalid(field, &error))
}

fn subscriber(text: &str) -> Converted<SubscriberId> {
    SubscriberId::try_new(text).map_err(|error| invalid("subscriber_id", &error))
}

fn creator(text: &str) -> Converted<CreatorId> {
    CreatorId::try_new(text).map_err(|error| invalid("creator_id", &error))
}

fn payout_id(text: &str) -> Converted<PayoutId> {
    PayoutId::try_new(text).map_err(|error| invalid("payout_id", &error))
}

/// A program by its word in messages.
///
/// # Errors
/// `Invalid` naming the field.
pub fn program(text: &str) -> Converted<Program> {
    text.parse()
        .map_err(|error: LedgerError| invalid("program", &error))
}

/// A month as "2027-01".
///
/// # Errors
/// `Invalid` naming the field.
pub fn month(field: &'static str, text: &str) -> Converted<Month> {
    text.parse()
        .map_err(|error: LedgerError| invalid(field, &error))
}

fn step(text: &str) -> Converted<AttemptStep> {
    text.parse()
        .map_err(|error: LedgerError| invalid("step", &error))
}

fn count<N, M>(field: &'static str, number: N) -> Converted<M>
where
    M: TryFrom<N>,
    M::Error: std::fmt::Display,
{
    M::try_from(number).map_err(|error| invalid(field, &error))
}

fn invalid(field: &'static str, why: &dyn std::fmt::Display) -> ConvertError {
    ConvertError::Invalid {
        field,
        why: why.to_string(),
    }
}
