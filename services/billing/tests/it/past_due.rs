//! A renewal that is not paid, and its end.

use anyhow::{Context, Result};
use testkit::TestService;
use time::macros::datetime;
use wire::billing::v1::SubscriptionChanged;

use crate::asking::{cancel, change, newest, to};
use crate::change::KEPT_AND_DECLINED;
use crate::world::{FEBRUARY, SCHEMA, World, checkout, start, told};

/// Bob's card was kept in January and declines in February.
async fn owing(world: &World, service: &TestService) -> Result<()> {
    world.advance(datetime!(2027-01-28 00:00 UTC)).await?;
    service.settle().await;
    let page = start(service, checkout("bob", "plan_5", 0)).await?;
    let card = [("card_number", KEPT_AND_DECLINED)];
    world.pay_with(&page.session_id, &card).await?;
    world.advance(FEBRUARY).await?;
    world.catch_up(service).await
}

#[tokio::test]
async fn a_renewal_that_is_declined_can_be_paid_and_then_funds_its_month() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    owing(&world, &service).await?;
    let due = newest(&service, "bob").await?;
    assert_eq!(due.status, "past_due");
    assert!(due.pay_url.starts_with("http"), "{:?}", due.pay_url);
    assert!(world.charges().await?.is_empty());
    let (code, figures) = told(change(&service, to("bob", "plan_10")).await.unwrap_err())?;
    assert_eq!(code, "SUBSCRIPTION_PAST_DUE");
    assert_eq!(figures["pay_url"], due.pay_url);
    let second = start(&service, checkout("bob", "plan_10", 0)).await;
    assert_eq!(told(second.unwrap_err())?.0, "ALREADY_SUBSCRIBED");

    let invoices = world.get("/v1/invoices?status=open").await?;
    let invoice = invoices["data"][0]["id"].as_str().context("an invoice")?;
    let path = format!("/_sandbox/invoices/{invoice}/complete");
    world.post(&path, &[]).await?;
    world.catch_up(&service).await?;
    let paid = newest(&service, "bob").await?;
    assert_eq!(
        (paid.status.as_str(), paid.pay_url.as_str()),
        ("active", "")
    );
    assert_eq!(world.charges().await?, [(500, 0, "2027-02".to_owned())]);
    let changes = world.bed.announced::<SubscriptionChanged>(SCHEMA).await?;
    let told: Vec<_> = changes
        .iter()
        .map(|it| (it.status.as_str(), it.pay_url.is_empty()))
        .collect();
    assert_eq!(told, [("past_due", false), ("active", true)]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_invoice_that_could_not_be_paid_has_its_subscription_read() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    owing(&world, &service).await?;
    let owner = world.bed.db.owner().await?;
    let read: i64 = sqlx::query_scalar(
        "select count(*) from billing.work where kind = 'read_unpaid' and done = wanted",
    )
    .fetch_one(&owner)
    .await?;
    assert_eq!(read, 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_never_paid_ends_and_funds_nothing() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    owing(&world, &service).await?;
    let ending = cancel(&service, "bob", "").await?;
    assert_eq!(
        (ending.status.as_str(), ending.cancel_at_period_end),
        ("past_due", true)
    );
    assert!(!ending.pay_url.is_empty());
    world.advance(datetime!(2027-03-01 00:00 UTC)).await?;
    world.catch_up(&service).await?;
    let ended = newest(&service, "bob").await?;
    assert_eq!(
        (ended.status.as_str(), ended.pay_url.as_str()),
        ("canceled", "")
    );
    assert!(ended.ends_at.is_some());
    assert!(world.charges().await?.is_empty());
    service.stop().await;
    Ok(())
}
