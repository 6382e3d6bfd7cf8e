//! What refuses to start, and how it says so.

use anyhow::Result;
use kit::Service;
use testkit::TestBed;
use time::macros::datetime;

use crate::echo::Echo;

#[tokio::test]
async fn a_service_whose_schema_is_behind_refuses_to_start_and_says_what_to_do() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[]).await?;
    let refused = bed.service::<Echo>(&[]).await.err().expect("it started");
    assert!(
        refused.to_string().contains("Run `migrate` first"),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
async fn a_migration_that_was_changed_afterwards_is_noticed() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let owner = bed.db.owner().await?;
    sqlx::query("update notifier._sqlx_migrations set checksum = '\\x00'")
        .execute(&owner)
        .await?;
    let refused = bed.service::<Echo>(&[]).await.err().expect("it started");
    assert!(refused.to_string().contains("has another 1"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_setting_that_nobody_knows_is_refused_by_name() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let refused = bed
        .service::<Echo>(&[("NOTIFIER__SMTP__HOST", "x")])
        .await
        .err()
        .expect("it started");
    assert!(refused.to_string().contains("smtp"), "{refused}");
    Ok(())
}
