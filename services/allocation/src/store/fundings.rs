//! Charges' money, batch by batch.

use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, column_of};

/// A charge's row: stamped, with what seal and cut count of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFunding {
    pub charge: String,
    pub subscriber: String,
    pub program: &'static str,
    /// The month that it funds.
    pub month: Month,
    pub amount_minor: i64,
    pub digest: u64,
    /// The month that it paid for.
    pub period_month: Month,
    pub gross_minor: i64,
    pub charge_digest: u64,
}

impl Store {
    /// Inserts what is new and answers its charges; one that was applied before is left out.
    pub async fn save_fundings_in_tx(
        &self,
        tx: &mut PgConnection,
        fundings: &[NewFunding],
        now: OffsetDateTime,
    ) -> Result<Vec<String>, sqlx::Error> {
        let charges: Vec<String> = fundings.iter().map(|row| row.charge.clone()).collect();
        let subscribers: Vec<String> = fundings.iter().map(|row| row.subscriber.clone()).collect();
        let programs: Vec<String> = fundings.iter().map(|row| row.program.to_owned()).collect();
        let months: Vec<i32> = fundings.iter().map(|row| row.month.to_i32()).collect();
        let amounts: Vec<i64> = fundings.iter().map(|row| row.amount_minor).collect();
        let digests: Vec<i64> = fundings.iter().map(|row| column_of(row.digest)).collect();
        let periods: Vec<i32> = fundings
            .iter()
            .map(|row| row.period_month.to_i32())
            .collect();
        let gross: Vec<i64> = fundings.iter().map(|row| row.gross_minor).collect();
        let of_charges: Vec<i64> = fundings
            .iter()
            .map(|row| column_of(row.charge_digest))
            .collect();
        sqlx::query_scalar!(
            "insert into allocation.funding
                 (charge, subscriber_id, program, month, amount_minor, digest, period_month,
                  gross_minor, charge_digest, attributed_at)
             select charge, subscriber_id, program, month, amount_minor, digest, period_month,
                    gross_minor, charge_digest, $10
             from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[],
                         $6::bigint[], $7::integer[], $8::bigint[], $9::bigint[])
                 as given (charge, subscriber_id, program, month, amount_minor, digest,
                           period_month, gross_minor, charge_digest)
             order by charge collate \"C\"
             on conflict on constraint funding__pk do nothing
             returning charge",
            &charges,
            &subscribers,
            &programs,
            &months,
            &amounts,
            &digests,
            &periods,
            &gross,
            &of_charges,
            now
        )
        .fetch_all(tx)
        .await
    }

    /// Adds these charges' money to their pools, in the pools' order, so that batches that meet
    /// wait for one another and never in a circle.
    pub async fn fund_pools_in_tx(
        &self,
        tx: &mut PgConnection,
        charges: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into allocation.pool as pool
                 (subscriber_id, program, month, funded_minor, allocated_minor, version)
             select subscriber_id, program, month, sum(amount_minor)::bigint, 0, 0
             from allocation.funding
             where charge = any($1)
             group by subscriber_id, program, month
             order by subscriber_id, program, month
             on conflict on constraint pool__pk do update
                 set funded_minor = pool.funded_minor + excluded.funded_minor",
            charges
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Counts these charges for the months that they paid for.
    pub async fn count_charges_in_tx(
        &self,
        tx: &mut PgConnection,
        charges: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into allocation.charge_control as control
                 (period_month, charge_count, gross_minor, digest_sum)
             select period_month, count(*), sum(gross_minor)::bigint, sum(charge_digest)
             from allocation.funding
             where charge = any($1)
             group by period_month
             order by period_month
             on conflict on constraint charge_control__pk do update
                 set charge_count = control.charge_count + excluded.charge_count,
                     gross_minor = control.gross_minor + excluded.gross_minor,
                     digest_sum = control.digest_sum + excluded.digest_sum",
            charges
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
