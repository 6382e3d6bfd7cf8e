//! What others ask about payouts and runs.

use ledger::Month;
use sqlx::PgConnection;

use super::Store;
use super::payouts::Row;
use crate::domain::Payout;

/// Which payouts to list, newest first; empty texts do not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub creator_id: String,
    pub state: String,
    pub month: String,
    /// Exclusive cursor: a payout id, or empty.
    pub starting_after: String,
    pub limit: i64,
}

/// A run in figures. Canceled payouts do not count: their creators carry over, or have another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFigures {
    pub planned_count: i64,
    pub planned_minor: i64,
    pub paid_count: i64,
    pub paid_minor: i64,
    /// Payouts that are still on their way, or have something left to tell.
    pub open_count: i64,
}

impl Store {
    pub async fn find_payout(&self, payout_id: &str) -> Result<Option<Payout>, sqlx::Error> {
        let row = sqlx::query_as!(
            Row,
            "select payout_id, month, creator_id, sequence, amount_minor, account_id, state, step,
                    attempt, retry_count, next_retry_at, reason, failure_code, transfer_id,
                    bank_payout_id, expected_arrival_at, paid_at, created_at, version, errand,
                    replacement_minor, due_at
             from payout.payout where payout_id = $1",
            payout_id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// The payout that an object of Stripe's belongs to, where that is known.
    pub async fn find_payout_by_object(
        &self,
        object_id: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "select payout_id from payout.payout where transfer_id = $1 or bank_payout_id = $1",
            object_id
        )
        .fetch_optional(&self.pool)
        .await
    }

    pub async fn list_payouts(&self, filter: &Filter) -> Result<Vec<Payout>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            "select payout_id, month, creator_id, sequence, amount_minor, account_id, state, step,
                    attempt, retry_count, next_retry_at, reason, failure_code, transfer_id,
                    bank_payout_id, expected_arrival_at, paid_at, created_at, version, errand,
                    replacement_minor, due_at
             from payout.payout
             where ($1 = '' or creator_id = $1) and ($2 = '' or state = $2)
               and ($3 = '' or month = $3)
               and ($4 = '' or (created_at, payout_id) < (
                   select created_at, payout_id from payout.payout where payout_id = $4))
             order by created_at desc, payout_id desc
             limit $5",
            filter.creator_id,
            filter.state,
            filter.month,
            filter.starting_after,
            filter.limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    pub async fn run_figures(&self, month: Month) -> Result<RunFigures, sqlx::Error> {
        sqlx::query_as!(
            RunFigures,
            r#"select count(*) filter (where state <> 'canceled') as "planned_count!",
                    coalesce(sum(amount_minor) filter (where state <> 'canceled'), 0)::bigint
                        as "planned_minor!",
                    count(*) filter (where state = 'paid') as "paid_count!",
                    coalesce(sum(amount_minor) filter (where state = 'paid'), 0)::bigint
                        as "paid_minor!",
                    count(*) filter (where errand <> 'none' or state not in
                        ('paid', 'canceled', 'failed', 'rejected', 'returned')) as "open_count!"
             from payout.payout where month = $1"#,
            month.to_string()
        )
        .fetch_one(&self.pool)
        .await
    }

    /// What payouts that have not left yet will take of the platform's balance.
    pub async fn unsent_minor(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select coalesce(sum(amount_minor), 0)::bigint as "minor!" from payout.payout
             where transfer_id is null and state not in ('canceled', 'failed', 'rejected')"#
        )
        .fetch_one(&self.pool)
        .await
    }

    /// Those of the creators who have a payout in this run already.
    pub async fn planned_creators_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        creator_ids: &[String],
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select distinct creator_id as "creator_id!" from payout.payout
             where month = $1 and creator_id = any($2)"#,
            month.to_string(),
            creator_ids
        )
        .fetch_all(tx)
        .await
    }
}
