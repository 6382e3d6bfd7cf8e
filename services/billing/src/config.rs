//! This service's own settings; defaults and explanations in `config.default.toml`.

use kit::SecretString;
use ledger::Program;
use money::{Amount, Asset, BasisPoints};
use serde::Deserialize;

use crate::domain::plan::{self, Plans, Price};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub stripe: StripeSettings,
    pub plans: Vec<Plan>,
    pub estimates: Estimates,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeSettings {
    pub base_url: String,
    pub secret_key: SecretString,
}

/// Either `amount_minor`, or both bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub id: String,
    pub name: String,
    pub program: String,
    pub amount_minor: Option<i64>,
    pub amount_min_minor: Option<i64>,
    pub amount_max_minor: Option<i64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimates {
    pub stripe_fee_bps: u32,
    pub stripe_fee_fixed_minor: i64,
    pub platform_fee_bps: u32,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        self.estimates()?;
        self.plans().map(|_| ())
    }
}

impl Config {
    /// The plans on offer.
    ///
    /// # Errors
    /// A sentence naming the plan and what is wrong with it.
    pub fn plans(&self) -> Result<Plans, String> {
        let plans = self
            .plans
            .iter()
            .map(Plan::read)
            .collect::<Result<_, _>>()?;
        Plans::try_new(plans)
    }

    /// Says in figures which plans cost more than they bring once all of their money is
    /// allocated. No mistake: an operator may want such a plan.
    pub fn warn_of_losses(&self, plans: &Plans) {
        let Ok(estimates) = self.estimates() else {
            return;
        };
        for plan in plans.iter() {
            let Ok(price) = Amount::try_new(plan.lowest_minor(), Asset::Usd) else {
                continue;
            };
            if let Ok(Some(loss)) = plan::loss(price, &estimates) {
                tracing::warn!(plan_id = plan.plan_id, %price, %loss,
                    "a fully allocated month of this plan loses money after Stripe's fee");
            }
        }
    }

    fn estimates(&self) -> Result<plan::Estimates, String> {
        let Estimates {
            stripe_fee_bps,
            stripe_fee_fixed_minor,
            platform_fee_bps,
        } = self.estimates;
        let read = |name: &str, bps| {
            BasisPoints::try_new(bps).map_err(|error| format!("estimates.{name}: {error}"))
        };
        Ok(plan::Estimates {
            stripe_fee: read("stripe_fee_bps", stripe_fee_bps)?,
            stripe_fee_fixed: Amount::try_new(stripe_fee_fixed_minor, Asset::Usd)
                .map_err(|error| format!("estimates.stripe_fee_fixed_minor: {error}"))?,
            platform_fee: read("platform_fee_bps", platform_fee_bps)?,
        })
    }
}

impl Plan {
    fn read(&self) -> Result<plan::Plan, String> {
        let wrong = |what: &str| format!("plans: {}: {what}", self.id);
        let program: Program = self
            .program
            .parse()
            .map_err(|_| wrong("the program is unknown"))?;
        if !plan::is_sold(program) {
            return Err(wrong("nothing is sold for this program"));
        }
        let bounds = (
            self.amount_minor,
            self.amount_min_minor,
            self.amount_max_minor,
        );
        let price = match bounds {
            (Some(amount_minor), None, None) => Price::Fixed { amount_minor },
            (None, Some(min_minor), Some(max_minor)) => Price::Chosen {
                min_minor,
                max_minor,
            },
            _ => {
                return Err(wrong(
                    "give amount_minor, or amount_min_minor and amount_max_minor",
                ));
            }
        };
        let (plan_id, name) = (self.id.clone(), self.name.clone());
        Ok(plan::Plan {
            plan_id,
            name,
            program,
            price,
        })
    }
}
