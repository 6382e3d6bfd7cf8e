//! Charges, and what cannot be assigned to anyone.

use ledger::{ChargeSettled, Fact, Month};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;

/// Something of Stripe's that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclaimedObject<'a> {
    pub kind: &'static str,
    pub object_id: &'a str,
    pub reason: &'a str,
    /// Empty if no money came in.
    pub charge_id: &'a str,
    pub gross_minor: i64,
    pub currency: &'a str,
}

impl Store {
    /// Writes a charge, unless it is there: the first reading stands. Answers whether it is new.
    pub async fn save_charge_in_tx(
        &self,
        tx: &mut PgConnection,
        charge: &ChargeSettled,
        fact: &Fact,
        subscription_id: &str,
        invoice_id: &str,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            "insert into billing.charge
                 (charge_id, txn_id, subscriber_id, program, gross_minor, stripe_fee_minor,
                  tax_minor, currency, available_on, period_month, settled_at, subscription_id,
                  invoice_id, digest)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             on conflict on constraint charge__pk do nothing",
            charge.charge.as_str(),
            charge.txn.as_str(),
            charge.subscriber.as_str(),
            charge.program.as_str(),
            charge.gross.minor(),
            charge.stripe_fee.minor(),
            charge.tax.minor(),
            charge.gross.asset().code(),
            charge.available_on,
            charge.period_month.to_string(),
            charge.settled_at,
            subscription_id,
            invoice_id,
            fact.digest64().cast_signed()
        )
        .execute(tx)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// When the first event of all counts from.
    pub async fn find_first_event_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<Month>, sqlx::Error> {
        let first = sqlx::query_scalar!("select min(counts_from) from billing.stripe_event")
            .fetch_one(tx)
            .await?;
        Ok(first.map(Month::of))
    }

    pub async fn save_unclaimed_in_tx(
        &self,
        tx: &mut PgConnection,
        unclaimed: &UnclaimedObject<'_>,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into billing.unclaimed
                 (kind, object_id, reason, charge_id, gross_minor, currency, found_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict on constraint unclaimed__pk do update
                 set reason = excluded.reason, charge_id = excluded.charge_id,
                     gross_minor = excluded.gross_minor, currency = excluded.currency,
                     resolved_wall_at = null",
            unclaimed.kind,
            unclaimed.object_id,
            unclaimed.reason,
            unclaimed.charge_id,
            unclaimed.gross_minor,
            unclaimed.currency,
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Objects, by kind and id, found their owner after all.
    pub async fn resolve_unclaimed_in_tx(
        &self,
        tx: &mut PgConnection,
        objects: &[(&'static str, String)],
    ) -> Result<(), sqlx::Error> {
        let kinds: Vec<String> = objects.iter().map(|(kind, _)| (*kind).to_owned()).collect();
        let ids: Vec<String> = objects.iter().map(|(_, id)| id.clone()).collect();
        sqlx::query!(
            "update billing.unclaimed u set resolved_wall_at = now()
             from unnest($1::text[], $2::text[]) as o (kind, object_id)
             where u.kind = o.kind and u.object_id = o.object_id and u.resolved_wall_at is null",
            &kinds,
            &ids
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
