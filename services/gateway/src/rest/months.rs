//! A month, from open to paid, as the operator sees it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wire::allocation::v1::GetMonthRequest as AllocationMonthRequest;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::billing::v1::GetMonthRequest as BillingMonthRequest;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::earnings::v1::CloseMonthRequest;
use wire::earnings::v1::GetMonthRequest as EarningsMonthRequest;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::payout::v1::GetRunRequest;
use wire::payout::v1::payout_service_client::PayoutServiceClient;

use crate::Gate;
use crate::answer::{Done, instant_text, said};
use crate::body::Part;
use crate::input;
use crate::problem::Problem;

/// Where a month stands, from its charges to its payouts.
#[derive(Serialize, ToSchema)]
pub struct Month {
    /// Always `month`.
    pub object: &'static str,
    /// The month.
    pub month: String,
    /// future, open, locked, sealed, closing, closed or stopped: the furthest that it has come.
    #[schema(example = "closed")]
    pub state: String,
    /// Billing's side.
    pub cash: Cash,
    /// Allocation's side.
    pub attribution: Attribution,
    /// The ledger's side.
    pub close: Close,
    /// The payouts.
    pub run: Run,
}

/// Billing's side.
#[derive(Serialize, ToSchema)]
pub struct Cash {
    /// Whether every charge of the month is in.
    pub cut: bool,
    /// How many charges.
    pub charge_count: i64,
    /// Their sum.
    pub gross_cents: i64,
    /// Stripe's objects that are still being read.
    pub pending_count: i64,
}

/// Allocation's side.
#[derive(Serialize, ToSchema)]
pub struct Attribution {
    /// open, locked or sealed.
    #[schema(example = "sealed")]
    pub state: String,
    /// When allocations were locked.
    pub locked_at: Option<String>,
    /// When the month was sealed.
    pub sealed_at: Option<String>,
    /// What the seal waits for.
    #[schema(example = "the month's cut")]
    pub waiting_for: Option<String>,
}

/// The ledger's side.
#[derive(Serialize, ToSchema)]
pub struct Close {
    /// open, sealed, closing, closed or stopped.
    #[schema(example = "closed")]
    pub state: String,
    /// When it was closed.
    pub closed_at: Option<String>,
    /// Hex SHA-256 of the manifest.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub manifest_root: Option<String>,
    /// Allocated to creators, before the fee.
    pub gross_cents: i64,
    /// The platform's part of it.
    pub fee_cents: i64,
    /// The creators' part.
    pub net_cents: i64,
    /// What nobody allocated.
    pub unallocated_cents: i64,
    /// How many creators earned.
    pub creator_count: i32,
    /// By program and kind of fact, what was sealed and what was posted.
    pub totals: Vec<Total>,
    /// What differs between the two, in words; empty when nothing does.
    #[schema(example = json!([]))]
    pub differs: Vec<String>,
}

/// One kind of fact, as sealed and as posted.
#[derive(Serialize, ToSchema)]
pub struct Total {
    /// The program.
    pub program: String,
    /// The kind of fact.
    #[schema(example = "allocation_changed")]
    pub kind: String,
    /// How many were sealed.
    pub sealed_count: i64,
    /// How many were posted.
    pub posted_count: i64,
    /// The sum that was sealed.
    pub sealed_cents: i64,
    /// The sum that was posted.
    pub posted_cents: i64,
    /// Whether they are the same facts.
    pub digest_equal: bool,
}

/// The payouts of a month's run.
#[derive(Serialize, ToSchema)]
pub struct Run {
    /// none, planning, running or done.
    #[schema(example = "done")]
    pub state: String,
    /// How many were planned.
    pub planned_count: i32,
    /// Their sum.
    pub planned_cents: i64,
    /// How many were paid.
    pub paid_count: i32,
    /// Their sum.
    pub paid_cents: i64,
    /// How many failed.
    pub failed_count: i32,
    /// Their sum.
    pub failed_cents: i64,
    /// How many are under way.
    pub open_count: i32,
    /// Their sum.
    pub open_cents: i64,
    /// Creators whose money carries over.
    pub carried_over: Vec<CarriedOver>,
}

/// A creator whose money carries over, and why.
#[derive(Serialize, ToSchema)]
pub struct CarriedOver {
    /// The creator's id.
    pub creator_id: String,
    /// What carries over.
    pub payable_cents: i64,
    /// Why, in words.
    #[schema(example = "below $25.00 by $3.20")]
    pub reason: String,
    /// When it is tried again; null when that depends on the creator.
    pub expected_on: Option<String>,
}

/// Where a month stands: control totals, what differs, and its run.
#[utoipa::path(get, path = "/v1/admin/months/{month}", tag = "months",
    params(("month" = String, Path, description = "The month", example = "2027-01")),
    responses((status = 200, description = "The month", body = Month)),
    security(("bearer" = ["admin", "finance"])),
    extensions(("x-problems" = json!(["month_unknown"]))))]
pub async fn month(State(gate): State<Gate>, Part(month): Part) -> Result<Json<Month>, Problem> {
    Ok(Json(stands(&gate, input::month_of_path(&month)?).await?))
}

/// Closes a sealed month now, rather than at the scheduler's next turn.
///
/// Idempotent: a closed month is answered as it is.
#[utoipa::path(post, path = "/v1/admin/months/{month}/close", tag = "months",
    params(("month" = String, Path, description = "The month", example = "2027-01")),
    responses((status = 200, description = "The month, closed", body = Month)),
    security(("bearer" = ["admin", "finance"])),
    extensions(("x-problems" = json!(["month_not_sealed", "month_stopped", "month_unknown"]))))]
pub async fn close(State(gate): State<Gate>, Part(month): Part) -> Result<Done<Month>, Problem> {
    let month = input::month_of_path(&month)?;
    let request = CloseMonthRequest {
        month: month.clone(),
    };
    let mut earnings = EarningsServiceClient::new(gate.earnings.clone());
    earnings.close_month(request).await?;
    let effect = format!("close:{month}");
    Ok(Done::new(stands(&gate, month).await?, [effect]))
}

async fn stands(gate: &Gate, month: String) -> Result<Month, Problem> {
    let mut billing = BillingServiceClient::new(gate.billing.clone());
    let mut allocation = AllocationServiceClient::new(gate.allocation.clone());
    let mut earnings = EarningsServiceClient::new(gate.earnings.clone());
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let named = || month.clone();
    let (cash, attribution, close, run) = tokio::try_join!(
        billing.get_month(BillingMonthRequest { month: named() }),
        allocation.get_month(AllocationMonthRequest { month: named() }),
        earnings.get_month(EarningsMonthRequest { month: named() }),
        payout.get_run(GetRunRequest { month: named() }),
    )?;
    let attribution = Attribution::from(attribution.into_inner());
    let close = Close::from(close.into_inner());
    // Before the seal arrives there, the ledger calls every month open.
    let furthest = if close.state == "open" {
        &attribution.state
    } else {
        &close.state
    };
    Ok(Month {
        object: "month",
        state: furthest.clone(),
        month,
        cash: cash.into_inner().into(),
        attribution,
        close,
        run: run.into_inner().into(),
    })
}

impl From<wire::billing::v1::GetMonthResponse> for Cash {
    fn from(month: wire::billing::v1::GetMonthResponse) -> Self {
        Self {
            cut: month.cut,
            charge_count: month.charge_count,
            gross_cents: month.gross_minor,
            pending_count: month.pending_count,
        }
    }
}

impl From<wire::allocation::v1::GetMonthResponse> for Attribution {
    fn from(month: wire::allocation::v1::GetMonthResponse) -> Self {
        Self {
            state: month.state,
            locked_at: instant_text(month.locked_at),
            sealed_at: instant_text(month.sealed_at),
            waiting_for: said(month.waiting_for),
        }
    }
}

impl From<wire::earnings::v1::TotalCheck> for Total {
    fn from(total: wire::earnings::v1::TotalCheck) -> Self {
        Self {
            program: total.program,
            kind: total.kind,
            sealed_count: total.sealed_count,
            posted_count: total.posted_count,
            sealed_cents: total.sealed_sum_minor,
            posted_cents: total.posted_sum_minor,
            digest_equal: total.digest_equal,
        }
    }
}

impl Total {
    /// What differs, in words.
    fn difference(&self) -> Option<String> {
        let counts = self.sealed_count == self.posted_count;
        if counts && self.sealed_cents == self.posted_cents && self.digest_equal {
            return None;
        }
        Some(format!(
            "{} {}: {} facts of {} cents were sealed, {} of {} are posted",
            self.program,
            self.kind,
            self.sealed_count,
            self.sealed_cents,
            self.posted_count,
            self.posted_cents
        ))
    }
}

impl From<wire::earnings::v1::GetMonthResponse> for Close {
    fn from(month: wire::earnings::v1::GetMonthResponse) -> Self {
        let totals: Vec<Total> = month.totals.into_iter().map(Total::from).collect();
        // While a month is open there is no seal that anything could differ from.
        let sealed = month.state != "open";
        let differs = totals
            .iter()
            .filter(|_| sealed)
            .filter_map(Total::difference);
        Self {
            state: month.state,
            closed_at: instant_text(month.closed_at),
            manifest_root: said(month.manifest_root),
            gross_cents: month.gross_minor,
            fee_cents: month.fee_minor,
            net_cents: month.net_minor,
            unallocated_cents: month.unallocated_minor,
            creator_count: month.creator_count,
            differs: differs.collect(),
            totals,
        }
    }
}

impl From<wire::payout::v1::GetRunResponse> for Run {
    fn from(run: wire::payout::v1::GetRunResponse) -> Self {
        let carried_over = run.carried_over.into_iter().map(|one| CarriedOver {
            creator_id: one.creator_id,
            payable_cents: one.payable_minor,
            reason: one.reason,
            expected_on: instant_text(one.expected_on),
        });
        Self {
            state: run.state,
            planned_count: run.planned_count,
            planned_cents: run.planned_minor,
            paid_count: run.paid_count,
            paid_cents: run.paid_minor,
            failed_count: run.failed_count,
            failed_cents: run.failed_minor,
            open_count: run.open_count,
            open_cents: run.open_minor,
            carried_over: carried_over.collect(),
        }
    }
}
