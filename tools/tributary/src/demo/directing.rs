//! Subscribers see what their money became, and direct it.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use ledger::Month;
use reqwest::Method;
use serde_json::{Value, json};

use super::cast::Subscriber;
use super::client::{Answer, User, number};
use super::progress::Phase;
use super::story::{Story, each, eventually};
use super::wishes::{self, Act, Given, Request};
use crate::say::dollars;

impl Story {
    /// Waits until every subscriber's pool of the month is funded.
    pub(super) async fn see_funded(&self, index: usize, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("funding {month}"));
        let total = AtomicU64::new(0);
        each(self.cast.live(index), |who| async {
            phase.step();
            let funded = self.funded(month, who).await?;
            total.fetch_add(u64::try_from(funded)?, Ordering::Relaxed);
            Ok(())
        })
        .await?;
        let total = i64::try_from(total.into_inner())?;
        phase
            .end(&format!(
                "{} in {} pools",
                dollars(total),
                self.cast.live(index).count()
            ))
            .await;
        Ok(())
    }

    pub(super) async fn funded(&self, month: Month, who: &Subscriber) -> Result<i64> {
        let path = format!("/v1/allocations?month={month}");
        eventually(
            &format!("the pool of {} in {month} is funded", who.id),
            || async {
                let pool = self.client.get(User::subscriber(&who.id), &path).await?;
                let funded = number(&pool, "/funded_cents")?;
                Ok(if funded > 0 { Ok(funded) } else { Err(pool) })
            },
        )
        .await
    }

    /// Everybody directs at once; each one's own changes of mind come in their order.
    pub(super) async fn direct(&self, index: usize, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("directing {month}"));
        each(self.cast.live(index), |who| {
            self.direct_one(&phase, month, who)
        })
        .await?;
        let key = month.to_string();
        let given: i64 = {
            let record = self.record();
            let of_month = record
                .accepted
                .iter()
                .filter(|((month, ..), _)| *month == key);
            of_month.map(|(_, cents)| cents).sum()
        };
        phase
            .end(&format!("{} directed to creators", dollars(given)))
            .await;
        Ok(())
    }

    async fn direct_one(&self, phase: &Phase<'_>, month: Month, who: &Subscriber) -> Result<()> {
        let funded = self.funded(month, who).await?;
        let (last, month) = (month.prev().to_string(), month.to_string());
        let before = self.record().given(&last, &who.id);
        for act in wishes::acts(&self.cast, who, &month, funded, &before) {
            phase.step();
            match act {
                Act::One(wish) => self.set_one(&month, who, &wish).await?,
                Act::Whole { targets, fits } => {
                    let listed: Vec<Value> = targets
                        .iter()
                        .map(|(id, cents)| json!({ "creator_id": id, "amount_cents": cents }))
                        .collect();
                    let body = json!({ "allocations": listed });
                    let answer = self.all(who, Method::PUT, "/v1/allocations", &body).await?;
                    self.become_of(&month, who, answer, fits.then_some(&targets))?;
                }
                Act::Copy { scale, becomes } => {
                    let body = json!({ "from_month": last, "scale": scale });
                    let path = "/v1/allocations/copy";
                    let answer = self.all(who, Method::POST, path, &body).await?;
                    self.become_of(&month, who, answer, becomes.as_ref())?;
                }
            }
        }
        Ok(())
    }

    async fn set_one(&self, month: &str, who: &Subscriber, wish: &Request) -> Result<()> {
        let answer = self
            .put(&who.id, &wish.creator_id, wish.cents, None)
            .await?;
        if !wish.fits {
            self.record()
                .expect("more than is left", &answer, 422, "insufficient_funds");
            return Ok(());
        }
        answer.ok()?;
        self.record()
            .accept(month, &who.id, &wish.creator_id, wish.cents);
        Ok(())
    }

    async fn all(
        &self,
        who: &Subscriber,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer> {
        let user = User::subscriber(&who.id);
        self.client.write(user, method, path, body, None).await
    }

    /// A whole set is what the month comes to, or was refused as a whole.
    fn become_of(
        &self,
        month: &str,
        who: &Subscriber,
        answer: Answer,
        becomes: Option<&Given>,
    ) -> Result<()> {
        let Some(given) = becomes else {
            self.record()
                .expect("more than is left", &answer, 422, "insufficient_funds");
            return Ok(());
        };
        answer.ok()?;
        self.record().replace(month, &who.id, given);
        Ok(())
    }

    /// What nobody may do, and is told so.
    pub(super) async fn be_refused(&self) -> Result<()> {
        let phase = self.progress.phase("refusals");
        let [first, second] = [0, 1].map(|at| self.cast.subscribers.get(at).map(|one| &*one.id));
        let (both, fan) = (first.unwrap_or_default(), second.unwrap_or_default());
        let cases = [
            (both, both, "oneself", 422, "self_allocation"),
            (
                fan,
                "nobody_at_all",
                "an unknown creator",
                404,
                "creator_unknown",
            ),
            (
                "passer_by",
                both,
                "without a subscription",
                403,
                "subscription_required",
            ),
        ];
        for (who, creator, what, status, code) in cases {
            let answer = self.put(who, creator, 100, None).await?;
            self.record().expect(what, &answer, status, code);
        }
        let refused: u64 = self.record().refused.values().sum();
        phase
            .end(&format!("{refused} requests refused, as they must"))
            .await;
        Ok(())
    }

    pub(super) async fn put(
        &self,
        who: &str,
        creator: &str,
        cents: i64,
        month: Option<Month>,
    ) -> Result<Answer> {
        let path = format!("/v1/allocations/{creator}");
        let month = month.map(|month| month.to_string());
        let body = json!({ "amount_cents": cents, "month": month });
        self.client
            .write(User::subscriber(who), Method::PUT, &path, &body, None)
            .await
    }
}
