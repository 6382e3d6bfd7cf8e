//! What can be bought, and how a subscription begins.

use anyhow::Result;
use serde_json::json;
use testkit::eventually;
use time::macros::datetime;
use tonic::Code;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{GetMonthRequest, ListPlansRequest, ListSubscriptionsRequest};

use crate::world::{World, checkout, start, told};

#[tokio::test]
async fn the_same_key_gets_the_same_page_and_never_another_order() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let mut request = checkout("bob", "plan_10", 0);
    request.idempotency_key = "once".into();
    let page = start(&service, request.clone()).await?;
    assert_eq!(start(&service, request.clone()).await?, page);
    request.plan_id = "plan_20".into();
    let refused = start(&service, request)
        .await
        .unwrap_err()
        .downcast::<tonic::Status>()?;
    assert_eq!(refused.code(), Code::Aborted);
    let reason = kit::reason_of(&refused).expect("a refusal has a code").0;
    assert_eq!(reason, "IDEMPOTENCY_KEY_REUSED");

    let session = world
        .get(&format!("/v1/checkout/sessions/{}", page.session_id))
        .await?;
    assert_eq!(session["client_reference_id"], "bob");
    let labels = json!({"subscriber_id": "bob", "program": "allocation", "plan_id": "plan_10"});
    assert_eq!(session["metadata"], labels);
    let other = start(&service, checkout("bob", "plan_10", 0)).await?;
    assert_ne!(
        other.session_id, page.session_id,
        "without a key each call is one of its own"
    );
    for (path, made) in [
        ("/v1/customers", 1),
        ("/v1/prices", 1),
        ("/v1/checkout/sessions", 2),
    ] {
        let found = world.get(path).await?["data"]
            .as_array()
            .map_or(0, Vec::len);
        assert_eq!(found, made, "{path}");
    }
    service.stop().await;
    Ok(())
}

/// Two pages for one key could both be paid.
#[tokio::test]
async fn of_two_calls_with_one_key_both_get_the_page_that_was_kept() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let owner = world.bed.db.owner().await?;
    // Another replica took the same order; it is about to keep its page.
    sqlx::query(
        "insert into billing.checkout
             (checkout_id, subscriber_id, request_key, plan_id, amount_minor, currency,
              success_url, cancel_url, anchor_at, started_at)
         values ('co_1', 'bob', 'once', 'plan_10', 1000, 'USD', 'https://site.example/done',
                 'https://site.example/back', '2027-02-01 00:00Z', '2027-01-01 00:00Z')",
    )
    .execute(&owner)
    .await?;
    let mut other = owner.begin().await?;
    sqlx::query("select from billing.checkout for update")
        .execute(&mut *other)
        .await?;
    let mut request = checkout("bob", "plan_10", 0);
    request.idempotency_key = "once".into();
    let (page, kept) = tokio::join!(start(&service, request), async {
        eventually("the second page to be kept", || async {
            let query = "select count(*) from pg_catalog.pg_stat_activity
                where wait_event_type = 'Lock' and datname = current_database()";
            let waiting: i64 = sqlx::query_scalar(query).fetch_one(&owner).await.ok()?;
            (waiting > 0).then_some(())
        })
        .await;
        sqlx::query("update billing.checkout set session_id = 'cs_first', url = 'https://first'")
            .execute(&mut *other)
            .await?;
        other.commit().await
    });
    kept?;
    assert_eq!(page?.session_id, "cs_first");
    service.stop().await;
    Ok(())
}

/// Whoever pays the second of two pages must not be able to pay the first as well.
#[tokio::test]
async fn nobody_buys_a_program_twice() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let first = start(&service, checkout("bob", "plan_10", 0)).await?;
    let second = start(&service, checkout("bob", "plan_20", 0)).await?;
    let path = format!("/v1/checkout/sessions/{}", first.session_id);
    assert_eq!(world.get(&path).await?["status"], json!("expired"));
    world.pay(&second.session_id).await?;
    // Before its events are here, and after.
    for _ in 0..2 {
        let third = start(&service, checkout("bob", "plan_5", 0)).await;
        let (code, figures) = told(third.unwrap_err())?;
        assert_eq!(code, "ALREADY_SUBSCRIBED");
        assert!(figures["subscription_id"].starts_with("sub_"));
        world.catch_up(&service).await?;
    }
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_subscription_begun_in_mid_month_is_charged_in_part_and_renewed_on_the_first()
-> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.advance(datetime!(2027-01-16 12:00 UTC)).await?;
    service.settle().await;
    let page = start(&service, checkout("bob", "custom", 3_100)).await?;
    world.pay(&page.session_id).await?;
    world.deliver(&world.events().await?, None).await?;
    service.settle().await;
    let mut client = BillingServiceClient::new(service.peer()?);
    let asked = ListSubscriptionsRequest {
        subscriber_id: "bob".into(),
        program: String::new(),
    };
    let found = client
        .list_subscriptions(asked)
        .await?
        .into_inner()
        .subscriptions;
    assert_eq!(found.len(), 1);
    let first = &found[0];
    assert_eq!(
        (first.plan_id.as_str(), first.amount_minor),
        ("custom", 3_100)
    );
    assert_eq!(
        (first.status.as_str(), first.currency.as_str()),
        ("active", "USD")
    );
    assert_eq!(
        first.period_end,
        Some(wire::timestamp(datetime!(2027-02-01 00:00 UTC)))
    );
    let charged: Vec<i64> = sqlx::query_scalar("select gross_minor from billing.charge")
        .fetch_all(&world.bed.db.owner().await?)
        .await?;
    assert_eq!(charged, [1_550], "half of the month is left");
    let completed: i64 =
        sqlx::query_scalar("select count(*) from billing.checkout where completed_at is not null")
            .fetch_one(&world.bed.db.owner().await?)
            .await?;
    assert_eq!(completed, 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_bought_is_refused_by_name() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let refusals = [
        (checkout("bob", "plan_7", 0), "PLAN_UNKNOWN", "plan_id"),
        (
            checkout("bob", "custom", 499),
            "AMOUNT_OUT_OF_BOUNDS",
            "amount_minor",
        ),
        (
            checkout("bob", "custom", 50_001),
            "AMOUNT_OUT_OF_BOUNDS",
            "amount_minor",
        ),
        (
            checkout("bob", "plan_10", 900),
            "AMOUNT_OUT_OF_BOUNDS",
            "amount_minor",
        ),
        (
            checkout("b/ob", "plan_10", 0),
            "INVALID_ARGUMENT",
            "subscriber_id",
        ),
    ];
    for (request, code, field) in refusals {
        let refused = start(&service, request)
            .await
            .unwrap_err()
            .downcast::<tonic::Status>()?;
        assert_eq!(refused.code(), Code::InvalidArgument);
        let (reason, figures) = kit::reason_of(&refused).expect("a refusal has a code");
        assert_eq!((reason.as_str(), figures["field"].as_str()), (code, field));
        if code == "AMOUNT_OUT_OF_BOUNDS" {
            assert!(figures.contains_key("min_minor") && figures.contains_key("max_minor"));
        }
    }
    let mut bad_url = checkout("bob", "plan_10", 0);
    bad_url.success_url = "javascript:alert(1)".into();
    let refused = start(&service, bad_url)
        .await
        .unwrap_err()
        .downcast::<tonic::Status>()?;
    assert_eq!(
        kit::reason_of(&refused).expect("a code").1["field"],
        "success_url"
    );
    let customers = world.get("/v1/customers").await?;
    assert_eq!(customers["data"], json!([]), "Stripe was not asked");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_written_down_is_refused_by_its_field() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let good = || checkout("bob", "plan_10", 0);
    let requests = ["\0".to_owned(), "x".repeat(3_000)].map(|tail| {
        let (mut success, mut cancel, mut key) = (good(), good(), good());
        success.success_url.push_str(&tail);
        cancel.cancel_url.push_str(&tail);
        key.idempotency_key.push_str(&tail);
        [
            (success, "success_url"),
            (cancel, "cancel_url"),
            (key, "idempotency_key"),
        ]
    });
    for (request, field) in requests.into_iter().flatten() {
        let refused = start(&service, request)
            .await
            .unwrap_err()
            .downcast::<tonic::Status>()?;
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}: {refused}");
        let (reason, figures) = kit::reason_of(&refused).expect("a refusal has a code");
        assert_eq!(
            (reason.as_str(), figures["field"].as_str()),
            ("INVALID_ARGUMENT", field)
        );
    }
    let mut long = good();
    long.plan_id = "x".repeat(100_000);
    let refused = start(&service, long).await.unwrap_err();
    let refused = refused.downcast::<tonic::Status>()?;
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let mut client = BillingServiceClient::new(service.peer()?);
    let month = "x".repeat(100_000);
    let refused = client.get_month(GetMonthRequest { month }).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_plans_on_offer_are_those_of_the_configuration() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let mut client = BillingServiceClient::new(service.peer()?);
    let plans = client
        .list_plans(ListPlansRequest {})
        .await?
        .into_inner()
        .plans;
    let shown: Vec<_> = plans
        .iter()
        .map(|plan| {
            (
                plan.plan_id.as_str(),
                plan.amount_minor,
                plan.amount_max_minor,
            )
        })
        .collect();
    let wanted = [
        ("plan_5", 500, 500),
        ("plan_10", 1_000, 1_000),
        ("plan_20", 2_000, 2_000),
        ("plan_50", 5_000, 5_000),
        ("custom", 500, 50_000),
    ];
    assert_eq!(shown, wanted);
    service.stop().await;
    Ok(())
}
