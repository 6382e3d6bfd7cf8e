//! The two webhook endpoints at Stripe: the platform's own, and that of connected accounts. At the
//! sandbox they are made over Stripe's own wire, as an operator would at Stripe.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::state::{Endpoint, State};
use crate::stripe::{Stripe, text};

/// What we act on of the platform's own: cash and subscriptions (billing), transfers (payout), and
/// whatever moves the balance without being ordered by us (balance-monitor, which looks whenever
/// one of these comes).
pub const PLATFORM_EVENTS: [&str; 22] = [
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "invoice.payment_failed",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "transfer.created",
    "transfer.updated",
    "transfer.reversed",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "topup.succeeded",
];
/// What we act on of connected accounts: whether they can be paid, and what became of it.
pub const CONNECT_EVENTS: [&str; 5] = [
    "account.updated",
    "account.application.deauthorized",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
];

/// Where Stripe delivers, below the webhook service's public address.
pub const PATH: &str = "/v1/webhooks/stripe";
const AT_STRIPE: &str = "/v1/webhook_endpoints";

/// An endpoint as we want it.
struct Wanted<'a> {
    name: &'static str,
    url: &'a str,
    events: &'static [&'static str],
}

/// Makes the endpoints, or brings the remembered ones up to date: their address, and the events
/// that this version acts on. `targets` are the addresses of the platform's and of the connected
/// accounts' endpoint. Gives their signing secrets.
pub async fn ensure_both(
    stripe: &Stripe,
    targets: [&str; 2],
    state: &mut State,
) -> Result<Vec<String>> {
    let [platform, connect] = targets.map(|target| format!("{target}{PATH}"));
    let wanted = [
        ("platform", &platform, PLATFORM_EVENTS.as_slice()),
        ("connect", &connect, &CONNECT_EVENTS),
    ];
    let mut secrets = Vec::new();
    for (name, url, events) in wanted {
        let known = state.stripe_endpoints.get(name).cloned();
        let endpoint = ensure(stripe, known, &Wanted { name, url, events }).await?;
        secrets.push(endpoint.secret.clone());
        state.stripe_endpoints.insert(name.to_owned(), endpoint);
    }
    Ok(secrets)
}

/// Stripe tells a secret once, so an endpoint is changed rather than made anew.
async fn ensure(stripe: &Stripe, known: Option<Endpoint>, wanted: &Wanted<'_>) -> Result<Endpoint> {
    let found = match &known {
        Some(known) => stripe.find(&format!("{AT_STRIPE}/{}", known.id)).await?,
        None => None,
    };
    let url = wanted.url.to_owned();
    let mut form = vec![("url", wanted.url)];
    form.extend(
        wanted
            .events
            .iter()
            .map(|event| ("enabled_events[]", *event)),
    );
    if let (Some(known), Some(found)) = (known, found) {
        let same =
            found["url"] == url && events_of(&found) == wanted.events.iter().copied().collect();
        if !same {
            stripe
                .post(&format!("{AT_STRIPE}/{}", known.id), &form)
                .await?;
        }
        return Ok(Endpoint { url, ..known });
    }
    form.push((
        "connect",
        if wanted.name == "connect" {
            "true"
        } else {
            "false"
        },
    ));
    let made = stripe.post(AT_STRIPE, &form).await?;
    let (id, secret) = (text(&made, "id")?, text(&made, "secret")?);
    Ok(Endpoint { id, url, secret })
}

fn events_of(endpoint: &Value) -> BTreeSet<&str> {
    let listed = endpoint["enabled_events"].as_array().into_iter().flatten();
    listed.filter_map(Value::as_str).collect()
}

/// What is wrong with the endpoints that Stripe has for us, in words: each of them must be enabled
/// and asked for exactly what we act on. Endpoints of others are passed over.
pub async fn misfits(stripe: &Stripe) -> Result<Vec<String>> {
    let listed = stripe.list(AT_STRIPE, None).await?;
    let ours: Vec<&Value> = listed
        .iter()
        .filter(|one| one["url"].as_str().is_some_and(|url| url.ends_with(PATH)))
        .collect();
    let mut found = Vec::new();
    let mut asked: Vec<BTreeSet<&str>> = Vec::new();
    for one in ours {
        let name = one["id"].as_str().unwrap_or("an endpoint");
        if one["status"] == "disabled" {
            found.push(format!("{name} is disabled"));
        }
        asked.push(events_of(one));
    }
    for (whose, events) in [
        ("the platform's", PLATFORM_EVENTS.as_slice()),
        ("connected accounts'", &CONNECT_EVENTS),
    ] {
        let wanted: BTreeSet<&str> = events.iter().copied().collect();
        // Which of the two an endpoint is, Stripe does not tell: the nearest in its events is meant.
        let nearest = asked
            .iter()
            .filter(|has| has.contains("account.updated") == wanted.contains("account.updated"))
            .min_by_key(|has| has.symmetric_difference(&wanted).count());
        match nearest {
            None => found.push(format!("there is no endpoint for {whose} events")),
            Some(has) => found.extend(differences(whose, has, &wanted)),
        }
    }
    Ok(found)
}

fn differences(whose: &str, has: &BTreeSet<&str>, wanted: &BTreeSet<&str>) -> Vec<String> {
    let lacks = wanted
        .difference(has)
        .map(|event| ("does not ask for", event));
    let more = has.difference(wanted).map(|event| ("also asks for", event));
    lacks
        .chain(more)
        .map(|(what, event)| format!("the endpoint for {whose} events {what} {event}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_asked_for_once() {
        for events in [PLATFORM_EVENTS.as_slice(), &CONNECT_EVENTS] {
            let once: BTreeSet<&str> = events.iter().copied().collect();
            assert_eq!(once.len(), events.len());
        }
    }

    #[test]
    fn an_endpoint_that_asks_for_less_or_more_is_told_by_event() {
        let wanted = BTreeSet::from(["a", "b"]);
        assert_eq!(
            differences("the platform's", &BTreeSet::from(["b", "c"]), &wanted),
            [
                "the endpoint for the platform's events does not ask for a",
                "the endpoint for the platform's events also asks for c"
            ]
        );
        assert!(differences("x", &wanted, &wanted).is_empty());
    }
}
