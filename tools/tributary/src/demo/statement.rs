//! Where every dollar went: the figures, what they must add up to, and their digest.
//!
//! Nothing in a statement depends on the run: no ids of Stripe's, no times. The same seed gives
//! the same statement whatever was killed meanwhile, and so the same digest.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Statement {
    pub months: Vec<MonthLines>,
    pub creators: Vec<CreatorLines>,
    pub cash: Cash,
    pub books: Books,
    /// Requests that had to be refused, and were, by code.
    pub refused: BTreeMap<String, u64>,
}

/// One closed month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MonthLines {
    pub month: String,
    pub charge_count: i64,
    pub charged_cents: i64,
    pub stripe_fees_cents: i64,
    pub tax_cents: i64,
    pub pools_cents: i64,
    pub directed_cents: i64,
    pub left_over_cents: i64,
    pub fee_cents: i64,
    pub net_cents: i64,
    pub planned_cents: i64,
    pub paid_cents: i64,
    /// Planned, and not yet at a bank.
    pub pending_cents: i64,
    /// Planned, and owed again: no bank took it.
    pub failed_cents: i64,
    pub carried: Vec<Carried>,
}

/// A creator who is not paid this month, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Carried {
    pub creator_id: String,
    pub name: String,
    pub cents: i64,
    pub reason: String,
}

/// What one creator is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CreatorLines {
    pub creator_id: String,
    pub name: String,
    pub months: Vec<Earned>,
    pub paid_cents: i64,
    /// Earned, closed and not yet paid.
    pub payable_cents: i64,
    /// On the way: held for a payout, or sent.
    pub under_way_cents: i64,
    pub lifetime_net_cents: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Earned {
    pub month: String,
    pub gross_cents: i64,
    pub fee_cents: i64,
    pub net_cents: i64,
}

/// Money at Stripe, since the beginning and as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cash {
    pub topups_cents: i64,
    pub charged_cents: i64,
    pub stripe_fees_cents: i64,
    pub paid_cents: i64,
    pub available_cents: i64,
    pub pending_cents: i64,
}

/// What of it belongs to whom, as the books have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    pub payments_cents: i64,
    /// On connected accounts, in storage, or between them.
    pub elsewhere_cents: i64,
    pub obligations_cents: i64,
    pub claims_cents: i64,
    pub frozen_and_deferred_cents: i64,
    pub tax_cents: i64,
    pub missing_cents: i64,
    pub running_month: String,
    pub running_charged_cents: i64,
}

impl Statement {
    /// Hex SHA-256 of the whole statement.
    pub fn digest(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// What is the platform's own: what it put in and what it earned, less what Stripe took. Of
    /// the running month it is what creators cannot come to own any more.
    pub fn platform_cents(&self) -> i64 {
        let earned: i64 = self
            .months
            .iter()
            .map(|month| month.fee_cents + month.left_over_cents)
            .sum();
        let running_tax = self.books.tax_cents - self.sum(|month| month.tax_cents);
        let running_pools = self.books.running_charged_cents - running_tax;
        self.cash.topups_cents - self.cash.stripe_fees_cents + earned + running_pools
            - self.books.claims_cents
    }

    pub fn sum(&self, line: impl Fn(&MonthLines) -> i64) -> i64 {
        self.months.iter().map(line).sum()
    }
}

/// What creators are still owed after a month's run, for whatever reason; what no bank took is in it.
pub fn carried(month: &MonthLines) -> i64 {
    month.carried.iter().map(|one| one.cents).sum()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// One month, two creators: one is paid, one carries over.
    pub fn small() -> Statement {
        let earned = |gross_cents, fee_cents, net_cents| {
            vec![Earned {
                month: "2027-01".into(),
                gross_cents,
                fee_cents,
                net_cents,
            }]
        };
        Statement {
            months: vec![MonthLines {
                month: "2027-01".into(),
                charge_count: 2,
                charged_cents: 7_000,
                stripe_fees_cents: 263,
                tax_cents: 0,
                pools_cents: 7_000,
                directed_cents: 6_000,
                left_over_cents: 1_000,
                fee_cents: 420,
                net_cents: 5_580,
                planned_cents: 4_650,
                paid_cents: 4_650,
                pending_cents: 0,
                failed_cents: 0,
                carried: vec![Carried {
                    creator_id: "creator_001".into(),
                    name: "Bruno Abel".into(),
                    cents: 930,
                    reason: "below $25.00 by $15.70".into(),
                }],
            }],
            creators: vec![
                CreatorLines {
                    creator_id: "creator_000".into(),
                    name: "Ada Abel".into(),
                    months: earned(5_000, 350, 4_650),
                    paid_cents: 4_650,
                    payable_cents: 0,
                    under_way_cents: 0,
                    lifetime_net_cents: 4_650,
                },
                CreatorLines {
                    creator_id: "creator_001".into(),
                    name: "Bruno Abel".into(),
                    months: earned(1_000, 70, 930),
                    paid_cents: 0,
                    payable_cents: 930,
                    under_way_cents: 0,
                    lifetime_net_cents: 930,
                },
            ],
            cash: Cash {
                topups_cents: 100_000,
                charged_cents: 14_000,
                stripe_fees_cents: 526,
                paid_cents: 4_650,
                available_cents: 101_000,
                pending_cents: 7_824,
            },
            books: Books {
                payments_cents: 108_824,
                elsewhere_cents: 0,
                obligations_cents: 930,
                claims_cents: 6_510,
                frozen_and_deferred_cents: 0,
                tax_cents: 0,
                missing_cents: 0,
                running_month: "2027-02".into(),
                running_charged_cents: 7_000,
            },
            refused: BTreeMap::new(),
        }
    }
}
