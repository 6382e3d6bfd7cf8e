//! Payouts and the moves they made.

use ledger::{CreatorId, Month, PayoutId};
use money::{Amount, Asset};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, unreadable};
use crate::domain::Payout;

/// A row, before its words and ids are believed.
pub(super) struct Row {
    pub payout_id: String,
    pub month: String,
    pub creator_id: String,
    pub sequence: i32,
    pub amount_minor: i64,
    pub account_id: String,
    pub state: String,
    pub step: String,
    pub attempt: i32,
    pub retry_count: i32,
    pub next_retry_at: Option<OffsetDateTime>,
    pub reason: String,
    pub failure_code: String,
    pub transfer_id: Option<String>,
    pub bank_payout_id: Option<String>,
    pub reversed_minor: i64,
    pub reversals: Vec<String>,
    pub expected_arrival_at: Option<OffsetDateTime>,
    pub paid_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub version: i64,
    pub errand: String,
    pub replacement_minor: Option<i64>,
    pub due_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Payout {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let usd = |minor| Amount::try_new(minor, Asset::Usd).map_err(unreadable);
        Ok(Self {
            payout_id: PayoutId::try_new(&row.payout_id).map_err(unreadable)?,
            month: Some(row.month.as_str())
                .filter(|month| !month.is_empty())
                .map(str::parse::<Month>)
                .transpose()
                .map_err(unreadable)?,
            creator_id: CreatorId::try_new(&row.creator_id).map_err(unreadable)?,
            sequence: row.sequence,
            amount: usd(row.amount_minor)?,
            account_id: row.account_id,
            state: row.state.parse().map_err(unreadable)?,
            step: row.step.parse().map_err(unreadable)?,
            attempt: u32::try_from(row.attempt).map_err(unreadable)?,
            retry_count: u32::try_from(row.retry_count).map_err(unreadable)?,
            next_retry_at: row.next_retry_at,
            reason: row.reason,
            failure_code: row.failure_code,
            transfer_id: row.transfer_id,
            bank_payout_id: row.bank_payout_id,
            reversed: usd(row.reversed_minor)?,
            reversals: row.reversals,
            expected_arrival_at: row.expected_arrival_at,
            paid_at: row.paid_at,
            created_at: row.created_at,
            version: row.version,
            errand: row.errand.parse().map_err(unreadable)?,
            replacement: row.replacement_minor.map(usd).transpose()?,
            due_at: row.due_at,
        })
    }
}

/// Who moved a payout, and why.
#[derive(Debug, Clone, Default)]
pub struct Mover {
    pub command: &'static str,
    /// Who asked; the system itself if nobody did.
    pub actor: String,
    /// The webhook that told; may be empty.
    pub event_id: String,
}

impl Store {
    pub async fn lock_payout_in_tx(
        &self,
        tx: &mut PgConnection,
        payout_id: &str,
    ) -> Result<Option<Payout>, sqlx::Error> {
        let row = sqlx::query_as!(
            Row,
            "select payout_id, month, creator_id, sequence, amount_minor, account_id, state, step,
                    attempt, retry_count, next_retry_at, reason, failure_code, transfer_id,
                    bank_payout_id, reversed_minor, reversals, expected_arrival_at, paid_at,
                    created_at, version, errand, replacement_minor, due_at
             from payout.payout where payout_id = $1 for update",
            payout_id
        )
        .fetch_optional(tx)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Writes new payouts; answers the ids of those that were not there.
    pub async fn insert_payouts_in_tx(
        &self,
        tx: &mut PgConnection,
        payouts: &[Payout],
    ) -> Result<Vec<String>, sqlx::Error> {
        let column =
            |read: fn(&Payout) -> String| -> Vec<String> { payouts.iter().map(read).collect() };
        let created: Vec<OffsetDateTime> = payouts.iter().map(|payout| payout.created_at).collect();
        sqlx::query_scalar!(
            "insert into payout.payout
                 (payout_id, month, creator_id, sequence, amount_minor, account_id, reason,
                  created_at, due_at, currency, state, step, attempt, retry_count, failure_code,
                  version, errand, scheduled)
             select given.payout_id, given.month, given.creator_id, given.sequence,
                    given.amount_minor, given.account_id, given.reason, given.created_at,
                    given.created_at, 'USD', 'planned', 'transfer', 0, 0, '', 1, 'none',
                    given.month <> ''
             from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[],
                         $6::text[], $7::text[], $8::timestamptz[])
                  as given (payout_id, month, creator_id, sequence, amount_minor, account_id,
                            reason, created_at)
             on conflict do nothing
             returning payout_id",
            &column(|payout| payout.payout_id.to_string()),
            &column(|payout| month_text(payout.month)),
            &column(|payout| payout.creator_id.to_string()),
            &payouts
                .iter()
                .map(|payout| payout.sequence)
                .collect::<Vec<_>>(),
            &payouts
                .iter()
                .map(|payout| payout.amount.minor())
                .collect::<Vec<_>>(),
            &column(|payout| payout.account_id.clone()),
            &column(|payout| payout.reason.clone()),
            &created
        )
        .fetch_all(tx)
        .await
    }

    /// Writes a payout after a move. The lease goes on: whoever moved it is at work on it.
    pub async fn save_payout_in_tx(
        &self,
        tx: &mut PgConnection,
        payout: &Payout,
    ) -> Result<(), sqlx::Error> {
        let number =
            |count: u32| i32::try_from(count).map_err(|error| sqlx::Error::Encode(Box::new(error)));
        sqlx::query!(
            "update payout.payout
             set state = $2, step = $3, attempt = $4, retry_count = $5, next_retry_at = $6,
                 reason = $7, failure_code = $8, transfer_id = $9, bank_payout_id = $10,
                 expected_arrival_at = $11, paid_at = $12, version = $13, errand = $14,
                 replacement_minor = $15, due_at = $16, reversed_minor = $17, reversals = $18,
                 stumble_count = 0
             where payout_id = $1",
            payout.payout_id.as_str(),
            payout.state.as_str(),
            payout.step.as_str(),
            number(payout.attempt)?,
            number(payout.retry_count)?,
            payout.next_retry_at,
            payout.reason,
            payout.failure_code,
            payout.transfer_id,
            payout.bank_payout_id,
            payout.expected_arrival_at,
            payout.paid_at,
            payout.version,
            payout.errand.as_str(),
            payout.replacement.map(Amount::minor),
            payout.due_at,
            payout.reversed.minor(),
            &payout.reversals
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Writes down who moved payouts. `moves` holds the state before, empty for a new payout,
    /// and the payout after.
    pub async fn record_moves_in_tx(
        &self,
        tx: &mut PgConnection,
        moves: &[(&str, &Payout)],
        mover: &Mover,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let column = |read: fn(&Payout) -> &str| -> Vec<String> {
            moves
                .iter()
                .map(|(_, payout)| read(payout).to_owned())
                .collect()
        };
        let before: Vec<String> = moves
            .iter()
            .map(|(before, _)| (*before).to_owned())
            .collect();
        let versions: Vec<i64> = moves.iter().map(|(_, payout)| payout.version).collect();
        sqlx::query!(
            "insert into payout.payout_transition
                 (payout_id, version, from_state, to_state, step, command, moved_at, actor, event_id)
             select given.payout_id, given.version, given.from_state, given.to_state, given.step,
                    $6, $7, $8, $9
             from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
                  as given (payout_id, version, from_state, to_state, step)",
            &column(|payout| payout.payout_id.as_str()),
            &versions,
            &before,
            &column(|payout| payout.state.as_str()),
            &column(|payout| payout.step.as_str()),
            mover.command,
            now,
            mover.actor,
            mover.event_id
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// A column's text; empty for a payout of no month.
pub(super) fn month_text(month: Option<Month>) -> String {
    month.map(|month| month.to_string()).unwrap_or_default()
}
