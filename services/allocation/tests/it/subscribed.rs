//! Who may direct money: those whose subscription runs, and those who paid for this month.

use anyhow::Result;
use time::macros::datetime;
use tonic::Code;

use crate::story::{Story, charge, refused, settled, shares, subscription};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);

/// sam has paid $10.00 for January and directed $4.00 of it; the subscription is active.
async fn directed() -> Result<Story> {
    let story = Story::begin(JANUARY).await?;
    let paid = charge("1", "sam", 1_000, "2027-01");
    story
        .billing(&[settled(&paid), subscription("sam", "active", 1)])
        .await?;
    story.set("sam", "alice", 400).await?;
    Ok(story)
}

/// The code with which each way to direct money is refused; all three say the same.
async fn refused_everywhere(story: &Story, subscriber: &str) -> String {
    let one = story.set(subscriber, "bob", 100).await;
    let code = one.as_ref().map_err(tonic::Status::code).map(|_| ());
    assert_eq!(code, Err(Code::PermissionDenied));
    let code = refused(one).0;
    let all = story.set_all(subscriber, &[("bob", 100)]).await;
    assert_eq!(refused(all).0, code);
    assert_eq!(refused(story.copy(subscriber, "", false).await).0, code);
    code
}

#[tokio::test]
async fn without_a_subscription_and_without_funds_nothing_is_directed() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let code = refused_everywhere(&story, "tim").await;
    assert_eq!(code, "SUBSCRIPTION_REQUIRED");
    for (version, status) in [(2, "trialing"), (3, "active")] {
        let changed = subscription("tim", status, version);
        story.billing(&[changed]).await?;
        let (code, figures) = refused(story.set("tim", "alice", 100).await);
        let left = figures["left_minor"].as_str();
        assert_eq!((code.as_str(), left), ("INSUFFICIENT_FUNDS", "0"));
    }
    story.end().await
}

#[tokio::test]
async fn past_due_directs_nothing_until_the_invoice_is_paid_and_keeps_what_is_directed()
-> Result<()> {
    let story = directed().await?;
    story.billing(&[subscription("sam", "past_due", 3)]).await?;
    let code = refused_everywhere(&story, "sam").await;
    assert_eq!(code, "SUBSCRIPTION_PAST_DUE");
    let sentence = story.set("sam", "bob", 1).await.unwrap_err();
    assert_eq!(
        sentence.message(),
        "an invoice of sam's subscription is past due: money can be directed again when it is \
         paid, and what is directed already stays"
    );
    assert_eq!(shares(&story.pool("sam", "").await?), [("alice", 400)]);

    // What happened before the newest version changes nothing by coming late.
    story.billing(&[subscription("sam", "active", 2)]).await?;
    let code = refused_everywhere(&story, "sam").await;
    assert_eq!(code, "SUBSCRIPTION_PAST_DUE");

    story.billing(&[subscription("sam", "active", 4)]).await?;
    story.set_all("sam", &[("bob", 100)]).await?;
    story.end().await
}

#[tokio::test]
async fn unpaid_directs_nothing_and_keeps_what_is_directed() -> Result<()> {
    let story = directed().await?;
    story.billing(&[subscription("sam", "unpaid", 2)]).await?;
    let code = refused_everywhere(&story, "sam").await;
    assert_eq!(code, "SUBSCRIPTION_REQUIRED");
    assert_eq!(shares(&story.pool("sam", "").await?), [("alice", 400)]);
    story.end().await
}

#[tokio::test]
async fn who_cancelled_directs_what_was_paid_until_the_month_locks_and_nothing_after() -> Result<()>
{
    let story = directed().await?;
    story.billing(&[subscription("sam", "canceled", 2)]).await?;
    assert_eq!(shares(&story.pool("sam", "").await?), [("alice", 400)]);
    story.set("sam", "bob", 100).await?;
    let set = story
        .set_all("sam", &[("alice", 300), ("bob", 700)])
        .await?;
    assert_eq!(set.fact_ids.len(), 2);

    story.at(datetime!(2027-02-01 00:00 UTC)).await;
    let january = story.pool("sam", "2027-01").await?;
    assert_eq!(shares(&january), [("alice", 300), ("bob", 700)]);
    let code = refused_everywhere(&story, "sam").await;
    assert_eq!(code, "SUBSCRIPTION_REQUIRED");
    story.end().await
}
