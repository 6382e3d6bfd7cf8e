//! Both sides of the question whether every obligation is covered, from sums by kind.
//!
//! libs/ledger says the same of single accounts; a test holds the two against each other.

use ledger::AccountKind;

/// USD cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weighed {
    pub payments_minor: i64,
    pub storage_minor: i64,
    pub connected_minor: i64,
    pub in_flight_minor: i64,
    pub obligations_minor: i64,
    pub claims_minor: i64,
    pub frozen_minor: i64,
    pub deferred_minor: i64,
    pub tax_minor: i64,
}

impl Weighed {
    /// Adds the sum of a kind's accounts, and the sum of their shares. Saturating: a figure at
    /// the edge of its range is wrong in any case, and must not look covered.
    pub fn add(&mut self, kind: &str, sum_minor: i64, share_minor: i64) {
        let Some(kind) = AccountKind::find(kind) else {
            return;
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other kinds are on neither side"
        )]
        let (part, minor) = match kind {
            AccountKind::StripePayments => (&mut self.payments_minor, sum_minor),
            AccountKind::StripeStorage => (&mut self.storage_minor, sum_minor),
            AccountKind::StripeConnected => (&mut self.connected_minor, sum_minor),
            // A move under way is a debit on a credit account: negative there, money here.
            // Likewise a pool that is funded before its charge is posted; the sum is over those alone.
            AccountKind::ClearingStorageMove | AccountKind::ClearingFunding => {
                (&mut self.in_flight_minor, sum_minor.saturating_neg())
            }
            AccountKind::CreatorPending
            | AccountKind::CreatorFrozenGross
            | AccountKind::CreatorFrozenNet
            | AccountKind::CreatorPayable
            | AccountKind::CreatorReserved
            | AccountKind::ClearingPayout => (&mut self.obligations_minor, share_minor),
            AccountKind::SubscriberUnallocated => (&mut self.claims_minor, share_minor),
            AccountKind::SubscriberFrozen => (&mut self.frozen_minor, sum_minor),
            AccountKind::TokensDeferred => (&mut self.deferred_minor, sum_minor),
            AccountKind::LiabilityTax => (&mut self.tax_minor, sum_minor),
            _ => return,
        };
        *part = part.saturating_add(minor);
    }

    /// What may never leave by an automatic payout, wherever it lies.
    pub fn required_minor(&self) -> i64 {
        sum([
            self.obligations_minor,
            self.claims_minor,
            self.frozen_minor,
            self.deferred_minor,
            self.tax_minor,
        ])
    }

    /// What is not covered; zero when all of it is.
    pub fn missing_minor(&self) -> i64 {
        let assets = sum([
            self.payments_minor,
            self.storage_minor,
            self.connected_minor,
            self.in_flight_minor,
        ]);
        self.required_minor().saturating_sub(assets).max(0)
    }
}

fn sum<const N: usize>(parts: [i64; N]) -> i64 {
    parts.into_iter().fold(0, i64::saturating_add)
}
