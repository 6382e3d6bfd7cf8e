//! What Stripe has for us: an answer, endpoints with the right events, and no schedule of its own.

use anyhow::{Result, ensure};
use time::format_description::well_known::Rfc3339;

use super::Line;
use super::running::apart;
use crate::endpoints;
use crate::settings::Settings;
use crate::stripe::{STRIPE_URL, Stripe};

pub async fn look(settings: &Settings) -> Vec<Line> {
    let stripe = match Stripe::of(settings) {
        Ok(stripe) => stripe,
        Err(error) => return vec![Line::wrong("stripe", format!("{error:#}"), "tributary up")],
    };
    let is_sandbox = stripe.base != STRIPE_URL;
    let reached = stripe.get("/v1/balance", None).await;
    let reached = reached.map(|_| format!("{} answers", stripe.base));
    let is_reached = reached.is_ok();
    let advice = if is_sandbox {
        "read logs/stripe-sandbox.log"
    } else {
        "look at STRIPE_SECRET_KEY, and at the way to api.stripe.com"
    };
    let mut lines = vec![Line::of("stripe", reached, advice), secrets(settings)];
    if !is_reached {
        return lines;
    }
    lines.push(Line::of(
        "stripe clock",
        stripe.date().await.and_then(apart),
        "let NTP set this machine's clock",
    ));
    if is_sandbox && let Ok(now) = stripe.clock().await {
        let now = now.format(&Rfc3339).unwrap_or_default();
        lines.push(Line::ok("business time", format!("{now}, the sandbox's")));
    }
    let mend = if is_sandbox {
        "tributary down, then tributary up: it mends them"
    } else {
        "change the endpoint at Stripe"
    };
    lines.push(Line::of("webhook endpoints", both(&stripe).await, mend));
    lines.push(Line::of(
        "payout schedule",
        schedule(&stripe).await,
        "the payout service sets it to manual; read logs/payout.log",
    ));
    lines
}

async fn both(stripe: &Stripe) -> Result<String> {
    let misfits = endpoints::misfits(stripe).await?;
    ensure!(misfits.is_empty(), "{}", misfits.join("; "));
    Ok("two, with exactly the events that are acted on".to_owned())
}

async fn schedule(stripe: &Stripe) -> Result<String> {
    let settings = stripe.payout_settings().await?;
    let interval = settings.interval;
    ensure!(
        interval == "manual",
        "{interval}: Stripe pays out by itself"
    );
    let kept = crate::say::dollars(settings.minimum_minor);
    Ok(format!("manual, and {kept} must stay"))
}

/// One secret for each endpoint.
fn secrets(settings: &Settings) -> Line {
    let what = "webhook secrets";
    let known = settings.find("STRIPE_WEBHOOK_SECRET").unwrap_or_default();
    match known.split(',').filter(|one| !one.is_empty()).count() {
        0 => Line::wrong(
            what,
            "none: every webhook is refused",
            "set STRIPE_WEBHOOK_SECRET to the endpoints' secrets and start again",
        ),
        1 => Line::warning(
            what,
            "one, and there are two endpoints",
            "give both, with a comma between",
        ),
        count => Line::ok(what, format!("{count} are set")),
    }
}
