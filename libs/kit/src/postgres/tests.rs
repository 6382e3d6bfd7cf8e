//! The guard, seen to matter: the same loop with and without it.

use super::*;

async fn acknowledged_and_durable(pool: PgPool, table: &str) -> (usize, i64) {
    let create = format!("create table public.{table} (n int primary key)");
    pool.execute(AssertSqlSafe(create)).await.unwrap();
    let mut acknowledged = 0;
    for n in 0..300_i32 {
        // A client that hangs up while a transaction begins, at a different moment each time.
        let patience = Duration::from_micros(u64::try_from(n).unwrap() * 3);
        let _ = tokio::time::timeout(patience, pool.begin()).await;
        let insert = format!("insert into public.{table} values ($1)");
        let done = sqlx::query(AssertSqlSafe(insert))
            .bind(n)
            .execute(&pool)
            .await;
        acknowledged += usize::from(done.is_ok());
    }
    pool.close().await;
    let mut fresh = options(&url(), "check").unwrap().connect().await.unwrap();
    let count = format!("select count(*) from public.{table}");
    let durable = sqlx::query_scalar(AssertSqlSafe(count))
        .fetch_one(&mut fresh)
        .await
        .unwrap();
    fresh
        .execute(AssertSqlSafe(format!("drop table public.{table}")))
        .await
        .unwrap();
    (acknowledged, durable)
}

fn url() -> SecretString {
    let url = crate::config::environment().remove("DATABASE_URL");
    url.expect("DATABASE_URL names the test server: run `make test`")
        .into()
}

fn table(stem: &str) -> String {
    format!("{stem}_{}", crate::ids::fresh("t"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_was_dropped_loses_no_write() {
    let pool = pool(&url(), "guard", 1).await.unwrap();
    let (acknowledged, durable) = acknowledged_and_durable(pool, &table("guarded")).await;
    assert_eq!(i64::try_from(acknowledged), Ok(durable));
}
