//! Second subscriptions of one program, which nobody should have: a person looks at them.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, Subscription};

impl Store {
    /// Held while one subscriber's subscriptions of a program are counted.
    pub async fn lock_program_in_tx(
        &self,
        tx: &mut PgConnection,
        of: &Subscription,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(
                 hashtextextended('billing.program:' || $1 || '/' || $2, 0))",
            of.subscriber_id,
            of.program
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Subscriptions of the same subscriber and program that will be charged again, but for the
    /// newest.
    pub async fn list_seconds_in_tx(
        &self,
        tx: &mut PgConnection,
        of: &Subscription,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "select subscription_id from billing.subscription
             where subscriber_id = $1 and program = $2 and not cancel_at_period_end
               and status not in ('canceled', 'incomplete_expired')
             order by created_at desc, subscription_id desc
             offset 1",
            of.subscriber_id,
            of.program
        )
        .fetch_all(tx)
        .await
    }

    /// Complains of each of these, and of no other of the same subscriber and program any more.
    /// Answers the ids of those that were not complained of before.
    pub async fn save_seconds_in_tx(
        &self,
        tx: &mut PgConnection,
        of: &Subscription,
        seconds: &[String],
        now: OffsetDateTime,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query!(
            "update billing.unclaimed u set resolved_wall_at = now()
             from billing.subscription s
             where u.kind = 'second_subscription' and u.resolved_wall_at is null
               and s.subscription_id = u.object_id
               and s.subscriber_id = $1 and s.program = $2
               and u.object_id <> all ($3)",
            of.subscriber_id,
            of.program,
            seconds
        )
        .execute(&mut *tx)
        .await?;
        if seconds.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_scalar!(
            "insert into billing.unclaimed as u
                 (kind, object_id, reason, charge_id, gross_minor, currency, found_at)
             select 'second_subscription', id,
                    $1 || ' pays for ' || $2 || ' more than once a month', '', 0, '', $4
             from unnest($3::text[]) as s (id)
             on conflict on constraint unclaimed__pk do update set resolved_wall_at = null
                 where u.resolved_wall_at is not null
             returning object_id",
            of.subscriber_id,
            of.program,
            seconds,
            now
        )
        .fetch_all(tx)
        .await
    }
}
