//! Objects to be read back from Stripe, and who is reading them.

use std::collections::HashSet;

use kit::Error;
use sqlx::PgConnection;

use super::Store;
use crate::domain::event::WorkKind;

/// One object that this process has leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub kind: WorkKind,
    pub object_id: String,
    /// Events that the reading will cover.
    pub wanted: i64,
    pub lease_id: String,
    /// Readings in a row that failed before.
    pub failure_count: i32,
}

impl Store {
    /// Leases up to `limit` objects, the oldest first. A lease that runs out is anyone's. Kinds of
    /// work that only a newer version knows are left to it.
    pub async fn claim_work(&self, lease_id: &str, limit: i64) -> Result<Vec<Claim>, Error> {
        let known = WorkKind::ALL.map(|kind| kind.as_str().to_owned());
        let rows = sqlx::query!(
            "update billing.work
             set lease_id = $1,
                 leased_until_wall_at = now() + interval '15 seconds'
             where (kind, object_id) in (
                 select w.kind, w.object_id from billing.work w
                 where w.wanted > w.done and w.kind = any($3)
                   and (w.leased_until_wall_at is null or w.leased_until_wall_at < now())
                 order by w.counts_from
                 limit $2
                 for update skip locked)
             returning kind, object_id, wanted, failure_count",
            lease_id,
            limit,
            &known
        )
        .fetch_all(&self.pool)
        .await?;
        let claim = |kind: String, object_id, wanted, failure_count| {
            Ok(Claim {
                kind: kind_of(&kind)?,
                object_id,
                wanted,
                lease_id: lease_id.to_owned(),
                failure_count,
            })
        };
        rows.into_iter()
            .map(|row| claim(row.kind, row.object_id, row.wanted, row.failure_count))
            .collect()
    }

    /// Renews the lease of those objects that are still under it. One whose row is locked at
    /// this moment is left out: to wait for it could be to wait in a circle.
    pub async fn renew_leases(
        &self,
        lease_id: &str,
        objects: &[(WorkKind, String)],
    ) -> Result<(), sqlx::Error> {
        let kinds: Vec<String> = objects
            .iter()
            .map(|(kind, _)| kind.as_str().to_owned())
            .collect();
        let ids: Vec<String> = objects.iter().map(|(_, id)| id.clone()).collect();
        sqlx::query!(
            "with ours as (
                 select w.kind, w.object_id from billing.work w
                 join unnest($2::text[], $3::text[]) as o (kind, object_id) using (kind, object_id)
                 where w.lease_id = $1
                 for update of w skip locked)
             update billing.work w set leased_until_wall_at = now() + interval '15 seconds'
             from ours where w.kind = ours.kind and w.object_id = ours.object_id",
            lease_id,
            &kinds,
            &ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn has_pending_work(&self) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (select from billing.work where wanted > done) as "pending!""#
        )
        .fetch_one(&self.pool)
        .await
    }

    /// The claims whose lease is still ours: nobody else records a reading of these objects before
    /// this transaction ends.
    pub async fn lock_claims_in_tx(
        &self,
        tx: &mut PgConnection,
        claims: &[&Claim],
    ) -> Result<HashSet<(WorkKind, String)>, Error> {
        let kinds: Vec<String> = claims
            .iter()
            .map(|claim| claim.kind.as_str().to_owned())
            .collect();
        let ids: Vec<String> = claims.iter().map(|claim| claim.object_id.clone()).collect();
        let leases: Vec<String> = claims.iter().map(|claim| claim.lease_id.clone()).collect();
        let rows = sqlx::query!(
            "select w.kind, w.object_id from billing.work w
             join unnest($1::text[], $2::text[], $3::text[]) as o (kind, object_id, lease_id)
                 using (kind, object_id, lease_id)
             order by w.kind, w.object_id
             for update of w",
            &kinds,
            &ids,
            &leases
        )
        .fetch_all(tx)
        .await?;
        rows.into_iter()
            .map(|row| Ok((kind_of(&row.kind)?, row.object_id)))
            .collect()
    }

    /// The events that the claims cover are done; those that came meanwhile are not.
    pub async fn finish_claims_in_tx(
        &self,
        tx: &mut PgConnection,
        claims: &[Claim],
    ) -> Result<(), sqlx::Error> {
        let kinds: Vec<String> = claims
            .iter()
            .map(|claim| claim.kind.as_str().to_owned())
            .collect();
        let ids: Vec<String> = claims.iter().map(|claim| claim.object_id.clone()).collect();
        let wanted: Vec<i64> = claims.iter().map(|claim| claim.wanted).collect();
        sqlx::query!(
            "update billing.work w
             set done = o.wanted, lease_id = null, leased_until_wall_at = null, failure_count = 0,
                 failure = null
             from unnest($1::text[], $2::text[], $3::bigint[]) as o (kind, object_id, wanted)
             where w.kind = o.kind and w.object_id = o.object_id",
            &kinds,
            &ids,
            &wanted
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Gives a claim back for later: the pause doubles from 0.2 s to 30 s. Answers how often
    /// it has failed by now.
    pub async fn postpone_claim(
        &self,
        claim: &Claim,
        failure: &str,
    ) -> Result<Option<i32>, sqlx::Error> {
        sqlx::query_scalar!(
            "update billing.work
             set failure_count = failure_count + 1, failure = $4, lease_id = null,
                 leased_until_wall_at = now() + least(power(2, least(failure_count, 10)) * interval '200 milliseconds', interval '30 seconds')
             where kind = $1 and object_id = $2 and lease_id = $3
             returning failure_count",
            claim.kind.as_str(),
            claim.object_id,
            claim.lease_id,
            failure
        )
        .fetch_optional(&self.pool)
        .await
    }
}

fn kind_of(column: &str) -> Result<WorkKind, Error> {
    WorkKind::from_column(column).ok_or_else(|| Error::bug(format!("{column} is no kind of work")))
}
