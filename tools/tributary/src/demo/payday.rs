//! The month ends: it locks, closes, and creators are paid.

use anyhow::Result;
use ledger::Month;
use serde_json::Value;
use time::Duration;

use super::client::{User, number};
use super::story::{Story, eventually};
use crate::say::dollars;

/// A bank needs two business days; with a weekend and a retry, a week is plenty.
const DAYS_MAX: usize = 7;

impl Story {
    pub(super) async fn close(&self, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("closing {month}"));
        let turn = month.next().first_instant();
        self.watched(&phase, self.advance_to(turn)).await?;
        let closed = eventually(&format!("{month} is closed"), || async {
            let state = self.month(month).await?;
            Ok(if state["close"]["state"] == "closed" {
                Ok(state)
            } else {
                Err(state)
            })
        })
        .await?;
        self.come_too_late(month).await?;
        let gross = number(&closed, "/close/gross_cents")?;
        let creators = number(&closed, "/close/creator_count")?;
        phase
            .end(&format!("{} earned by {creators} creators", dollars(gross)))
            .await;
        Ok(())
    }

    /// Somebody wants to change a month that is over.
    async fn come_too_late(&self, month: Month) -> Result<()> {
        let (who, creator) = (self.cast.subscribers.get(1), self.cast.creators.first());
        let (who, creator) = (who.map(|one| &*one.id), creator.map(|one| &*one.id));
        let asked = self.put(
            who.unwrap_or_default(),
            creator.unwrap_or_default(),
            1,
            Some(month),
        );
        let answer = asked.await?;
        self.record()
            .expect("a month that is over", &answer, 409, "month_locked");
        Ok(())
    }

    /// Advances day by day until every payout of the month is at its bank.
    pub(super) async fn pay(&self, month: Month) -> Result<()> {
        let phase = self.progress.phase(&format!("payouts {month}"));
        eventually(&format!("the payouts of {month} are planned"), || async {
            let state = self.month(month).await?;
            let planned = state["run"]["state"] == "running" || state["run"]["state"] == "done";
            Ok(if planned { Ok(()) } else { Err(state) })
        })
        .await?;
        let mut state = self.month(month).await?;
        for _ in 0..DAYS_MAX {
            if is_paid(&state) {
                break;
            }
            let day = self.now().await? + Duration::DAY;
            self.watched(&phase, self.advance_to(day)).await?;
            state = self.month(month).await?;
        }
        if !is_paid(&state) {
            let run = &state["run"];
            let trouble = format!("{month} is not paid after {DAYS_MAX} days: {run}");
            self.record().troubles.push(trouble);
        }
        let paid = number(&state, "/run/paid_cents")?;
        let count = number(&state, "/run/paid_count")?;
        let failed = number(&state, "/run/failed_count")?;
        phase
            .end(&format!(
                "{} at the banks of {count} creators, {failed} came back",
                dollars(paid)
            ))
            .await;
        Ok(())
    }

    async fn month(&self, month: Month) -> Result<Value> {
        self.client
            .get(User::FINANCE, &format!("/v1/admin/months/{month}"))
            .await
    }
}

fn is_paid(state: &Value) -> bool {
    let run = &state["run"];
    let count = |name: &str| run[name].as_i64().unwrap_or_default();
    let ended = count("paid_count") + count("failed_count");
    run["state"] == "done" && ended == count("planned_count")
}
