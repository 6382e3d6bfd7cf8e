//! Requests that carry an Idempotency-Key, and the replies that are repeated.

use super::{Promise, Store, keep_in_tx};

/// Which request: one key of one user at one route.
#[derive(Debug, Clone)]
pub struct Key {
    pub principal: String,
    pub method: String,
    pub route: String,
    pub key: String,
}

/// What became of an attempt to claim a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Run it; `attempt` finishes it.
    Ours {
        attempt: i32,
    },
    Theirs(Held),
}

/// A key that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub request_hash: Vec<u8>,
    /// Absent while the request is worked on.
    pub reply: Option<Reply>,
}

/// A reply as it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Store {
    /// Claims a key, or answers who has it. A lost request's key is claimed anew by the same
    /// request alone.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim(&self, key: &Key, hash: &[u8]) -> Result<Claim, sqlx::Error> {
        loop {
            if let Some(attempt) = self.try_claim(key, hash).await? {
                return Ok(Claim::Ours { attempt });
            }
            if let Some(held) = self.find(key).await? {
                return Ok(Claim::Theirs(held));
            }
            // It was released between the two looks.
        }
    }

    async fn try_claim(&self, key: &Key, hash: &[u8]) -> Result<Option<i32>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            insert into gateway.idempotent_request as held
                (principal, method, route, idempotency_key, request_hash, leased_until_wall_at)
            values ($1, $2, $3, $4, $5,
                now() + $6::bigint * interval '1 millisecond' -- leased_until_wall_at
            )
            on conflict on constraint idempotent_request__pk do update
                set attempt = held.attempt + 1,
                    leased_until_wall_at = excluded.leased_until_wall_at
                where held.state = 'in_flight'
                  and held.leased_until_wall_at <= now()
                  and held.request_hash = excluded.request_hash
            returning attempt
            "#,
            key.principal,
            key.method,
            key.route,
            key.key,
            hash,
            self.lease_ms()
        )
        .fetch_optional(&self.pool)
        .await
    }

    async fn find(&self, key: &Key) -> Result<Option<Held>, sqlx::Error> {
        let row = sqlx::query!(
            "select request_hash, status, content_type, location, body
             from gateway.idempotent_request
             where principal = $1 and method = $2 and route = $3 and idempotency_key = $4",
            key.principal,
            key.method,
            key.route,
            key.key
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Held {
            request_hash: row.request_hash,
            reply: row.status.zip(row.body).map(|(status, body)| Reply {
                status: u16::try_from(status).unwrap_or(500),
                content_type: row.content_type,
                location: row.location,
                body,
            }),
        }))
    }

    /// Keeps what a write promises and, under its key, the reply: both or neither.
    ///
    /// # Errors
    /// The database's. Then nothing was acknowledged, though the write may be done.
    pub async fn acknowledge(
        &self,
        promise: Promise<'_>,
        done: Option<(&Key, i32, &Reply)>,
    ) -> Result<(), sqlx::Error> {
        if promise.effects.is_empty() && done.is_none() {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        keep_in_tx(&mut tx, promise).await?;
        if let Some((key, attempt, reply)) = done {
            finish_in_tx(&mut tx, key, attempt, reply).await?;
        }
        tx.commit().await
    }

    /// Prolongs a claim that is still worked on.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_lease(&self, key: &Key, attempt: i32) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update gateway.idempotent_request
             set leased_until_wall_at = now() + $6::bigint * interval '1 millisecond'
             where principal = $1 and method = $2 and route = $3 and idempotency_key = $4
               and attempt = $5 and state = 'in_flight'",
            key.principal,
            key.method,
            key.route,
            key.key,
            attempt,
            self.lease_ms()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Ends a claim whose outcome is not known: the same request may run again at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_lease(&self, key: &Key, attempt: i32) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update gateway.idempotent_request
             set leased_until_wall_at = now()
             where principal = $1 and method = $2 and route = $3 and idempotency_key = $4
               and attempt = $5 and state = 'in_flight'",
            key.principal,
            key.method,
            key.route,
            key.key,
            attempt
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets a claim whose request was refused before anything was tried, unless an attempt
    /// before it may have done something.
    ///
    /// # Errors
    /// The database's.
    pub async fn release(&self, key: &Key, attempt: i32) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "delete from gateway.idempotent_request
             where principal = $1 and method = $2 and route = $3 and idempotency_key = $4
               and attempt = $5 and attempt = 1 and state = 'in_flight'",
            key.principal,
            key.method,
            key.route,
            key.key,
            attempt
        )
        .execute(&self.pool)
        .await?;
        self.end_lease(key, attempt).await
    }

    /// Deletes some of the requests that began longer than `days` ago; answers how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn sweep(&self, days: u32, most: i64) -> Result<u64, sqlx::Error> {
        let swept = sqlx::query!(
            "delete from gateway.idempotent_request as old
             using (
                 select principal, method, route, idempotency_key
                 from gateway.idempotent_request
                 where began_wall_at < now() - $1::bigint * interval '1 day'
                 order by began_wall_at
                 limit $2
                 for update skip locked
             ) as due
             where old.principal = due.principal and old.method = due.method
               and old.route = due.route and old.idempotency_key = due.idempotency_key",
            i64::from(days),
            most
        )
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }
}

/// Stores the reply for those who come again. Who lost the lease stores nothing: the next
/// attempt's reply stands.
async fn finish_in_tx(
    tx: &mut sqlx::PgConnection,
    key: &Key,
    attempt: i32,
    reply: &Reply,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update gateway.idempotent_request
         set state = 'done', status = $6, content_type = $7, location = $8, body = $9
         where principal = $1 and method = $2 and route = $3 and idempotency_key = $4
           and attempt = $5 and state = 'in_flight'",
        key.principal,
        key.method,
        key.route,
        key.key,
        attempt,
        i16::try_from(reply.status).unwrap_or(500),
        reply.content_type,
        reply.location,
        reply.body
    )
    .execute(tx)
    .await?;
    Ok(())
}
