//! Subscriptions: plans, checkout, what one has, its change and its end.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{
    CancelSubscriptionRequest, ChangeSubscriptionRequest, ListPlansRequest,
    ListSubscriptionsRequest, StartCheckoutRequest,
};

use crate::Gate;
use crate::answer::{Done, List, instant_text, said};
use crate::auth::Principal;
use crate::body::{Body, MaybeBody, Query};
use crate::input::{self, PageQuery, given};
use crate::problem::{Fault, Faults, Problem};
use crate::write::PassedOn;

/// Something that a subscriber can buy.
#[derive(Serialize, ToSchema)]
pub struct Plan {
    /// The plan's id.
    #[schema(example = "plan_10")]
    pub plan: String,
    /// What people call it.
    #[schema(example = "Ten a month")]
    pub name: String,
    /// The program that it funds.
    pub program: String,
    /// The monthly price; of a plan whose price the subscriber chooses, the lowest.
    pub amount_cents: i64,
    /// Above `amount_cents` for a plan whose price the subscriber chooses.
    pub amount_max_cents: i64,
    /// Always USD.
    pub currency: String,
    /// At least so many days are free at first.
    pub trial_days: i32,
    /// Whether the first month is charged by the days that are left of it.
    pub prorate: bool,
}

impl From<wire::billing::v1::Plan> for Plan {
    fn from(plan: wire::billing::v1::Plan) -> Self {
        Self {
            plan: plan.plan_id,
            name: plan.name,
            program: plan.program,
            amount_cents: plan.amount_minor,
            amount_max_cents: plan.amount_max_minor,
            currency: plan.currency,
            trial_days: plan.trial_days,
            prorate: plan.prorate,
        }
    }
}

/// The plans that can be bought.
#[utoipa::path(get, path = "/v1/plans", tag = "subscriptions", params(PageQuery),
    responses((status = 200, description = "A page of plans", body = List<Plan>)),
    security(("bearer" = [])))]
pub async fn plans(
    State(gate): State<Gate>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<Plan>>, Problem> {
    let page = query.page_of_short()?;
    let mut client = BillingServiceClient::new(gate.billing.clone());
    let answer = client.list_plans(ListPlansRequest {}).await?.into_inner();
    let plans = answer.plans.into_iter().map(Plan::from).collect();
    Ok(Json(List::page_of(plans, &page, |plan| plan.plan.clone())))
}

/// What to buy, and where to go afterwards.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({ "plan": "plan_10" }))]
pub struct CheckoutPost {
    /// One of the plans of `GET /v1/plans`; plan_10 unless told.
    pub plan: Option<String>,
    /// For a plan whose price the subscriber chooses.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub amount_cents: Option<i64>,
    /// A code that the subscriber was given.
    #[schema(example = "WELCOME")]
    pub promotion_code: Option<String>,
    /// Where the browser goes afterwards; must be of an allowed origin.
    pub success_url: Option<String>,
    /// Where it goes when the subscriber turns back; must be of an allowed origin.
    pub cancel_url: Option<String>,
}

/// A page at Stripe.
#[derive(Serialize, ToSchema)]
pub struct Checkout {
    /// Stripe's id of the session.
    #[schema(example = "cs_test_a1B2c3")]
    pub session_id: String,
    /// Send the subscriber's browser here.
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_test_a1B2c3")]
    pub url: String,
}

/// The plan that is meant when none is named.
const PLAN_DEFAULT: &str = "plan_10";

/// Starts a checkout at Stripe for a monthly plan.
#[utoipa::path(post, path = "/v1/subscriptions/checkout", tag = "subscriptions",
    request_body(content = CheckoutPost, description = "May be absent"),
    responses((status = 200, description = "The page to send the browser to", body = Checkout)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-cost" = json!("stripe")), ("x-problems" = json!(["plan_unknown", "amount_out_of_bounds",
        "promotion_unknown", "already_subscribed", "checkout_in_progress", "program_unknown",
        "stripe_refused"]))))]
pub async fn checkout(
    State(gate): State<Gate>,
    principal: Principal,
    PassedOn(idempotency_key): PassedOn,
    MaybeBody(body): MaybeBody<CheckoutPost>,
) -> Result<Done<Checkout>, Problem> {
    let redirects = &gate.redirects;
    let mut faults = Faults::default();
    let success = redirects.chosen(
        "success_url",
        body.success_url,
        &redirects.checkout_success_url,
    );
    let cancel = redirects.chosen(
        "cancel_url",
        body.cancel_url,
        &redirects.checkout_cancel_url,
    );
    let request = StartCheckoutRequest {
        subscriber_id: principal.sub,
        plan_id: faults.take(given(body.plan.as_deref(), |plan| input::id("plan", plan))),
        amount_minor: faults.take(amount(body.amount_cents)),
        promotion_code: faults.take(given(body.promotion_code.as_deref(), promotion_code)),
        success_url: faults.take(success),
        cancel_url: faults.take(cancel),
        idempotency_key,
    };
    faults.none()?;
    let plan_id = said(request.plan_id).unwrap_or_else(|| PLAN_DEFAULT.to_owned());
    let request = StartCheckoutRequest { plan_id, ..request };
    let mut client = BillingServiceClient::new(gate.billing.clone());
    let answer = client.start_checkout(request).await?.into_inner();
    let effect = format!("checkout:{}", answer.session_id);
    let checkout = Checkout {
        session_id: answer.session_id,
        url: answer.url,
    };
    Ok(Done::new(checkout, [effect]))
}

fn amount(cents: Option<i64>) -> Result<i64, Fault> {
    input::cents("amount_cents", cents.unwrap_or(0))
}

fn promotion_code(text: &str) -> Result<String, Fault> {
    input::words("promotion_code", text, 100)
}

/// A subscription as billing knows it.
#[derive(Serialize, ToSchema)]
pub struct Subscription {
    /// Always `subscription`.
    pub object: &'static str,
    /// Stripe's id of it.
    #[schema(example = "sub_1Q2w3E4r")]
    pub subscription_id: String,
    /// The program that it funds.
    pub program: String,
    /// The plan's id.
    #[schema(example = "plan_10")]
    pub plan: String,
    /// The monthly price.
    pub amount_cents: i64,
    /// Always USD.
    pub currency: String,
    /// Stripe's word: active, trialing, past_due, canceled, …
    #[schema(example = "active")]
    pub status: String,
    /// When it was begun.
    pub created_at: Option<String>,
    /// When the period that is paid for began.
    pub current_period_start: Option<String>,
    /// When it ends and the next is charged.
    pub current_period_end: Option<String>,
    /// Whether it ends with this period.
    pub cancel_at_period_end: bool,
    /// The plan that it changes to at the period's end.
    #[schema(example = "plan_5")]
    pub next_plan: Option<String>,
    /// The price that it changes to at the period's end.
    pub next_amount_cents: Option<i64>,
    /// When its trial ends, if it is on one.
    pub trial_ends_at: Option<String>,
    /// Where an unpaid invoice can be paid.
    #[schema(example = "https://invoice.stripe.com/i/acct_1/test_1")]
    pub pay_url: Option<String>,
    /// When it ended or will end.
    pub ends_at: Option<String>,
}

impl From<wire::billing::v1::Subscription> for Subscription {
    fn from(one: wire::billing::v1::Subscription) -> Self {
        Self {
            object: "subscription",
            subscription_id: one.subscription_id,
            program: one.program,
            plan: one.plan_id,
            amount_cents: one.amount_minor,
            currency: one.currency,
            status: one.status,
            created_at: instant_text(one.created_at),
            current_period_start: instant_text(one.period_start),
            current_period_end: instant_text(one.period_end),
            cancel_at_period_end: one.cancel_at_period_end,
            next_plan: said(one.next_plan_id),
            next_amount_cents: Some(one.next_amount_minor).filter(|amount| *amount > 0),
            trial_ends_at: instant_text(one.trial_end),
            pay_url: said(one.pay_url),
            ends_at: instant_text(one.ends_at),
        }
    }
}

/// Which of the caller's subscriptions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProgramQuery {
    /// The program; needed for a change when there are live subscriptions in several.
    #[param(example = "allocation")]
    program: Option<String>,
}

impl ProgramQuery {
    fn program(&self) -> Result<String, Fault> {
        given(self.program.as_deref(), |text| input::id("program", text))
    }
}

/// The subscriber's subscriptions, newest first.
#[utoipa::path(get, path = "/v1/subscriptions/me", tag = "subscriptions",
    params(ProgramQuery, PageQuery),
    responses((status = 200, description = "A page of subscriptions", body = List<Subscription>)),
    security(("bearer" = ["subscriber"])))]
pub async fn mine(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<ProgramQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<Subscription>>, Problem> {
    let page = page.page_of_short()?;
    let question = ListSubscriptionsRequest {
        subscriber_id: principal.sub,
        program: query.program()?,
    };
    let mut client = BillingServiceClient::new(gate.billing.clone());
    let answer = client.list_subscriptions(question).await?.into_inner();
    let all = answer.subscriptions.into_iter().map(Subscription::from);
    let id = |one: &Subscription| one.subscription_id.clone();
    Ok(Json(List::page_of(all.collect(), &page, id)))
}

/// What is to be another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "plan": "plan_20" }))]
pub struct SubscriptionPatch {
    /// The plan to change to; dearer at once, cheaper at the period's end.
    pub plan: Option<String>,
    /// The price, of a plan whose price the subscriber chooses.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub amount_cents: Option<i64>,
    /// Only `false`: takes a cancellation back. DELETE cancels.
    #[schema(example = false)]
    pub cancel_at_period_end: Option<bool>,
}

/// Changes the subscription's plan or price, or resumes it.
#[utoipa::path(patch, path = "/v1/subscriptions/me", tag = "subscriptions", params(ProgramQuery),
    request_body(content = SubscriptionPatch, description = "At least one of its fields"),
    responses((status = 200, description = "The subscription as it is now", body = Subscription)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-cost" = json!("stripe")), ("x-problems" = json!(["plan_unknown", "amount_out_of_bounds", "program_required",
        "program_unknown", "subscription_required", "subscription_past_due", "subscription_ending",
        "payment_required", "change_in_progress", "idempotency_key_expired", "stripe_refused"]))))]
pub async fn change(
    State(gate): State<Gate>,
    principal: Principal,
    PassedOn(idempotency_key): PassedOn,
    Query(query): Query<ProgramQuery>,
    Body(body): Body<SubscriptionPatch>,
) -> Result<Done<Subscription>, Problem> {
    let mut faults = Faults::default();
    let request = ChangeSubscriptionRequest {
        subscriber_id: principal.sub,
        program: faults.take(query.program()),
        plan_id: faults.take(given(body.plan.as_deref(), |plan| input::id("plan", plan))),
        amount_minor: faults.take(amount(body.amount_cents)),
        resume: faults.take(resume(&body)),
        idempotency_key,
    };
    faults.none()?;
    let mut client = BillingServiceClient::new(gate.billing.clone());
    Ok(changed(
        client.change_subscription(request).await?.into_inner(),
    ))
}

/// Whether it is to go on; a change of nothing is a mistake.
fn resume(body: &SubscriptionPatch) -> Result<bool, Fault> {
    match body.cancel_at_period_end {
        Some(true) => {
            let detail = "only false is taken, which resumes; DELETE cancels";
            Err(Fault::invalid("cancel_at_period_end", detail))
        }
        None if body.plan.is_none() && body.amount_cents.is_none() => {
            let detail = "say at least one of plan, amount_cents and cancel_at_period_end";
            Err(Fault {
                field: "body".into(),
                code: "missing",
                detail: detail.into(),
            })
        }
        Some(false) => Ok(true),
        None => Ok(false),
    }
}

/// Cancels the subscription at its period's end. Once more changes nothing.
#[utoipa::path(delete, path = "/v1/subscriptions/me", tag = "subscriptions", params(ProgramQuery),
    responses((status = 200, description = "The subscription as it is now", body = Subscription)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-cost" = json!("stripe")), ("x-problems" = json!(["program_required", "program_unknown",
        "subscription_required", "change_in_progress", "idempotency_key_expired",
        "stripe_refused"]))))]
pub async fn cancel(
    State(gate): State<Gate>,
    principal: Principal,
    PassedOn(idempotency_key): PassedOn,
    Query(query): Query<ProgramQuery>,
) -> Result<Done<Subscription>, Problem> {
    let request = CancelSubscriptionRequest {
        subscriber_id: principal.sub,
        program: query.program()?,
        idempotency_key,
    };
    let mut client = BillingServiceClient::new(gate.billing.clone());
    Ok(changed(
        client.cancel_subscription(request).await?.into_inner(),
    ))
}

fn changed(subscription: wire::billing::v1::Subscription) -> Done<Subscription> {
    let effect = format!("subscription:{}", subscription.subscription_id);
    Done::new(subscription.into(), [effect])
}
