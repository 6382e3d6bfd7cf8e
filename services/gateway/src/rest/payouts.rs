//! Payouts, as their creator and the operator see them.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::payout::v1::{GetPayoutRequest, ListPayoutsRequest, RequestPayoutRequest};

use crate::Gate;
use crate::answer::{Done, List, instant_text, said};
use crate::auth::{Principal, Role};
use crate::body::{MaybeBody, Part, Query};
use crate::input::{self, Page, PageQuery, given};
use crate::problem::{Faults, Problem, catalogue};
use crate::write::PassedOn;

/// Which payouts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PayoutsQuery {
    /// For admin and finance: one creator's payouts alone.
    #[param(example = "alice")]
    creator_id: Option<String>,
    /// Payouts in this state alone.
    #[param(example = "paid")]
    state: Option<String>,
    /// Payouts of this month's run alone.
    #[param(example = "2027-01")]
    month: Option<String>,
}

/// Money on its way to a creator.
#[derive(Serialize, ToSchema)]
pub struct Payout {
    /// Always `payout`.
    pub object: &'static str,
    /// The payout's id.
    pub payout_id: String,
    /// The creator's id.
    pub creator_id: String,
    /// The month whose run planned it; empty when the creator asked for it.
    pub month: String,
    /// Whether a run planned it, or the creator asked for it.
    pub scheduled: bool,
    /// What the creator gets.
    #[schema(example = 3720)]
    pub amount_cents: i64,
    /// What came back of it by reversals.
    #[schema(example = 0)]
    pub reversed_cents: i64,
    /// Always USD.
    pub currency: String,
    /// planned, reserved, sending, sent, paid, unknown, retry_wait, canceled, failed, …
    #[schema(example = "sent")]
    pub state: String,
    /// The step that it is at: transfer (to the creator's account) or bank.
    #[schema(example = "bank")]
    pub step: String,
    /// Why it is in this state, in words.
    #[schema(example = "on its way to the bank")]
    pub reason: Option<String>,
    /// Stripe's or the bank's word for what failed.
    #[schema(example = "account_closed")]
    pub failure_code: Option<String>,
    /// Stripe's id of the transfer.
    #[schema(example = "tr_1A2b3C")]
    pub transfer_id: Option<String>,
    /// Stripe's id of the payout to the bank.
    #[schema(example = "po_1A2b3C")]
    pub bank_payout_id: Option<String>,
    /// How often a refused step was tried again.
    #[schema(example = 0)]
    pub retry_count: i32,
    /// When it is tried again.
    pub next_retry_at: Option<String>,
    /// When it was planned or asked for.
    pub created_at: Option<String>,
    /// When the bank should have it.
    pub expected_arrival_at: Option<String>,
    /// When the bank had it.
    pub paid_at: Option<String>,
}

impl From<wire::payout::v1::Payout> for Payout {
    fn from(payout: wire::payout::v1::Payout) -> Self {
        Self {
            object: "payout",
            payout_id: payout.payout_id,
            creator_id: payout.creator_id,
            month: payout.month,
            scheduled: payout.scheduled,
            amount_cents: payout.amount_minor,
            reversed_cents: payout.reversed_minor,
            currency: payout.currency,
            state: payout.state,
            step: payout.step,
            reason: said(payout.reason),
            failure_code: said(payout.failure_code),
            transfer_id: said(payout.transfer_id),
            bank_payout_id: said(payout.bank_payout_id),
            retry_count: payout.retry_count,
            next_retry_at: instant_text(payout.next_retry_at),
            created_at: instant_text(payout.created_at),
            expected_arrival_at: instant_text(payout.expected_arrival_at),
            paid_at: instant_text(payout.paid_at),
        }
    }
}

/// The creator's payouts, newest first; for admin and finance, everyone's.
#[utoipa::path(get, path = "/v1/payouts", tag = "payouts", params(PayoutsQuery, PageQuery),
    responses((status = 200, description = "A page of payouts", body = List<Payout>)),
    security(("bearer" = ["creator", "admin", "finance"])))]
pub async fn list(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<PayoutsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<Payout>>, Problem> {
    let mut question = asked(&query, page)?;
    if !sees_all(&principal) {
        question.creator_id = principal.sub;
    }
    page_of(&gate, question).await
}

/// Everyone's payouts, newest first.
#[utoipa::path(get, path = "/v1/admin/payouts", tag = "payouts", params(PayoutsQuery, PageQuery),
    responses((status = 200, description = "A page of payouts", body = List<Payout>)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn list_all(
    State(gate): State<Gate>,
    Query(query): Query<PayoutsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<Payout>>, Problem> {
    page_of(&gate, asked(&query, page)?).await
}

fn asked(query: &PayoutsQuery, page: PageQuery) -> Result<ListPayoutsRequest, Problem> {
    let mut faults = Faults::default();
    let Page {
        limit,
        starting_after,
    } = faults.take(page.page());
    let creator = |text: &str| input::creator_id("creator_id", text);
    let question = ListPayoutsRequest {
        creator_id: faults.take(given(query.creator_id.as_deref(), creator)),
        state: faults.take(given(query.state.as_deref(), |text| {
            input::id("state", text)
        })),
        month: faults.take(given(query.month.as_deref(), |text| {
            input::month("month", text)
        })),
        starting_after,
        limit,
    };
    faults.none()?;
    Ok(question)
}

async fn page_of(gate: &Gate, question: ListPayoutsRequest) -> Result<Json<List<Payout>>, Problem> {
    let mut client = PayoutServiceClient::new(gate.payout.clone());
    let answer = client.list_payouts(question).await?.into_inner();
    let payouts = answer.payouts.into_iter().map(Payout::from).collect();
    let id = |one: &Payout| one.payout_id.clone();
    Ok(Json(List::cut(payouts, answer.has_more, id)))
}

/// One payout, and why it is where it is.
#[utoipa::path(get, path = "/v1/payouts/{payout_id}", tag = "payouts",
    params(("payout_id" = String, Path, description = "The payout's id",
        example = "po_01m05v1nke8g5r0xhqyx8fn2ak")),
    responses((status = 200, description = "The payout", body = Payout)),
    security(("bearer" = ["creator", "admin", "finance"])),
    extensions(("x-problems" = json!(["payout_unknown"]))))]
pub async fn one(
    State(gate): State<Gate>,
    principal: Principal,
    Part(payout_id): Part,
) -> Result<Json<Payout>, Problem> {
    let payout_id = input::id("payout_id", &payout_id)?;
    let mut client = PayoutServiceClient::new(gate.payout.clone());
    let payout = client.get_payout(GetPayoutRequest { payout_id }).await;
    // Another creator's payout does not exist for this one, and is refused in the same words.
    let theirs = match payout {
        Ok(payout) => Some(payout.into_inner()),
        Err(status) if status.code() == tonic::Code::NotFound => None,
        Err(status) => return Err(status.into()),
    };
    let seen = theirs.filter(|one| sees_all(&principal) || one.creator_id == principal.sub);
    let unknown = || Problem::new(catalogue::PAYOUT_UNKNOWN, "there is no such payout");
    Ok(Json(seen.ok_or_else(unknown)?.into()))
}

fn sees_all(principal: &Principal) -> bool {
    principal.has(&[Role::Admin, Role::Finance])
}

/// How much.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({ "amount_cents": 2500 }))]
pub struct PayoutPost {
    /// At least 2500; all that may be paid now, unless told.
    #[schema(minimum = 1, maximum = 100_000_000)]
    pub amount_cents: Option<i64>,
}

/// Asks for a payout now.
///
/// The same key never pays twice.
#[utoipa::path(post, path = "/v1/payouts", tag = "payouts",
    request_body(content = PayoutPost, description = "May be absent"),
    responses((status = 201, description = "The payout, as far as it has come", body = Payout)),
    security(("bearer" = ["creator"])),
    extensions(("x-cost" = json!("stripe")), ("x-key" = json!("required")), ("x-problems" = json!(["creator_unknown",
        "creator_not_onboarded", "account_not_verified", "below_minimum", "insufficient_balance",
        "funds_settling", "exceeds_single_limit", "exceeds_new_account_limit",
        "exceeds_daily_count", "exceeds_daily_amount", "exceeds_monthly_amount", "too_soon",
        "requires_approval", "requires_admin_approval", "hold_lost", "payout_canceled",
        "amount_out_of_bounds"]))))]
pub async fn request(
    State(gate): State<Gate>,
    principal: Principal,
    PassedOn(idempotency_key): PassedOn,
    MaybeBody(body): MaybeBody<PayoutPost>,
) -> Result<Done<Payout>, Problem> {
    let request = RequestPayoutRequest {
        creator_id: principal.sub,
        amount_minor: amount(body.amount_cents)?,
        idempotency_key,
    };
    let mut client = PayoutServiceClient::new(gate.payout.clone());
    let payout = Payout::from(client.request_payout(request).await?.into_inner());
    let location = format!("/v1/payouts/{}", payout.payout_id);
    let effect = format!("payout:{}", payout.payout_id);
    Ok(Done::new(payout, [effect]).at(location))
}

/// Inside, nothing means everything; a caller who writes 0 means neither.
fn amount(cents: Option<i64>) -> Result<i64, Problem> {
    match cents {
        None => Ok(0),
        Some(0) => Err(Problem::field(
            "amount_cents",
            "write at least 2500, or leave it out for all that may be paid now",
        )),
        Some(cents) => Ok(input::cents("amount_cents", cents)?),
    }
}
