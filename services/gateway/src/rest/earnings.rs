//! What creators earn: by month and program, late earnings, and why money carries over.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::earnings::v1::{
    GetCreatorEarningsRequest, GetCreatorEarningsResponse, GetCreatorMonthRequest,
};
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::payout::v1::{CarriedOver, GetCarryOverRequest, GetCreatorRequest};

use crate::Gate;
use crate::answer::{instant_text, said};
use crate::auth::Principal;
use crate::body::Part;
use crate::input;
use crate::problem::Problem;

/// A creator's earnings, all told.
#[derive(Serialize, ToSchema)]
pub struct Earnings {
    /// Always `earnings`.
    pub object: &'static str,
    /// The creator's id.
    pub creator_id: String,
    /// Always USD.
    pub currency: String,
    /// Net of closed months that has not left yet: payable and reserved.
    pub balance_cents: i64,
    /// Allocated in months that are not closed, before the fee.
    pub pending_cents: i64,
    /// Net of closed months, free to be paid.
    pub payable_cents: i64,
    /// Held for a payout that is being prepared.
    pub reserved_cents: i64,
    /// On the way to the bank.
    pub in_transit_cents: i64,
    /// What arrived.
    pub paid_cents: i64,
    /// Frozen by disputes, net.
    pub frozen_cents: i64,
    /// To be recovered from future earnings.
    pub debt_cents: i64,
    /// Net of all closed months.
    pub lifetime_cents: i64,
    /// The same as lifetime_cents.
    pub lifetime_net_cents: i64,
    /// Newest first.
    pub months: Vec<MonthEarnings>,
    /// Money whose own month was sealed before it was free, newest first.
    pub late_earnings: Vec<LateEarning>,
    /// Why money was not paid by the last run; null when nothing carries over.
    pub carry_over: Option<CarryOver>,
}

/// A creator's month in one program.
#[derive(Serialize, ToSchema)]
pub struct MonthEarnings {
    /// The month.
    pub month: String,
    /// The program.
    pub program: String,
    /// Allocated and not yet closed, before the fee.
    pub pending_cents: i64,
    /// Before the fee; set by the close.
    pub gross_cents: i64,
    /// The platform's part.
    pub fee_cents: i64,
    /// The creator's part.
    pub net_cents: i64,
    /// Of net: free to be paid now.
    pub payable_cents: i64,
    /// open, locked, payable, in_payout, paid, carried_over or frozen.
    #[schema(example = "payable")]
    pub status: String,
}

/// Money whose own month was sealed before it was free.
#[derive(Serialize, ToSchema)]
pub struct LateEarning {
    /// The month that it is paid with.
    pub month: String,
    /// The month that it was earned in.
    #[schema(example = "2026-12")]
    pub origin_month: String,
    /// The program.
    pub program: String,
    /// Before the fee.
    pub gross_cents: i64,
    /// The platform's part.
    pub fee_cents: i64,
    /// The creator's part.
    pub net_cents: i64,
    /// What made it free: a dispute, a refund.
    #[schema(example = "dispute")]
    pub cause: String,
    /// When it came into the books.
    pub posted_at: Option<String>,
}

/// Why a creator's money was not paid by the last run.
#[derive(Serialize, ToSchema)]
pub struct CarryOver {
    /// What carries over.
    pub payable_cents: i64,
    /// Why, in words.
    #[schema(example = "below $25.00 by $3.20")]
    pub reason: String,
    /// When it is tried again; null when that depends on the creator.
    pub expected_on: Option<String>,
    /// The run that says so.
    pub month: String,
}

impl From<wire::earnings::v1::MonthEarnings> for MonthEarnings {
    fn from(month: wire::earnings::v1::MonthEarnings) -> Self {
        Self {
            month: month.month,
            program: month.program,
            pending_cents: month.pending_minor,
            gross_cents: month.gross_minor,
            fee_cents: month.fee_minor,
            net_cents: month.net_minor,
            payable_cents: month.payable_minor,
            status: month.status,
        }
    }
}

impl From<wire::earnings::v1::LateEarning> for LateEarning {
    fn from(late: wire::earnings::v1::LateEarning) -> Self {
        Self {
            month: late.month,
            origin_month: late.origin_month,
            program: late.program,
            gross_cents: late.gross_minor,
            fee_cents: late.fee_minor,
            net_cents: late.net_minor,
            cause: late.cause,
            posted_at: instant_text(late.posted_at),
        }
    }
}

impl CarryOver {
    fn of(carried: CarriedOver) -> Option<Self> {
        Some(Self {
            reason: said(carried.reason)?,
            payable_cents: carried.payable_minor,
            expected_on: instant_text(carried.expected_on),
            month: carried.month,
        })
    }
}

impl Earnings {
    fn of(answer: GetCreatorEarningsResponse, carried: CarriedOver) -> Self {
        Self {
            object: "earnings",
            creator_id: answer.creator_id,
            currency: answer.currency,
            balance_cents: answer.payable_minor.saturating_add(answer.reserved_minor),
            pending_cents: answer.pending_minor,
            payable_cents: answer.payable_minor,
            reserved_cents: answer.reserved_minor,
            in_transit_cents: answer.in_transit_minor,
            paid_cents: answer.paid_minor,
            frozen_cents: answer.frozen_minor,
            debt_cents: answer.debt_minor,
            lifetime_cents: answer.lifetime_net_minor,
            lifetime_net_cents: answer.lifetime_net_minor,
            months: answer.months.into_iter().map(MonthEarnings::from).collect(),
            late_earnings: answer.late.into_iter().map(LateEarning::from).collect(),
            carry_over: CarryOver::of(carried),
        }
    }
}

/// The creator's earnings by month and program.
#[utoipa::path(get, path = "/v1/creators/me/earnings", tag = "creators",
    responses((status = 200, description = "The earnings", body = Earnings)),
    security(("bearer" = ["creator"])))]
pub async fn mine(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Earnings>, Problem> {
    Ok(Json(earnings(&gate, principal.sub).await?))
}

/// One creator's earnings, as the creator sees them.
#[utoipa::path(get, path = "/v1/admin/creators/{creator_id}/earnings", tag = "books",
    params(("creator_id" = String, Path, description = "The creator's id", example = "alice")),
    responses((status = 200, description = "The earnings", body = Earnings)),
    security(("bearer" = ["admin", "finance"])),
    extensions(("x-problems" = json!(["creator_unknown"]))))]
pub async fn of_creator(
    State(gate): State<Gate>,
    Part(creator_id): Part,
) -> Result<Json<Earnings>, Problem> {
    let creator_id = input::creator_id("creator_id", &creator_id)?;
    let question = GetCreatorRequest {
        creator_id: creator_id.clone(),
    };
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    payout.get_creator(question).await?;
    Ok(Json(earnings(&gate, creator_id).await?))
}

async fn earnings(gate: &Gate, creator_id: String) -> Result<Earnings, Problem> {
    let mut earnings = EarningsServiceClient::new(gate.earnings.clone());
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let question = GetCreatorEarningsRequest {
        creator_id: creator_id.clone(),
    };
    let (answer, carried) = tokio::join!(
        earnings.get_creator_earnings(question),
        payout.get_carry_over(GetCarryOverRequest { creator_id }),
    );
    let carried = match carried {
        // Who has not begun onboarding has earnings and no record.
        Err(status) if status.code() == tonic::Code::NotFound => CarriedOver::default(),
        carried => carried?.into_inner(),
    };
    Ok(Earnings::of(answer?.into_inner(), carried))
}

/// A creator's month, in every program.
#[derive(Serialize, ToSchema)]
pub struct CreatorMonth {
    /// Always `creator_month`.
    pub object: &'static str,
    /// The creator's id.
    pub creator_id: String,
    /// Always USD.
    pub currency: String,
    /// The month.
    pub month: String,
    /// By program; empty when nothing was earned.
    pub programs: Vec<MonthEarnings>,
    /// The payouts that took this month's money.
    pub payouts: Vec<PayoutShare>,
    /// Money of earlier months that is paid with this one.
    pub late_earnings: Vec<LateEarning>,
}

/// What one payout took of a month.
#[derive(Serialize, ToSchema)]
pub struct PayoutShare {
    /// The payout's id.
    pub payout_id: String,
    /// The program.
    pub program: String,
    /// What it took.
    pub amount_cents: i64,
}

/// The creator's month by program, with the payouts that took its money.
#[utoipa::path(get, path = "/v1/creators/me/earnings/{month}", tag = "creators",
    params(("month" = String, Path, description = "The month", example = "2027-01")),
    responses((status = 200, description = "The month", body = CreatorMonth)),
    security(("bearer" = ["creator"])),
    extensions(("x-problems" = json!(["month_unknown"]))))]
pub async fn my_month(
    State(gate): State<Gate>,
    principal: Principal,
    Part(month): Part,
) -> Result<Json<CreatorMonth>, Problem> {
    let question = GetCreatorMonthRequest {
        creator_id: principal.sub,
        month: input::month_of_path(&month)?,
    };
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.get_creator_month(question).await?.into_inner();
    let payouts = answer.payouts.into_iter().map(|share| PayoutShare {
        payout_id: share.payout_id,
        program: share.program,
        amount_cents: share.amount_minor,
    });
    Ok(Json(CreatorMonth {
        object: "creator_month",
        creator_id: answer.creator_id,
        currency: answer.currency,
        month: answer.month,
        payouts: payouts.collect(),
        programs: answer
            .programs
            .into_iter()
            .map(MonthEarnings::from)
            .collect(),
        late_earnings: answer.late.into_iter().map(LateEarning::from).collect(),
    }))
}
