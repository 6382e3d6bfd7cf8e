//! From a paid invoice to one fact.

use anyhow::Result;
use serde_json::{Value, json};
use testkit::eventually;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{ChargeSettled, GetMonthRequest, GetMonthResponse, SubscriptionChanged};

use crate::world::{SCHEMA, World, made_up};

#[tokio::test]
async fn an_invoice_that_is_told_of_in_two_ways_and_twice_is_one_charge() -> Result<()> {
    let world = World::begin().await?;
    let (one, two) = (world.service().await?, world.service().await?);
    world.subscribe(&one, "bob").await?;
    let events = world.events().await?;
    for kind in ["invoice.paid", "invoice.payment_succeeded"] {
        assert!(
            events.iter().any(|event| event["type"] == kind),
            "no {kind}"
        );
    }
    world.deliver(&events, None).await?;
    world.deliver(&events, None).await?;
    one.settle().await;
    two.settle().await;
    // Other events about the same objects: they are read again, and nothing new is found.
    let again: Vec<Value> = events.iter().map(retold).collect();
    world.deliver(&again, None).await?;
    one.settle().await;

    let charges = world.bed.announced::<ChargeSettled>(SCHEMA).await?;
    assert_eq!(charges.len(), 1);
    let charge = &charges[0];
    assert_eq!(
        (charge.subscriber_id.as_str(), charge.program.as_str()),
        ("bob", "allocation")
    );
    assert_eq!(
        (
            charge.gross_minor,
            charge.stripe_fee_minor,
            charge.tax_minor
        ),
        (1_000, 59, 0)
    );
    assert_eq!(
        (charge.currency.as_str(), charge.period_month.as_str()),
        ("USD", "2027-01")
    );
    assert!(charge.subscription_id.starts_with("sub_") && charge.invoice_id.starts_with("in_"));
    let versions: Vec<_> = world.bed.announced::<SubscriptionChanged>(SCHEMA).await?;
    let versions: Vec<i64> = versions.iter().map(|changed| changed.version).collect();
    assert_eq!(
        versions,
        [1],
        "a reading that finds nothing new announces nothing"
    );
    one.stop().await;
    two.stop().await;
    Ok(())
}

/// The same told by another event.
pub fn retold(event: &Value) -> Value {
    let mut event = event.clone();
    event["id"] = json!(format!("{}again", event["id"].as_str().unwrap_or_default()));
    event
}

#[tokio::test]
async fn a_subscription_grows_by_a_version_with_each_change() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.deliver(&world.events().await?, None).await?;
    service.settle().await;
    let subscriptions = world.get("/v1/subscriptions").await?;
    let id = subscriptions["data"][0]["id"].as_str().unwrap_or_default();
    world
        .post(
            &format!("/v1/subscriptions/{id}"),
            &[("cancel_at_period_end", "true")],
        )
        .await?;
    world.deliver(&world.events().await?, None).await?;
    service.settle().await;
    let changes = world.bed.announced::<SubscriptionChanged>(SCHEMA).await?;
    let seen: Vec<_> = changes
        .iter()
        .map(|changed| (changed.version, changed.cancel_at_period_end))
        .collect();
    assert_eq!(seen, [(1, false), (2, true)]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn money_that_is_nobodys_is_written_down_with_its_reason_and_books_nothing() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    let form = [
        ("mode", "subscription"),
        ("success_url", "https://site.example/done"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "700"),
        (
            "line_items[0][price_data][product_data][name]",
            "Something else",
        ),
        ("line_items[0][price_data][recurring][interval]", "month"),
        ("subscription_data[metadata][subscriber_id]", "eve"),
        ("subscription_data[metadata][program]", "gym"),
    ];
    let session = world.post("/v1/checkout/sessions", &form).await?;
    world
        .pay(session["id"].as_str().unwrap_or_default())
        .await?;
    let mut events = world.events().await?;
    events.push(made_up("evt_nowhere", "invoice.paid", "in_nowhere"));
    world.deliver(&events, None).await?;
    service.settle().await;

    assert!(
        world
            .bed
            .announced::<ChargeSettled>(SCHEMA)
            .await?
            .is_empty()
    );
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "select kind, reason, gross_minor from billing.unclaimed order by kind, gross_minor desc",
    )
    .fetch_all(&world.bed.db.owner().await?)
    .await?;
    let found: Vec<_> = rows
        .iter()
        .map(|(kind, _, gross)| (kind.as_str(), *gross))
        .collect();
    assert_eq!(
        found,
        [
            ("read_invoice", 700),
            ("read_invoice", 0),
            ("read_subscription", 0)
        ]
    );
    assert!(rows[0].1.contains("gym"), "{}", rows[0].1);
    // It was decided upon, so it holds up no month.
    let mut client = BillingServiceClient::new(service.peer()?);
    let month = GetMonthRequest {
        month: "2027-01".into(),
    };
    let standing = client.get_month(month).await?.into_inner();
    assert_eq!(standing, GetMonthResponse::default());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_written_down_holds_up_nobody_else_and_is_tried_again() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    for who in ["ann", "bob", "cid", "dee"] {
        world.subscribe(&service, who).await?;
    }
    let owner = world.bed.db.owner().await?;
    let refuse = "create function public.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'not this one'; end $$;
        create trigger refuse before insert on billing.charge
        for each row when (new.subscriber_id = 'bob') execute function public.refuse()";
    sqlx::raw_sql(refuse).execute(&owner).await?;
    world.deliver(&world.events().await?, None).await?;
    let announced = || async {
        let charges = world.bed.announced::<ChargeSettled>(SCHEMA).await.ok()?;
        let mut whose: Vec<String> = charges.into_iter().map(|it| it.subscriber_id).collect();
        whose.sort();
        Some(whose)
    };
    eventually("the others' charges", || async {
        announced().await.filter(|whose| whose.len() == 3)
    })
    .await;
    assert_eq!(announced().await.expect("read"), ["ann", "cid", "dee"]);

    sqlx::raw_sql("drop trigger refuse on billing.charge")
        .execute(&owner)
        .await?;
    service.settle().await;
    let everybody = ["ann", "bob", "cid", "dee"];
    assert_eq!(announced().await.expect("read"), everybody);
    service.stop().await;
    Ok(())
}
