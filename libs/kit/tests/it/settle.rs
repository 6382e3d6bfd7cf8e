//! Coming to rest: never said too early.

use anyhow::Result;
use kit::Service;
use testkit::{TestBed, eventually};
use time::OffsetDateTime;
use time::macros::datetime;
use wire::kit::v1::SettleRequest;
use wire::kit::v1::kit_service_client::KitServiceClient;

use crate::echo::Echo;

async fn task(bed: &TestBed, due: OffsetDateTime, stuck: bool) -> Result<()> {
    let owner = bed.db.owner().await?;
    sqlx::query("insert into notifier.task values ($1, $2)").bind(due).bind(stuck).execute(&owner).await?;
    Ok(())
}

async fn left(bed: &TestBed) -> Result<i64> {
    let owner = bed.db.owner().await?;
    Ok(sqlx::query_scalar("select count(*) from notifier.task").fetch_one(&owner).await?)
}

#[tokio::test]
async fn rest_is_said_after_all_due_work_and_names_the_next_timer() -> Result<()> {
    let now = datetime!(2027-01-01 00:00 UTC);
    let bed = TestBed::start(now, &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    for minute in 0..20 {
        task(&bed, now - time::Duration::minutes(minute), false).await?;
    }
    let later = datetime!(2027-01-02 00:00 UTC);
    task(&bed, later, false).await?;
    let rest = service.settle().await;
    assert_eq!(left(&bed).await?, 1);
    assert_eq!(wire::instant("next_due", rest.next_due)?, later);

    bed.clock.set(later);
    let rest = service.settle().await;
    assert_eq!((left(&bed).await?, rest.next_due), (0, None));
    Ok(())
}

#[tokio::test]
async fn a_loop_that_fails_is_not_at_rest_and_is_named_with_the_reason() -> Result<()> {
    let now = datetime!(2027-01-01 00:00 UTC);
    let bed = TestBed::start(now, &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    task(&bed, now, true).await?;
    let mut client = KitServiceClient::new(service.peer()?);
    let answer = eventually("a failing loop to be named", || {
        let mut client = client.clone();
        async move {
            let answer = client.settle(SettleRequest { clock: None }).await.ok()?.into_inner();
            (!answer.idle).then_some(answer)
        }
    })
    .await;
    assert!(answer.busy.iter().any(|why| why.contains("doer fails") && why.contains("stuck")), "{:?}", answer.busy);
    let owner = bed.db.owner().await?;
    sqlx::query("update notifier.task set stuck = false").execute(&owner).await?;
    service.settle().await;
    assert!(client.settle(SettleRequest { clock: None }).await?.into_inner().idle);
    Ok(())
}
