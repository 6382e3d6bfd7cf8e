//! The two webhook endpoints at Stripe's sandbox: the platform's own, and that of connected
//! accounts. Made over Stripe's own wire, as an operator would at Stripe.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::state::{Endpoint, State};

/// What we act on of the platform's own: cash and subscriptions (billing), transfers (payout), and
/// whatever moves the balance without being ordered by us (balance-monitor).
pub const PLATFORM_EVENTS: [&str; 14] = [
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "transfer.created",
    "transfer.reversed",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "topup.succeeded",
];
/// What we act on of connected accounts: whether they can be paid, and what became of it.
pub const CONNECT_EVENTS: [&str; 4] = [
    "account.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
];

/// Where Stripe delivers, below the webhook service's public address.
const PATH: &str = "/v1/webhooks/stripe";

/// Makes the endpoints, or points the remembered ones at the address of today.
/// Gives their signing secrets.
pub async fn ensure_both(
    http: &reqwest::Client,
    sandbox_url: &str,
    key: &str,
    webhook_url: &str,
    state: &mut State,
) -> Result<Vec<String>> {
    let at = At {
        http,
        base: format!("{sandbox_url}/v1/webhook_endpoints"),
        key,
    };
    let target = format!("{webhook_url}{PATH}");
    let mut secrets = Vec::new();
    for (name, connect) in [("platform", false), ("connect", true)] {
        let known = state.stripe_endpoints.get(name).cloned();
        let endpoint = at.ensure(known, &target, connect).await?;
        secrets.push(endpoint.secret.clone());
        state.stripe_endpoints.insert(name.to_owned(), endpoint);
    }
    Ok(secrets)
}

struct At<'a> {
    http: &'a reqwest::Client,
    base: String,
    key: &'a str,
}

impl At<'_> {
    async fn ensure(&self, known: Option<Endpoint>, url: &str, connect: bool) -> Result<Endpoint> {
        if let Some(known) = known
            && self.exists(&known.id).await?
        {
            return self.redirect(known, url).await;
        }
        let events: &[&str] = if connect {
            &CONNECT_EVENTS
        } else {
            &PLATFORM_EVENTS
        };
        let connect = if connect { "true" } else { "false" };
        let mut form = vec![("url", url), ("connect", connect)];
        form.extend(events.iter().map(|event| ("enabled_events[]", *event)));
        let made = self.post(&self.base, &form).await?;
        let text = |field: &str| made[field].as_str().map(str::to_owned);
        let id = text("id").context("a webhook endpoint without an id")?;
        let secret = text("secret").context("a webhook endpoint without its secret")?;
        Ok(Endpoint {
            id,
            url: url.to_owned(),
            secret,
        })
    }

    async fn exists(&self, id: &str) -> Result<bool> {
        let request = self
            .http
            .get(format!("{}/{id}", self.base))
            .bearer_auth(self.key);
        Ok(request.send().await?.status().is_success())
    }

    /// Stripe tells a secret once, so an endpoint is moved rather than made anew.
    async fn redirect(&self, known: Endpoint, url: &str) -> Result<Endpoint> {
        if known.url != url {
            self.post(&format!("{}/{}", self.base, known.id), &[("url", url)])
                .await?;
        }
        Ok(Endpoint {
            url: url.to_owned(),
            ..known
        })
    }

    async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Value> {
        let answer = self
            .http
            .post(url)
            .bearer_auth(self.key)
            .form(form)
            .send()
            .await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(
            status.is_success(),
            "the Stripe sandbox answered {status} to POST {url}: {body}"
        );
        Ok(serde_json::from_str(&body)?)
    }
}
