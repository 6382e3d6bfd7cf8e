//! Other plans for a running subscription.

use anyhow::Result;
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;
use tonic::Code;
use wire::billing::v1::{ChangeSubscriptionRequest, SubscriptionChanged};

use crate::asking::{change, list, newest, terms, to};
use crate::world::{FEBRUARY, SCHEMA, World, checkout, start, told};

/// The middle of January.
const MIDDLE: OffsetDateTime = datetime!(2027-01-16 12:00 UTC);
/// Can be kept, and pays nothing.
pub const KEPT_AND_DECLINED: &str = "4000000000000341";

/// Gross, and the month that it funds.
fn months(charges: &[(i64, i64, String)]) -> Vec<(i64, String)> {
    let month = |charge: &(i64, i64, String)| (charge.0, charge.2.clone());
    charges.iter().map(month).collect()
}

fn in_month(gross: i64, month: u8) -> (i64, String) {
    (gross, format!("2027-{month:02}"))
}

#[tokio::test]
async fn a_dearer_plan_is_charged_at_once_and_funds_the_month_that_is_open() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    world.advance(MIDDLE).await?;
    service.settle().await;
    // The answer does not wait for Stripe's events.
    let changed = change(&service, to("bob", "plan_20")).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "", 0));
    assert_eq!(newest(&service, "bob").await?, changed);
    world.catch_up(&service).await?;
    assert_eq!(newest(&service, "bob").await?, changed);
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    let charges = world.charges().await?;
    let wanted = [in_month(1_000, 1), in_month(500, 1), in_month(2_000, 2)];
    assert_eq!(months(&charges), wanted);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_cheaper_plan_waits_for_the_next_period_and_can_be_taken_back_until_then() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let page = start(&service, checkout("bob", "plan_20", 0)).await?;
    world.pay(&page.session_id).await?;
    world.catch_up(&service).await?;
    world.advance(MIDDLE).await?;
    service.settle().await;
    let changed = change(&service, to("bob", "plan_5")).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "plan_5", 500));
    let back = change(&service, to("bob", "plan_20")).await?;
    assert_eq!(terms(&back), ("plan_20", 2_000, "", 0));
    let own = ChangeSubscriptionRequest {
        amount_minor: 700,
        ..to("bob", "custom")
    };
    let changed = change(&service, own).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "custom", 700));
    world.catch_up(&service).await?;
    assert_eq!(terms(&newest(&service, "bob").await?), terms(&changed));
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    let rolled_over = newest(&service, "bob").await?;
    assert_eq!(terms(&rolled_over), ("custom", 700, "", 0));
    let charges = world.charges().await?;
    assert_eq!(months(&charges), [in_month(2_000, 1), in_month(700, 2)]);
    service.stop().await;
    Ok(())
}

/// $20.00 was paid, $5.00 waits: the difference to $50.00 is that to what was paid.
#[tokio::test]
async fn a_dearer_plan_after_a_cheaper_one_is_measured_by_what_was_paid() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let page = start(&service, checkout("bob", "plan_20", 0)).await?;
    world.pay(&page.session_id).await?;
    world.catch_up(&service).await?;
    world.advance(MIDDLE).await?;
    service.settle().await;
    change(&service, to("bob", "plan_5")).await?;
    let changed = change(&service, to("bob", "plan_50")).await?;
    assert_eq!(terms(&changed), ("plan_50", 5_000, "", 0));
    world.catch_up(&service).await?;
    let charges = world.charges().await?;
    assert_eq!(months(&charges), [in_month(2_000, 1), in_month(1_500, 1)]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_declined_card_changes_nothing_and_says_why() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    // Six days of $5.00 come to less than a dollar: nothing is charged before the first.
    world.advance(datetime!(2027-01-26 00:00 UTC)).await?;
    service.settle().await;
    let page = start(&service, checkout("bob", "plan_5", 0)).await?;
    let card = [("card_number", KEPT_AND_DECLINED)];
    world.pay_with(&page.session_id, &card).await?;
    world.catch_up(&service).await?;
    assert!(world.charges().await?.is_empty());
    let before = newest(&service, "bob").await?;
    assert_eq!(
        (before.status.as_str(), before.amount_minor),
        ("active", 500)
    );
    let mut request = to("bob", "plan_50");
    request.idempotency_key = "up".into();
    for _ in 0..2 {
        let refused = change(&service, request.clone()).await.unwrap_err();
        let (code, figures) = told(refused)?;
        assert_eq!(code, "PAYMENT_REQUIRED");
        assert_eq!(figures["decline_code"], "generic_decline");
    }
    world.catch_up(&service).await?;
    assert_eq!(newest(&service, "bob").await?, before);
    // It is not in the way of another change.
    let cheap = change(&service, to("bob", "plan_5")).await?;
    assert_eq!(terms(&cheap), ("plan_5", 500, "", 0));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_same_key_is_the_same_change_whatever_happened_since() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let mut first = to("bob", "plan_5");
    first.idempotency_key = "first".into();
    change(&service, first.clone()).await?;
    let back = change(&service, to("bob", "plan_10")).await?;
    assert_eq!(change(&service, first.clone()).await?, back);
    first.plan_id = "plan_50".into();
    let (code, _) = told(change(&service, first).await.unwrap_err())?;
    assert_eq!(code, "IDEMPOTENCY_KEY_REUSED");
    // A change to what is there already is none.
    let same = change(&service, to("bob", "plan_10")).await?;
    assert_eq!(same, back);
    let announced = world.bed.announced::<SubscriptionChanged>(SCHEMA).await?;
    let versions: Vec<i64> = announced.iter().map(|it| it.version).collect();
    assert_eq!(versions, [1, 2, 3]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_by_name() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let (code, _) = told(change(&service, to("bob", "plan_5")).await.unwrap_err())?;
    assert_eq!(code, "SUBSCRIPTION_REQUIRED");
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let own = |amount_minor| ChangeSubscriptionRequest {
        amount_minor,
        ..to("bob", "custom")
    };
    let of = |program: &str| ChangeSubscriptionRequest {
        program: program.into(),
        ..to("bob", "plan_5")
    };
    for (request, wanted, field) in [
        (to("bob", "plan_7"), "PLAN_UNKNOWN", "plan_id"),
        (own(499), "AMOUNT_OUT_OF_BOUNDS", "amount_minor"),
        (own(50_001), "AMOUNT_OUT_OF_BOUNDS", "amount_minor"),
        (of("gym"), "PROGRAM_UNKNOWN", "program"),
        (of("copies"), "PROGRAM_UNKNOWN", "program"),
        (to("bob", ""), "INVALID_ARGUMENT", "plan_id"),
    ] {
        let refused = change(&service, request).await.unwrap_err();
        let status = refused.downcast::<tonic::Status>()?;
        assert_eq!(status.code(), Code::InvalidArgument, "{wanted}");
        let (code, figures) = told(status.into())?;
        assert_eq!((code.as_str(), figures["field"].as_str()), (wanted, field));
    }
    assert_eq!(list(&service, "bob", "allocation").await?.len(), 1);
    let refused = list(&service, "bob", "gym").await.unwrap_err();
    assert_eq!(told(refused)?.0, "PROGRAM_UNKNOWN");
    let subscriptions = world.get("/v1/subscriptions").await?;
    assert_eq!(subscriptions["data"][0]["plan"]["amount"], json!(1_000));
    service.stop().await;
    Ok(())
}
