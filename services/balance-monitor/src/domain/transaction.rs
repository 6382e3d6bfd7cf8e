//! One change of the balance at Stripe.

use ledger::{Owner, owner_of};
use time::OffsetDateTime;

/// A balance transaction of the platform, as Stripe reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub txn: String,
    /// Stripe's type: `charge`, `topup`, `stripe_fee`, ...
    pub kind: String,
    /// The object behind it, where there is one.
    pub source: Option<String>,
    /// Signed as Stripe signs it: negative when the balance fell.
    pub net_minor: i64,
    pub fee_minor: i64,
    /// As Stripe writes it, in lower case.
    pub currency: String,
    pub created: OffsetDateTime,
    pub available_on: OffsetDateTime,
}

impl Transaction {
    /// Who accounts for it.
    #[must_use]
    pub fn owner(&self) -> Owner {
        owner_of(&self.kind)
    }

    /// Whether it is ours to announce. One that moved nothing has no posting, so there is no
    /// fact either.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.owner() == Owner::BalanceMonitor && self.net_minor != 0
    }
}
