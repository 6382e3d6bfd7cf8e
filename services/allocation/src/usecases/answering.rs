//! Requests that come again: the key that names one is carried out once.

use kit::{Error, Rejection};
use ledger::Month;
use money::{Amount, Asset};
use sqlx::PgConnection;

use super::{Done, Usecases, View};
use crate::domain::{Order, Pool, Standing};
use crate::error::bug;
use crate::store::{Answer, PoolView};

/// Small enough that no turn is noticed by those who write at the same time.
const FORGOTTEN_AT_ONCE: i64 = 500;

impl Usecases {
    /// What was answered to this order before. Looked for when its month's lock and its pool's
    /// are held, so that one who held them before has ended, and is seen.
    pub(super) async fn find_done_in_tx(
        &self,
        tx: &mut PgConnection,
        order: &Order,
    ) -> Result<Option<Done>, Error> {
        let Some(key) = &order.key else {
            return Ok(None);
        };
        let ask = &order.ask;
        let Some(answer) = self.store.find_answer_in_tx(tx, ask, key).await? else {
            return Ok(None);
        };
        if answer.hash != order.hash() {
            return Err(reused());
        }
        let shares = self.store.list_shares_of_in_tx(tx, ask, &answer).await?;
        let facts = self.store.list_fact_keys_of_in_tx(tx, ask, &answer).await?;
        let amounts = shares.iter().map(|share| share.amount);
        let allocated = Amount::checked_sum(Asset::Usd, amounts).map_err(bug)?;
        let pool = Pool::try_new(answer.funded, allocated, answer.version).map_err(bug)?;
        let view = View {
            program: ask.program,
            month: answer.month,
            // Nothing is ever directed in a month that is not.
            standing: Standing::Open,
            pool: PoolView { pool, shares },
        };
        Ok(Some((view, facts)))
    }

    /// Keeps what is needed to answer the order once more; `false` when the key was taken
    /// meanwhile: then nothing of this transaction may stay.
    pub(super) async fn keep_answer_in_tx(
        &self,
        tx: &mut PgConnection,
        order: &Order,
        month: Month,
        (pool, changed): (&Pool, bool),
    ) -> Result<bool, Error> {
        let Some(key) = &order.key else {
            return Ok(true);
        };
        let answer = Answer::of(order, month, pool, changed);
        let kept = self.store.save_answer_in_tx(tx, &order.ask, key, &answer);
        Ok(kept.await?)
    }

    /// Forgets some of the answers that are older than `days`; answers whether there were any.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_answers(&self, days: u32) -> Result<bool, Error> {
        let forgotten = self.store.forget_answers(days, FORGOTTEN_AT_ONCE).await?;
        Ok(forgotten > 0)
    }
}

fn reused() -> Error {
    let message = "this idempotency key was used for another request";
    Error::Conflict(Rejection::new("IDEMPOTENCY_KEY_REUSED", message))
}
