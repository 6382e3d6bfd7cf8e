//! A month, from open to paid, as the operator sees it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wire::allocation::v1::GetMonthRequest as AllocationMonthRequest;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::billing::v1::GetMonthRequest as BillingMonthRequest;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::earnings::v1::GetMonthRequest as EarningsMonthRequest;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::payout::v1::GetRunRequest;
use wire::payout::v1::payout_service_client::PayoutServiceClient;

use super::instant_text;
use crate::Gate;
use crate::auth::{Principal, Role};
use crate::body::Path;
use crate::problem::Problem;

#[derive(Serialize, ToSchema)]
pub struct Month {
    pub object: &'static str,
    #[schema(example = "2027-01")]
    pub month: String,
    pub cash: Cash,
    pub attribution: Attribution,
    pub close: Close,
    pub run: Run,
}

/// Billing's side.
#[derive(Serialize, ToSchema)]
pub struct Cash {
    /// Whether every charge of the month is in.
    pub cut: bool,
    pub charge_count: i64,
    pub gross_cents: i64,
}

/// Allocation's side.
#[derive(Serialize, ToSchema)]
pub struct Attribution {
    /// open, locked or sealed.
    pub state: String,
    pub locked_at: Option<String>,
    pub sealed_at: Option<String>,
    /// What the seal waits for.
    pub waiting_for: Option<String>,
}

/// The ledger's side.
#[derive(Serialize, ToSchema)]
pub struct Close {
    /// open, sealed, closing, closed or stopped.
    pub state: String,
    pub closed_at: Option<String>,
    /// Hex SHA-256 of the manifest.
    pub manifest_root: Option<String>,
    pub gross_cents: i64,
    pub fee_cents: i64,
    pub net_cents: i64,
    /// What nobody allocated.
    pub unallocated_cents: i64,
    pub creator_count: i32,
    pub totals: Vec<Total>,
}

/// One kind of fact, as sealed and as posted.
#[derive(Serialize, ToSchema)]
pub struct Total {
    pub program: String,
    pub kind: String,
    pub sealed_count: i64,
    pub posted_count: i64,
    pub sealed_cents: i64,
    pub posted_cents: i64,
    pub digest_equal: bool,
}

/// The payouts.
#[derive(Serialize, ToSchema)]
pub struct Run {
    /// none, planning, running or done.
    pub state: String,
    pub planned_count: i32,
    pub planned_cents: i64,
    pub paid_count: i32,
    pub paid_cents: i64,
    pub carried_over: Vec<CarriedOver>,
}

#[derive(Serialize, ToSchema)]
pub struct CarriedOver {
    pub creator_id: String,
    pub payable_cents: i64,
    pub reason: String,
}

/// Where a month stands.
#[utoipa::path(get, path = "/v1/admin/months/{month}", tag = "months",
    params(("month" = String, Path, example = "2027-01")),
    responses((status = 200, body = Month), (status = 422, body = Problem)))]
pub async fn month(
    State(gate): State<Gate>,
    principal: Principal,
    Path(month): Path<String>,
) -> Result<Json<Month>, Problem> {
    principal.require(&[Role::Admin, Role::Finance])?;
    if month.parse::<ledger::Month>().is_err() {
        return Err(Problem::field("month", "write the month as 2027-01"));
    }
    let mut billing = BillingServiceClient::new(gate.billing.clone());
    let mut allocation = AllocationServiceClient::new(gate.allocation.clone());
    let mut earnings = EarningsServiceClient::new(gate.earnings.clone());
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let (cash, attribution, close, run) = tokio::try_join!(
        billing.get_month(BillingMonthRequest {
            month: month.clone()
        }),
        allocation.get_month(AllocationMonthRequest {
            month: month.clone()
        }),
        earnings.get_month(EarningsMonthRequest {
            month: month.clone()
        }),
        payout.get_run(GetRunRequest {
            month: month.clone()
        }),
    )?;
    Ok(Json(Month {
        object: "month",
        month,
        cash: cash.into_inner().into(),
        attribution: attribution.into_inner().into(),
        close: close.into_inner().into(),
        run: run.into_inner().into(),
    }))
}

impl From<wire::billing::v1::GetMonthResponse> for Cash {
    fn from(month: wire::billing::v1::GetMonthResponse) -> Self {
        Self {
            cut: month.cut,
            charge_count: month.charge_count,
            gross_cents: month.gross_minor,
        }
    }
}

impl From<wire::allocation::v1::GetMonthResponse> for Attribution {
    fn from(month: wire::allocation::v1::GetMonthResponse) -> Self {
        Self {
            state: month.state,
            locked_at: instant_text(month.locked_at),
            sealed_at: instant_text(month.sealed_at),
            waiting_for: Some(month.waiting_for).filter(|text| !text.is_empty()),
        }
    }
}

impl From<wire::earnings::v1::GetMonthResponse> for Close {
    fn from(month: wire::earnings::v1::GetMonthResponse) -> Self {
        let totals = month.totals.into_iter().map(|total| Total {
            program: total.program,
            kind: total.kind,
            sealed_count: total.sealed_count,
            posted_count: total.posted_count,
            sealed_cents: total.sealed_sum_minor,
            posted_cents: total.posted_sum_minor,
            digest_equal: total.digest_equal,
        });
        Self {
            state: month.state,
            closed_at: instant_text(month.closed_at),
            manifest_root: Some(month.manifest_root).filter(|root| !root.is_empty()),
            gross_cents: month.gross_minor,
            fee_cents: month.fee_minor,
            net_cents: month.net_minor,
            unallocated_cents: month.unallocated_minor,
            creator_count: month.creator_count,
            totals: totals.collect(),
        }
    }
}

impl From<wire::payout::v1::GetRunResponse> for Run {
    fn from(run: wire::payout::v1::GetRunResponse) -> Self {
        let carried_over = run.carried_over.into_iter().map(|one| CarriedOver {
            creator_id: one.creator_id,
            payable_cents: one.payable_minor,
            reason: one.reason,
        });
        Self {
            state: run.state,
            planned_count: run.planned_count,
            planned_cents: run.planned_minor,
            paid_count: run.paid_count,
            paid_cents: run.paid_minor,
            carried_over: carried_over.collect(),
        }
    }
}
