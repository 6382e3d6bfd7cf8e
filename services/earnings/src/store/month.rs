//! Months: the seal, what was posted against it, and how far the close has come.

use ledger::{Control, ControlTotals, FactKind, LedgerError, Month};
use money::BasisPoints;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, month_of, program_of, unreadable};
use crate::domain::month::{Closed, Closing, MonthState, Step};

impl Store {
    /// Keeps a seal; answers whether it is new. What is sealed once stays so.
    pub async fn insert_seal_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        totals: &ControlTotals,
        sealed_at: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            "insert into earnings.month (month, state, step, after_account_id, sealed_at,
                 unbalanced_count, gross_minor, fee_minor, net_minor, unallocated_minor,
                 creator_count)
             values ($1, 'sealed', 'compare', 0, $2, 0, 0, 0, 0, 0, 0)
             on conflict on constraint month__pk do nothing",
            month.to_i32(),
            sealed_at
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let (mut programs, mut kinds) = (Vec::new(), Vec::new());
        let (mut counts, mut sums, mut digests) = (Vec::new(), Vec::new(), Vec::new());
        for (program, kind, control) in totals.iter() {
            programs.push(program.to_string());
            kinds.push(kind.to_string());
            counts.push(i64::try_from(control.count).map_err(unreadable)?);
            sums.push(control.sum_minor);
            digests.push(control.digest.cast_signed());
        }
        sqlx::query!(
            "insert into earnings.seal_total (month, program, kind, fact_count, sum_minor, digest)
             select $1, total.* from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[],
                                            $6::bigint[]) as total",
            month.to_i32(),
            &programs,
            &kinds,
            &counts,
            &sums,
            &digests
        )
        .execute(tx)
        .await?;
        Ok(true)
    }

    pub async fn sealed_totals_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<ControlTotals, sqlx::Error> {
        let rows = sqlx::query_as!(
            Total,
            r#"select program, kind, fact_count as count, sum_minor, digest::text as "digest!"
               from earnings.seal_total where month = $1"#,
            month.to_i32()
        )
        .fetch_all(tx)
        .await?;
        totals(rows)
    }

    /// Counted over the postings themselves, never over a running figure that could be wrong in
    /// the same way twice.
    pub async fn posted_totals_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<ControlTotals, sqlx::Error> {
        let rows = sqlx::query_as!(
            Total,
            r#"select program as "program!", kind, count(*) as "count!",
                      sum(signed_minor)::bigint as "sum_minor!", sum(digest)::text as "digest!"
               from earnings.posting where month = $1 group by program, kind"#,
            month.to_i32()
        )
        .fetch_all(tx)
        .await?;
        totals(rows)
    }

    /// Waits for whoever is closing.
    pub async fn lock_close_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('earnings.close', 0))::text as locked"
        )
        .fetch_one(tx)
        .await?;
        Ok(())
    }

    /// One close at a time in the whole system, months in their order: answers false when
    /// another replica is at it.
    pub async fn try_lock_close_in_tx(&self, tx: &mut PgConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select pg_try_advisory_xact_lock(hashtextextended('earnings.close', 0)) as "locked!""#
        )
        .fetch_one(tx)
        .await
    }

    /// The oldest month that is sealed and not closed.
    pub async fn find_unclosed_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<Closing>, sqlx::Error> {
        let row = sqlx::query!(
            "select month, state, step, after_account_id, fee_bps, sealed_at, unbalanced_count
             from earnings.month where state <> 'closed' order by month limit 1"
        )
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let fee = row
            .fee_bps
            .map(|bps| BasisPoints::try_new(bps.unsigned_abs()));
        Ok(Some(Closing {
            month: month_of(row.month)?,
            state: MonthState::find(&row.state).ok_or(sqlx::Error::RowNotFound)?,
            step: Step::find(&row.step).ok_or(sqlx::Error::RowNotFound)?,
            after_account_id: row.after_account_id,
            fee: fee.transpose().map_err(unreadable)?,
            sealed_at: row.sealed_at,
            unbalanced_count: row.unbalanced_count,
        }))
    }

    /// Waits for whoever is posting to a sealed month, and lets nobody post to it until the end
    /// of the transaction.
    pub async fn lock_month_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select month from earnings.month where month = $1 for update",
            month.to_i32()
        )
        .fetch_one(tx)
        .await?;
        Ok(())
    }

    pub async fn update_closing_in_tx(
        &self,
        tx: &mut PgConnection,
        closing: &Closing,
    ) -> Result<(), sqlx::Error> {
        let fee = closing.fee.map(|fee| i32::try_from(fee.get())).transpose();
        sqlx::query!(
            "update earnings.month
             set state = $2, step = $3, after_account_id = $4, fee_bps = $5, unbalanced_count = $6
             where month = $1",
            closing.month.to_i32(),
            closing.state.as_str(),
            closing.step.as_str(),
            closing.after_account_id,
            fee.map_err(unreadable)?,
            closing.unbalanced_count
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn close_month_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        closed: &Closed,
        manifest: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update earnings.month
             set state = 'closed', closed_at = $2, root = $3, gross_minor = $4, fee_minor = $5,
                 net_minor = $6, unallocated_minor = $7, creator_count = $8
             where month = $1",
            month.to_i32(),
            closed.at,
            closed.root,
            closed.gross_minor,
            closed.fee_minor,
            closed.net_minor,
            closed.unallocated_minor,
            closed.creator_count
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into earnings.manifest (month, root, text) values ($1, $2, $3)",
            month.to_i32(),
            closed.root,
            manifest
        )
        .execute(&mut *tx)
        .await?;
        // From the very text that is hashed, so that its lines cannot say anything else.
        sqlx::query!(
            "insert into earnings.manifest_line (month, line, text)
             select $1, l.line - 1, l.text
             from string_to_table($2, E'\n') with ordinality as l (text, line)
             where l.text <> ''",
            month.to_i32(),
            manifest
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A month's state and, once closed, its figures; `None` while it is open.
    pub async fn find_month_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<Option<(MonthState, Option<Closed>)>, sqlx::Error> {
        let row = sqlx::query!(
            "select state, closed_at, root, gross_minor, fee_minor, net_minor, unallocated_minor,
                    creator_count
             from earnings.month where month = $1",
            month.to_i32()
        )
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let state = MonthState::find(&row.state).ok_or(sqlx::Error::RowNotFound)?;
        let closed = row.closed_at.zip(row.root).map(|(at, root)| Closed {
            at,
            root,
            gross_minor: row.gross_minor,
            fee_minor: row.fee_minor,
            net_minor: row.net_minor,
            unallocated_minor: row.unallocated_minor,
            creator_count: row.creator_count,
        });
        Ok(Some((state, closed)))
    }
}

/// A digest comes as text: a sum of signed 64-bit numbers that no column of ours could hold.
struct Total {
    program: String,
    kind: String,
    count: i64,
    sum_minor: i64,
    digest: String,
}

fn totals(rows: Vec<Total>) -> Result<ControlTotals, sqlx::Error> {
    let mut totals = ControlTotals::new();
    for row in rows {
        let kind: FactKind = row
            .kind
            .parse()
            .map_err(|error: LedgerError| unreadable(error))?;
        let control = Control {
            count: u64::try_from(row.count).map_err(unreadable)?,
            sum_minor: row.sum_minor,
            digest: wrapped(row.digest.parse().map_err(unreadable)?),
        };
        totals
            .add_control(program_of(&row.program)?, kind, control)
            .map_err(unreadable)?;
    }
    Ok(totals)
}

/// The sum of the signed forms is, modulo 2^64, the sum of the digests.
fn wrapped(sum: i128) -> u64 {
    u64::try_from(sum.rem_euclid(1 << 64)).expect("a remainder of 2^64 has 64 bits")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sum_of_signed_forms_wraps_as_the_sum_of_digests_does() {
        let digests = [u64::MAX, u64::MAX - 5, 1 << 63, 7, 0];
        let wanted = digests
            .iter()
            .fold(0, |sum: u64, digest| sum.wrapping_add(*digest));
        let sum: i128 = digests
            .iter()
            .map(|digest| i128::from(digest.cast_signed()))
            .sum();
        assert_eq!(super::wrapped(sum), wanted);
    }
}
