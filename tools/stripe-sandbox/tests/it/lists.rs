//! Cursors and filters.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::{Sandbox, at, id};

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn pages_walk_over_all_newest_first_and_back_again() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let mut made = Vec::new();
    for number in 0..23 {
        let email = format!("c{number}@example.com");
        made.push(id(&sandbox
            .post("/v1/customers", &[("email", &email)])
            .await));
    }
    made.reverse();
    let mut walked: Vec<String> = Vec::new();
    loop {
        let cursor = walked.last().map(|last| format!("&starting_after={last}"));
        let path = format!("/v1/customers?limit=5{}", cursor.unwrap_or_default());
        let page = sandbox.get(&path).await;
        walked.extend(ids(&page));
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(walked, made);
    let path = format!("/v1/customers?limit=5&ending_before={}", made[10]);
    let page = sandbox.get(&path).await;
    assert_eq!(ids(&page), made[5..10]);
    assert_eq!(page["has_more"], true);
    assert_eq!(ids(&sandbox.get("/v1/customers").await).len(), 10);
    assert_eq!(
        sandbox
            .send("GET", "/v1/customers?limit=101", &[], &[])
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn transfers_are_listed_by_group_and_by_destination() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let (one, two) = (
        sandbox.creator("000123456789").await,
        sandbox.creator("000123456789").await,
    );
    for (to, group) in [(&one, "g"), (&two, "g"), (&one, "h")] {
        let form = [
            ("amount", "1"),
            ("currency", "usd"),
            ("destination", to),
            ("transfer_group", group),
        ];
        sandbox.post("/v1/transfers", &form).await;
    }
    assert_eq!(
        ids(&sandbox.get("/v1/transfers?transfer_group=g").await).len(),
        2
    );
    assert_eq!(
        ids(&sandbox
            .get(&format!("/v1/transfers?destination={one}"))
            .await)
        .len(),
        2
    );
    let both = format!("/v1/transfers?destination={one}&transfer_group=g");
    assert_eq!(ids(&sandbox.get(&both).await).len(), 1);
}

#[tokio::test]
async fn lists_can_be_cut_by_creation() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1").await;
    sandbox.advance("2027-01-05T00:00:00Z").await;
    sandbox.top_up("2").await;
    let fifth = at("2027-01-05T00:00:00Z");
    for (filter, amount) in [("created[gte]", 2), ("created[lt]", 1)] {
        let page = sandbox.get(&format!("/v1/topups?{filter}={fifth}")).await;
        assert_eq!(page["data"].as_array().unwrap().len(), 1, "{filter}");
        assert_eq!(page["data"][0]["amount"], amount, "{filter}");
    }
    let events = sandbox
        .get("/v1/events?types[0]=topup.created&limit=1")
        .await;
    assert_eq!(events["data"][0]["data"]["object"]["amount"], 2);
    assert_eq!(events["has_more"], true);
}

#[tokio::test]
async fn ids_are_never_given_twice() {
    let data = tempfile::tempdir().unwrap();
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let sandbox = Sandbox::start(data.path()).await;
        for _ in 0..5 {
            assert!(seen.insert(id(&sandbox.post("/v1/customers", &[]).await)));
        }
        sandbox.kill().await;
    }
}

#[tokio::test]
async fn lists_by_a_field_follow_it_when_it_changes() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let customer = id(&sandbox
        .post("/v1/customers", &[("email", "old@example.com")])
        .await);
    let path = format!("/v1/customers/{customer}");
    sandbox.post(&path, &[("email", "new@example.com")]).await;
    assert!(ids(&sandbox.get("/v1/customers?email=old@example.com").await).is_empty());
    let found = sandbox.get("/v1/customers?email=new@example.com").await;
    assert_eq!(ids(&found), [customer]);
}
