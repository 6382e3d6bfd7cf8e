//! Changes whose answers get lost on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tonic::Code;
use wire::billing::v1::{ChangeSubscriptionRequest, SubscriptionChanged};

use crate::asking::{change, newest, terms, to};
use crate::charge::retold;
use crate::world::{SCHEMA, World, told};

/// A way to Stripe that loses or delays answers.
struct Line {
    url: String,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// Loses answers to changes of subscriptions, while it is up.
    loses: AtomicBool,
    /// Holds the next answer to a reading of a subscription; taken down by that.
    holds: AtomicBool,
    /// Held at this moment.
    held: AtomicBool,
    release: Notify,
    /// Idempotency keys of the changes that went out.
    keys: Mutex<Vec<String>>,
}

impl Line {
    async fn to(stripe: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let faults = Arc::new(Faults::default());
        let (shared, stripe) = (Arc::clone(&faults), stripe.replace("http://", ""));
        kit::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(stripe) = TcpStream::connect(&stripe).await {
                    kit::spawn(carry(client, stripe, Arc::clone(&shared)));
                }
            }
        });
        Ok(Self { url, faults })
    }

    fn lose(&self, loses: bool) {
        self.faults.loses.store(loses, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, mut stripe: TcpStream, faults: Arc<Faults>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let (mut lost, mut held) = (false, false);
    loop {
        let sent = tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(length) if length > 0 => {
                    let question = &asked[..length];
                    let changes = question.starts_with(b"POST /v1/subscriptions/");
                    if changes {
                        faults.keys.lock().expect("no poison").extend(key_of(question));
                    }
                    lost = changes && faults.loses.load(Ordering::SeqCst);
                    held = question.starts_with(b"GET /v1/subscriptions/")
                        && faults.holds.swap(false, Ordering::SeqCst);
                    stripe.write_all(question).await
                }
                _ => return,
            },
            read = stripe.read(&mut answered) => match read {
                Ok(length) if length > 0 && !lost => {
                    if std::mem::take(&mut held) {
                        faults.held.store(true, Ordering::SeqCst);
                        faults.release.notified().await;
                    }
                    client.write_all(&answered[..length]).await
                }
                _ => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The idempotency key in a question's head.
fn key_of(question: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(question).to_lowercase();
    let (_, rest) = head.split_once("idempotency-key: ")?;
    Some(rest.lines().next()?.to_owned())
}

fn keyed(plan_id: &str, key: &str) -> ChangeSubscriptionRequest {
    ChangeSubscriptionRequest {
        idempotency_key: key.into(),
        ..to("bob", plan_id)
    }
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_found_out_by_its_key_and_charged_once() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    line.lose(true);
    for _ in 0..2 {
        let lost = change(&service, keyed("plan_20", "up")).await.unwrap_err();
        assert_eq!(lost.downcast::<tonic::Status>()?.code(), Code::Unavailable);
    }
    line.lose(false);
    let other = change(&service, keyed("plan_50", "other")).await;
    assert_eq!(told(other.unwrap_err())?.0, "CHANGE_IN_PROGRESS");
    let changed = change(&service, keyed("plan_20", "up")).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "", 0));
    world.catch_up(&service).await?;
    let charges = world.charges().await?;
    let gross: Vec<i64> = charges.iter().map(|charge| charge.0).collect();
    assert_eq!(gross, [1_000, 1_000]);
    let keys = line.faults.keys.lock().expect("no poison").clone();
    assert!(
        keys.len() == 3 && keys.iter().all(|key| *key == keys[0]),
        "{keys:?}"
    );
    service.stop().await;
    Ok(())
}

/// What Stripe answers to a key that it knows is what it answered first.
#[tokio::test]
async fn a_change_asked_for_again_is_answered_as_the_subscription_is_by_then() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    line.lose(true);
    assert!(change(&service, keyed("plan_20", "up")).await.is_err());
    line.lose(false);
    let id = newest(&service, "bob").await?.subscription_id;
    let ending = [("cancel_at_period_end", "true")];
    world
        .post(&format!("/v1/subscriptions/{id}"), &ending)
        .await?;
    world.catch_up(&service).await?;
    let changed = change(&service, keyed("plan_20", "up")).await?;
    assert!(changed.cancel_at_period_end, "{changed:?}");
    assert_eq!(newest(&service, "bob").await?, changed);
    service.stop().await;
    Ok(())
}

/// Its subscriber may long want something else: what Stripe shows is what became of it.
#[tokio::test]
async fn a_change_that_nobody_asks_about_any_more_is_not_sent_again() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    line.lose(true);
    let lost = change(&service, keyed("plan_5", "down")).await;
    assert!(lost.is_err());
    line.lose(false);
    let owner = world.bed.db.owner().await?;
    sqlx::query(
        "update billing.subscription_change
         set started_wall_at = started_wall_at - interval '3 minutes'", // started_wall_at
    )
    .execute(&owner)
    .await?;
    let changed = change(&service, keyed("plan_20", "up")).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "", 0));
    let gone = change(&service, keyed("plan_5", "down")).await;
    assert_eq!(told(gone.unwrap_err())?.0, "IDEMPOTENCY_KEY_EXPIRED");
    world.catch_up(&service).await?;
    assert_eq!(newest(&service, "bob").await?, changed);
    service.stop().await;
    Ok(())
}

/// A reading that began before a change and ends after it tells of what was before.
#[tokio::test]
async fn a_reading_that_is_older_than_what_is_known_is_made_again() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let events = world.events().await?;
    let created = events
        .iter()
        .find(|event| event["type"] == "customer.subscription.created")
        .map(retold)
        .expect("it is told");
    line.faults.holds.store(true, Ordering::SeqCst);
    world.deliver(&[created], None).await?;
    eventually("the answer to the reading to be held", || async {
        line.faults.held.load(Ordering::SeqCst).then_some(())
    })
    .await;
    let changed = change(&service, to("bob", "plan_20")).await?;
    line.faults.release.notify_one();
    service.settle().await;
    assert_eq!(newest(&service, "bob").await?, changed);
    let announced = world.bed.announced::<SubscriptionChanged>(SCHEMA).await?;
    let amounts: Vec<i64> = announced.iter().map(|it| it.amount_minor).collect();
    assert_eq!(amounts, [1_000, 2_000]);
    service.stop().await;
    Ok(())
}
