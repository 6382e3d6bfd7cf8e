//! Between the contract's messages and the domain.

mod asked;
mod books;
mod creator;
mod hold;
mod month;

use kit::Error;
use ledger::{AttemptStep, Control, ControlTotals, Fact, FactBody, FactKind, LedgerError};
use mailbox::ApplyError;
use wire::allocation::v1::MonthSealed;
use wire::facts;

pub use asked::{
    accounts_asked, after_creator, after_line, attempt, creator, month, months_asked, page, payout,
    postings_asked,
};
pub use books::{accounts, obligations, postings, revenue, solvency};
pub use creator::{creator_month, earnings, payable};
pub use hold::{hold_order, hold_response};
pub use month::{month_lines, month_response};

use crate::domain::batch::Occurred;
use crate::store;
use crate::usecases::{RefusedAttempt, ReversedTransfer, Seal};

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

pub fn attempt_returned(fact: &mailbox::Fact) -> Read<FactBody> {
    facts::attempt_returned(&fact.decode()?)
        .map(Into::into)
        .map_err(bug)
}

pub fn transfer_reversed(fact: &mailbox::Fact) -> Read<ReversedTransfer> {
    let facts::Reversed {
        payout,
        creator,
        reversal,
        txn,
        amount,
        after_paid,
    } = facts::transfer_reversed(&fact.decode()?).map_err(bug)?;
    Ok(ReversedTransfer {
        payout,
        creator,
        reversal,
        txn,
        amount,
        after_paid,
        at: fact.occurred_at,
    })
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
