//! The lines of closed months' manifests.

use ledger::Month;
use sqlx::PgConnection;

use super::{Page, Store};

/// One line, in the bytes that are hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestLine {
    pub line: i64,
    pub text: String,
}

impl Store {
    /// A page of a month's lines after the head, which is line 0.
    pub async fn list_lines_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        after_line: i64,
        limit: i64,
    ) -> Result<Page<ManifestLine>, sqlx::Error> {
        let rows = sqlx::query_as!(
            ManifestLine,
            "select line, text from earnings.manifest_line
             where month = $1 and line > $2 order by line limit $3::bigint + 1",
            month.to_i32(),
            after_line,
            limit
        )
        .fetch_all(tx)
        .await?;
        Ok(Page::cut(rows, limit))
    }
}
