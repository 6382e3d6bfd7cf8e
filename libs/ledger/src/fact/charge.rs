//! Money in.

use money::Amount;
use time::OffsetDateTime;

use super::{Cause, FactKind, moving};
use crate::encoding::Line;
use crate::{Account, Entry, LedgerError, Month, Program, StripeId, SubscriberId};

/// A subscriber's charge has settled: Stripe's balance transaction says so.
///
/// Whom the money is for is another fact ([`FundingAttributed`](super::FundingAttributed));
/// the two meet in `clearing/funding`, in either order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeSettled {
    pub charge: StripeId,
    pub txn: StripeId,
    pub subscriber: SubscriberId,
    /// What the charge pays for. It decides no account: billing's cut counts by it.
    pub program: Program,
    /// What the subscriber paid, tax included.
    pub gross: Amount,
    /// May exceed the gross of a very small charge.
    pub stripe_fee: Amount,
    /// The part of the gross that is owed to tax authorities.
    pub tax: Amount,
    /// When Stripe lets the money be moved.
    pub available_on: OffsetDateTime,
    /// The month in which the period that was paid for starts.
    pub period_month: Month,
    pub settled_at: OffsetDateTime,
}

impl Cause for ChargeSettled {
    fn kind(&self) -> FactKind {
        FactKind::ChargeSettled
    }

    fn key(&self) -> String {
        format!("charge:{}", self.charge)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let gross = moving(self.kind(), self.gross)?;
        if self.tax > gross {
            return Err(LedgerError::PartAboveWhole {
                part: self.tax,
                whole: gross,
            });
        }
        // Both legs on Stripe's side become one: the gross less the fee, whichever is larger.
        Ok(vec![
            Entry::debit(Account::stripe_payments(), gross),
            Entry::credit(Account::stripe_payments(), self.stripe_fee),
            Entry::debit(Account::expense_stripe_fees(), self.stripe_fee),
            Entry::credit(
                Account::clearing_funding(&self.charge),
                gross.checked_sub(self.tax)?,
            ),
            Entry::credit(Account::liability_tax(), self.tax),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.charge)
            .field(&self.txn)
            .field(&self.subscriber)
            .field(self.program);
        line.field(self.gross.minor())
            .field(self.stripe_fee.minor())
            .field(self.tax.minor());
        line.field(self.available_on.unix_timestamp())
            .field(self.period_month);
        line.field(self.settled_at.unix_timestamp());
    }

    fn signed_minor(&self) -> i64 {
        self.gross.minor()
    }

    fn txn(&self) -> Option<&StripeId> {
        Some(&self.txn)
    }

    fn counted(&self) -> Option<(Program, Month)> {
        Some((self.program, self.period_month))
    }
}
