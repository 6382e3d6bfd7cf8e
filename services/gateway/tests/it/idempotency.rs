//! Writes with an Idempotency-Key: done once, answered alike, and never lost in between.

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wire::allocation::v1::{
    CopyAllocationsRequest, GetAllocationsResponse, SetAllocationRequest, SetAllocationsRequest,
    SetAllocationsResponse,
};
use wire::payout::v1::{Payout, RequestPayoutRequest};

use crate::bench::{Bench, Reply, read, token};
use crate::fake::Fake;

const PATH: &str = "/v1/payouts";
pub const REQUEST: &str = "PayoutService/RequestPayout";

/// A payout service that makes a payout per call.
pub fn paying() -> Fake {
    let fake = Fake::default();
    let made = std::sync::atomic::AtomicU32::new(0);
    fake.on(REQUEST, move |request: RequestPayoutRequest| {
        let number = made.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        Payout {
            payout_id: format!("po_{number}"),
            creator_id: request.creator_id,
            amount_minor: request.amount_minor,
            ..Payout::default()
        }
    });
    fake
}

pub async fn ask(bench: &Bench, sub: &str, key: Option<&str>, body: &Value) -> Result<Reply> {
    let request = bench
        .request(Method::POST, PATH)?
        .bearer_auth(token(sub, "creator"));
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    read(request.json(body)).await
}

pub async fn count(bench: &Bench, query: &'static str) -> Result<i64> {
    let owner = bench.bed.db.owner().await?;
    Ok(sqlx::query_scalar(query).fetch_one(&owner).await?)
}

pub async fn execute(bench: &Bench, statement: &'static str) -> Result<()> {
    let owner = bench.bed.db.owner().await?;
    sqlx::query(statement).execute(&owner).await?;
    Ok(())
}

#[tokio::test]
async fn the_same_key_and_body_get_the_same_bytes_and_are_done_once() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    let body = json!({ "amount_cents": 2500 });
    let first = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(
        (first.status, first.header("location")),
        (201, "/v1/payouts/po_1")
    );
    assert_eq!(first.header("idempotent-replayed"), "");
    let second = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(
        (second.status, second.header("idempotent-replayed")),
        (201, "true")
    );
    assert_eq!(second.bytes, first.bytes);
    for name in ["location", "content-type"] {
        assert_eq!(second.header(name), first.header(name), "{name}");
    }
    assert_ne!(second.header("request-id"), first.header("request-id"));
    assert_eq!(fake.asked::<RequestPayoutRequest>(REQUEST).len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_key_belongs_to_one_user_at_one_route() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    let body = json!({});
    for sub in ["u1", "u2"] {
        let reply = ask(&bench, sub, Some("k1"), &body).await?;
        assert_eq!(
            (reply.status, reply.header("idempotent-replayed")),
            (201, ""),
            "{sub}"
        );
    }
    let request = bench.request(Method::POST, "/v1/creators/me/connect")?;
    let request = request
        .bearer_auth(token("u1", "creator"))
        .header("idempotency-key", "k1");
    assert_eq!(read(request.json(&body)).await?.status, 200);
    let keys: Vec<String> = fake
        .asked::<RequestPayoutRequest>(REQUEST)
        .into_iter()
        .map(|request| request.idempotency_key)
        .collect();
    assert_ne!(keys[0], keys[1], "two users' payouts under one key");
    Ok(())
}

#[tokio::test]
async fn a_key_that_came_with_another_body_or_path_is_refused() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    ask(&bench, "u1", Some("k1"), &json!({ "amount_cents": 2500 })).await?;
    let other = ask(&bench, "u1", Some("k1"), &json!({ "amount_cents": 2600 })).await?;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    let put = async |creator: &str| {
        let path = format!("/v1/allocations/{creator}");
        let request = bench
            .request(Method::PUT, &path)?
            .bearer_auth(token("u1", "subscriber"));
        read(
            request
                .header("idempotency-key", "k2")
                .json(&json!({ "amount_cents": 1 })),
        )
        .await
    };
    fake.refuse("AllocationService/SetAllocation", "INSUFFICIENT_FUNDS");
    assert_eq!(put("alice").await?.problem(), (422, "insufficient_funds"));
    assert_eq!(put("bob").await?.problem(), (422, "idempotency_key_reused"));
    assert_eq!(put("alice").await?.problem(), (422, "insufficient_funds"));
    Ok(())
}

#[tokio::test]
async fn while_a_request_is_worked_on_its_repetition_is_told_to_wait() -> Result<()> {
    let fake = paying();
    let permits = fake.hold(REQUEST);
    let bench = Bench::over(&fake).await?;
    let body = json!({});
    let first = ask(&bench, "u1", Some("k1"), &body);
    let second = async {
        fake.under_way(1).await;
        let second = ask(&bench, "u1", Some("k1"), &body).await;
        let other = ask(&bench, "u1", Some("k1"), &json!({ "amount_cents": 9 })).await;
        permits.add_permits(1);
        (second, other)
    };
    let (first, (second, other)) = tokio::join!(first, second);
    let (first, second, other) = (first?, second?, other?);
    assert_eq!(second.problem(), (409, "request_in_flight"));
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    assert_eq!(first.status, 201);
    let third = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(third.bytes, first.bytes);
    Ok(())
}

#[tokio::test]
async fn a_failure_on_our_side_is_tried_again_under_the_same_key_that_is_passed_on() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    fake.try_on(REQUEST, |_: RequestPayoutRequest| {
        Err::<Payout, _>(kit::Error::unavailable("away"))
    });
    let body = json!({});
    let failed = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(failed.problem(), (503, "unavailable"));
    assert_eq!(failed.header("retry-after"), "1");
    fake.on(REQUEST, |_: RequestPayoutRequest| Payout::default());
    let done = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!((done.status, done.header("idempotent-replayed")), (201, ""));
    let asked = fake.asked::<RequestPayoutRequest>(REQUEST);
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].idempotency_key, asked[1].idempotency_key);
    Ok(())
}

#[tokio::test]
async fn a_lost_process_leaves_a_lease_and_when_it_ends_the_request_runs_again() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    let body = json!({});
    ask(&bench, "u1", Some("k1"), &body).await?;
    execute(
        &bench,
        "update gateway.idempotent_request set state = 'in_flight', status = null, body = null,
             leased_until_wall_at = now() + interval '1 hour'",
    )
    .await?;
    let waiting = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(waiting.problem(), (409, "request_in_flight"));
    let other = ask(&bench, "u1", Some("k1"), &json!({ "amount_cents": 9 })).await?;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    execute(
        &bench,
        "update gateway.idempotent_request set leased_until_wall_at = now()",
    )
    .await?;
    let again = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(
        (again.status, again.header("location")),
        (201, "/v1/payouts/po_2")
    );
    Ok(())
}

#[tokio::test]
async fn a_request_that_takes_longer_than_its_lease_keeps_it() -> Result<()> {
    let fake = paying();
    let permits = fake.hold(REQUEST);
    let lease = [("GATEWAY__IDEMPOTENCY__LEASE_MS", "300")];
    let bench = Bench::start_with(&fake.serve().await?, &lease).await?;
    let body = json!({});
    let first = ask(&bench, "u1", Some("k1"), &body);
    let second = async {
        testkit::eventually("the lease to be older than a lease", || async {
            let query = "select count(*) from gateway.idempotent_request
                         where began_wall_at < now() - interval '1 second'";
            count(&bench, query).await.ok().filter(|old| *old == 1)
        })
        .await;
        let second = ask(&bench, "u1", Some("k1"), &body).await;
        permits.add_permits(2);
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second?.problem(), (409, "request_in_flight"));
    assert_eq!((first?.status, fake.calls().len()), (201, 1));
    Ok(())
}

#[tokio::test]
async fn who_lost_the_lease_does_not_overwrite_who_took_it() -> Result<()> {
    let fake = paying();
    let permits = fake.hold(REQUEST);
    let address = fake.serve().await?;
    let bench = Bench::start_with(&address, &[]).await?;
    let body = json!({});
    let late = ask(&bench, "u1", Some("k1"), &body);
    let taken = async {
        fake.under_way(1).await;
        execute(
            &bench,
            "update gateway.idempotent_request set leased_until_wall_at = now()",
        )
        .await?;
        fake.hold_no_more(REQUEST);
        let taken = ask(&bench, "u1", Some("k1"), &body).await;
        permits.add_permits(1);
        taken
    };
    let (late, taken) = tokio::join!(late, taken);
    let (late, taken) = (late?, taken?);
    assert_ne!(late.bytes, taken.bytes);
    assert_eq!((late.status, taken.status), (201, 201));
    let kept = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(kept.bytes, taken.bytes);
    Ok(())
}

#[tokio::test]
async fn what_was_refused_before_anyone_was_asked_does_not_use_up_the_key() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    let wrong = ask(&bench, "u1", Some("k1"), &json!({ "amount_cents": -1 })).await?;
    assert_eq!(wrong.problem(), (400, "invalid_request"));
    let right = ask(&bench, "u1", Some("k1"), &json!({ "amount_cents": 2500 })).await?;
    assert_eq!(right.status, 201);
    Ok(())
}

#[tokio::test]
async fn what_a_service_refused_stays_refused_under_its_key() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    fake.refuse(REQUEST, "FUNDS_SETTLING");
    let first = ask(&bench, "u1", Some("k1"), &json!({})).await?;
    assert_eq!(first.problem(), (409, "funds_settling"));
    fake.on(REQUEST, |_: RequestPayoutRequest| Payout::default());
    let second = ask(&bench, "u1", Some("k1"), &json!({})).await?;
    assert_eq!((second.bytes, second.status), (first.bytes, 409));
    assert_eq!(second.headers["content-type"], "application/problem+json");
    assert_eq!(ask(&bench, "u1", Some("k2"), &json!({})).await?.status, 201);
    Ok(())
}

#[tokio::test]
async fn money_does_not_leave_without_a_key_and_a_key_is_printable_ascii() -> Result<()> {
    let bench = Bench::over(&paying()).await?;
    let body = json!({});
    let none = ask(&bench, "u1", None, &body).await?;
    assert_eq!(none.problem(), (400, "idempotency_key_required"));
    assert_eq!(none.body["field"], "Idempotency-Key");
    for bad in ["", &"k".repeat(256), "tab\there", "ä"] {
        let reply = ask(&bench, "u1", Some(bad), &body).await?;
        assert_eq!(reply.problem(), (400, "invalid_request"), "{bad:?}");
        assert_eq!(reply.body["field"], "Idempotency-Key", "{bad:?}");
    }
    let longest = "k".repeat(255);
    assert_eq!(ask(&bench, "u1", Some(&longest), &body).await?.status, 201);
    Ok(())
}

#[tokio::test]
async fn ten_at_once_under_one_key_through_two_processes_are_one() -> Result<()> {
    let fake = paying();
    let address = fake.serve().await?;
    let bench = Bench::start_with(&address, &[]).await?;
    let replica = bench.replica(&address, &[]).await?;
    let asked = (0..10).map(|number| {
        let service = if number % 2 == 0 {
            &bench.service
        } else {
            &replica
        };
        let request = bench
            .request_to(service, Method::POST, PATH)
            .expect("an address");
        let request = request.bearer_auth(token("u1", "creator"));
        read(request.header("idempotency-key", "k1").json(&json!({})))
    });
    for reply in futures::future::join_all(asked).await {
        let reply = reply?;
        let status = StatusCode::from_u16(reply.status)?;
        assert!(status.is_success() || reply.problem() == (409, "request_in_flight"));
    }
    assert_eq!(fake.asked::<RequestPayoutRequest>(REQUEST).len(), 1);
    Ok(())
}

/// Goal: allocation can tell a request that came again from a new one, so that what was done in
/// one month is not done once more in the next.
/// Method: every write of allocations loses its first reply and is sent again.
#[tokio::test]
async fn an_allocation_that_is_sent_again_after_a_lost_reply_is_passed_on_under_one_key()
-> Result<()> {
    let fake = Fake::default();
    let bench = Bench::over(&fake).await?;
    let body = json!({ "amount_cents": 300 });
    let whole = json!({ "allocations": [{ "creator_id": "alice", "amount_cents": 300 }] });
    let one = "AllocationService/SetAllocation";
    let all = "AllocationService/SetAllocations";
    let copy = "AllocationService/CopyAllocations";
    let mut keys = Vec::new();
    for (method, path, body, rpc) in [
        (Method::PUT, "/v1/allocations/alice", &body, one),
        (Method::PUT, "/v1/allocations", &whole, all),
        (Method::POST, "/v1/allocations/copy", &json!({}), copy),
    ] {
        let send = async |key: Option<&str>| {
            let request = bench.request(method.clone(), path)?;
            let request = request.bearer_auth(token("u1", "subscriber")).json(body);
            read(match key {
                Some(key) => request.header("idempotency-key", key),
                None => request,
            })
            .await
        };
        fake.try_on(rpc, |(): ()| {
            Err::<(), _>(kit::Error::unavailable("the reply was lost"))
        });
        assert_eq!(send(Some("k1")).await?.problem(), (503, "unavailable"));
        fake.on(rpc, |(): ()| SetAllocationsResponse {
            pool: Some(GetAllocationsResponse::default()),
            fact_ids: Vec::new(),
        });
        assert_eq!(send(Some("k1")).await?.status, 200, "{path}");
        assert_eq!(send(None).await?.status, 200, "{path}");
        let passed_on: Vec<String> = match rpc {
            "AllocationService/CopyAllocations" => fake
                .asked::<CopyAllocationsRequest>(rpc)
                .into_iter()
                .map(|asked| asked.idempotency_key)
                .collect(),
            "AllocationService/SetAllocations" => fake
                .asked::<SetAllocationsRequest>(rpc)
                .into_iter()
                .map(|asked| asked.idempotency_key)
                .collect(),
            _ => fake
                .asked::<SetAllocationRequest>(rpc)
                .into_iter()
                .map(|asked| asked.idempotency_key)
                .collect(),
        };
        assert_eq!(passed_on.len(), 3, "{path}");
        assert!(!passed_on[0].is_empty(), "{path} passes no key on");
        assert_eq!(passed_on[0], passed_on[1], "{path}");
        assert_eq!(passed_on[2], "", "{path} without a key");
        keys.push(passed_on[0].clone());
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3, "each route has its own");
    Ok(())
}
