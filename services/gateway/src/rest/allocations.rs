//! Allocations: a subscriber's pool of a month, and who gets what of it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::allocation::v1::{
    AllocationTarget, CopyAllocationsRequest, GetAllocationsRequest, GetAllocationsResponse,
    SetAllocationRequest, SetAllocationsRequest, SetAllocationsResponse,
};

use crate::Gate;
use crate::answer::{Done, instant_text};
use crate::auth::Principal;
use crate::body::{Body, MaybeBody, Part, Query};
use crate::input::{self, given};
use crate::problem::{Fault, Faults, Problem};
use crate::write::Named;

/// The program that subscribers allocate in.
pub const PROGRAM: &str = "allocation";

/// Which month.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MonthQuery {
    /// The open month, unless told.
    #[param(example = "2027-01")]
    month: Option<String>,
}

/// A subscriber's pool of a month, and its allocations.
#[derive(Serialize, ToSchema)]
pub struct Pool {
    /// Always `pool`.
    pub object: &'static str,
    /// The month that it belongs to.
    pub month: String,
    /// The program that it belongs to.
    pub program: String,
    /// Always USD.
    pub currency: &'static str,
    /// funded = allocated + unallocated.
    #[schema(example = 1000)]
    pub funded_cents: i64,
    /// What was directed to creators.
    #[schema(example = 300)]
    pub allocated_cents: i64,
    /// What is left; at the month's end it is the platform's.
    #[schema(example = 700)]
    pub unallocated_cents: i64,
    /// Until when it can be changed.
    pub locks_at: Option<String>,
    /// open, locked or sealed.
    #[schema(example = "open")]
    pub state: String,
    /// Who gets what.
    pub allocations: Vec<Allocation>,
}

/// What one creator gets of a pool.
#[derive(Serialize, ToSchema)]
pub struct Allocation {
    /// The creator's id.
    pub creator_id: String,
    /// The creator's share, before the fee.
    #[schema(example = 300)]
    pub amount_cents: i64,
    /// active, unless the money behind it was disputed or refunded.
    #[schema(example = "active")]
    pub status: String,
    /// When it was last changed.
    pub updated_at: Option<String>,
}

impl From<GetAllocationsResponse> for Pool {
    fn from(pool: GetAllocationsResponse) -> Self {
        let allocations = pool.allocations.into_iter().map(|one| Allocation {
            creator_id: one.creator_id,
            amount_cents: one.amount_minor,
            status: one.status,
            updated_at: instant_text(one.updated_at),
        });
        Self {
            object: "pool",
            month: pool.month,
            program: pool.program,
            currency: "USD",
            funded_cents: pool.funded_minor,
            allocated_cents: pool.allocated_minor,
            unallocated_cents: pool.unallocated_minor,
            locks_at: instant_text(pool.locks_at),
            state: pool.state,
            allocations: allocations.collect(),
        }
    }
}

/// The subscriber's pool and allocations of a month.
#[utoipa::path(get, path = "/v1/allocations", tag = "allocations", params(MonthQuery),
    responses((status = 200, description = "The pool", body = Pool)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-problems" = json!(["month_unknown", "month_not_open"]))))]
pub async fn list(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<MonthQuery>,
) -> Result<Json<Pool>, Problem> {
    let question = GetAllocationsRequest {
        subscriber_id: principal.sub,
        program: PROGRAM.to_owned(),
        month: month("month", query.month.as_deref())?,
    };
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    let pool = client.get_allocations(question).await?.into_inner();
    Ok(Json(pool.into()))
}

/// One creator's share.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount_cents": 300 }))]
pub struct AllocationPut {
    /// What the creator gets of this month's pool: the new figure, not the change. 0 takes it back.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub amount_cents: i64,
    /// The open month, unless told.
    pub month: Option<String>,
}

/// Sets what one creator gets of the month's pool.
#[utoipa::path(put, path = "/v1/allocations/{creator_id}", tag = "allocations",
    request_body(content = AllocationPut, description = "The new figure"),
    params(("creator_id" = String, Path, description = "The creator's id", example = "alice")),
    responses((status = 200, description = "The pool afterwards", body = Pool)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-problems" = json!(["insufficient_funds", "self_allocation", "creator_unknown",
        "month_locked", "month_not_open", "month_unknown", "subscription_required",
        "subscription_past_due"]))))]
pub async fn set(
    State(gate): State<Gate>,
    principal: Principal,
    Named(idempotency_key): Named,
    Part(creator_id): Part,
    Body(body): Body<AllocationPut>,
) -> Result<Done<Pool>, Problem> {
    let mut faults = Faults::default();
    let request = SetAllocationRequest {
        subscriber_id: principal.sub,
        program: PROGRAM.to_owned(),
        creator_id: faults.take(input::creator_id("creator_id", &creator_id)),
        amount_minor: faults.take(input::cents("amount_cents", body.amount_cents)),
        month: faults.take(month("month", body.month.as_deref())),
        idempotency_key,
    };
    faults.none()?;
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    let answer = client.set_allocation(request).await?.into_inner();
    let pool = answer.pool.ok_or_else(Problem::internal)?;
    Ok(Done::new(pool.into(), [answer.fact_id]))
}

/// All shares of a month.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "allocations": [
    { "creator_id": "alice", "amount_cents": 300 }, { "creator_id": "bob", "amount_cents": 700 }] }))]
pub struct AllocationsPut {
    /// Who gets what; whoever is not named gets nothing. At most 1,000.
    pub allocations: Vec<AllocationLine>,
    /// The open month, unless told.
    pub month: Option<String>,
}

/// One creator's share.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationLine {
    /// The creator's id; no creator twice.
    pub creator_id: String,
    /// The creator's share, before the fee.
    #[schema(minimum = 0, maximum = 100_000_000, example = 300)]
    pub amount_cents: i64,
}

/// Sets all allocations of the month at once, all or nothing.
#[utoipa::path(put, path = "/v1/allocations", tag = "allocations",
    request_body(content = AllocationsPut, description = "All shares"),
    responses((status = 200, description = "The pool afterwards", body = Pool)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-cost" = json!("lines")), ("x-problems" = json!(["insufficient_funds", "self_allocation", "creator_unknown",
        "month_locked", "month_not_open", "month_unknown", "subscription_required",
        "subscription_past_due"]))))]
pub async fn set_all(
    State(gate): State<Gate>,
    principal: Principal,
    Named(idempotency_key): Named,
    Body(body): Body<AllocationsPut>,
) -> Result<Done<Pool>, Problem> {
    let mut faults = Faults::default();
    let month = faults.take(month("month", body.month.as_deref()));
    let targets = targets(&mut faults, &body.allocations);
    faults.none()?;
    let request = SetAllocationsRequest {
        subscriber_id: principal.sub,
        program: PROGRAM.to_owned(),
        month,
        targets,
        idempotency_key,
    };
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    all_set(client.set_allocations(request).await?.into_inner())
}

/// More creators than anybody follows, and few enough for one transaction.
const TARGETS_MAX: usize = 1000;

fn targets(faults: &mut Faults, lines: &[AllocationLine]) -> Vec<AllocationTarget> {
    if lines.len() > TARGETS_MAX {
        let detail = format!("name at most {TARGETS_MAX} creators");
        faults.take::<()>(Err(Fault::invalid("allocations", detail)));
        return Vec::new();
    }
    let mut seen = std::collections::BTreeSet::new();
    let read = lines.iter().enumerate().map(|(at, line)| {
        let field = |name: &str| format!("allocations[{at}].{name}");
        if !seen.insert(line.creator_id.as_str()) {
            let twice = Fault::invalid(field("creator_id"), "name a creator once");
            faults.take::<()>(Err(twice));
        }
        AllocationTarget {
            creator_id: faults.take(input::creator_id(field("creator_id"), &line.creator_id)),
            amount_minor: faults.take(input::cents(field("amount_cents"), line.amount_cents)),
        }
    });
    read.collect()
}

/// What to copy from.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({ "from_month": "2026-12", "scale": true }))]
pub struct CopyPost {
    /// The month before the open one, unless told.
    pub from_month: Option<String>,
    /// When the pool holds less than that month's sum: true shares it out in the same
    /// proportions, false refuses.
    pub scale: Option<bool>,
}

/// Copies an earlier month's allocations into the open month, all or nothing.
///
/// They take the place of what is there. Nothing is ever copied by itself.
#[utoipa::path(post, path = "/v1/allocations/copy", tag = "allocations",
    request_body(content = CopyPost, description = "May be absent"),
    responses((status = 200, description = "The pool afterwards", body = Pool)),
    security(("bearer" = ["subscriber"])),
    extensions(("x-cost" = json!("copy")), ("x-problems" = json!(["nothing_to_copy", "insufficient_funds", "self_allocation",
        "creator_unknown", "month_locked", "month_not_open", "month_unknown",
        "subscription_required", "subscription_past_due"]))))]
pub async fn copy(
    State(gate): State<Gate>,
    principal: Principal,
    Named(idempotency_key): Named,
    MaybeBody(body): MaybeBody<CopyPost>,
) -> Result<Done<Pool>, Problem> {
    let request = CopyAllocationsRequest {
        subscriber_id: principal.sub,
        program: PROGRAM.to_owned(),
        from_month: month("from_month", body.from_month.as_deref())?,
        scale: body.scale.unwrap_or(false),
        idempotency_key,
    };
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    all_set(client.copy_allocations(request).await?.into_inner())
}

fn all_set(answer: SetAllocationsResponse) -> Result<Done<Pool>, Problem> {
    let pool = answer.pool.ok_or_else(Problem::internal)?;
    Ok(Done::new(pool.into(), answer.fact_ids))
}

/// Empty means the open month, or the one before it.
fn month(field: &str, text: Option<&str>) -> Result<String, Fault> {
    given(text, |text| input::month(field, text))
}
