//! Faults that requests meet: what is done, what the client sees, what the journal says.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Sandbox};

/// How a request ended for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answered(u16),
    TimedOut,
    /// The connection ended without a whole answer.
    Cut,
}

struct Caller<'a> {
    sandbox: &'a Sandbox,
    client: reqwest::Client,
}

impl<'a> Caller<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(400))
            .no_proxy()
            .build();
        Self {
            sandbox,
            client: client.unwrap(),
        }
    }

    async fn rules(&self, rules: Value) -> Value {
        let url = self.sandbox.url("/_sandbox/faults");
        let sent = self.client.post(url).body(rules.to_string()).send().await;
        sent.unwrap().json().await.unwrap()
    }

    async fn transfer(&self, to: &str, key: &str) -> End {
        let form = [("amount", "10"), ("currency", "usd"), ("destination", to)];
        let sent = self
            .client
            .post(self.sandbox.url("/v1/transfers"))
            .bearer_auth("sk_test_x")
            .header("idempotency-key", key)
            .form(&form)
            .send()
            .await;
        let answer = match sent {
            Ok(response) => (response.status().as_u16(), response.bytes().await),
            Err(error) => (0, Err(error)),
        };
        match answer {
            (status, Ok(_)) => End::Answered(status),
            (_, Err(error)) if error.is_timeout() => End::TimedOut,
            (_, Err(_)) => End::Cut,
        }
    }
}

async fn transfers(sandbox: &Sandbox) -> usize {
    let all = sandbox.get("/v1/transfers?limit=100").await;
    all["data"].as_array().unwrap().len()
}

async fn lines(sandbox: &Sandbox, op: &str) -> Vec<Value> {
    let journal = sandbox.raw_get(&sandbox.url("/_sandbox/journal")).await;
    let text = journal.text().await.unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["op"] == op).collect()
}

async fn world(data: &std::path::Path) -> (Sandbox, String) {
    let sandbox = Sandbox::start(data).await;
    sandbox.top_up("100000").await;
    let creator = sandbox.creator("000123456789").await;
    (sandbox, creator)
}

#[tokio::test]
async fn before_means_nothing_was_done_and_after_that_all_was() {
    for (kind, end, done) in [
        ("timeout_before", End::TimedOut, 0),
        ("timeout_after", End::TimedOut, 1),
        ("reset_before", End::Cut, 0),
        ("reset_after", End::Cut, 1),
        ("http_500_before", End::Answered(500), 0),
        ("http_500_after", End::Answered(500), 1),
        ("http_429", End::Answered(429), 0),
        ("truncate_after", End::Cut, 1),
    ] {
        let data = tempfile::tempdir().unwrap();
        let (sandbox, creator) = world(data.path()).await;
        let caller = Caller::new(&sandbox);
        let rule = json!({ "kind": kind, "times": 1, "match": { "path": "/v1/transfers" } });
        caller.rules(rule).await;
        assert_eq!(caller.transfer(&creator, "k").await, end, "{kind}");
        assert_eq!(transfers(&sandbox).await, done, "{kind}");
        assert_eq!(
            lines(&sandbox, "POST /v1/transfers").await.len(),
            done,
            "{kind}"
        );
        // The same key finds out what became of it; a stored 500 is all that it ever says.
        let again = caller.transfer(&creator, "k").await;
        let stored = if kind == "http_500_after" { 500 } else { 200 };
        assert_eq!(again, End::Answered(stored), "{kind}");
        assert_eq!(transfers(&sandbox).await, 1, "{kind}");
        let told = lines(&sandbox, "fault").await;
        assert_eq!(told.len(), 1, "{kind}");
        assert_eq!(told[0]["request"]["kind"], kind);
        assert_eq!(told[0]["request"]["key"], "k");
        let shown = sandbox.get("/_sandbox/faults").await;
        assert_eq!(shown["data"][0]["took_effect"], 1, "{kind}");
    }
}

#[tokio::test]
async fn a_timeout_with_seconds_ends_by_itself() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let caller = Caller::new(&sandbox);
    caller
        .rules(json!({ "kind": "timeout_before", "seconds": 0 }))
        .await;
    assert_eq!(caller.transfer(&creator, "k").await, End::Cut);
}

#[tokio::test]
async fn a_refused_call_answers_with_its_code_and_its_key_remembers() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let caller = Caller::new(&sandbox);
    let rule = json!({ "kind": "refuse_call", "times": 1, "code": "account_closed",
        "match": { "method": "POST", "path": "/v1/transfers", "body": { "destination": creator } } });
    caller.rules(rule).await;
    let form = [
        ("amount", "10"),
        ("currency", "usd"),
        ("destination", creator.as_str()),
    ];
    let send = async |key: &'static str| -> Answer {
        let key = [("idempotency-key", key)];
        sandbox.send("POST", "/v1/transfers", &form, &key).await
    };
    let refused = send("k").await;
    assert_eq!(
        (refused.status, &refused.body["error"]["code"]),
        (400, &json!("account_closed"))
    );
    let again = send("k").await;
    assert!(again.replayed);
    assert_eq!(again.body, refused.body);
    assert_eq!(send("next").await.status, 200);
    assert_eq!(sandbox.available(&[]).await, 99990);
}

#[tokio::test]
async fn what_a_key_has_kept_is_replayed_past_the_rules_that_made_it() {
    for kind in ["http_500_after", "refuse_call"] {
        let data = tempfile::tempdir().unwrap();
        let (sandbox, creator) = world(data.path()).await;
        let caller = Caller::new(&sandbox);
        caller.rules(json!({ "kind": kind })).await;
        let first = caller.transfer(&creator, "k").await;
        assert_eq!(caller.transfer(&creator, "k").await, first, "{kind}");
        let shown = sandbox.get("/_sandbox/faults").await;
        assert_eq!(shown["data"][0]["took_effect"], 1, "{kind}");
    }
}

#[tokio::test]
async fn a_limited_request_leaves_its_key_unused_and_says_which_limit() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let caller = Caller::new(&sandbox);
    caller
        .rules(json!({ "kind": "http_429", "times": 1 }))
        .await;
    let form = [
        ("amount", "10"),
        ("currency", "usd"),
        ("destination", creator.as_str()),
    ];
    let answer = caller
        .client
        .post(sandbox.url("/v1/transfers"))
        .bearer_auth("sk_test_x")
        .header("idempotency-key", "k")
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.headers()["stripe-rate-limited-reason"],
        "global-rate"
    );
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit");
    let key = [("idempotency-key", "k")];
    let next = sandbox.send("POST", "/v1/transfers", &form, &key).await;
    assert_eq!((next.status, next.replayed), (200, false));
}

#[tokio::test]
async fn a_rule_falls_only_on_what_it_matches() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let caller = Caller::new(&sandbox);
    let other = sandbox.creator("000123456789").await;
    let by_body =
        json!({ "kind": "http_500_before", "match": { "body": { "destination": other } } });
    let by_account = json!({ "kind": "http_500_before",
        "match": { "account": creator, "method": "get", "path": "/v1/bal*" } });
    caller.rules(json!([by_body, by_account])).await;
    assert_eq!(caller.transfer(&creator, "1").await, End::Answered(200));
    assert_eq!(caller.transfer(&other, "2").await, End::Answered(500));
    let status = async |who: &str| {
        let who = [("stripe-account", who)];
        sandbox.send("GET", "/v1/balance", &[], &who).await.status
    };
    assert_eq!((status(&creator).await, status(&other).await), (500, 200));
    assert_eq!(
        sandbox.send("GET", "/v1/balance", &[], &[]).await.status,
        200
    );
}

/// Which of many keys meet a fault, in whatever order they come.
async fn unlucky(order: impl Iterator<Item = u32>) -> Vec<u32> {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let caller = Caller::new(&sandbox);
    let rule = json!({ "kind": "http_500_before", "seed": 5, "permille": 300,
        "match": { "path": "/v1/transfers" } });
    caller.rules(rule).await;
    let mut met = Vec::new();
    for number in order {
        if caller.transfer(&creator, &format!("key {number}")).await != End::Answered(200) {
            met.push(number);
        }
    }
    met.sort_unstable();
    met
}

#[tokio::test]
async fn chance_falls_on_the_same_keys_in_whatever_order_they_come() {
    let forth = unlucky(0..60).await;
    assert!((8..30).contains(&forth.len()), "{forth:?}");
    assert_eq!(forth, unlucky((0..60).rev()).await);
}

#[tokio::test]
async fn each_coming_of_a_key_is_drawn_anew_so_that_retries_get_through() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let caller = Caller::new(&sandbox);
    let kinds = [
        "http_500_before",
        "reset_after",
        "truncate_after",
        "http_429",
    ];
    let rules: Vec<Value> = kinds
        .iter()
        .map(|kind| json!({ "kind": kind, "seed": 1, "permille": 200, "match": { "method": "POST", "path": "/v1/transfers" } }))
        .collect();
    caller.rules(json!({ "rules": rules })).await;
    for number in 0..40 {
        let key = format!("k{number}");
        let mut tries = 0;
        while caller.transfer(&creator, &key).await != End::Answered(200) {
            tries += 1;
            assert!(tries < 40, "{key} never gets through");
        }
    }
    assert_eq!(transfers(&sandbox).await, 40, "each key paid once");
    let shown = sandbox.get("/_sandbox/faults").await;
    for rule in shown["data"].as_array().unwrap() {
        assert!(rule["took_effect"].as_u64().unwrap() > 0, "{rule}");
    }
}

#[tokio::test]
async fn rules_and_their_counts_survive_a_kill_and_can_be_taken_back() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    let twice =
        json!({ "kind": "http_500_before", "times": 2, "match": { "path": "/v1/transfers" } });
    let never = json!({ "kind": "reset_before", "match": { "path": "/v1/never" } });
    Caller::new(&sandbox).rules(json!([twice, never])).await;
    assert_eq!(
        Caller::new(&sandbox).transfer(&creator, "a").await,
        End::Answered(500)
    );
    let before = sandbox.get("/_sandbox/faults").await;
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    assert_eq!(sandbox.get("/_sandbox/faults").await, before);
    assert_eq!(
        Caller::new(&sandbox).transfer(&creator, "a").await,
        End::Answered(500)
    );
    assert_eq!(
        Caller::new(&sandbox).transfer(&creator, "a").await,
        End::Answered(200)
    );

    let first = before["data"][0]["id"].as_str().unwrap();
    let path = format!("/_sandbox/faults/{first}");
    let left = sandbox.send("DELETE", &path, &[], &[]).await.body;
    assert_eq!(left["data"].as_array().unwrap().len(), 1);
    assert_eq!(sandbox.send("DELETE", &path, &[], &[]).await.status, 404);
    sandbox.send("DELETE", "/_sandbox/faults", &[], &[]).await;
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    assert_eq!(sandbox.get("/_sandbox/faults").await["data"], json!([]));
    let bad = Caller::new(&sandbox)
        .rules(json!([{ "kind": "earthquake" }]))
        .await;
    assert_eq!(bad["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_bank_can_be_told_to_refuse() {
    let data = tempfile::tempdir().unwrap();
    let (sandbox, creator) = world(data.path()).await;
    sandbox.transfer(&creator, "700").await;
    let rule = json!({ "kind": "refuse_bank", "code": "account_frozen",
        "match": { "account": creator, "body": { "amount": 300 } } });
    Caller::new(&sandbox).rules(rule).await;
    let who = [("stripe-account", creator.as_str())];
    for amount in ["300", "400"] {
        let form = [("amount", amount), ("currency", "usd")];
        sandbox.post_as("/v1/payouts", &form, &who).await;
    }
    sandbox.advance("2027-01-10T00:00:00Z").await;
    let payouts = sandbox.send("GET", "/v1/payouts", &[], &who).await.body;
    let ends = payouts["data"].as_array().unwrap().iter();
    let ends: Vec<_> = ends
        .map(|each| (&each["amount"], &each["status"], &each["failure_code"]))
        .collect();
    assert_eq!(
        ends,
        [
            (&json!(400), &json!("paid"), &json!(null)),
            (&json!(300), &json!("failed"), &json!("account_frozen")),
        ]
    );
    assert_eq!(
        lines(&sandbox, "fault").await[0]["request"]["kind"],
        "refuse_bank"
    );
}
