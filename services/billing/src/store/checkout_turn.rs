//! Whose turn it is to make a page: one subscriber's checkouts of one program, one at a time.

use sqlx::PgConnection;

use super::Store;

/// The right to make a page, as long as nobody else has taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutTurn {
    pub subscriber_id: String,
    pub program: String,
    pub turn_id: String,
}

impl Store {
    /// Takes the turn for 15 seconds, unless somebody has it. False if so.
    pub async fn take_turn(&self, turn: &CheckoutTurn) -> Result<bool, sqlx::Error> {
        let taken = sqlx::query!(
            "insert into billing.checkout_turn as t (subscriber_id, program, turn_id,
                 leased_until_wall_at) values ($1, $2, $3, now() + interval '15 seconds')
             on conflict on constraint checkout_turn__pk do update
                 set turn_id = excluded.turn_id,
                     leased_until_wall_at = excluded.leased_until_wall_at
                 where t.leased_until_wall_at <= now()",
            turn.subscriber_id,
            turn.program,
            turn.turn_id
        )
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    /// Renews the lease, if the turn is still ours.
    pub async fn renew_turn(&self, turn: &CheckoutTurn) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.checkout_turn
             set leased_until_wall_at = now() + interval '15 seconds'
             where subscriber_id = $1 and program = $2 and turn_id = $3",
            turn.subscriber_id,
            turn.program,
            turn.turn_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn end_turn(&self, turn: &CheckoutTurn) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.checkout_turn set leased_until_wall_at = '-infinity'
             where subscriber_id = $1 and program = $2 and turn_id = $3",
            turn.subscriber_id,
            turn.program,
            turn.turn_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether the turn is still ours; if so, nobody else takes it before this transaction ends.
    pub async fn lock_turn_in_tx(
        &self,
        tx: &mut PgConnection,
        turn: &CheckoutTurn,
    ) -> Result<bool, sqlx::Error> {
        let found = sqlx::query_scalar!(
            "select turn_id from billing.checkout_turn
             where subscriber_id = $1 and program = $2 and turn_id = $3
             for update",
            turn.subscriber_id,
            turn.program,
            turn.turn_id
        )
        .fetch_optional(tx)
        .await?;
        Ok(found.is_some())
    }
}
