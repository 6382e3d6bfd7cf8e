//! Events as they were announced to us, and what they give us to do.

use std::collections::HashSet;

use ledger::{Month, digest64};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::event::{Event, WorkKind};
use crate::domain::month::EventTotals;

impl Store {
    /// Keeps events; answers the ids of those that are new.
    pub async fn save_events_in_tx(
        &self,
        tx: &mut PgConnection,
        events: &[Event],
    ) -> Result<HashSet<String>, sqlx::Error> {
        let ids: Vec<String> = events.iter().map(|event| event.event_id.clone()).collect();
        let counted: Vec<OffsetDateTime> = events.iter().map(|event| event.counts_from).collect();
        let digests: Vec<i64> = ids.iter().map(|id| digest64(id).cast_signed()).collect();
        let fresh = sqlx::query_scalar!(
            "insert into billing.stripe_event (event_id, counts_from, digest)
             select * from unnest($1::text[], $2::timestamptz[], $3::bigint[]) as e (event_id)
             order by event_id
             on conflict on constraint stripe_event__pk do nothing
             returning event_id",
            &ids,
            &counted,
            &digests
        )
        .fetch_all(tx)
        .await?;
        Ok(fresh.into_iter().collect())
    }

    /// Asks for readings: one row per object, however many events name it. In the order of
    /// their keys, so that batches never wait for one another in a circle.
    pub async fn save_work_in_tx(
        &self,
        tx: &mut PgConnection,
        work: &[(WorkKind, &Event)],
    ) -> Result<(), sqlx::Error> {
        let kinds: Vec<String> = work
            .iter()
            .map(|(kind, _)| kind.as_str().to_owned())
            .collect();
        let objects: Vec<String> = work
            .iter()
            .map(|(_, event)| event.object_id.clone())
            .collect();
        let counted: Vec<OffsetDateTime> =
            work.iter().map(|(_, event)| event.counts_from).collect();
        sqlx::query!(
            "insert into billing.work (kind, object_id, counts_from, wanted)
             select w.kind, w.object_id, min(w.counts_from), count(*)
             from unnest($1::text[], $2::text[], $3::timestamptz[]) as w (kind, object_id, counts_from)
             group by w.kind, w.object_id
             order by w.kind, w.object_id
             on conflict on constraint work__pk do update
                 set counts_from = case when work.wanted > work.done
                                        then least(work.counts_from, excluded.counts_from)
                                        else excluded.counts_from end,
                     wanted = work.wanted + excluded.wanted",
            &kinds,
            &objects,
            &counted
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn complete_checkouts_in_tx(
        &self,
        tx: &mut PgConnection,
        sessions: &[String],
        completed: &[OffsetDateTime],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.checkout c set completed_at = s.completed_at
             from unnest($1::text[], $2::timestamptz[]) as s (session_id, completed_at)
             where c.session_id = s.session_id and c.completed_at is null",
            sessions,
            completed
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn save_month_ingested_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        totals: EventTotals,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into billing.month_ingested (month, ends_at, event_count, digest)
             values ($1, $2, $3, $4)
             on conflict on constraint month_ingested__pk do nothing",
            month.to_string(),
            month.next().first_instant(),
            totals.event_count,
            totals.digest.cast_signed()
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
