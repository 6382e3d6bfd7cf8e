//! What came back of holds by reversed transfers.

use ledger::{HoldPart, PayoutId, StripeId};
use sqlx::PgConnection;

use super::{Store, month_of, program_of, usd};

impl Store {
    /// The months that a reversal was given back to; none when it is new.
    pub async fn find_return_in_tx(
        &self,
        tx: &mut PgConnection,
        reversal: &StripeId,
    ) -> Result<Vec<HoldPart>, sqlx::Error> {
        let rows = sqlx::query!(
            "select month, program, amount_minor from earnings.hold_return
             where reversal = $1 order by month, program",
            reversal.as_str()
        )
        .fetch_all(tx)
        .await?;
        let parts = rows.into_iter().map(|row| {
            Ok(HoldPart {
                program: program_of(&row.program)?,
                month: month_of(row.month)?,
                amount: usd(row.amount_minor)?,
            })
        });
        parts.collect()
    }

    pub async fn insert_return_in_tx(
        &self,
        tx: &mut PgConnection,
        reversal: &StripeId,
        payout: &PayoutId,
        parts: &[HoldPart],
    ) -> Result<(), sqlx::Error> {
        let months: Vec<i32> = parts.iter().map(|part| part.month.to_i32()).collect();
        let programs: Vec<String> = parts.iter().map(|part| part.program.to_string()).collect();
        let amounts: Vec<i64> = parts.iter().map(|part| part.amount.minor()).collect();
        sqlx::query!(
            "insert into earnings.hold_return (reversal, payout_id, month, program, amount_minor)
             select $1, $2, part.* from unnest($3::integer[], $4::text[], $5::bigint[]) as part",
            reversal.as_str(),
            payout.as_str(),
            &months,
            &programs,
            &amounts
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
