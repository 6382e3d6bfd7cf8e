//! Payouts, as their creator sees them.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::payout::v1::{GetPayoutRequest, ListPayoutsRequest};

use super::instant_text;
use crate::Gate;
use crate::auth::{Principal, Role};
use crate::body::{Path, Query};
use crate::problem::Problem;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PayoutsQuery {
    /// 1 to 100; 10 unless told.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i32>,
    /// The last payout id of the page before.
    starting_after: Option<String>,
    /// For admin and finance: one creator's payouts alone.
    creator_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Payouts {
    pub object: &'static str,
    /// Newest first.
    pub data: Vec<Payout>,
    pub has_more: bool,
    pub url: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Payout {
    pub object: &'static str,
    pub payout_id: String,
    pub creator_id: String,
    pub month: String,
    pub amount_cents: i64,
    pub currency: String,
    pub state: String,
    /// Why it is in this state, in words.
    pub reason: Option<String>,
    pub failure_code: Option<String>,
    pub transfer_id: Option<String>,
    pub created_at: Option<String>,
    pub expected_arrival_at: Option<String>,
    pub paid_at: Option<String>,
}

impl From<wire::payout::v1::Payout> for Payout {
    fn from(payout: wire::payout::v1::Payout) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            object: "payout",
            payout_id: payout.payout_id,
            creator_id: payout.creator_id,
            month: payout.month,
            amount_cents: payout.amount_minor,
            currency: payout.currency,
            state: payout.state,
            reason: given(payout.reason),
            failure_code: given(payout.failure_code),
            transfer_id: given(payout.transfer_id),
            created_at: instant_text(payout.created_at),
            expected_arrival_at: instant_text(payout.expected_arrival_at),
            paid_at: instant_text(payout.paid_at),
        }
    }
}

/// The creator's payouts; for admin and finance, everyone's.
#[utoipa::path(get, path = "/v1/payouts", tag = "payouts", params(PayoutsQuery),
    responses((status = 200, body = Payouts), (status = 422, body = Problem)))]
pub async fn list(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<PayoutsQuery>,
) -> Result<Json<Payouts>, Problem> {
    principal.require(&[Role::Creator, Role::Admin, Role::Finance])?;
    let limit = query.limit.unwrap_or(10);
    if !(1..=100).contains(&limit) {
        return Err(Problem::field("limit", "limit must be from 1 to 100"));
    }
    let question = ListPayoutsRequest {
        creator_id: scope(&principal, query.creator_id),
        starting_after: query.starting_after.unwrap_or_default(),
        limit,
        ..Default::default()
    };
    let answer = PayoutServiceClient::new(gate.payout.clone())
        .list_payouts(question)
        .await?
        .into_inner();
    let data = answer.payouts.into_iter().map(Payout::from).collect();
    Ok(Json(Payouts {
        object: "list",
        data,
        has_more: answer.has_more,
        url: "/v1/payouts",
    }))
}

/// One payout.
#[utoipa::path(get, path = "/v1/payouts/{payout_id}", tag = "payouts",
    params(("payout_id" = String, Path)),
    responses((status = 200, body = Payout), (status = 404, body = Problem)))]
pub async fn one(
    State(gate): State<Gate>,
    principal: Principal,
    Path(payout_id): Path<String>,
) -> Result<Json<Payout>, Problem> {
    principal.require(&[Role::Creator, Role::Admin, Role::Finance])?;
    let question = GetPayoutRequest { payout_id };
    let payout = PayoutServiceClient::new(gate.payout.clone())
        .get_payout(question)
        .await?
        .into_inner();
    let scope = scope(&principal, None);
    if !scope.is_empty() && scope != payout.creator_id {
        // Another creator's payout does not exist for this one.
        let status = axum::http::StatusCode::NOT_FOUND;
        return Err(Problem::new(
            status,
            "payout_unknown",
            "there is no such payout",
        ));
    }
    Ok(Json(payout.into()))
}

/// Whose payouts the user may see: empty means everyone's.
fn scope(principal: &Principal, asked: Option<String>) -> String {
    if principal.has(&[Role::Admin, Role::Finance]) {
        asked.unwrap_or_default()
    } else {
        principal.sub.clone()
    }
}
