//! Idempotency keys.

use crate::support::Sandbox;

const KEY: [(&str, &str); 1] = [("idempotency-key", "transfer:1:0")];

fn form<'a>(to: &'a str, amount: &'a str) -> [(&'a str, &'a str); 3] {
    [("amount", amount), ("currency", "usd"), ("destination", to)]
}

#[tokio::test]
async fn a_key_replays_its_first_answer_and_refuses_another_body() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let first = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "300"), &KEY)
        .await;
    let again = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "300"), &KEY)
        .await;
    assert_eq!((first.status, first.replayed), (200, false));
    assert_eq!((again.status, again.replayed), (200, true));
    assert_eq!(first.body, again.body);
    assert_eq!(sandbox.available(&[]).await, 700);
    let other = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "301"), &KEY)
        .await;
    assert_eq!(other.status, 400);
    assert_eq!(other.body["error"]["type"], "idempotency_error");
    let elsewhere = sandbox
        .send("POST", "/v1/topups", &form(&creator, "300"), &KEY)
        .await;
    assert_eq!(elsewhere.body["error"]["type"], "idempotency_error");
}

#[tokio::test]
async fn a_refusal_is_replayed_even_when_it_would_succeed_by_now() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let creator = sandbox.creator("000123456789").await;
    let refused = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "300"), &KEY)
        .await;
    assert_eq!(refused.body["error"]["code"], "balance_insufficient");
    sandbox.top_up("1000").await;
    let again = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "300"), &KEY)
        .await;
    assert!(again.replayed);
    assert_eq!(again.body, refused.body);
    sandbox.advance("2027-01-02T00:00:00Z").await;
    let next_day = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "300"), &KEY)
        .await;
    assert_eq!((next_day.status, next_day.replayed), (200, false));
}

#[tokio::test]
async fn a_refusal_of_the_form_leaves_the_key_unused() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let missing = sandbox
        .send("POST", "/v1/transfers", &[("amount", "1")], &KEY)
        .await;
    assert_eq!(missing.body["error"]["code"], "parameter_missing");
    assert_eq!(missing.body["error"]["param"], "currency");
    let good = sandbox
        .send("POST", "/v1/transfers", &form(&creator, "300"), &KEY)
        .await;
    assert_eq!((good.status, good.replayed), (200, false));
}

#[tokio::test]
async fn of_many_requests_with_one_key_exactly_one_is_executed() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let form = form(&creator, "10");
    let all = (0..40).map(|_| sandbox.send("POST", "/v1/transfers", &form, &KEY));
    let answers = futures::future::join_all(all).await;
    let executed = answers
        .iter()
        .filter(|answer| answer.status == 200 && !answer.replayed);
    assert_eq!(executed.count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.status, 409);
        assert_eq!(answer.body["error"]["code"], "idempotency_key_in_use");
    }
    assert_eq!(sandbox.available(&[]).await, 990);
}
