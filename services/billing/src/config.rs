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
    pub checkout: CheckoutSettings,
    pub plans: Vec<Plan>,
    pub estimates: Estimates,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeSettings {
    pub base_url: String,
    pub secret_key: SecretString,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckoutSettings {
    pub allow_promotion_codes: bool,
    /// Comma-separated.
    pub tax_rates: String,
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
    #[serde(default)]
    pub trial_days: i32,
    #[serde(default = "yes")]
    pub prorate: bool,
}

fn yes() -> bool {
    true
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
        self.tax_rates()?;
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

    /// Ids of the tax rates for every invoice.
    ///
    /// # Errors
    /// A sentence naming what is no such id.
    pub fn tax_rates(&self) -> Result<Vec<String>, String> {
        let given = self.checkout.tax_rates.split(',').map(str::trim);
        let ids: Vec<&str> = given.filter(|id| !id.is_empty()).collect();
        match ids.iter().find(|id| !id.starts_with("txr_")) {
            Some(odd) => Err(format!(
                "checkout.tax_rates: {odd:?} is no tax rate of Stripe's: txr_… is wanted"
            )),
            None => Ok(ids.into_iter().map(str::to_owned).collect()),
        }
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
            trial_days: self.trial_days,
            prorate: self.prorate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tax_rates: &str) -> Result<Vec<String>, String> {
        let config = Config {
            stripe: StripeSettings {
                base_url: String::new(),
                secret_key: String::new().into(),
            },
            checkout: CheckoutSettings {
                allow_promotion_codes: true,
                tax_rates: tax_rates.to_owned(),
            },
            plans: Vec::new(),
            estimates: Estimates {
                stripe_fee_bps: 0,
                stripe_fee_fixed_minor: 0,
                platform_fee_bps: 0,
            },
        };
        config.tax_rates()
    }

    #[test]
    fn tax_rates_are_a_list_of_stripes_ids() {
        assert_eq!(of(""), Ok(Vec::new()));
        assert_eq!(of("txr_1, txr_2"), Ok(vec!["txr_1".into(), "txr_2".into()]));
        let refused = of("txr_1, 7 %").unwrap_err();
        assert!(
            refused.contains("checkout.tax_rates") && refused.contains("7 %"),
            "{refused}"
        );
    }
}
