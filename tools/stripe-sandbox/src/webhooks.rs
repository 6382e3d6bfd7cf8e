//! Deliveries: each event to each endpoint that wants it, until a 2xx or three days are over.
//!
//! A refused try is repeated in business time, as Stripe's are. Only what looks like a
//! restart (a refused or reset connection, a 5xx) is first repeated a few times at once, in
//! wall time, because business time may stand still for long.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::Notify;

use crate::clock::{DAY, HOUR, MINUTE, wall_seconds};
use crate::faults::Fate;
use crate::sandbox::Sandbox;
use crate::store::{World, id_of};

/// How many deliveries may be under way at once.
const FLYING_MAX: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses before the tries that are made at once.
const QUICK_MS: [u64; 5] = [100, 200, 400, 800, 1600];
/// Pauses of business time after the first, second, ... failed try.
const PAUSES: [i64; 6] = [
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
];
const LATE_PAUSE: i64 = 12 * HOUR;
const GIVE_UP_AFTER: i64 = 3 * DAY;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// To be sent now, or being sent.
    Waiting,
    /// To be sent again when business time comes to `next_at`.
    Scheduled,
    Delivered,
    GivenUp,
    /// To be sent after a later event to the same endpoint, or at `next_at`; a fault's doing.
    Held,
    /// Never sent, though Stripe believes that it was; a fault's doing.
    Lost,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    pub id: u64,
    pub event: String,
    pub endpoint: String,
    pub state: State,
    pub attempts: u32,
    pub created: i64,
    pub next_at: Option<i64>,
    pub last_status: Option<u16>,
    pub last_error: Option<String>,
    pub delivered_at: Option<i64>,
}

#[derive(Default)]
pub struct Deliveries {
    all: BTreeMap<u64, Delivery>,
    of_event: HashMap<String, Vec<u64>>,
    waiting: BTreeSet<u64>,
    flying: BTreeSet<u64>,
    held: BTreeSet<u64>,
    /// Rung when something new waits.
    pub bell: Arc<Notify>,
}

impl Deliveries {
    pub fn restore(&mut self, value: Value) {
        if let Ok(delivery) = serde_json::from_value(value) {
            self.write(delivery);
        }
    }

    fn write(&mut self, delivery: Delivery) {
        let id = delivery.id;
        if delivery.state == State::Waiting {
            self.waiting.insert(id);
        } else {
            self.waiting.remove(&id);
        }
        if delivery.state == State::Held {
            self.held.insert(id);
        } else {
            self.held.remove(&id);
        }
        if !self.all.contains_key(&id) {
            self.of_event
                .entry(delivery.event.clone())
                .or_default()
                .push(id);
        }
        self.all.insert(id, delivery);
    }

    /// How many endpoints have not yet heard of an event.
    pub fn pending(&self, event: &str) -> usize {
        let ids = self.of_event.get(event).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id))
            .filter(|each| !matches!(each.state, State::Delivered | State::Lost))
            .count()
    }

    pub fn after(&self, id: u64) -> impl Iterator<Item = &Delivery> {
        self.all.range(id + 1..).map(|(_, delivery)| delivery)
    }

    /// How many are to be sent now, and how many are being sent.
    pub fn in_hand(&self) -> (usize, usize) {
        (self.waiting.len() - self.flying.len(), self.flying.len())
    }

    pub fn take(&mut self) -> Option<u64> {
        let id = self.waiting.difference(&self.flying).next().copied()?;
        self.flying.insert(id);
        Some(id)
    }
}

impl World {
    pub fn order_deliveries(&mut self, event: &Value, listeners: Vec<String>) {
        for endpoint in listeners {
            let fate = self.webhook_fate(event, &endpoint);
            let later = |seconds: i64| Some(self.now.saturating_add(seconds));
            let (state, next_at, copies) = match fate {
                Fate::Sent => (State::Waiting, None, 1),
                Fate::Twice => (State::Waiting, None, 2),
                Fate::Overtaken(seconds) => (State::Held, later(seconds), 1),
                Fate::Late(seconds) => (State::Scheduled, later(seconds), 1),
                Fate::Lost => (State::Lost, None, 1),
            };
            for _ in 0..copies {
                self.order_delivery(id_of(event), &endpoint, state, next_at);
            }
        }
    }

    fn order_delivery(&mut self, event: &str, endpoint: &str, state: State, next_at: Option<i64>) {
        let last = self.deliveries.all.last_key_value();
        let id = last.map_or(0, |(last, _)| *last) + 1;
        if let Some(at) = next_at {
            self.set_timer("webhook", &id.to_string(), at);
        }
        self.write_delivery(Delivery {
            id,
            event: event.to_owned(),
            endpoint: endpoint.to_owned(),
            state,
            attempts: 0,
            created: self.now,
            next_at,
            last_status: None,
            last_error: None,
            delivered_at: None,
        });
    }

    /// Lets go what was held until a later event had been delivered to the same endpoint.
    fn release_overtaken(&mut self, by: &Delivery) {
        let held: Vec<u64> = self.deliveries.held.iter().copied().collect();
        for id in held.into_iter().filter(|id| *id < by.id) {
            let delivery = self.deliveries.all.get(&id);
            if delivery.is_some_and(|held| held.endpoint == by.endpoint) {
                self.drop_timer("webhook", &id.to_string());
                self.wake_delivery(&id.to_string());
            }
        }
    }

    fn write_delivery(&mut self, delivery: Delivery) {
        let row = serde_json::to_value(&delivery).unwrap_or_default();
        self.note_row("delivery", &delivery.id.to_string(), row);
        if delivery.state == State::Waiting {
            self.deliveries.bell.notify_one();
        }
        self.deliveries.write(delivery);
    }

    /// The timer of a later try fired.
    pub fn wake_delivery(&mut self, id: &str) {
        let delivery = id
            .parse()
            .ok()
            .and_then(|id: u64| self.deliveries.all.get(&id));
        if let Some(mut delivery) = delivery.cloned() {
            (delivery.state, delivery.next_at) = (State::Waiting, None);
            self.write_delivery(delivery);
        }
    }

    /// Writes down how a try ended and when the next one is.
    fn settle_delivery(&mut self, id: u64, outcome: Outcome) {
        self.deliveries.flying.remove(&id);
        let Some(mut delivery) = self.deliveries.all.get(&id).cloned() else {
            return;
        };
        delivery.attempts += outcome.tries;
        delivery.last_status = outcome.status;
        delivery.last_error = outcome.error;
        let next = next_try(&delivery, self.now);
        if delivery
            .last_status
            .is_some_and(|status| (200..300).contains(&status))
        {
            (delivery.state, delivery.delivered_at) = (State::Delivered, Some(self.now));
        } else if let Some(at) = next.filter(|_| outcome.tries > 0) {
            (delivery.state, delivery.next_at) = (State::Scheduled, Some(at));
            self.set_timer("webhook", &id.to_string(), at);
        } else {
            delivery.state = State::GivenUp;
        }
        if delivery.state == State::Delivered {
            self.release_overtaken(&delivery);
        }
        self.write_delivery(delivery);
    }
}

/// When a delivery is tried again after a failed try now; `None` once three days are over.
fn next_try(delivery: &Delivery, now: i64) -> Option<i64> {
    let age = now - delivery.created;
    // Pauses add up, so the age tells how many have passed, however many quick tries there were.
    let mut passed = 0;
    for pause in PAUSES.into_iter().chain(std::iter::repeat(LATE_PAUSE)) {
        passed += pause;
        if passed > GIVE_UP_AFTER {
            return None;
        }
        if passed > age {
            return Some(delivery.created + passed);
        }
    }
    None
}

/// How a delivery went, quick tries included.
struct Outcome {
    tries: u32,
    status: Option<u16>,
    error: Option<String>,
}

/// Everything that a delivery needs, copied out of the world.
struct Parcel {
    url: String,
    secret: String,
    body: String,
}

/// Sends what waits, until the sandbox stops.
pub async fn run(sandbox: Arc<Sandbox>) {
    // Somebody in this process may have chosen a provider already; theirs will do as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        // Endpoints are on this machine, by plain HTTP: a bare machine may have no certificates.
        .tls_certs_only([])
        .pool_max_idle_per_host(FLYING_MAX);
    let client = client
        .build()
        .expect("a client with a provider installed can be built");
    let bell = sandbox.lock().deliveries.bell.clone();
    let mut flying = FuturesUnordered::new();
    loop {
        while flying.len() < FLYING_MAX {
            let Some(id) = sandbox.next_delivery() else {
                break;
            };
            flying.push(deliver(&sandbox, &client, id));
        }
        tokio::select! {
            () = bell.notified() => {}
            Some(()) = flying.next(), if !flying.is_empty() => {}
        }
    }
}

async fn deliver(sandbox: &Sandbox, client: &reqwest::Client, id: u64) {
    let parcel = pack(&sandbox.lock(), id);
    let outcome = match parcel {
        Some(parcel) => send(client, &parcel).await,
        None => Outcome {
            tries: 0,
            status: None,
            error: Some("endpoint is gone".to_owned()),
        },
    };
    sandbox.work(&format!("deliver {id}"), |world| {
        world.settle_delivery(id, outcome)
    });
}

fn pack(world: &World, id: u64) -> Option<Parcel> {
    let delivery = world.deliveries.all.get(&id)?;
    let target = world.target(&delivery.endpoint)?;
    let body = world.events.body(&delivery.event)?.to_owned();
    Some(Parcel {
        url: target.url,
        secret: target.secret,
        body,
    })
}

async fn send(client: &reqwest::Client, parcel: &Parcel) -> Outcome {
    let mut outcome = attempt(client, parcel).await;
    for pause in QUICK_MS {
        let restarting = outcome.status.is_none_or(|status| status >= 500);
        if !restarting || outcome.error.as_deref() == Some("timeout") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let tries = outcome.tries + 1;
        outcome = Outcome {
            tries,
            ..attempt(client, parcel).await
        };
    }
    outcome
}

async fn attempt(client: &reqwest::Client, parcel: &Parcel) -> Outcome {
    let request = client
        .post(&parcel.url)
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "user-agent",
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        )
        .header(
            "stripe-signature",
            sign(&parcel.secret, wall_seconds(), &parcel.body),
        )
        .body(parcel.body.clone());
    match request.send().await {
        Ok(response) => {
            let status = Some(response.status().as_u16());
            // Read to the end, so that the connection can carry the next delivery.
            let _ = response.bytes().await;
            Outcome {
                tries: 1,
                status,
                error: None,
            }
        }
        Err(error) if error.is_timeout() => Outcome {
            tries: 1,
            status: None,
            error: Some("timeout".to_owned()),
        },
        Err(error) => Outcome {
            tries: 1,
            status: None,
            error: Some(error.to_string()),
        },
    }
}

/// The header `Stripe-Signature` for a body at an instant of wall time.
pub fn sign(secret: &str, at: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_that_others_compute() {
        // By Python's hmac, over "1800000000." and the body.
        let expected = "45705be2a45ab5acdd1395cc695e9e7073125385ec24194921c401dff44176f8";
        let signed = sign("whsec_test", 1_800_000_000, "{\"id\":\"evt_1\"}");
        assert_eq!(signed, format!("t=1800000000,v1={expected}"));
    }
}
