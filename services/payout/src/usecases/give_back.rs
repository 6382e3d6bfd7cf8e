//! After the end: telling the limits and the books.

use kit::{Error, reason_of};
use time::OffsetDateTime;
use tonic::Code;
use wire::earnings::v1::ReleaseHoldRequest;
use wire::fraud_limits::v1::{ConfirmRequest, ReleaseRequest};

use super::Usecases;
use crate::domain::{Errand, Payout, State};

impl Usecases {
    /// It went out: its share of the limits counts for good.
    pub(super) async fn confirm(&self, payout: &Payout) -> Result<(), Error> {
        let payout_id = payout.payout_id.to_string();
        self.limits
            .clone()
            .confirm(ConfirmRequest { payout_id })
            .await?;
        let mut tx = self.store.begin().await?;
        self.store
            .finish_errand_in_tx(&mut tx, payout.payout_id.as_str())
            .await?;
        Ok(tx.commit().await?)
    }

    /// It will not go out: the limits and the books get back what was kept for it, and only then
    /// is the payout planned that takes its place.
    pub(super) async fn give_back(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let payout_id = payout.payout_id.to_string();
        self.limits
            .clone()
            .release(ReleaseRequest { payout_id })
            .await?;
        self.release_hold(payout).await?;
        let mut tx = self.store.begin().await?;
        let locked = self
            .store
            .lock_payout_in_tx(&mut tx, payout.payout_id.as_str())
            .await?;
        let Some(payout) = locked.filter(|payout| payout.errand == Errand::GiveBack) else {
            return Ok(());
        };
        self.store
            .finish_errand_in_tx(&mut tx, payout.payout_id.as_str())
            .await?;
        if let Some(successor) = payout.successor(now) {
            self.plan_in_tx(&mut tx, vec![successor], now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn release_hold(&self, payout: &Payout) -> Result<(), Error> {
        let payout_id = payout.payout_id.to_string();
        let answer = self
            .earnings
            .clone()
            .release_hold(ReleaseHoldRequest { payout_id })
            .await;
        let Err(status) = answer else { return Ok(()) };
        match reason_of(&status).map(|(code, _)| code).as_deref() {
            Some("HOLD_RELEASED" | "HOLD_BROKEN") => Ok(()),
            // The refusal is announced; the books release the hold when it reaches them.
            Some("HOLD_COMMITTED") if payout.state == State::Failed => Err(Error::unavailable(
                "the books have not heard of the refusal yet",
            )),
            // It was never placed.
            Some(_) | None if status.code() == Code::NotFound => Ok(()),
            Some(_) | None => Err(status.into()),
        }
    }
}
