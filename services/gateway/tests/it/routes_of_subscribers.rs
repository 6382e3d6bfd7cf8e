//! Subscribers' routes pass on what they were asked, and show what they were answered.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use wire::{allocation, billing};

use crate::bench::Bench;
use crate::fake::Fake;

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// 2027-02-01.
const FEBRUARY: i64 = 1_801_440_000;

#[tokio::test]
async fn a_checkout_names_plan_price_promotion_and_pages() -> Result<()> {
    use billing::v1::{StartCheckoutRequest, StartCheckoutResponse};
    let fake = Fake::default();
    fake.on("BillingService/StartCheckout", |_: StartCheckoutRequest| {
        StartCheckoutResponse {
            session_id: "cs_1".into(),
            url: "https://checkout.stripe.com/c".into(),
        }
    });
    let bench = Bench::over(&fake).await?;
    let path = "/v1/subscriptions/checkout";
    let body = json!({ "plan": "plan_custom", "amount_cents": 1500, "promotion_code": "HI",
        "success_url": "http://localhost:3000/yes" });
    let reply = bench.write("subscriber", Method::POST, path, &body).await?;
    assert_eq!(
        (reply.status, &reply.body["session_id"]),
        (200, &json!("cs_1"))
    );
    bench
        .write("subscriber", Method::POST, path, &json!({}))
        .await?;
    let asked = fake.asked::<StartCheckoutRequest>("BillingService/StartCheckout");
    assert_eq!(
        (
            asked[0].plan_id.as_str(),
            asked[0].amount_minor,
            asked[0].promotion_code.as_str()
        ),
        ("plan_custom", 1500, "HI")
    );
    assert_eq!(asked[0].success_url, "http://localhost:3000/yes");
    assert_eq!(asked[0].cancel_url, "http://localhost:3000/subscribe");
    assert_eq!(
        (asked[1].plan_id.as_str(), asked[1].amount_minor),
        ("plan_10", 0)
    );
    assert_ne!(asked[0].idempotency_key, asked[1].idempotency_key);
    Ok(())
}

#[tokio::test]
async fn a_subscription_is_changed_resumed_and_canceled_in_its_program() -> Result<()> {
    use billing::v1::{CancelSubscriptionRequest, ChangeSubscriptionRequest, Subscription};
    let fake = Fake::default();
    fake.on(
        "BillingService/ChangeSubscription",
        |_: ChangeSubscriptionRequest| Subscription {
            subscription_id: "sub_1".into(),
            next_plan_id: "plan_5".into(),
            next_amount_minor: 500,
            ends_at: at(FEBRUARY),
            ..Subscription::default()
        },
    );
    let bench = Bench::over(&fake).await?;
    let path = "/v1/subscriptions/me?program=allocation";
    let change = json!({ "plan": "plan_5" });
    let reply = bench
        .write("subscriber", Method::PATCH, path, &change)
        .await?;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["next_plan"], "plan_5");
    assert_eq!(reply.body["next_amount_cents"], 500);
    assert_eq!(reply.body["ends_at"], "2027-02-01T00:00:00Z");
    let resume = json!({ "cancel_at_period_end": false });
    bench
        .write("subscriber", Method::PATCH, "/v1/subscriptions/me", &resume)
        .await?;
    bench
        .write("subscriber", Method::DELETE, path, &json!({}))
        .await?;
    let changes = fake.asked::<ChangeSubscriptionRequest>("BillingService/ChangeSubscription");
    let said: Vec<_> = changes
        .iter()
        .map(|one| (one.program.as_str(), one.plan_id.as_str(), one.resume))
        .collect();
    assert_eq!(said, [("allocation", "plan_5", false), ("", "", true)]);
    let cancels = fake.asked::<CancelSubscriptionRequest>("BillingService/CancelSubscription");
    assert_eq!(
        (
            cancels[0].subscriber_id.as_str(),
            cancels[0].program.as_str()
        ),
        ("u1", "allocation")
    );
    Ok(())
}

#[tokio::test]
async fn all_allocations_are_set_or_copied_in_one_call_and_each_change_is_a_promise() -> Result<()>
{
    use allocation::v1::{
        CopyAllocationsRequest, GetAllocationsResponse, SetAllocationsRequest,
        SetAllocationsResponse,
    };
    let fake = Fake::default();
    let answer = || SetAllocationsResponse {
        pool: Some(GetAllocationsResponse {
            funded_minor: 1000,
            ..Default::default()
        }),
        fact_ids: vec!["alloc:a".into(), "alloc:b".into()],
    };
    fake.on(
        "AllocationService/SetAllocations",
        move |_: SetAllocationsRequest| answer(),
    );
    fake.on(
        "AllocationService/CopyAllocations",
        move |_: CopyAllocationsRequest| answer(),
    );
    let bench = Bench::over(&fake).await?;
    let body = json!({ "month": "2027-01", "allocations": [
        { "creator_id": "alice", "amount_cents": 300 }, { "creator_id": "bob", "amount_cents": 0 }] });
    let reply = bench
        .write("subscriber", Method::PUT, "/v1/allocations", &body)
        .await?;
    assert_eq!(
        (reply.status, &reply.body["funded_cents"]),
        (200, &json!(1000))
    );
    let asked = &fake.asked::<SetAllocationsRequest>("AllocationService/SetAllocations")[0];
    let targets: Vec<_> = asked
        .targets
        .iter()
        .map(|target| (target.creator_id.as_str(), target.amount_minor))
        .collect();
    assert_eq!(targets, [("alice", 300), ("bob", 0)]);
    assert_eq!(
        (asked.month.as_str(), asked.program.as_str()),
        ("2027-01", "allocation")
    );
    let copy = json!({ "from_month": "2026-12", "scale": true });
    bench
        .write("subscriber", Method::POST, "/v1/allocations/copy", &copy)
        .await?;
    let asked = &fake.asked::<CopyAllocationsRequest>("AllocationService/CopyAllocations")[0];
    assert_eq!((asked.from_month.as_str(), asked.scale), ("2026-12", true));
    let owner = bench.bed.db.owner().await?;
    let query = "select effect from gateway.acknowledged order by acknowledged_id";
    let kept: Vec<String> = sqlx::query_scalar(query).fetch_all(&owner).await?;
    assert_eq!(kept, ["alloc:a", "alloc:b", "alloc:a", "alloc:b"]);
    Ok(())
}

#[tokio::test]
async fn a_page_names_the_next_one_and_its_cursor_is_passed_on() -> Result<()> {
    use allocation::v1::{AllocationChange, ListChangesRequest, ListChangesResponse};
    let fake = Fake::default();
    fake.on(
        "AllocationService/ListChanges",
        |question: ListChangesRequest| ListChangesResponse {
            has_more: question.starting_after.is_empty(),
            changes: vec![AllocationChange {
                change_id: "alloc:u1:allocation:2027-01:3:alice".into(),
                from_minor: 100,
                to_minor: 300,
                ..Default::default()
            }],
        },
    );
    let bench = Bench::over(&fake).await?;
    let path = "/v1/allocations/history?month=2027-01&creator_id=alice&limit=1";
    let first = bench.get("subscriber", path).await?;
    assert_eq!(first.body["has_more"], true, "{}", first.body);
    let cursor = first.body["next_cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let second = bench
        .get("subscriber", &format!("{path}&starting_after={cursor}"))
        .await?;
    assert_eq!(
        (&second.body["has_more"], &second.body["next_cursor"]),
        (&json!(false), &json!(null))
    );
    let asked = fake.asked::<ListChangesRequest>("AllocationService/ListChanges");
    assert_eq!(
        (asked[1].starting_after.as_str(), asked[1].limit),
        (cursor.as_str(), 1)
    );
    assert_eq!(
        (asked[0].month.as_str(), asked[0].creator_id.as_str()),
        ("2027-01", "alice")
    );
    Ok(())
}
