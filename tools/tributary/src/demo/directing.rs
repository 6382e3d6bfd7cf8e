//! Subscribers see what their money became, and direct it.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use ledger::Month;
use reqwest::Method;
use serde_json::json;

use super::cast::Subscriber;
use super::client::{Answer, User, number};
use super::page::dollars;
use super::progress::Phase;
use super::story::{Story, each, eventually};
use super::wishes;

impl Story {
    /// Waits until every subscriber's pool of the month is funded.
    pub(super) async fn see_funded(&self, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("funding {month}"));
        let total = AtomicU64::new(0);
        each(&self.cast.subscribers, |who| async {
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
                self.cast.subscribers.len()
            ))
            .await;
        Ok(())
    }

    async fn funded(&self, month: Month, who: &Subscriber) -> Result<i64> {
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
    pub(super) async fn direct(&self, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("directing {month}"));
        each(&self.cast.subscribers, |who| {
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
        let (funded, month) = (self.funded(month, who).await?, month.to_string());
        for wish in wishes::requests(&self.cast, who, &month, funded) {
            phase.step();
            let answer = self
                .put(&who.id, &wish.creator_id, wish.cents, None)
                .await?;
            if wish.fits {
                answer.ok()?;
                self.record()
                    .accept(&month, &who.id, &wish.creator_id, wish.cents);
            } else {
                self.record()
                    .expect("more than is left", &answer, 422, "insufficient_funds");
            }
        }
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
