//! Subscriptions: plans, checkout, and what one has.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{ListPlansRequest, ListSubscriptionsRequest, StartCheckoutRequest};

use super::instant_text;
use crate::Gate;
use crate::auth::{Principal, Role};
use crate::body::MaybeBody;
use crate::problem::Problem;

#[derive(Serialize, ToSchema)]
pub struct Plans {
    pub object: &'static str,
    pub data: Vec<Plan>,
}

#[derive(Serialize, ToSchema)]
pub struct Plan {
    pub plan: String,
    pub name: String,
    pub program: String,
    pub amount_cents: i64,
    /// Above `amount_cents` for a plan whose price the subscriber chooses.
    pub amount_max_cents: i64,
    pub currency: String,
}

/// The plans that can be bought.
#[utoipa::path(get, path = "/v1/plans", tag = "subscriptions", responses((status = 200, body = Plans)))]
pub async fn plans(State(gate): State<Gate>, _: Principal) -> Result<Json<Plans>, Problem> {
    let mut client = BillingServiceClient::new(gate.billing.clone());
    let answer = client.list_plans(ListPlansRequest {}).await?.into_inner();
    let data = answer.plans.into_iter().map(|plan| Plan {
        plan: plan.plan_id,
        name: plan.name,
        program: plan.program,
        amount_cents: plan.amount_minor,
        amount_max_cents: plan.amount_max_minor,
        currency: plan.currency,
    });
    Ok(Json(Plans {
        object: "list",
        data: data.collect(),
    }))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckoutPost {
    /// One of the plans of `GET /v1/plans`.
    #[schema(example = "plan_10")]
    pub plan: Option<String>,
    /// For a plan whose price the subscriber chooses.
    pub amount_cents: Option<i64>,
    /// Where the browser goes afterwards; must be of an allowed origin.
    pub success_url: Option<String>,
    pub cancel_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Checkout {
    pub session_id: String,
    /// Send the subscriber's browser here.
    pub url: String,
}

/// The plan that is meant when none is named.
const PLAN_DEFAULT: &str = "plan_10";

/// Starts a checkout at Stripe for a monthly plan.
#[utoipa::path(post, path = "/v1/subscriptions/checkout", tag = "subscriptions",
    request_body = CheckoutPost,
    params(("Idempotency-Key" = Option<String>, Header, description = "Same key, same session.")),
    responses((status = 200, body = Checkout), (status = 422, body = Problem)))]
pub async fn checkout(
    State(gate): State<Gate>,
    principal: Principal,
    headers: axum::http::HeaderMap,
    MaybeBody(body): MaybeBody<CheckoutPost>,
) -> Result<Json<Checkout>, Problem> {
    principal.require(&[Role::Subscriber])?;
    let redirects = &gate.redirects;
    let chosen = |name, url: Option<String>, default: &String| match url {
        Some(url) if !redirects.allows(&url) => Err(Problem::field(
            name,
            "this origin is not among the allowed ones",
        )),
        Some(url) => Ok(url),
        None => Ok(default.clone()),
    };
    let request = StartCheckoutRequest {
        subscriber_id: principal.sub.clone(),
        plan_id: body.plan.unwrap_or_else(|| PLAN_DEFAULT.to_owned()),
        amount_minor: body.amount_cents.unwrap_or(0),
        success_url: chosen(
            "success_url",
            body.success_url,
            &redirects.checkout_success_url,
        )?,
        cancel_url: chosen(
            "cancel_url",
            body.cancel_url,
            &redirects.checkout_cancel_url,
        )?,
        idempotency_key: idempotency_key(&headers)?,
    };
    let mut client = BillingServiceClient::new(gate.billing.clone());
    let answer = client.start_checkout(request).await?.into_inner();
    let effect = format!("checkout:{}", answer.session_id);
    gate.acknowledged
        .keep(&principal, "POST", "/v1/subscriptions/checkout", &effect)
        .await?;
    Ok(Json(Checkout {
        session_id: answer.session_id,
        url: answer.url,
    }))
}

/// The client's key, or the request's own id: then every request is its own.
fn idempotency_key(headers: &axum::http::HeaderMap) -> Result<String, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(kit::context::current().request_id);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()));
    let key =
        key.ok_or_else(|| Problem::field("Idempotency-Key", "use 1 to 255 ASCII characters"))?;
    Ok(key.to_owned())
}

#[derive(Serialize, ToSchema)]
pub struct Subscriptions {
    pub object: &'static str,
    /// Newest first.
    pub data: Vec<Subscription>,
}

#[derive(Serialize, ToSchema)]
pub struct Subscription {
    pub subscription_id: String,
    pub program: String,
    pub plan: String,
    pub amount_cents: i64,
    pub currency: String,
    /// Stripe's word: active, trialing, past_due, canceled, …
    pub status: String,
    pub current_period_start: Option<String>,
    pub current_period_end: Option<String>,
    pub cancel_at_period_end: bool,
}

/// The subscriber's subscriptions.
#[utoipa::path(get, path = "/v1/subscriptions/me", tag = "subscriptions",
    responses((status = 200, body = Subscriptions)))]
pub async fn mine(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Subscriptions>, Problem> {
    principal.require(&[Role::Subscriber])?;
    let question = ListSubscriptionsRequest {
        subscriber_id: principal.sub,
    };
    let mut client = BillingServiceClient::new(gate.billing.clone());
    let answer = client.list_subscriptions(question).await?.into_inner();
    let data = answer.subscriptions.into_iter().map(|one| Subscription {
        subscription_id: one.subscription_id,
        program: one.program,
        plan: one.plan_id,
        amount_cents: one.amount_minor,
        currency: one.currency,
        status: one.status,
        current_period_start: instant_text(one.period_start),
        current_period_end: instant_text(one.period_end),
        cancel_at_period_end: one.cancel_at_period_end,
    });
    Ok(Json(Subscriptions {
        object: "list",
        data: data.collect(),
    }))
}
