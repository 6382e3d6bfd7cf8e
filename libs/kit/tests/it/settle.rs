//! Coming to rest: never said too early.

use anyhow::Result;
use kit::Service;
use testkit::{TestBed, eventually};
use time::OffsetDateTime;
use time::macros::datetime;
use wire::kit::v1::SettleRequest;
use wire::kit::v1::kit_service_client::KitServiceClient;
use wire::notifier::v1::ListFeedRequest;
use wire::notifier::v1::notifier_service_client::NotifierServiceClient;

use crate::echo::Echo;

async fn task(bed: &TestBed, due: OffsetDateTime, stuck: bool) -> Result<()> {
    let owner = bed.db.owner().await?;
    sqlx::query("insert into notifier.task values ($1, $2)")
        .bind(due)
        .bind(stuck)
        .execute(&owner)
        .await?;
    Ok(())
}

async fn left(bed: &TestBed) -> Result<i64> {
    let owner = bed.db.owner().await?;
    Ok(sqlx::query_scalar("select count(*) from notifier.task")
        .fetch_one(&owner)
        .await?)
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
            let answer = client
                .settle(SettleRequest { clock: None })
                .await
                .ok()?
                .into_inner();
            (!answer.idle).then_some(answer)
        }
    })
    .await;
    assert!(
        answer
            .busy
            .iter()
            .any(|why| why.contains("doer fails") && why.contains("stuck")),
        "{:?}",
        answer.busy
    );
    let owner = bed.db.owner().await?;
    sqlx::query("update notifier.task set stuck = false")
        .execute(&owner)
        .await?;
    service.settle().await;
    assert!(
        client
            .settle(SettleRequest { clock: None })
            .await?
            .into_inner()
            .idle
    );
    Ok(())
}

#[tokio::test]
async fn a_loop_that_fails_is_named_also_while_facts_wait_to_be_published() -> Result<()> {
    let now = datetime!(2027-01-01 00:00 UTC);
    let mut bed = TestBed::start(now, &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    service.settle().await;
    bed.nats.kill();
    let owner = bed.db.owner().await?;
    let fact = "insert into notifier.outbox
                    (fact_id, subject, occurred_at, aggregate_id, aggregate_version, payload, request_id)
                values ('f', 'notifier.v1.f', now(), 'a', 1, '', '')";
    sqlx::query(fact).execute(&owner).await?;
    task(&bed, now, true).await?;
    let client = KitServiceClient::new(service.peer()?);
    eventually("both to be named", || {
        let mut client = client.clone();
        async move {
            let answer = client.settle(SettleRequest { clock: None }).await.ok()?;
            let busy = answer.into_inner().busy.join("; ");
            (busy.contains("1 facts to publish") && busy.contains("doer fails")).then_some(())
        }
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_loop_that_panicked_takes_its_next_turn() -> Result<()> {
    let now = datetime!(2027-01-01 00:00 UTC);
    let bed = TestBed::start(now, &[Echo::migrator()]).await?;
    task(&bed, now, false).await?;
    let owner = bed.db.owner().await?;
    sqlx::query("update notifier.task set panics = true")
        .execute(&owner)
        .await?;
    let service = bed.service::<Echo>(&[]).await?;
    service.settle().await;
    assert_eq!(left(&bed).await?, 0);
    Ok(())
}

#[tokio::test]
async fn nothing_is_done_before_the_clock_was_read() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    task(&bed, datetime!(1960-01-01 00:00 UTC), false).await?;
    let away = ("TRIBUTARY__CLOCK__SANDBOX_URL", "http://127.0.0.1:9");
    let service = bed.service::<Echo>(&[away]).await?;
    let asked = NotifierServiceClient::new(service.peer()?)
        .list_feed(ListFeedRequest::default())
        .await;
    let refused = asked.expect_err("it was answered");
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    service.stop().await;
    assert_eq!(left(&bed).await?, 1);
    Ok(())
}

#[tokio::test]
async fn work_that_hangs_does_not_hold_up_a_stop() -> Result<()> {
    let now = datetime!(2027-01-01 00:00 UTC);
    let bed = TestBed::start(now, &[Echo::migrator()]).await?;
    task(&bed, now, false).await?;
    let owner = bed.db.owner().await?;
    sqlx::query("update notifier.task set hangs = true")
        .execute(&owner)
        .await?;
    let service = bed
        .service::<Echo>(&[("TRIBUTARY__SERVER__DRAIN_MAX_MS", "100")])
        .await?;
    let mut client = KitServiceClient::new(service.peer()?);
    // Answered after a turn began that does not end.
    let answer = client
        .settle(SettleRequest { clock: None })
        .await?
        .into_inner();
    assert_eq!(answer.busy, ["doer is working"]);
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(10), service.stop()).await;
    assert!(stopped.is_ok(), "it does not stop");
    Ok(())
}

#[tokio::test]
async fn rest_is_not_said_while_a_broker_lacks_what_was_published() -> Result<()> {
    let mut bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    let owner = bed.db.owner().await?;
    sqlx::query(
        "insert into notifier.outbox (fact_id, subject, occurred_at, aggregate_id,
             aggregate_version, payload, request_id)
         values ('n', 'notifier.v1.notice.created', now(), 'n', 1, '', '')",
    )
    .execute(&owner)
    .await?;
    service.settle().await;
    bed.nats.restart_empty().await?;
    service.settle().await;
    let stream = bed.nats.connect().await?.get_stream("notifier").await?;
    assert_eq!(stream.cached_info().state.messages, 1);
    Ok(())
}
