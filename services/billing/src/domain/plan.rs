//! What can be bought, for how much, and whether it pays.

use std::collections::BTreeSet;

use ledger::{Program, SubscriberId};
use money::{Amount, Asset, BasisPoints, MoneyError, split_fee};

/// Something a subscriber can buy each month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub plan_id: String,
    /// What the subscriber reads on the bill.
    pub name: String,
    pub program: Program,
    pub price: Price,
    /// Zero for no trial.
    pub trial_days: i32,
    /// Whether the first month is charged by the days that are left of it.
    pub prorate: bool,
}

/// What a month costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    Fixed {
        amount_minor: i64,
    },
    /// The subscriber's choice, both bounds included.
    Chosen {
        min_minor: i64,
        max_minor: i64,
    },
}

/// An amount that a plan cannot be had for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBounds {
    pub min_minor: i64,
    pub max_minor: i64,
}

/// Days of trial that Stripe allows: two years.
const TRIAL_DAYS_MAX: i32 = 730;

/// The plans on offer, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans(Vec<Plan>);

/// The programs that plans are sold for.
#[must_use]
pub const fn is_sold(program: Program) -> bool {
    matches!(program, Program::Allocation)
}

impl Plans {
    /// # Errors
    /// A sentence naming the plan that is wrong.
    pub fn try_new(plans: Vec<Plan>) -> Result<Self, String> {
        let mut ids = BTreeSet::new();
        for plan in &plans {
            let id = &plan.plan_id;
            // The same alphabet as all ids of ours: it becomes part of a name at Stripe.
            if SubscriberId::try_new(id).is_err() {
                return Err(format!("plans: {id:?} is no id: A-Z a-z 0-9 _ - only"));
            }
            if !ids.insert(id) {
                return Err(format!("plans: {id} is there twice"));
            }
            if plan.lowest_minor() < 1 || plan.highest_minor() < plan.lowest_minor() {
                return Err(format!(
                    "plans: {id}: amounts are at least 1, in ascending order"
                ));
            }
            if !(0..=TRIAL_DAYS_MAX).contains(&plan.trial_days) {
                let days = plan.trial_days;
                return Err(format!(
                    "plans: {id}: trial_days is 0 to {TRIAL_DAYS_MAX}, not {days}"
                ));
            }
        }
        Ok(Self(plans))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.0.iter()
    }

    #[must_use]
    pub fn find(&self, plan_id: &str) -> Option<&Plan> {
        self.0.iter().find(|plan| plan.plan_id == plan_id)
    }
}

impl Plan {
    #[must_use]
    pub const fn lowest_minor(&self) -> i64 {
        match self.price {
            Price::Fixed { amount_minor } => amount_minor,
            Price::Chosen { min_minor, .. } => min_minor,
        }
    }

    #[must_use]
    pub const fn highest_minor(&self) -> i64 {
        match self.price {
            Price::Fixed { amount_minor } => amount_minor,
            Price::Chosen { max_minor, .. } => max_minor,
        }
    }

    /// The monthly price for what a subscriber asked. Nothing (zero) may be asked of a plan
    /// that has one price.
    ///
    /// # Errors
    /// The bounds, when the amount is outside of them.
    pub fn price_for(&self, asked_minor: i64) -> Result<i64, OutOfBounds> {
        let (min_minor, max_minor) = (self.lowest_minor(), self.highest_minor());
        let asked_minor = match self.price {
            Price::Fixed { amount_minor } if asked_minor == 0 => amount_minor,
            Price::Fixed { .. } | Price::Chosen { .. } => asked_minor,
        };
        if (min_minor..=max_minor).contains(&asked_minor) {
            return Ok(asked_minor);
        }
        Err(OutOfBounds {
            min_minor,
            max_minor,
        })
    }

    /// Our name for the price at Stripe: one per plan and amount, for all subscribers.
    #[must_use]
    pub fn lookup_key(&self, amount_minor: i64) -> String {
        format!("{}_{amount_minor}_usd_monthly", self.plan_id)
    }
}

/// What fees are expected to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimates {
    pub stripe_fee: BasisPoints,
    pub stripe_fee_fixed: Amount,
    pub platform_fee: BasisPoints,
}

/// What a month at this price loses when all of it is allocated: Stripe's fee less our own.
///
/// # Errors
/// Amounts beyond 64 bits.
pub fn loss(price: Amount, estimates: &Estimates) -> Result<Option<Amount>, MoneyError> {
    let kept = split_fee(price, estimates.platform_fee)?.fee;
    let share = i128::from(price.minor()) * i128::from(estimates.stripe_fee.get());
    // Half a cent is rounded up, as Stripe does.
    let share =
        i64::try_from((share + 5_000).div_euclid(10_000)).map_err(|_| MoneyError::Overflow)?;
    let paid = Amount::try_new(share, Asset::Usd)?.checked_add(estimates.stripe_fee_fixed)?;
    Ok(paid.checked_sub(kept).ok().filter(|loss| !loss.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str, price: Price) -> Plan {
        Plan {
            plan_id: id.into(),
            name: id.into(),
            program: Program::Allocation,
            price,
            trial_days: 0,
            prorate: true,
        }
    }

    fn estimates() -> Estimates {
        Estimates {
            stripe_fee: BasisPoints::try_new(290).unwrap(),
            stripe_fee_fixed: Amount::usd(30),
            platform_fee: BasisPoints::try_new(700).unwrap(),
        }
    }

    #[test]
    fn a_fully_used_five_dollar_plan_loses_ten_cents_and_a_ten_dollar_plan_nothing() {
        assert_eq!(
            loss(Amount::usd(500), &estimates()),
            Ok(Some(Amount::usd(10)))
        );
        assert_eq!(loss(Amount::usd(1_000), &estimates()), Ok(None));
    }

    #[test]
    fn a_plan_with_one_price_is_had_for_that_price_alone() {
        let plan = plan(
            "plan_10",
            Price::Fixed {
                amount_minor: 1_000,
            },
        );
        assert_eq!(
            (plan.price_for(0), plan.price_for(1_000)),
            (Ok(1_000), Ok(1_000))
        );
        let bounds = OutOfBounds {
            min_minor: 1_000,
            max_minor: 1_000,
        };
        assert_eq!(plan.price_for(999), Err(bounds));
        assert_eq!(plan.lookup_key(1_000), "plan_10_1000_usd_monthly");
    }

    #[test]
    fn a_chosen_price_lies_within_its_bounds_and_must_be_chosen() {
        let plan = plan(
            "custom",
            Price::Chosen {
                min_minor: 500,
                max_minor: 50_000,
            },
        );
        assert_eq!(
            (plan.price_for(500), plan.price_for(50_000)),
            (Ok(500), Ok(50_000))
        );
        for outside in [-1, 0, 499, 50_001] {
            assert!(plan.price_for(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn plans_that_contradict_themselves_are_refused_by_name() {
        let fixed = |id, amount_minor| plan(id, Price::Fixed { amount_minor });
        let twice = vec![fixed("a", 1), fixed("a", 2)];
        let free = vec![fixed("free", 0)];
        let crossed = vec![plan(
            "odd",
            Price::Chosen {
                min_minor: 2,
                max_minor: 1,
            },
        )];
        let endless = vec![Plan {
            trial_days: 731,
            ..fixed("long", 1)
        }];
        for (plans, name) in [
            (endless, "long"),
            (twice, "a"),
            (free, "free"),
            (crossed, "odd"),
            (vec![fixed("", 1)], "\"\""),
        ] {
            assert!(Plans::try_new(plans).unwrap_err().contains(name));
        }
    }
}
