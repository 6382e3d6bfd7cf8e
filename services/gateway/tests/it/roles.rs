//! Who may do what: every route by every role, against a table.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, claims, read, token};
use crate::document::{concrete, operations};
use crate::fake::Fake;

const SUBSCRIBER: &str = "subscriber";
const CREATOR: &str = "creator";
const OPERATORS: &str = "admin finance";
const USERS: &str = "subscriber creator admin finance";
const EVERYONE: &str = "nobody subscriber creator admin finance";

/// Whom each route serves. Not read from the document: the document must say the same.
const TABLE: &[(&str, &str)] = &[
    ("GET /v1/admin/accounts", OPERATORS),
    ("GET /v1/admin/alerts", OPERATORS),
    ("GET /v1/admin/creators/{creator_id}/earnings", OPERATORS),
    ("GET /v1/admin/floor", OPERATORS),
    ("GET /v1/admin/months/{month}", OPERATORS),
    ("GET /v1/admin/months/{month}/lines", OPERATORS),
    ("GET /v1/admin/obligations", OPERATORS),
    ("GET /v1/admin/payouts", OPERATORS),
    ("GET /v1/admin/postings", OPERATORS),
    ("GET /v1/admin/revenue", OPERATORS),
    ("GET /v1/admin/solvency", OPERATORS),
    ("GET /v1/allocations", SUBSCRIBER),
    ("GET /v1/allocations/history", SUBSCRIBER),
    ("GET /v1/creators/me/account", CREATOR),
    ("GET /v1/creators/me/earnings", CREATOR),
    ("GET /v1/creators/me/earnings/{month}", CREATOR),
    ("GET /v1/creators/{creator_id}", USERS),
    ("GET /v1/notices", USERS),
    ("GET /v1/payouts", "creator admin finance"),
    ("GET /v1/payouts/{payout_id}", "creator admin finance"),
    ("GET /v1/plans", USERS),
    ("GET /v1/problems", EVERYONE),
    ("GET /v1/problems/{code}", EVERYONE),
    ("GET /v1/sandbox/clock", "admin"),
    ("GET /v1/subscriptions/me", SUBSCRIBER),
    ("DELETE /v1/subscriptions/me", SUBSCRIBER),
    ("PATCH /v1/subscriptions/me", SUBSCRIBER),
    ("POST /v1/admin/months/{month}/close", OPERATORS),
    ("POST /v1/allocations/copy", SUBSCRIBER),
    ("POST /v1/creators/me/connect", CREATOR),
    ("POST /v1/payouts", CREATOR),
    ("POST /v1/sandbox/clock", "admin"),
    ("POST /v1/subscriptions/checkout", SUBSCRIBER),
    ("PUT /v1/admin/creators/{creator_id}", "admin"),
    ("PUT /v1/allocations", SUBSCRIBER),
    ("PUT /v1/allocations/{creator_id}", SUBSCRIBER),
];

#[tokio::test]
async fn every_cell_of_roles_and_routes_is_as_the_table_says() -> Result<()> {
    let fake = Fake::default();
    let bench = Bench::over(&fake).await?;
    let table: BTreeMap<&str, &str> = TABLE.iter().copied().collect();
    let described = operations(&bench).await?;
    assert_eq!(
        described.len(),
        table.len(),
        "a route is missing in the table or the document"
    );
    for (path, method, _) in described {
        let place = format!("{method} {path}");
        let served = table.get(place.as_str()).with_context(|| place.clone())?;
        for role in EVERYONE.split(' ') {
            // What is no JSON gets through the door and no further.
            let mut request = bench.request(method.clone(), &concrete(&path))?;
            if method != Method::GET {
                request = request.header("content-type", "application/json").body("{");
            }
            if role != "nobody" {
                request = request.bearer_auth(token("u1", role));
            }
            let reply = read(request).await?;
            let expected = match (served.split(' ').any(|one| one == role), role) {
                (true, _) => "",
                (false, "nobody") => "unauthenticated",
                (false, _) => "role_required",
            };
            let refused = match reply.problem().1 {
                code @ ("unauthenticated" | "role_required") => code,
                _ => "",
            };
            assert_eq!(refused, expected, "{role} at {place}: {}", reply.body);
        }
    }
    let left = fake
        .calls()
        .iter()
        .filter(|call| call.method.contains("/Put"))
        .count();
    assert_eq!(left, 0, "somebody wrote");
    Ok(())
}

#[tokio::test]
async fn a_user_without_roles_may_do_what_every_user_may() -> Result<()> {
    let bench = Bench::over(&Fake::default()).await?;
    let claims = claims("u1", &["emperor"]);
    let token = crate::bench::signed(&claims);
    let (status, _) = bench
        .send(Method::GET, "/v1/plans", Some(&token), None)
        .await?;
    assert_eq!(status, 200);
    let (status, problem) = bench
        .send(Method::GET, "/v1/payouts", Some(&token), None)
        .await?;
    assert_eq!(
        (status, problem["code"].as_str()),
        (403, Some("role_required"))
    );
    Ok(())
}

#[tokio::test]
async fn somebody_elses_payout_is_no_payout() -> Result<()> {
    use wire::payout::v1::{GetPayoutRequest, Payout};
    let fake = Fake::default();
    fake.try_on("PayoutService/GetPayout", |question: GetPayoutRequest| {
        if question.payout_id == "po_none" {
            let rejection = kit::Rejection::new("PAYOUT_UNKNOWN", "there is no payout po_none");
            return Err(kit::Error::NotFound(rejection.with("payout_id", "po_none")));
        }
        Ok(Payout {
            creator_id: "alice".into(),
            payout_id: question.payout_id,
            ..Payout::default()
        })
    });
    let bench = Bench::over(&fake).await?;
    let seen = async |sub: &str, role: &str, id: &str| {
        let path = format!("/v1/payouts/{id}");
        read(
            bench
                .request(Method::GET, &path)?
                .bearer_auth(token(sub, role)),
        )
        .await
    };
    assert_eq!(seen("alice", CREATOR, "po_1").await?.status, 200);
    assert_eq!(seen("bob", "finance", "po_1").await?.status, 200);
    let foreign = seen("bob", CREATOR, "po_1").await?;
    let none = seen("bob", CREATOR, "po_none").await?;
    assert_eq!(
        (foreign.problem(), none.problem()),
        ((404, "payout_unknown"), (404, "payout_unknown"))
    );
    let bare = |body: &Value| {
        let mut body = body.clone();
        body["request_id"] = json!("");
        body
    };
    assert_eq!(
        bare(&foreign.body),
        bare(&none.body),
        "the two can be told apart"
    );
    Ok(())
}

#[tokio::test]
async fn a_creator_sees_the_creators_own_payouts_whatever_is_asked() -> Result<()> {
    use wire::payout::v1::ListPayoutsRequest;
    let fake = Fake::default();
    let bench = Bench::over(&fake).await?;
    for (role, path) in [
        (CREATOR, "/v1/payouts?creator_id=alice"),
        ("finance", "/v1/payouts?creator_id=alice"),
        ("finance", "/v1/payouts"),
        (
            "admin",
            "/v1/admin/payouts?creator_id=bob&state=paid&month=2027-01",
        ),
    ] {
        assert_eq!(bench.get(role, path).await?.status, 200, "{path}");
    }
    let asked = fake.asked::<ListPayoutsRequest>("PayoutService/ListPayouts");
    let creators: Vec<&str> = asked.iter().map(|one| one.creator_id.as_str()).collect();
    assert_eq!(creators, ["u1", "alice", "", "bob"]);
    Ok(())
}
