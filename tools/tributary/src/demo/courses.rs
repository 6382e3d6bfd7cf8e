//! What becomes of subscriptions: dearer, cheaper, ended, resumed, behind with a payment.

use anyhow::{Context, Result, ensure};
use ledger::Month;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::cast::{Course, Subscriber};
use super::client::{User, text};
use super::joining::{CARD, choice};
use super::progress::Phase;
use super::story::{Story, each, eventually};

const MINE: &str = "/v1/subscriptions/me";
/// Stripe's test card that can be kept, and declines every charge.
const CARD_THAT_FAILS: &str = "4000000000000341";
const SEE_OTHER: u16 = 303;
/// On which day of the first month people change their minds, from 0.
const DAY_OF_CHANGES: i64 = 9;

impl Story {
    /// People change their plans in the middle of the month.
    pub(super) async fn change_plans(&self, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("changes {month}"));
        let day = month.first_instant() + Duration::days(DAY_OF_CHANGES);
        self.advance_to(day).await?;
        let plans = self.client.get(User::ADMIN, "/v1/plans").await?;
        let who = self
            .cast
            .subscribers
            .iter()
            .filter(|one| one.course != Course::Stays);
        each(who, |one| self.change(&phase, &plans, month, one)).await?;
        let count = |wanted: fn(&Course) -> bool| {
            let all = self.cast.subscribers.iter();
            all.filter(|one| wanted(&one.course)).count()
        };
        let told = format!(
            "{} dearer, {} cheaper, {} end, {} resumed",
            count(|one| matches!(one, Course::Upgrades(_))),
            count(|one| matches!(one, Course::Downgrades(_))),
            count(|one| *one == Course::Leaves),
            count(|one| *one == Course::Returns),
        );
        phase.end(&told).await;
        Ok(())
    }

    async fn change(
        &self,
        phase: &Phase<'_>,
        plans: &Value,
        month: Month,
        who: &Subscriber,
    ) -> Result<()> {
        phase.step();
        match who.course {
            Course::Stays => Ok(()),
            Course::Upgrades(wish) => self.upgrade(month, who, &choice(plans, wish)?).await,
            Course::Downgrades(wish) => self.downgrade(who, &choice(plans, wish)?).await,
            Course::Leaves => self.leave(who).await,
            Course::Returns => {
                self.leave(who).await?;
                let resumed = self
                    .patch(who, &json!({ "cancel_at_period_end": false }))
                    .await?;
                ensure!(
                    resumed["cancel_at_period_end"] == false,
                    "{}: {resumed}",
                    who.id
                );
                Ok(())
            }
            Course::FallsBehind => self.keep_card(who, CARD_THAT_FAILS).await,
        }
    }

    /// The difference is charged at once and funds the open month.
    async fn upgrade(&self, month: Month, who: &Subscriber, body: &Value) -> Result<()> {
        let before = self.funded(month, who).await?;
        self.patch(who, body).await?;
        eventually(
            &format!("the dearer plan of {} funds more", who.id),
            || async {
                let now = self.funded(month, who).await?;
                Ok(if now > before {
                    Ok(())
                } else {
                    Err(json!(now))
                })
            },
        )
        .await
    }

    async fn downgrade(&self, who: &Subscriber, body: &Value) -> Result<()> {
        let changed = self.patch(who, body).await?;
        ensure!(
            changed["next_plan"] == body["plan"] && changed["plan"] != body["plan"],
            "a cheaper plan of {} counts from the next month: {changed}",
            who.id
        );
        Ok(())
    }

    async fn leave(&self, who: &Subscriber) -> Result<()> {
        let user = User::subscriber(&who.id);
        let ended = self.client.call(user, Method::DELETE, MINE).await?.ok()?;
        ensure!(ended["cancel_at_period_end"] == true, "{}: {ended}", who.id);
        Ok(())
    }

    async fn patch(&self, who: &Subscriber, body: &Value) -> Result<Value> {
        let user = User::subscriber(&who.id);
        let key = format!(
            "demo-change-{}-{}",
            who.id,
            body["plan"].as_str().unwrap_or("back")
        );
        let asked = self
            .client
            .write(user, Method::PATCH, MINE, body, Some(&key));
        asked.await?.ok()
    }

    /// Puts a card on file for the renewals to come, as a customer does at Stripe.
    async fn keep_card(&self, who: &Subscriber, number: &str) -> Result<()> {
        let mine = self.mine(who).await?;
        let id = text(&mine, "/subscription_id")?;
        let path = format!("/v1/subscriptions/{id}");
        let at_stripe = self.client.stripe_get(&path).await?;
        let customer = text(&at_stripe, "/customer")?;
        let post = async |path: &str, fields: &[(&str, &str)], what: &str| {
            let key = format!("demo-{what}-{number}-{}", who.id);
            self.client.stripe_post(path, fields, &key).await
        };
        let card = [("type", "card"), ("card[number]", number)];
        let made = post("/v1/payment_methods", &card, "card").await?;
        let method = text(&made, "/id")?;
        let attach = format!("/v1/payment_methods/{method}/attach");
        post(&attach, &[("customer", customer)], "attach").await?;
        post(&path, &[("default_payment_method", method)], "default").await?;
        Ok(())
    }

    /// The one subscription of a subscriber, as told over REST.
    async fn mine(&self, who: &Subscriber) -> Result<Value> {
        let mine = self.client.get(User::subscriber(&who.id), MINE).await?;
        let first = mine["data"].as_array().and_then(|list| list.first());
        first
            .cloned()
            .with_context(|| format!("{} has no subscription", who.id))
    }

    /// The first of the month after: who left is gone, and who fell behind pays by hand.
    pub(super) async fn catch_up(&self, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("renewals {month}"));
        let is = |course: Course| {
            let all = self.cast.subscribers.iter();
            all.filter(move |one| one.course == course)
        };
        if let Some(one) = is(Course::Leaves).next() {
            self.be_told(one, "without a subscription", "subscription_required")
                .await?;
        }
        each(is(Course::FallsBehind), |one| self.pay_by_hand(&phase, one)).await?;
        self.rest().await?;
        let behind = is(Course::FallsBehind).count();
        let gone = is(Course::Leaves).count();
        phase
            .end(&format!(
                "{gone} are gone, {behind} paid by hand after their card failed"
            ))
            .await;
        Ok(())
    }

    async fn pay_by_hand(&self, phase: &Phase<'_>, who: &Subscriber) -> Result<()> {
        phase.step();
        let owing = eventually(&format!("{} is behind", who.id), || async {
            let mine = self.mine(who).await?;
            let behind = mine["status"] == "past_due" && mine["pay_url"].is_string();
            Ok(if behind { Ok(mine) } else { Err(mine) })
        })
        .await?;
        self.be_told(who, "with an unpaid invoice", "subscription_past_due")
            .await?;
        let url = text(&owing, "/pay_url")?;
        let status = self.client.submit(url, &[("card_number", CARD)]).await?;
        ensure!(
            status == SEE_OTHER || status == 200,
            "the invoice of {} answered {status}",
            who.id
        );
        self.keep_card(who, CARD).await?;
        eventually(&format!("{} has paid", who.id), || async {
            let mine = self.mine(who).await?;
            Ok(if mine["status"] == "active" {
                Ok(())
            } else {
                Err(mine)
            })
        })
        .await
    }

    async fn be_told(&self, who: &Subscriber, what: &str, code: &str) -> Result<()> {
        let creator = self.cast.creators.last().map(|one| one.id.as_str());
        let asked = self.put(&who.id, creator.unwrap_or_default(), 1, None);
        let answer = asked.await?;
        self.record().expect(what, &answer, 403, code);
        Ok(())
    }
}
