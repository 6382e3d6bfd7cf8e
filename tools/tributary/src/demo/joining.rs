//! Subscribers join, over the first days of the month, so that first charges differ.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::cast::{JOINING_DAYS, Subscriber, Wish};
use super::client::{User, number, text};
use super::progress::Phase;
use super::story::{Story, each};

pub const CARD: &str = "4242424242424242";
const CARD_DECLINED: &str = "4000000000000002";
const SEE_OTHER: u16 = 303;
const PAYMENT_REQUIRED: u16 = 402;

impl Story {
    pub(super) async fn subscribe(&self) -> Result<()> {
        let phase = self.progress.phase("subscriptions");
        let plans = self.client.get(User::ADMIN, "/v1/plans").await?;
        let start = self.now().await?;
        for day in 0..JOINING_DAYS {
            self.advance_to(start + hours_into(day)).await?;
            let joining = self.cast.subscribers.iter().filter(|one| one.joins == day);
            each(joining, |one| self.join(&phase, &plans, one)).await?;
        }
        self.rest().await?;
        let count = self.cast.subscribers.len();
        let declined = self
            .cast
            .subscribers
            .iter()
            .filter(|one| one.declined_first)
            .count();
        phase
            .end(&format!(
                "{count} paid by card, {declined} declined at first"
            ))
            .await;
        Ok(())
    }

    async fn join(&self, phase: &Phase<'_>, plans: &Value, who: &Subscriber) -> Result<()> {
        phase.step();
        let user = User::subscriber(&who.id);
        let (body, key) = (choice(plans, who.wish)?, format!("demo-join-{}", who.id));
        let path = "/v1/subscriptions/checkout";
        let asked = self
            .client
            .write(user, Method::POST, path, &body, Some(&key));
        let checkout = asked.await?.ok()?;
        let url = text(&checkout, "/url")?;
        if who.declined_first {
            let status = self
                .client
                .submit(url, &[("card_number", CARD_DECLINED)])
                .await?;
            ensure!(
                status == PAYMENT_REQUIRED,
                "a declined card must answer 402, not {status}"
            );
        }
        phase.step();
        let status = self.client.submit(url, &[("card_number", CARD)]).await?;
        ensure!(
            status == SEE_OTHER,
            "the checkout page of {} answered {status}",
            who.id
        );
        Ok(())
    }
}

/// The beginning of the first day, then mornings and evenings of the next.
fn hours_into(day: usize) -> Duration {
    let day = i64::try_from(day).unwrap_or_default();
    Duration::hours(day * 33)
}

/// The body of a checkout: the plan with the price, or the one whose price is free.
pub fn choice(plans: &Value, wish: Wish) -> Result<Value> {
    let plans = plans["data"].as_array().context("no list of plans")?;
    for plan in plans {
        let low = number(plan, "/amount_cents")?;
        let free = number(plan, "/amount_max_cents")? > low;
        let name = text(plan, "/plan")?;
        match wish {
            Wish::Plan(price) if !free && low == price => return Ok(json!({ "plan": name })),
            Wish::Own(price) if free => {
                let high = number(plan, "/amount_max_cents")?;
                return Ok(json!({ "plan": name, "amount_cents": price.clamp(low, high) }));
            }
            Wish::Plan(_) | Wish::Own(_) => {}
        }
    }
    anyhow::bail!("no plan for {wish:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_joins_on_the_first_three_days() {
        let days = (0..JOINING_DAYS).map(|day| hours_into(day).whole_days() + 1);
        assert_eq!(days.collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_chosen_price_is_kept_within_what_the_plan_allows() {
        let plans = json!({ "data": [
            { "plan": "plan_10", "amount_cents": 1_000, "amount_max_cents": 1_000 },
            { "plan": "plan_custom", "amount_cents": 500, "amount_max_cents": 2_000 },
        ]});
        assert_eq!(
            choice(&plans, Wish::Plan(1_000)).unwrap(),
            json!({ "plan": "plan_10" })
        );
        let own = choice(&plans, Wish::Own(9_999)).unwrap();
        assert_eq!(own, json!({ "plan": "plan_custom", "amount_cents": 2_000 }));
        choice(&plans, Wish::Plan(700)).unwrap_err();
    }
}
