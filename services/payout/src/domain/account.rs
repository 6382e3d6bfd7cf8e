//! Creators and their connected accounts.

use ledger::CreatorId;
use time::OffsetDateTime;

use super::word::words;

/// What the operator says of a creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub creator_id: CreatorId,
    pub display_name: String,
    pub email: String,
    /// When the creator's account on the site was made; now, if the operator does not say.
    pub created_at: Option<OffsetDateTime>,
}

/// A creator's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    pub creator_id: String,
    pub display_name: String,
    pub email: String,
    pub created_at: OffsetDateTime,
    pub version: i64,
}

impl Creator {
    /// The record after a `PUT`, or none if that changes nothing.
    #[must_use]
    pub fn changed(&self, profile: &Profile) -> Option<Self> {
        let after = Self {
            creator_id: self.creator_id.clone(),
            display_name: profile.display_name.clone(),
            email: profile.email.clone(),
            created_at: profile.created_at.unwrap_or(self.created_at),
            version: self.version,
        };
        (after != *self).then(|| Self {
            version: self.version.saturating_add(1),
            ..after
        })
    }
}

words! {
    /// Whether a creator can be paid.
    AccountStatus {
        /// Onboarding was never started.
        None => "none",
        Pending => "pending",
        Verified => "verified",
    }
}

/// A connected account as last read from Stripe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub creator_id: String,
    /// What the account was ordered with, for a repetition of the order.
    pub email: String,
    /// Orders for the account that Stripe refused; part of the next order's key.
    pub refusal_count: i32,
    /// Absent until Stripe has made it.
    pub account_id: Option<String>,
    /// Whether Stripe leaves the bank payouts to us.
    pub manual_payouts: bool,
    pub charges_enabled: bool,
    pub payouts_enabled: bool,
    pub details_submitted: bool,
    /// The `transfers` capability: active, inactive, pending, or empty.
    pub transfers: String,
    pub requirements_due: Vec<String>,
    pub version: i64,
}

impl Account {
    #[must_use]
    pub fn status(&self) -> AccountStatus {
        let able = self.payouts_enabled && self.details_submitted && self.transfers == "active";
        match self.account_id {
            None => AccountStatus::None,
            Some(_) if able && self.manual_payouts => AccountStatus::Verified,
            Some(_) => AccountStatus::Pending,
        }
    }

    /// The key under which Stripe is asked to make the account. A refusal is kept by Stripe for a
    /// day, so the next order needs another.
    #[must_use]
    pub fn order_key(&self) -> String {
        match self.refusal_count {
            0 => format!("account:{}", self.creator_id),
            count => format!("account:{}:{count}", self.creator_id),
        }
    }

    /// Why the creator cannot be paid, for the creator.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        match self.status() {
            AccountStatus::Verified => None,
            AccountStatus::None => Some("onboarding was not started".to_owned()),
            AccountStatus::Pending if self.requirements_due.is_empty() => {
                Some("Stripe has not enabled payouts yet".to_owned())
            }
            AccountStatus::Pending => Some(format!(
                "Stripe still asks for {}",
                self.requirements_due.join(", ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified() -> Account {
        Account {
            account_id: Some("acct_1".into()),
            manual_payouts: true,
            payouts_enabled: true,
            details_submitted: true,
            transfers: "active".into(),
            ..Account::default()
        }
    }

    #[test]
    fn an_account_is_verified_only_when_every_step_to_the_bank_is_possible() {
        assert_eq!(verified().status(), AccountStatus::Verified);
        let lacking: [fn(&mut Account); 4] = [
            |account| account.payouts_enabled = false,
            |account| account.details_submitted = false,
            |account| account.transfers = "pending".into(),
            |account| account.manual_payouts = false,
        ];
        for lack in lacking {
            let mut account = verified();
            lack(&mut account);
            assert_eq!(account.status(), AccountStatus::Pending);
        }
        let unknown = Account {
            account_id: None,
            ..verified()
        };
        assert_eq!(unknown.status(), AccountStatus::None);
    }
}
