//! Allocations: a subscriber's pool of a month, and who gets what of it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::allocation::v1::{GetAllocationsRequest, GetAllocationsResponse, SetAllocationRequest};

use super::instant_text;
use crate::Gate;
use crate::auth::{Principal, Role};
use crate::body::{Body, Path, Query};
use crate::problem::Problem;

/// The program that subscribers allocate in.
const PROGRAM: &str = "allocation";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MonthQuery {
    /// The open month, unless told.
    #[param(example = "2027-01")]
    month: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Pool {
    pub object: &'static str,
    #[schema(example = "2027-01")]
    pub month: String,
    pub program: String,
    pub currency: &'static str,
    /// funded = allocated + unallocated.
    pub funded_cents: i64,
    pub allocated_cents: i64,
    pub unallocated_cents: i64,
    pub locks_at: Option<String>,
    /// open, locked or sealed.
    pub state: String,
    pub allocations: Vec<Allocation>,
}

#[derive(Serialize, ToSchema)]
pub struct Allocation {
    pub creator_id: String,
    pub amount_cents: i64,
    pub status: String,
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
    responses((status = 200, body = Pool), (status = 422, body = Problem)))]
pub async fn list(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<MonthQuery>,
) -> Result<Json<Pool>, Problem> {
    principal.require(&[Role::Subscriber])?;
    let question = GetAllocationsRequest {
        subscriber_id: principal.sub,
        program: PROGRAM.to_owned(),
        month: month(query.month)?,
    };
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    Ok(Json(
        client.get_allocations(question).await?.into_inner().into(),
    ))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationPut {
    /// What the creator gets of this month's pool: the new figure, not the change. 0 takes it back.
    #[schema(minimum = 0, example = 300)]
    pub amount_cents: i64,
    /// The open month, unless told.
    #[schema(example = "2027-01")]
    pub month: Option<String>,
}

/// Sets what one creator gets of the month's pool.
#[utoipa::path(put, path = "/v1/allocations/{creator_id}", tag = "allocations",
    request_body = AllocationPut, params(("creator_id" = String, Path, example = "alice")),
    responses((status = 200, body = Pool), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn set(
    State(gate): State<Gate>,
    principal: Principal,
    Path(creator_id): Path<String>,
    Body(body): Body<AllocationPut>,
) -> Result<Json<Pool>, Problem> {
    principal.require(&[Role::Subscriber])?;
    if !(0..=AMOUNT_CENTS_MAX).contains(&body.amount_cents) {
        let detail = format!("amount_cents must be from 0 to {AMOUNT_CENTS_MAX}");
        return Err(Problem::field("amount_cents", detail));
    }
    let request = SetAllocationRequest {
        subscriber_id: principal.sub.clone(),
        program: PROGRAM.to_owned(),
        creator_id,
        amount_minor: body.amount_cents,
        month: month(body.month)?,
    };
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    let answer = client.set_allocation(request).await?.into_inner();
    let route = "/v1/allocations/{creator_id}";
    gate.acknowledged
        .keep(&principal, "PUT", route, &answer.fact_id)
        .await?;
    answer
        .pool
        .map(|pool| Json(pool.into()))
        .ok_or_else(Problem::internal)
}

/// A million dollars: more than any plan, far below what could overflow.
const AMOUNT_CENTS_MAX: i64 = 100_000_000;

fn month(text: Option<String>) -> Result<String, Problem> {
    match text {
        None => Ok(String::new()),
        Some(text) if text.parse::<ledger::Month>().is_ok() => Ok(text),
        Some(_) => Err(Problem::field("month", "write the month as 2027-01")),
    }
}
