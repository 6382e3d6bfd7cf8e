//! Balance settings: when Stripe pays an account out by itself, and what it must leave behind.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_core::balance_settings::{
    RetrieveForMyAccountBalanceSettings, UpdateBalanceSettings, UpdateBalanceSettingsPayments,
    UpdateBalanceSettingsPaymentsPayouts, UpdateBalanceSettingsPaymentsPayoutsSchedule,
    UpdateBalanceSettingsPaymentsPayoutsScheduleInterval,
};

use crate::answer::or_default;
use crate::client::Stripe;
use crate::failure::Failure;

/// How Stripe pays an account out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BalanceSettings {
    /// `manual`, `daily`, `weekly` or `monthly`; absent when Stripe does not say.
    pub interval: Option<String>,
    /// What an automatic payout leaves behind, in minor units by lower-case currency.
    pub minimum_minor: BTreeMap<String, i64>,
}

impl BalanceSettings {
    /// Whether Stripe leaves the payouts to us.
    pub fn is_manual(&self) -> bool {
        self.interval.as_deref() == Some("manual")
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "or_default")]
    payments: Payments,
}

#[derive(Default, Deserialize)]
struct Payments {
    #[serde(default, deserialize_with = "or_default")]
    payouts: Payouts,
}

#[derive(Default, Deserialize)]
struct Payouts {
    #[serde(default, deserialize_with = "or_default")]
    minimum_balance_by_currency: BTreeMap<String, i64>,
    #[serde(default, deserialize_with = "or_default")]
    schedule: Schedule,
}

#[derive(Default, Deserialize)]
struct Schedule {
    #[serde(default)]
    interval: Option<String>,
}

impl From<Answer> for BalanceSettings {
    fn from(answer: Answer) -> Self {
        let Payouts {
            minimum_balance_by_currency,
            schedule,
        } = answer.payments.payouts;
        Self {
            interval: schedule.interval,
            minimum_minor: minimum_balance_by_currency,
        }
    }
}

impl Stripe {
    /// The settings of a connected account, or of the platform.
    pub async fn balance_settings(
        &self,
        account: Option<&str>,
    ) -> Result<BalanceSettings, Failure> {
        let request = RetrieveForMyAccountBalanceSettings::new().build();
        let answer: Answer = self.ask(request, account).await?;
        Ok(answer.into())
    }

    /// Leaves the account's money where it is until we order a bank payout. Doing it twice is
    /// the same as once, so it needs no key.
    pub async fn set_manual_payouts(&self, account: &str) -> Result<(), Failure> {
        let answer: Answer = self.order(manual(None), Some(account), None).await?;
        confirmed(&answer.into(), None)
    }

    /// Leaves the platform's money where it is until somebody orders a payout, and has every
    /// automatic payout, should there be one, leave so much behind. Repeated, it is the same: no key.
    ///
    /// # Errors
    /// [`Failure::Mismatch`] if Stripe keeps to something else than it was told.
    pub async fn set_platform_floor(
        &self,
        currency: &str,
        minimum_minor: i64,
    ) -> Result<(), Failure> {
        let minimum = Some((currency, minimum_minor));
        let answer: Answer = self.order(manual(minimum), None, None).await?;
        confirmed(&answer.into(), minimum)
    }
}

fn manual(minimum: Option<(&str, i64)>) -> stripe_client_core::RequestBuilder {
    let mut schedule = UpdateBalanceSettingsPaymentsPayoutsSchedule::new();
    schedule.interval = Some(UpdateBalanceSettingsPaymentsPayoutsScheduleInterval::Manual);
    let mut payouts = UpdateBalanceSettingsPaymentsPayouts::new();
    payouts.schedule = Some(schedule);
    payouts.minimum_balance_by_currency =
        minimum.map(|(currency, minor)| HashMap::from([(currency.to_owned(), minor)]));
    let mut payments = UpdateBalanceSettingsPayments::new();
    payments.payouts = Some(payouts);
    UpdateBalanceSettings::new().payments(payments).build()
}

/// What Stripe answers is compared with what it was told, as far as it says.
fn confirmed(now: &BalanceSettings, minimum: Option<(&str, i64)>) -> Result<(), Failure> {
    const OBJECT: &str = "balance_settings";
    if let Some(interval) = &now.interval {
        Failure::unless_same(OBJECT, "interval", &"manual".to_owned(), interval)?;
    }
    if let Some((currency, minor)) = minimum {
        let answered = now.minimum_minor.get(currency).copied().unwrap_or_default();
        Failure::unless_same(OBJECT, "minimum balance", &minor, &answered)?;
    }
    Ok(())
}
