//! Months that cost nothing, and months that cost all of their price.

use anyhow::Result;
use billing::Billing;
use kit::{BootError, Parts, Running, Service, async_trait};
use time::macros::datetime;
use wire::billing::v1::ListPlansRequest;
use wire::billing::v1::billing_service_client::BillingServiceClient;

use crate::asking::{change, newest, terms, to};
use crate::world::{World, checkout, start};

/// The service with plans of the test's own.
pub struct OtherPlans;

#[async_trait]
impl Service for OtherPlans {
    const NAME: &'static str = Billing::NAME;
    const SCHEMA: &'static str = Billing::SCHEMA;
    const DEFAULTS: &'static str = r#"
        [stripe]
        base_url = ""
        secret_key = ""
        [checkout]
        allow_promotion_codes = false
        tax_rates = ""
        [estimates]
        stripe_fee_bps = 290
        stripe_fee_fixed_minor = 30
        platform_fee_bps = 700
        [[plans]]
        id = "tried"
        name = "Tried first"
        program = "allocation"
        amount_minor = 1_000
        trial_days = 14
        [[plans]]
        id = "dear"
        name = "Dear"
        program = "allocation"
        amount_minor = 5_000
        [[plans]]
        id = "whole"
        name = "Whole months"
        program = "allocation"
        amount_minor = 1_000
        prorate = false
    "#;
    type Config = <Billing as Service>::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        Billing::migrator()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        Billing::build(parts).await
    }
}

#[tokio::test]
async fn a_trial_lasts_until_a_first_and_charges_nothing_whatever_is_changed() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<OtherPlans>(&world.url, &[]).await?;
    world.advance(datetime!(2027-01-20 09:00 UTC)).await?;
    service.settle().await;
    let page = start(&service, checkout("bob", "tried", 0)).await?;
    world.pay(&page.session_id).await?;
    world.catch_up(&service).await?;
    let on_trial = newest(&service, "bob").await?;
    let march = datetime!(2027-03-01 00:00 UTC);
    assert_eq!(on_trial.status, "trialing");
    assert_eq!(on_trial.trial_end, Some(wire::timestamp(march)));
    let changed = change(&service, to("bob", "dear")).await?;
    assert_eq!(terms(&changed), ("dear", 5_000, "", 0));
    assert_eq!(changed.status, "trialing");
    let changed = change(&service, to("bob", "tried")).await?;
    assert_eq!(terms(&changed), ("tried", 1_000, "", 0));
    world.catch_up(&service).await?;
    assert!(world.charges().await?.is_empty());
    let owner = world.bed.db.owner().await?;
    let complaints: i64 = sqlx::query_scalar("select count(*) from billing.unclaimed")
        .fetch_one(&owner)
        .await?;
    assert_eq!(
        complaints, 0,
        "an invoice of nothing is nothing to complain of"
    );
    world.advance(march).await?;
    world.catch_up(&service).await?;
    let paid = newest(&service, "bob").await?;
    assert_eq!((paid.status.as_str(), paid.trial_end), ("active", None));
    assert_eq!(world.charges().await?, [(1_000, 0, "2027-03".to_owned())]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn plans_show_their_trial_and_whether_they_are_prorated() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<OtherPlans>(&world.url, &[]).await?;
    let mut client = BillingServiceClient::new(service.peer()?);
    let plans = client
        .list_plans(ListPlansRequest {})
        .await?
        .into_inner()
        .plans;
    let shown: Vec<_> = plans
        .iter()
        .map(|plan| (plan.plan_id.as_str(), plan.trial_days, plan.prorate))
        .collect();
    assert_eq!(
        shown,
        [("tried", 14, true), ("dear", 0, true), ("whole", 0, false)]
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_part_of_a_month_that_comes_to_less_than_a_dollar_is_free_and_funds_nothing() -> Result<()>
{
    let world = World::begin().await?;
    let service = world.service().await?;
    world.advance(datetime!(2027-01-26 00:00 UTC)).await?;
    service.settle().await;
    for (who, plan) in [("ann", "plan_5"), ("bob", "plan_10")] {
        let page = start(&service, checkout(who, plan, 0)).await?;
        world.pay(&page.session_id).await?;
    }
    world.catch_up(&service).await?;
    assert_eq!(newest(&service, "ann").await?.status, "active");
    assert_eq!(world.charges().await?, [(194, 0, "2027-01".to_owned())]);
    world.advance(datetime!(2027-02-01 00:00 UTC)).await?;
    world.catch_up(&service).await?;
    let mut february = world.charges().await?.split_off(1);
    february.sort();
    let month = || "2027-02".to_owned();
    assert_eq!(february, [(500, 0, month()), (1_000, 0, month())]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_plan_that_is_not_prorated_has_its_first_month_charged_whole() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<OtherPlans>(&world.url, &[]).await?;
    world.advance(datetime!(2027-01-28 00:00 UTC)).await?;
    service.settle().await;
    let page = start(&service, checkout("bob", "whole", 0)).await?;
    world.pay(&page.session_id).await?;
    world.catch_up(&service).await?;
    assert_eq!(newest(&service, "bob").await?.status, "active");
    let january = (1_000, 0, "2027-01".to_owned());
    assert_eq!(world.charges().await?, std::slice::from_ref(&january));
    world.advance(datetime!(2027-02-01 00:00 UTC)).await?;
    world.catch_up(&service).await?;
    let february = (1_000, 0, "2027-02".to_owned());
    assert_eq!(world.charges().await?, [january, february]);
    service.stop().await;
    Ok(())
}

/// Stripe knows nothing of what was paid for it, so it could give nothing back.
#[tokio::test]
async fn a_dearer_plan_waits_while_the_first_month_was_charged_whole() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<OtherPlans>(&world.url, &[]).await?;
    world.advance(datetime!(2027-01-28 00:00 UTC)).await?;
    service.settle().await;
    let page = start(&service, checkout("bob", "whole", 0)).await?;
    world.pay(&page.session_id).await?;
    world.catch_up(&service).await?;
    world.advance(datetime!(2027-01-30 00:00 UTC)).await?;
    service.settle().await;
    let changed = change(&service, to("bob", "dear")).await?;
    assert_eq!(terms(&changed), ("whole", 1_000, "dear", 5_000));
    world.catch_up(&service).await?;
    assert_eq!(terms(&newest(&service, "bob").await?), terms(&changed));
    world.advance(datetime!(2027-02-01 00:00 UTC)).await?;
    world.catch_up(&service).await?;
    let rolled_over = newest(&service, "bob").await?;
    assert_eq!(terms(&rolled_over), ("dear", 5_000, "", 0));
    let january = (1_000, 0, "2027-01".to_owned());
    let february = (5_000, 0, "2027-02".to_owned());
    assert_eq!(world.charges().await?, [january, february]);
    // From the first whole period on, Stripe gives back what it charged.
    change(&service, to("bob", "whole")).await?;
    service.stop().await;
    Ok(())
}
