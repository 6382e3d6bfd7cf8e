//! What the database itself refuses, whatever the code says.

use anyhow::Result;
use sqlx::{Connection, Executor, PgConnection};

use crate::some::{Scene, january};

fn refusal(error: &sqlx::Error) -> String {
    let error = error.as_database_error().expect("refused by the database");
    error
        .constraint()
        .map_or_else(|| error.message().to_owned(), str::to_owned)
}

async fn refused(connection: &mut PgConnection, statement: &'static str) -> String {
    match connection.execute(statement).await {
        Ok(_) => panic!("accepted: {statement}"),
        Err(error) => refusal(&error),
    }
}

#[tokio::test]
async fn the_database_refuses_a_posting_that_does_not_balance() -> Result<()> {
    let scene = Scene::start().await?;
    scene.post(&january()).await?;
    let mut owner = scene.bed.db.owner().await?.acquire().await?.detach();
    let halves = "insert into earnings.entry (posting_id, line, account_id, amount_minor, asset)
                  select 1000, 1, account_id, 100, 'USD' from earnings.account limit 1";
    assert_eq!(refused(&mut owner, halves).await, "entry__balanced");
    let mixed = "insert into earnings.entry (posting_id, line, account_id, amount_minor, asset)
                 select 1000, 1, account_id, 100, 'USD' from earnings.account where account_id = 1
                 union all
                 select 1000, 2, account_id, -100, 'TOKEN' from earnings.account
                 where account_id = 1";
    assert_eq!(refused(&mut owner, mixed).await, "entry__balanced");
    let nowhere = "insert into earnings.entry (posting_id, line, account_id, amount_minor, asset)
                   values (1000, 1, 1, 100, 'USD'), (1000, 2, 999999, -100, 'USD')";
    assert_eq!(
        refused(&mut owner, nowhere).await,
        "entry__asset_of_account"
    );
    let below = "update earnings.balance set amount_minor = -1
                 where account_id = (select account_id from earnings.balance limit 1)";
    owner
        .execute("update earnings.balance set is_floor = true")
        .await?;
    assert_eq!(refused(&mut owner, below).await, "balance__floor");
    owner.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_service_may_append_to_the_books_and_never_change_them() -> Result<()> {
    let scene = Scene::january_closed().await?;
    for role in ["earnings_svc", "auditor"] {
        let mut service = PgConnection::connect(&scene.bed.db.role_url(role)).await?;
        for statement in [
            "update earnings.entry set amount_minor = 1",
            "delete from earnings.entry",
            "truncate earnings.entry",
            "update earnings.posting set kind = 'x'",
            "delete from earnings.posting",
            "truncate earnings.posting",
            "update earnings.account set name = 'x'",
            "delete from earnings.account",
            "delete from earnings.balance",
            "update earnings.creator_month set net_minor = 0",
            "delete from earnings.manifest",
            "update earnings.manifest set text = ''",
            "update earnings.manifest_line set text = ''",
            "delete from earnings.manifest_line",
            "update earnings.hold_return set amount_minor = 1",
            "delete from earnings.hold_return",
            "alter table earnings.entry disable trigger entry__balanced",
            "drop trigger entry__balanced on earnings.entry",
        ] {
            let why = refused(&mut service, statement).await;
            let denied = why.contains("permission denied")
                || why.contains("must be owner")
                || why.contains("read-only");
            assert!(denied, "{role}: {statement}: {why}");
        }
        service.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_auditor_reads_and_writes_nothing() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut auditor = PgConnection::connect(&scene.bed.db.role_url("auditor")).await?;
    let entries: i64 = sqlx::query_scalar("select count(*) from earnings.entry")
        .fetch_one(&mut auditor)
        .await?;
    assert!(entries > 0);
    for statement in [
        "insert into earnings.entry (posting_id, line, account_id, amount_minor, asset)
         values (1, 9, 1, 1, 'USD'), (1, 10, 1, -1, 'USD')",
        "insert into earnings.balance values (1, 1, false)",
        "update earnings.hold set state = 'released'",
    ] {
        let why = refused(&mut auditor, statement).await;
        assert!(why.contains("permission denied"), "{statement}: {why}");
    }
    auditor.close().await?;
    Ok(())
}
