//! Every SQL statement of this service.

use std::collections::HashSet;

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use crate::domain::Draft;

/// Access to schema `notifier`.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

/// A notice as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub notice_id: String,
    pub user_id: String,
    pub kind: String,
    pub subject_id: String,
    pub title: String,
    pub body: String,
    pub created_at: OffsetDateTime,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps the notices whose subject was not yet told of in this kind; answers their ids. Of
    /// two in one batch that are the same, the first is kept.
    pub async fn save_notices_in_tx(
        &self,
        tx: &mut PgConnection,
        notices: &[(String, Draft)],
    ) -> Result<HashSet<String>, sqlx::Error> {
        let texts = |read: fn(&Draft) -> &str| -> Vec<String> {
            notices
                .iter()
                .map(|(_, draft)| read(draft).to_owned())
                .collect()
        };
        let saved = sqlx::query_scalar!(
            "insert into notifier.notice
                 (notice_id, user_id, kind, subject_id, subject_version, title, body, created_at)
             select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
                                  $6::text[], $7::text[], $8::timestamptz[])
             on conflict on constraint notice__once do nothing
             returning notice_id",
            &notices
                .iter()
                .map(|(notice_id, _)| notice_id.clone())
                .collect::<Vec<_>>(),
            &texts(|draft| &draft.user_id),
            &texts(|draft| draft.kind.as_str()),
            &texts(|draft| &draft.subject_id),
            &notices
                .iter()
                .map(|(_, draft)| draft.subject_version)
                .collect::<Vec<_>>(),
            &texts(|draft| draft.kind.title()),
            &texts(|draft| &draft.body),
            &notices
                .iter()
                .map(|(_, draft)| draft.created_at)
                .collect::<Vec<_>>()
        )
        .fetch_all(tx)
        .await?;
        Ok(saved.into_iter().collect())
    }

    /// Whether a notice is in this user's feed.
    pub async fn is_in_feed(&self, user_id: &str, notice_id: &str) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (
                   select from notifier.notice where user_id = $1 and notice_id = $2
               ) as "is_there!""#,
            user_id,
            notice_id
        )
        .fetch_one(&self.pool)
        .await
    }

    /// A user's notices that come after one of them, newest first.
    pub async fn list_feed(
        &self,
        user_id: &str,
        starting_after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Notice>, sqlx::Error> {
        sqlx::query_as!(
            Notice,
            "select notice_id, user_id, kind, subject_id, title, body, created_at
             from notifier.notice
             where user_id = $1
               and ($2::text is null or (created_at, subject_version, notice_id) < (
                   select c.created_at, c.subject_version, c.notice_id
                   from notifier.notice c where c.notice_id = $2))
             order by created_at desc, subject_version desc, notice_id desc
             limit $3",
            user_id,
            starting_after,
            limit
        )
        .fetch_all(&self.pool)
        .await
    }
}
