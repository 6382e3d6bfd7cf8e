//! Sending an order, and what its answer means.

use kit::Error;
use time::OffsetDateTime;

use super::Usecases;
use super::saga::Progress;
use crate::domain::{Command, Doubt, Payout, Remedy, Step, remedy, retry_at};
use crate::orders::{Order, made_bank_payout, made_transfer, not_made, reversal_of};
use crate::store::Attempt;

impl Usecases {
    /// Whoever wrote the order may have sent it and died. That is harmless while its key lives;
    /// afterwards Stripe would carry it out a second time, so it is looked for instead.
    pub(super) async fn send(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let attempt = self.store.get_attempt(payout).await?;
        let command = match remedy(attempt.doubt, attempt.first_sent_at, now) {
            Remedy::SendAgain => self.order(payout, &attempt).await?,
            Remedy::LookUp { .. } | Remedy::LookOnly => Some(unknown(payout)),
        };
        let Some(command) = command else {
            return Ok(Progress::Unanswered);
        };
        self.take_answer_of_stripe(payout, command).await
    }

    pub(super) async fn take_answer_of_stripe(
        &self,
        payout: &Payout,
        command: Command,
    ) -> Result<Progress, Error> {
        if let Command::RecordRefused { code, .. } = &command
            && let Some(progress) = self.what_is_there(payout, code).await?
        {
            return Ok(progress);
        }
        self.tell(payout.payout_id.as_str(), &command, "").await?;
        // An answer that says nothing new about an unknown outcome is not asked for again at once.
        let open = matches!(command, Command::RecordUnknown { .. });
        Ok(if open {
            Progress::Unanswered
        } else {
            Progress::Moved
        })
    }

    /// A refusal speaks of one key. Before it ends a step, Stripe is asked whether the step is done
    /// all the same: by an earlier order, by another sender of this one, by somebody else.
    async fn what_is_there(&self, payout: &Payout, code: &str) -> Result<Option<Progress>, Error> {
        let is_final = retry_at(payout, code, self.clock.now()).is_none();
        match payout.step {
            Step::Transfer if is_final => self.adopt_transfer(payout).await,
            Step::Bank if is_final => self.adopt_bank_payout(payout).await,
            // Of the tries that follow, each looks before it sends.
            Step::Transfer | Step::Bank => Ok(None),
            // Somebody was faster: what is left is another amount, or nothing.
            Step::Reversal => {
                let any = self.read_reversals(payout, "").await?;
                Ok(any.then_some(Progress::Moved))
            }
        }
    }

    // Called outside any transaction, with the key committed beside the payout. If we crash before
    // recording the answer, the next worker asks again and gets the same one.
    pub(super) async fn order(
        &self,
        payout: &Payout,
        attempt: &Attempt,
    ) -> Result<Option<Command>, Error> {
        let order = Order::from_json(&attempt.body)?;
        let key = attempt.idempotency_key.as_str();
        match payout.step {
            Step::Transfer => self.order_transfer(payout, order, key).await,
            Step::Bank => self.order_bank_payout(payout, order, key).await,
            Step::Reversal => self.order_reversal(payout, order, key).await,
        }
    }

    async fn order_transfer(
        &self,
        payout: &Payout,
        order: Order,
        key: &str,
    ) -> Result<Option<Command>, Error> {
        Ok(
            match self.stripe.create_transfer(&order.transfer(), key).await {
                Ok(made) => Some(made_transfer(payout.attempt, &made)),
                Err(failure) => not_made(payout, &failure),
            },
        )
    }

    async fn order_bank_payout(
        &self,
        payout: &Payout,
        order: Order,
        key: &str,
    ) -> Result<Option<Command>, Error> {
        let account_id = order.account_id.clone();
        let answer = self
            .stripe
            .create_bank_payout(&account_id, &order.bank_payout(), key)
            .await;
        Ok(match answer {
            Ok(made) => Some(made_bank_payout(payout.attempt, &made)),
            Err(failure) => not_made(payout, &failure),
        })
    }

    async fn order_reversal(
        &self,
        payout: &Payout,
        order: Order,
        key: &str,
    ) -> Result<Option<Command>, Error> {
        match self.stripe.create_reversal(&order.reversal(), key).await {
            // One that Stripe has not booked yet proves too little.
            Ok(made) => Ok(Some(
                reversal_of(payout, &made)?
                    .map_or_else(|| unknown(payout), Command::RecordReversed),
            )),
            Err(failure) => Ok(not_made(payout, &failure)),
        }
    }
}

fn unknown(payout: &Payout) -> Command {
    Command::RecordUnknown {
        step: payout.step,
        attempt: payout.attempt,
        doubt: Doubt::Open,
    }
}
