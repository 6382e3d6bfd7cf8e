//! What cuts and seals count.

use ledger::{Control, ControlTotals, FactKind, Month, Program};
use sqlx::PgConnection;

use crate::domain::Cut;

use super::months::month_of;
use super::{Store, column_of, digest_of, digest_of_sum, unreadable};

/// A sum over the facts of one kind, by program; digests as the text of their plain sum.
struct Sum {
    program: String,
    count: i64,
    minor: i64,
    digests: String,
}

impl Store {
    /// Locked months that have a cut, in order.
    pub async fn list_months_to_seal(&self) -> Result<Vec<Month>, sqlx::Error> {
        let found = sqlx::query_scalar!(
            "select month.month from allocation.month as month
             join allocation.month_cut as cut on cut.month = month.month
             where month.state = 'locked'
             order by month.month"
        )
        .fetch_all(&self.pool)
        .await?;
        found.into_iter().map(month_of).collect()
    }

    /// The charges applied that paid for a month, and billing's cut of it.
    pub async fn find_controls_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<(Control, Option<Cut>), sqlx::Error> {
        let applied = sqlx::query!(
            "select charge_count, gross_minor, digest_sum::text as \"digest_sum!\"
             from allocation.charge_control where period_month = $1",
            month.to_i32()
        );
        let applied = match applied.fetch_optional(&mut *tx).await? {
            None => Control::default(),
            Some(row) => Control {
                count: u64::try_from(row.charge_count).map_err(unreadable)?,
                sum_minor: row.gross_minor,
                digest: digest_of_sum(&row.digest_sum)?,
            },
        };
        let cut = sqlx::query!(
            "select charge_count, gross_minor, digest from allocation.month_cut where month = $1",
            month.to_i32()
        );
        let Some(row) = cut.fetch_optional(&mut *tx).await? else {
            return Ok((applied, None));
        };
        let count = u64::try_from(row.charge_count).map_err(unreadable)?;
        let digest = digest_of(row.digest);
        Ok((
            applied,
            Some(Cut {
                count,
                sum_minor: row.gross_minor,
                digest,
            }),
        ))
    }

    /// The control totals of every fact stamped with a month. The caller holds its lock.
    pub async fn sum_facts_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<ControlTotals, sqlx::Error> {
        let funded = sqlx::query_as!(
            Sum,
            "select program, count(*) as \"count!\", sum(amount_minor)::bigint as \"minor!\",
                    sum(digest)::text as \"digests!\"
             from allocation.funding where month = $1 and amount_minor > 0 group by program",
            month.to_i32()
        )
        .fetch_all(&mut *tx)
        .await?;
        let changed = sqlx::query_as!(
            Sum,
            "select program, count(*) as \"count!\", sum(delta_minor)::bigint as \"minor!\",
                    sum(digest)::text as \"digests!\"
             from allocation.allocation_change where month = $1 group by program",
            month.to_i32()
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut totals = ControlTotals::new();
        add(&mut totals, FactKind::FundingAttributed, funded)?;
        add(&mut totals, FactKind::AllocationChanged, changed)?;
        Ok(totals)
    }

    pub async fn save_totals_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        totals: &ControlTotals,
    ) -> Result<(), sqlx::Error> {
        for (program, kind, control) in totals.iter() {
            sqlx::query!(
                "insert into allocation.month_total
                     (month, program, kind, fact_count, sum_minor, digest)
                 values ($1, $2, $3, $4, $5, $6)",
                month.to_i32(),
                program.as_str(),
                kind.as_str(),
                i64::try_from(control.count).map_err(unreadable)?,
                control.sum_minor,
                column_of(control.digest)
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }

    /// The totals that were announced with a month's seal; none before it.
    pub async fn find_totals(&self, month: Month) -> Result<ControlTotals, sqlx::Error> {
        let rows = sqlx::query!(
            "select program, kind, fact_count, sum_minor, digest
             from allocation.month_total where month = $1",
            month.to_i32()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut totals = ControlTotals::new();
        for row in rows {
            let program: Program = row.program.parse().map_err(unreadable)?;
            let kind: FactKind = row.kind.parse().map_err(unreadable)?;
            let count = u64::try_from(row.fact_count).map_err(unreadable)?;
            let digest = digest_of(row.digest);
            let control = Control {
                count,
                sum_minor: row.sum_minor,
                digest,
            };
            totals
                .add_control(program, kind, control)
                .map_err(unreadable)?;
        }
        Ok(totals)
    }

    /// Keeps billing's cut; a second of the same month changes nothing.
    pub async fn save_cut_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        cut: Cut,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into allocation.month_cut (month, charge_count, gross_minor, digest)
             values ($1, $2, $3, $4)
             on conflict on constraint month_cut__pk do nothing",
            month.to_i32(),
            i64::try_from(cut.count).map_err(unreadable)?,
            cut.sum_minor,
            column_of(cut.digest)
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

fn add(totals: &mut ControlTotals, kind: FactKind, sums: Vec<Sum>) -> Result<(), sqlx::Error> {
    for sum in sums {
        let program: Program = sum.program.parse().map_err(unreadable)?;
        let count = u64::try_from(sum.count).map_err(unreadable)?;
        let digest = digest_of_sum(&sum.digests)?;
        let control = Control {
            count,
            sum_minor: sum.minor,
            digest,
        };
        totals
            .add_control(program, kind, control)
            .map_err(unreadable)?;
    }
    Ok(())
}
