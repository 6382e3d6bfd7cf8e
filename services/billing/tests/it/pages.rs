//! Pages that a subscriber could pay: never more than one of a program.

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::TestService;
use wire::billing::v1::{StartCheckoutRequest, StartCheckoutResponse};

use crate::line::{Line, OPEN_PAGES, PAGES, PRICES};
use crate::world::{World, checkout, start, told};

fn keyed(plan_id: &str, key: &str) -> StartCheckoutRequest {
    StartCheckoutRequest {
        idempotency_key: key.into(),
        ..checkout("bob", plan_id, 0)
    }
}

/// In the background, as if from another caller.
fn starting(
    service: TestService,
    request: StartCheckoutRequest,
) -> tokio::task::JoinHandle<(TestService, Result<StartCheckoutResponse>)> {
    kit::spawn(async move {
        let page = start(&service, request).await;
        (service, page)
    })
}

/// Pages at Stripe that can still be paid.
async fn payable(world: &World) -> Result<Vec<String>> {
    let open = world.get("/v1/checkout/sessions?status=open").await?;
    let open = open["data"].as_array().context("a list")?;
    let id = |session: &Value| session["id"].as_str().map(str::to_owned);
    Ok(open.iter().filter_map(id).collect())
}

#[tokio::test]
async fn two_checkouts_at_once_leave_one_payable_page() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let (slow, quick) = (world.service_at(&line.url).await?, world.service().await?);
    line.hold_next(PAGES);
    let slow = starting(slow, keyed("plan_10", "one"));
    line.until_held().await;
    let refused = start(&quick, keyed("plan_20", "two")).await.unwrap_err();
    let status = refused.downcast::<tonic::Status>()?;
    assert_eq!(status.code(), tonic::Code::Aborted);
    assert_eq!(told(status.into())?.0, "CHECKOUT_IN_PROGRESS");
    line.release();
    let (slow, first) = slow.await?;
    assert_eq!(payable(&world).await?, [first?.session_id]);
    let second = start(&quick, keyed("plan_20", "two")).await?;
    assert_eq!(payable(&world).await?, [second.session_id]);
    slow.stop().await;
    quick.stop().await;
    Ok(())
}

/// A double click is not told to come again.
#[tokio::test]
async fn a_checkout_waits_a_moment_for_another_one_to_be_done() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let (first, second) = tokio::join!(
        start(&service, keyed("plan_10", "one")),
        start(&service, keyed("plan_10", "one"))
    );
    assert_eq!(first?, second?);
    let (first, second) = tokio::join!(
        start(&service, keyed("plan_20", "two")),
        start(&service, keyed("plan_50", "three"))
    );
    let made = [first?.session_id, second?.session_id];
    let payable = payable(&world).await?;
    assert!(
        payable.len() == 1 && made.contains(&payable[0]),
        "{payable:?}"
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_page_whose_answer_was_lost_is_closed_before_another_is_made() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    line.lose(Some(PAGES));
    let lost = start(&service, keyed("plan_10", "one")).await.unwrap_err();
    let code = lost.downcast::<tonic::Status>()?.code();
    assert_eq!(code, tonic::Code::Unavailable);
    line.lose(None);
    let unknown = payable(&world).await?;
    assert_eq!(unknown.len(), 1);
    let known = start(&service, keyed("plan_20", "two")).await?;
    assert_eq!(payable(&world).await?, [known.session_id]);
    let found = start(&service, keyed("plan_10", "one")).await?;
    assert_eq!([found.session_id], *unknown, "it was made once");
    service.stop().await;
    Ok(())
}

/// What went to Stripe stays what it was, whatever was configured or what time it is by now.
#[tokio::test]
async fn a_page_whose_answer_was_lost_is_found_again_by_its_key() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    line.lose(Some(PAGES));
    assert!(start(&service, keyed("plan_10", "one")).await.is_err());
    line.lose(None);
    service.stop().await;
    let other = [("BILLING__CHECKOUT__ALLOW_PROMOTION_CODES", "false")];
    let service = world.service_with::<billing::Billing>(&world.url, &other);
    let service = service.await?;
    let page = start(&service, keyed("plan_10", "one")).await?;
    assert_eq!(payable(&world).await?, [page.session_id]);
    service.stop().await;
    Ok(())
}

/// As if whoever has it had stood still for longer than its lease.
async fn lose_turn(world: &World) -> Result<()> {
    sqlx::query(
        "update billing.checkout_turn set turn_id = 'lost', leased_until_wall_at = now()", // leased_until_wall_at
    )
    .execute(&world.bed.db.owner().await?)
    .await?;
    Ok(())
}

/// Its order reaches Stripe when the next one has made its page.
#[tokio::test]
async fn an_order_that_arrives_after_its_turn_was_lost_leaves_no_second_page() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let (slow, quick) = (world.service_at(&line.url).await?, world.service().await?);
    line.delay_next(PAGES);
    let slow = starting(slow, keyed("plan_10", "one"));
    line.until_held().await;
    lose_turn(&world).await?;
    let second = start(&quick, keyed("plan_20", "two")).await?;
    line.release();
    let (slow, first) = slow.await?;
    assert_ne!(first?.session_id, second.session_id);
    assert_eq!(payable(&world).await?, [second.session_id]);
    slow.stop().await;
    quick.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_checkout_that_lost_its_turn_before_its_order_sends_none() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let (slow, quick) = (world.service_at(&line.url).await?, world.service().await?);
    line.hold_next(PRICES);
    let slow = starting(slow, keyed("plan_10", "one"));
    line.until_held().await;
    lose_turn(&world).await?;
    let second = start(&quick, keyed("plan_20", "two")).await?;
    line.release();
    let (slow, first) = slow.await?;
    assert_eq!(told(first.unwrap_err())?.0, "CHECKOUT_IN_PROGRESS");
    assert_eq!(payable(&world).await?, [second.session_id]);
    slow.stop().await;
    quick.stop().await;
    Ok(())
}

/// Whatever made two of them.
#[tokio::test]
async fn paying_one_page_closes_every_other_of_the_program() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let paid = start(&service, checkout("bob", "plan_10", 0)).await?;
    let same = world.page_like(&paid.session_id, &[]).await?;
    let elsewhere = [("metadata[program]", "copies")];
    let other_program = world.page_like(&paid.session_id, &elsewhere).await?;
    let ann = start(&service, checkout("ann", "plan_10", 0)).await?;
    world.pay(&paid.session_id).await?;
    world.catch_up(&service).await?;
    let mut left = payable(&world).await?;
    assert!(!left.contains(&same), "it could be paid as well");
    left.sort();
    let mut wanted = vec![other_program, ann.session_id];
    wanted.sort();
    assert_eq!(left, wanted);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_payment_told_of_after_its_subscription_has_ended_closes_no_newer_page() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let first = start(&service, keyed("plan_10", "one")).await?;
    world.pay(&first.session_id).await?;
    let paid = format!("/v1/checkout/sessions/{}", first.session_id);
    let paid = world.get(&paid).await?;
    let subscription = paid["subscription"].as_str().context("it is paid")?;
    world
        .remove(&format!("/v1/subscriptions/{subscription}"))
        .await?;
    let next = start(&service, keyed("plan_20", "two")).await?;
    world.catch_up(&service).await?;
    assert_eq!(payable(&world).await?, [next.session_id]);
    service.stop().await;
    Ok(())
}

/// As when the customer was deleted at Stripe meanwhile: no month may wait for that.
#[tokio::test]
async fn pages_that_stripe_does_not_list_any_more_leave_nothing_to_be_done() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    line.refuse(OPEN_PAGES);
    world.catch_up(&service).await?;
    assert_eq!(world.charges().await?.len(), 1);
    service.stop().await;
    Ok(())
}
