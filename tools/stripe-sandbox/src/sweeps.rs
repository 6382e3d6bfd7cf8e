//! Automatic payouts: on the days of its schedule an owner is paid out by itself what is
//! available above its minimum balance.

use serde_json::{Value, json};

use crate::balance::Movement;
use crate::clock::{DAY, day_of_month, next_midnight, weekday};
use crate::store::{World, id_of};

/// The days to look ahead for the next day of a schedule: more than a month has.
const AHEAD: i64 = 62;

impl World {
    /// Sees to it that an owner on automatic payouts is paid out on the next day of its
    /// schedule, if there is anything to pay.
    pub fn plan_sweep(&mut self, owner: &str) {
        let is_set = self.timers.is_set("sweep", owner);
        if self.interval(owner) == "manual" {
            if is_set {
                self.drop_timer("sweep", owner);
            }
        } else if !is_set && self.sweepable(owner) > 0 {
            let day = self.next_sweep_day(owner);
            self.set_timer("sweep", owner, day);
        }
    }

    /// The schedule has changed: what was planned by the old one is planned anew.
    pub fn plan_sweep_anew(&mut self, owner: &str) {
        if self.timers.is_set("sweep", owner) {
            self.drop_timer("sweep", owner);
        }
        self.plan_sweep(owner);
    }

    fn next_sweep_day(&self, owner: &str) -> i64 {
        let settings = self.balance_settings(owner);
        let schedule = &settings["payments"]["payouts"]["schedule"];
        let first = next_midnight(self.now);
        let days = (0..AHEAD).map(|day| first + day * DAY);
        days.into_iter()
            .find(|day| is_payout_day(schedule, *day))
            .unwrap_or(first)
    }

    fn sweepable(&self, owner: &str) -> i64 {
        let pending = self.purse(owner).map_or(0, |purse| purse.pending(self.now));
        self.available(owner) + pending - self.minimum_balance(owner)
    }

    /// Pays out by itself what is available above the minimum.
    pub fn sweep_automatically(&mut self, owner: &str) {
        let minimum = self.minimum_balance(owner);
        let amount = self.available(owner) - minimum;
        let bank = self.payout_bank(owner, None).ok().filter(|_| amount > 0);
        let Some(bank) = bank else {
            return self.plan_later(owner);
        };
        let mut items = self.ripe(owner);
        let payout = self.send_payout(
            owner,
            amount,
            &bank,
            &json!({
                "automatic": true, "description": "STRIPE PAYOUT", "metadata": {},
                "reconciliation_status": "completed", "statement_descriptor": null,
            }),
        );
        let own = payout["balance_transaction"].as_str().unwrap_or_default();
        items.push(own.to_owned());
        if minimum > 0 {
            items.push(self.hold_back(owner, id_of(&payout), minimum));
        }
        self.set_row("payout_items", id_of(&payout), json!(items));
        self.plan_later(owner);
    }

    /// Books what a payout leaves behind out of it, and back into the balance: the first
    /// belongs to the payout, the second to the next one. Answers the first.
    fn hold_back(&mut self, owner: &str, payout: &str, minimum: i64) -> String {
        let mut book = |kind: &str, amount: i64| {
            self.book(
                owner,
                Movement {
                    kind,
                    category: kind,
                    amount,
                    fee: 0,
                    source: payout,
                    available_on: self.now,
                    description: None,
                },
            )
        };
        let held = book("payout_minimum_balance_hold", -minimum);
        book("payout_minimum_balance_release", minimum);
        held
    }

    /// Funds that are still pending will want another payout; an account that cannot be paid
    /// out is left alone until something changes.
    fn plan_later(&mut self, owner: &str) {
        let pending = self.purse(owner).map_or(0, |purse| purse.pending(self.now));
        if pending > 0 {
            self.plan_sweep(owner);
        }
    }

    /// Available transactions that no automatic payout has taken along yet.
    fn ripe(&self, owner: &str) -> Vec<String> {
        let ids = self
            .purse(owner)
            .into_iter()
            .flat_map(|purse| purse.unswept());
        let ripe = |id: &&String| {
            let matures = self.any(id).and_then(|txn| txn["available_on"].as_i64());
            matures.is_some_and(|instant| instant <= self.now)
        };
        ids.filter(ripe).cloned().collect()
    }
}

fn is_payout_day(schedule: &Value, midnight: i64) -> bool {
    let days = |name: &str| schedule[name].as_array().cloned().unwrap_or_default();
    match schedule["interval"].as_str() {
        Some("weekly") => days("weekly_payout_days").contains(&json!(weekday(midnight))),
        Some("monthly") => {
            let (day, last) = day_of_month(midnight);
            let wanted = days("monthly_payout_days");
            // The 29th to 31st are the last day of a month that is too short.
            let mut wanted = wanted.iter().filter_map(Value::as_u64);
            wanted.any(|wanted| wanted == day || (day == last && wanted > last))
        }
        _ => true,
    }
}
