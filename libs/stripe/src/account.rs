//! Connected accounts: a creator's side of Stripe.

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_connect::account::{
    CreateAccount, CreateAccountCapabilities, CreateAccountCapabilitiesTransfers,
    CreateAccountType, RetrieveAccount,
};
use stripe_connect::account_link::{CreateAccountLink, CreateAccountLinkType};
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::or_default;
use crate::client::Stripe;
use crate::failure::Failure;
use crate::transfer::labels;

/// Who the account is for. Stripe asks the person for the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountOrder {
    /// Two letters; the platform's country if absent.
    pub country: Option<String>,
    pub email: Option<String>,
    /// Holds `creator_id`, by which an account is recognised.
    pub metadata: Metadata,
}

/// A connected account, as far as paying it is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub charges_enabled: bool,
    /// Whether its bank can be paid.
    pub payouts_enabled: bool,
    pub details_submitted: bool,
    /// The `transfers` capability: `active`, `inactive` or `pending`; absent if never asked for.
    pub transfers: Option<String>,
    /// What the person still has to provide.
    pub currently_due: Vec<String>,
    pub disabled_reason: Option<String>,
    pub metadata: Metadata,
}

/// Where to send a person who fills in their account's details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLinkOrder {
    pub account: String,
    /// Where Stripe sends a person whose link has expired or was used.
    pub refresh_url: String,
    /// Where Stripe sends a person who is done, or has given up.
    pub return_url: String,
}

/// A page of Stripe's, good for one visit until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLink {
    pub url: String,
    pub expires_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct AccountAnswer {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    charges_enabled: bool,
    #[serde(default, deserialize_with = "or_default")]
    payouts_enabled: bool,
    #[serde(default, deserialize_with = "or_default")]
    details_submitted: bool,
    #[serde(default, deserialize_with = "or_default")]
    capabilities: Capabilities,
    #[serde(default, deserialize_with = "or_default")]
    requirements: Requirements,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Capabilities {
    #[serde(default)]
    transfers: Option<String>,
}

#[derive(Default, Deserialize)]
struct Requirements {
    #[serde(default, deserialize_with = "or_default")]
    currently_due: Vec<String>,
    #[serde(default)]
    disabled_reason: Option<String>,
}

impl Stripe {
    /// Opens an express account that may receive transfers, at most once per key.
    pub async fn create_account(
        &self,
        order: &AccountOrder,
        key: &str,
    ) -> Result<Account, Failure> {
        let mut request = CreateAccount::new()
            .type_(CreateAccountType::Express)
            .capabilities(may_receive_transfers())
            .metadata(labels(&order.metadata));
        if let Some(country) = &order.country {
            request = request.country(country);
        }
        if let Some(email) = &order.email {
            request = request.email(email);
        }
        let answer: AccountAnswer = self.order(request.build(), None, Some(key)).await?;
        Ok(answer.into())
    }

    /// One connected account, as it is now.
    pub async fn retrieve_account(&self, account: &str) -> Result<Account, Failure> {
        let answer: AccountAnswer = self
            .ask(RetrieveAccount::new(account).build(), None)
            .await?;
        Ok(answer.into())
    }

    /// A fresh link to onboarding. Links are single use, so none is ever replayed: no key.
    pub async fn create_account_link(
        &self,
        order: &AccountLinkOrder,
    ) -> Result<AccountLink, Failure> {
        let made = CreateAccountLink::new(&order.account, CreateAccountLinkType::AccountOnboarding)
            .refresh_url(&order.refresh_url)
            .return_url(&order.return_url)
            .send(self.transport())
            .await?;
        let expires_at = OffsetDateTime::from_unix_timestamp(made.expires_at)
            .map_err(|_| Failure::unreadable(None))?;
        Ok(AccountLink {
            url: made.url,
            expires_at,
        })
    }
}

fn may_receive_transfers() -> CreateAccountCapabilities {
    let mut transfers = CreateAccountCapabilitiesTransfers::new();
    transfers.requested = Some(true);
    let mut capabilities = CreateAccountCapabilities::new();
    capabilities.transfers = Some(transfers);
    capabilities
}

impl From<AccountAnswer> for Account {
    fn from(answer: AccountAnswer) -> Self {
        Self {
            id: answer.id,
            charges_enabled: answer.charges_enabled,
            payouts_enabled: answer.payouts_enabled,
            details_submitted: answer.details_submitted,
            transfers: answer.capabilities.transfers,
            currently_due: answer.requirements.currently_due,
            disabled_reason: answer.requirements.disabled_reason,
            metadata: answer.metadata,
        }
    }
}
