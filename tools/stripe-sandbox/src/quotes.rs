//! What a checkout session comes to at this moment, and how the subscription begins that it
//! is for.

use serde_json::{Value, json};

use crate::amounts::Sums;
use crate::clock::{DAY, HOUR};
use crate::discounts::Wanted;
use crate::error::Refusal;
use crate::form::Params;
use crate::offers::{self, line_item};
use crate::store::World;
use crate::terms::{First, Wish};

const TRIAL_DAYS_MAX: i64 = 730;
const ANCHOR: &str = "subscription_data[billing_cycle_anchor]";
const TRIAL_DAYS: &str = "subscription_data[trial_period_days]";
const TRIAL_END: &str = "subscription_data[trial_end]";
const MISSING: &str = "subscription_data[trial_settings][end_behavior][missing_payment_method]";
/// What may happen when a trial ends and there is nothing to pay with.
pub const MISSING_CARD: &[&str] = &["cancel", "create_invoice", "pause"];

/// How a session says that its subscription begins.
pub struct Start {
    anchor: Option<i64>,
    free: bool,
    trial_days: Option<i64>,
    trial_end: Option<i64>,
    missing: String,
}

impl Start {
    /// # Errors
    /// For an anchor or a trial that Stripe refuses.
    pub fn read(now: i64, params: &Params, recurring: bool) -> Result<Self, Refusal> {
        let behaviours = ["create_prorations", "none"];
        let prorated = params.one_of("subscription_data[proration_behavior]", &behaviours)?;
        let missing = params.one_of(MISSING, MISSING_CARD)?;
        let start = Self {
            anchor: params.int(ANCHOR)?,
            free: prorated.as_deref() == Some("none"),
            trial_days: params.int(TRIAL_DAYS)?,
            trial_end: params.int(TRIAL_END)?,
            missing: missing.unwrap_or_else(|| "create_invoice".to_owned()),
        };
        start.check_trial(now)?;
        if recurring {
            First::plan(now, start.wish(now))?;
        }
        Ok(start)
    }

    fn check_trial(&self, now: i64) -> Result<(), Refusal> {
        if self.trial_days.is_some() && self.trial_end.is_some() {
            let message = "You may only specify one of these parameters: \
                           trial_end, trial_period_days.";
            return Err(Refusal::invalid(TRIAL_END, message));
        }
        if self
            .trial_days
            .is_some_and(|days| !(1..=TRIAL_DAYS_MAX).contains(&days))
        {
            let message = "trial_period_days must be between 1 and 730.";
            return Err(Refusal::invalid(TRIAL_DAYS, message));
        }
        let range = now + 48 * HOUR..=now + TRIAL_DAYS_MAX * DAY;
        if self.trial_end.is_some_and(|end| !range.contains(&end)) {
            let message = "trial_end must be at least 48 hours and at most two years ahead.";
            return Err(Refusal::invalid(TRIAL_END, message));
        }
        Ok(())
    }

    fn wish(&self, now: i64) -> Wish {
        let by_days = self.trial_days.map(|days| now + days * DAY);
        let (anchor, free) = (self.anchor, self.free);
        Wish {
            anchor,
            free,
            trial_end: by_days.or(self.trial_end),
        }
    }

    /// Writes itself into a session's plan.
    pub fn keep(&self, plan: &mut Value) {
        plan["anchor"] = json!(self.anchor);
        plan["free"] = json!(self.free);
        plan["trial_days"] = json!(self.trial_days);
        plan["trial_end"] = json!(self.trial_end);
        plan["missing"] = json!(self.missing);
    }

    fn kept(plan: &Value) -> Self {
        Self {
            anchor: plan["anchor"].as_i64(),
            free: plan["free"] == true,
            trial_days: plan["trial_days"].as_i64(),
            trial_end: plan["trial_end"].as_i64(),
            missing: plan["missing"]
                .as_str()
                .unwrap_or("create_invoice")
                .to_owned(),
        }
    }
}

/// What a session comes to if it is paid now.
pub struct Quote {
    /// Absent where nothing recurs.
    pub first: Option<First>,
    pub sums: Sums,
}

impl Quote {
    pub fn of(world: &World, plan: &Value, recurring: bool, coupons: &[Wanted]) -> Self {
        let wish = Start::kept(plan).wish(world.now);
        let first = recurring.then(|| First::begin(world.now, wish));
        let offers = plan["offers"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let sums = offers::sums(offers, &plan["default_tax_rates"], first.as_ref(), coupons);
        Self { first, sums }
    }

    pub fn line_items(&self, world: &World, plan: &Value) -> Value {
        let offers = plan["offers"].as_array().into_iter().flatten();
        let pairs = offers.zip(&self.sums.lines);
        pairs
            .map(|(offer, line)| line_item(world, offer, line))
            .collect()
    }

    /// Writes the amounts into a session.
    pub fn show(&self, session: &mut Value) {
        session["amount_subtotal"] = json!(self.sums.subtotal);
        session["amount_total"] = json!(self.sums.total);
        session["total_details"] = json!({
            "amount_discount": self.sums.discount(), "amount_shipping": 0,
            "amount_tax": self.sums.tax(),
        });
    }
}
