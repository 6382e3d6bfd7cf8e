//! Months: their seals, their closes, and what their postings add up to.

use anyhow::Result;

use super::Snapshot;

/// A month in the books, with the figures that its close left.
pub struct MonthRow {
    pub month: i32,
    pub state: String,
    pub root: Option<String>,
    pub fee_bps: Option<i32>,
    pub gross_minor: i64,
    pub fee_minor: i64,
    pub net_minor: i64,
    pub unallocated_minor: i64,
    pub creator_count: i32,
}

/// A creator's line of a close, as it is shown to creators.
pub struct CreatorRow {
    pub creator_id: String,
    pub program: String,
    pub gross_minor: i64,
    pub fee_minor: i64,
    pub net_minor: i64,
}

/// One line of a close, recomputed from facts: owner, program, gross or rest.
pub struct Line {
    pub owner: String,
    pub program: String,
    pub minor: i64,
}

/// Count, sum and digest of one kind of fact.
#[derive(Debug, PartialEq, Eq)]
pub struct Total {
    pub program: String,
    pub kind: String,
    pub count: i64,
    pub sum_minor: i64,
    /// Modulo 2^64, as decimal text.
    pub digest: String,
}

impl Snapshot {
    pub async fn months(&mut self) -> Result<Vec<MonthRow>> {
        let rows = sqlx::query_as!(
            MonthRow,
            "select month, state, root, fee_bps, gross_minor, fee_minor, net_minor,
                    unallocated_minor, creator_count
             from earnings.month order by month"
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn manifest_text(&mut self, month: i32) -> Result<Option<String>> {
        let text =
            sqlx::query_scalar!("select text from earnings.manifest where month = $1", month);
        Ok(text.fetch_optional(&mut self.connection).await?)
    }

    /// The manifest's lines as they are kept one by one.
    pub async fn manifest_lines(&mut self, month: i32) -> Result<Vec<String>> {
        let lines = sqlx::query_scalar!(
            "select text from earnings.manifest_line where month = $1 order by line",
            month
        );
        Ok(lines.fetch_all(&mut self.connection).await?)
    }

    /// In the order of the manifest.
    pub async fn creator_rows(&mut self, month: i32) -> Result<Vec<CreatorRow>> {
        let rows = sqlx::query_as!(
            CreatorRow,
            "select creator_id, program, gross_minor, fee_minor, net_minor
             from earnings.creator_month where month = $1 order by creator_id, program",
            month
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// What a month's facts, without its close, left on accounts of one kind.
    pub async fn before_close(&mut self, month: i32, kind: &str) -> Result<Vec<Line>> {
        let rows = sqlx::query_as!(
            Line,
            r#"select a.owner as "owner!", a.program as "program!",
                      (-sum(e.amount_minor))::bigint as "minor!"
               from earnings.account a
               join earnings.entry e on e.account_id = a.account_id
               join earnings.posting p on p.posting_id = e.posting_id
               where a.kind = $2 and a.month = $1
                 and p.kind not in ('creator_closed', 'subscriber_closed')
               group by a.owner, a.program having sum(e.amount_minor) <> 0"#,
            month,
            kind
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn posted_totals(&mut self, month: i32) -> Result<Vec<Total>> {
        let rows = sqlx::query_as!(
            Total,
            r#"select program as "program!", kind, count(*) as "count!",
                      sum(signed_minor)::bigint as "sum_minor!",
                      mod(mod(sum(digest::numeric), 18446744073709551616)
                          + 18446744073709551616, 18446744073709551616)::text as "digest!"
               from earnings.posting where month = $1 group by program, kind order by program, kind"#,
            month
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn sealed_totals(&mut self, month: i32) -> Result<Vec<Total>> {
        let rows = sqlx::query_as!(
            Total,
            r#"select program, kind, fact_count as count, sum_minor,
                      mod(digest::numeric + 18446744073709551616, 18446744073709551616)::text
                          as "digest!"
               from earnings.seal_total where month = $1 order by program, kind"#,
            month
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }
}
