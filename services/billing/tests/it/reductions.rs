//! Promotion codes and taxes: what funds a pool is the cash, less the tax.

use anyhow::Result;
use billing::Billing;
use serde_json::json;
use time::macros::datetime;
use wire::billing::v1::StartCheckoutRequest;

use crate::asking::{change, to};
use crate::world::{FEBRUARY, World, checkout, start, told};

async fn promotion(world: &World, code: &str, percent: &str) -> Result<()> {
    let form = [("percent_off", percent), ("duration", "once")];
    let coupon = world.post("/v1/coupons", &form).await?;
    let form = [
        ("promotion[type]", "coupon"),
        (
            "promotion[coupon]",
            coupon["id"].as_str().unwrap_or_default(),
        ),
        ("code", code),
    ];
    world.post("/v1/promotion_codes", &form).await?;
    Ok(())
}

fn with_code(who: &str, code: &str) -> StartCheckoutRequest {
    StartCheckoutRequest {
        promotion_code: code.into(),
        ..checkout(who, "plan_10", 0)
    }
}

#[tokio::test]
async fn a_promotion_code_reduces_what_funds_the_pool() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    promotion(&world, "QUARTER", "25").await?;
    promotion(&world, "ALL", "100").await?;
    let refused = start(&service, with_code("bob", "NOTHING")).await;
    let (code, figures) = told(refused.unwrap_err())?;
    assert_eq!(
        (code.as_str(), figures["field"].as_str()),
        ("PROMOTION_UNKNOWN", "promotion_code")
    );
    let page = start(&service, with_code("bob", "QUARTER")).await?;
    world.pay(&page.session_id).await?;
    // Typed into Stripe's page.
    let page = start(&service, checkout("cid", "plan_10", 0)).await?;
    world
        .pay_with(&page.session_id, &[("promotion_code", "QUARTER")])
        .await?;
    let page = start(&service, with_code("ann", "ALL")).await?;
    world.pay(&page.session_id).await?;
    world.catch_up(&service).await?;
    let january = (750, 0, "2027-01".to_owned());
    assert_eq!(world.charges().await?, [january.clone(), january]);
    let owner = world.bed.db.owner().await?;
    let complaints: i64 = sqlx::query_scalar("select count(*) from billing.unclaimed")
        .fetch_one(&owner)
        .await?;
    assert_eq!(
        complaints, 0,
        "an invoice of nothing is nothing to complain of"
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn tax_is_part_of_the_charge_and_not_of_what_funds_the_pool() -> Result<()> {
    let world = World::begin().await?;
    let form = [
        ("display_name", "Sales tax"),
        ("percentage", "10"),
        ("inclusive", "false"),
    ];
    let rate = world.post("/v1/tax_rates", &form).await?;
    let rate = rate["id"].as_str().unwrap_or_default();
    let settings = [("BILLING__CHECKOUT__TAX_RATES", rate)];
    let service = world.service_with::<Billing>(&world.url, &settings).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    world.advance(datetime!(2027-01-16 12:00 UTC)).await?;
    service.settle().await;
    // A credit and a debit, each with its tax.
    change(&service, to("bob", "plan_20")).await?;
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    let (january, february) = ("2027-01".to_owned(), "2027-02".to_owned());
    let wanted = [
        (1_100, 100, january.clone()),
        (550, 50, january),
        (2_200, 200, february),
    ];
    assert_eq!(world.charges().await?, wanted);
    service.stop().await;
    Ok(())
}

/// A credit that was given pays for the price first: what comes in is less, and so is the pool.
#[tokio::test]
async fn a_customers_credit_funds_no_pool() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let customers = world.get("/v1/customers").await?;
    let id = customers["data"][0]["id"].as_str().unwrap_or_default();
    let credit = world
        .post(&format!("/v1/customers/{id}"), &[("balance", "-400")])
        .await?;
    assert_eq!(credit["balance"], json!(-400));
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    let charges = world.charges().await?;
    assert_eq!(charges[1], (600, 0, "2027-02".to_owned()));
    // One that pays for all of it.
    world
        .post(&format!("/v1/customers/{id}"), &[("balance", "-5000")])
        .await?;
    world.advance(datetime!(2027-03-01 00:00 UTC)).await?;
    world.catch_up(&service).await?;
    assert_eq!(world.charges().await?.len(), 2);
    service.stop().await;
    Ok(())
}
