//! What others ask about payouts and runs.

use std::collections::HashMap;

use ledger::Month;

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
    pub failed_count: i64,
    pub failed_minor: i64,
    /// Neither paid nor ended.
    pub open_count: i64,
    pub open_minor: i64,
    /// Payouts that have ended and have something left to tell.
    pub errand_count: i64,
}

impl Store {
    pub async fn find_payout(&self, payout_id: &str) -> Result<Option<Payout>, sqlx::Error> {
        let row = sqlx::query_as!(
            Row,
            "select payout_id, month, creator_id, sequence, amount_minor, account_id, state, step,
                    attempt, retry_count, next_retry_at, reason, failure_code, transfer_id,
                    bank_payout_id, reversed_minor, reversals, expected_arrival_at, paid_at,
                    created_at, version, errand, replacement_minor, due_at
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
            "select payout_id from payout.attempt where object_id = $1 limit 1",
            object_id
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// Payouts to this account that wait to be tried again after a refusal with this code.
    pub async fn waiting_for_account(
        &self,
        account_id: &str,
        code: &str,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "select payout_id from payout.payout
             where state in ('retry_wait', 'returned') and due_at is not null
               and account_id = $1 and failure_code = $2",
            account_id,
            code
        )
        .fetch_all(&self.pool)
        .await
    }

    pub async fn list_payouts(&self, filter: &Filter) -> Result<Vec<Payout>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            "select payout_id, month, creator_id, sequence, amount_minor, account_id, state, step,
                    attempt, retry_count, next_retry_at, reason, failure_code, transfer_id,
                    bank_payout_id, reversed_minor, reversals, expected_arrival_at, paid_at,
                    created_at, version, errand, replacement_minor, due_at
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
                    count(*) filter (where state in ('failed', 'rejected')) as "failed_count!",
                    coalesce(sum(amount_minor) filter (where state in ('failed', 'rejected')), 0)
                        ::bigint as "failed_minor!",
                    count(*) filter (where state not in
                        ('paid', 'canceled', 'failed', 'rejected')) as "open_count!",
                    coalesce(sum(amount_minor) filter (where state not in
                        ('paid', 'canceled', 'failed', 'rejected')), 0)::bigint as "open_minor!",
                    count(*) filter (where errand <> 'none') as "errand_count!"
             from payout.payout where month = $1"#,
            month.to_string()
        )
        .fetch_one(&self.pool)
        .await
    }

    /// What payouts that have not left yet will take of the platform's balance, and those that will
    /// be planned in the place of canceled ones once their holds are given back.
    pub async fn unsent_minor(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select coalesce(sum(
                          case when state = 'canceled' then replacement_minor else amount_minor end
                      ), 0)::bigint as "minor!"
               from payout.payout
               where transfer_id is null and state not in ('failed', 'rejected')
                 and (state <> 'canceled' or replacement_minor is not null)"#
        )
        .fetch_one(&self.pool)
        .await
    }

    /// What payouts that have no hold yet will take of creators' payable, by creator.
    pub async fn unheld_minor(
        &self,
        creator_ids: &[String],
    ) -> Result<HashMap<String, i64>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select creator_id, sum(amount_minor)::bigint as "minor!" from payout.payout
               where state = 'planned' and creator_id = any($1) group by creator_id"#,
            creator_ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.minor))
            .collect())
    }
}
