//! What was asked for, what of it is done, and who is at it.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Somebody asked for a look that is not done.
    pub is_asked: bool,
    /// When the last check was; none before the first.
    pub last_check_at: Option<OffsetDateTime>,
}

/// A check's place in line, taken before it reads anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub ticket: i64,
    /// The last balance transaction that is known; 0 before the first.
    pub recorded_no: i64,
}

impl Store {
    /// Asks for a look. However many ask before it begins, one look serves them all.
    pub async fn ask_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!("update balance_monitor.watch set asked_count = asked_count + 1")
            .execute(tx)
            .await?;
        Ok(())
    }

    pub async fn get_work(&self) -> Result<Work, sqlx::Error> {
        sqlx::query_as!(
            Work,
            r#"select asked_count > done_count as "is_asked!",
                      (select s.taken_at from balance_monitor.snapshot s
                       order by s.ticket desc limit 1) as last_check_at
               from balance_monitor.watch"#
        )
        .fetch_one(&self.pool)
        .await
    }

    /// Takes the work for ten seconds; answers how much was asked for until then, or nothing
    /// while another process is at it. One that was killed is waited for no longer than that.
    pub async fn lease_work(&self) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar!(
            "update balance_monitor.watch
             set leased_until_wall_at = now() + interval '10 seconds'
             where coalesce(leased_until_wall_at < now(), true)
             returning asked_count"
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// Gives the work back; `done` is what of it was done.
    pub async fn end_work(&self, done: Option<i64>) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update balance_monitor.watch
             set leased_until_wall_at = null, done_count = greatest(done_count, $1)",
            done
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn take_ticket(&self) -> Result<Ticket, sqlx::Error> {
        sqlx::query_as!(
            Ticket,
            r#"update balance_monitor.watch set ticket_count = ticket_count + 1
               returning ticket_count as ticket,
                         (select coalesce(max(t.recorded_no), 0)
                          from balance_monitor.balance_transaction t) as "recorded_no!""#
        )
        .fetch_one(&self.pool)
        .await
    }
}
