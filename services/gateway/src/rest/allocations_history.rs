//! What a subscriber changed, change by change.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::allocation::v1::ListChangesRequest;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;

use super::allocations::PROGRAM;
use crate::Gate;
use crate::answer::{List, instant_text};
use crate::auth::Principal;
use crate::body::Query;
use crate::input::{self, PageQuery, given};
use crate::problem::{Faults, Problem};

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Changes of this month alone.
    #[param(example = "2027-01")]
    month: Option<String>,
    /// Changes of this creator's share alone.
    #[param(example = "alice")]
    creator_id: Option<String>,
}

/// One change of one creator's share.
#[derive(Serialize, ToSchema)]
pub struct AllocationChange {
    /// Always `allocation_change`.
    pub object: &'static str,
    /// The key under which the change is in the books.
    #[schema(example = "alloc:u1:allocation:2027-01:3:alice")]
    pub change_id: String,
    /// The creator's id.
    pub creator_id: String,
    /// The program.
    pub program: String,
    /// The month.
    pub month: String,
    /// What the creator got before.
    #[schema(example = 100)]
    pub from_cents: i64,
    /// What the creator got afterwards.
    #[schema(example = 300)]
    pub to_cents: i64,
    /// When it was changed.
    pub changed_at: Option<String>,
}

/// What the subscriber changed, newest first.
#[utoipa::path(get, path = "/v1/allocations/history", tag = "allocations",
    params(HistoryQuery, PageQuery),
    responses((status = 200, description = "A page of changes", body = List<AllocationChange>)),
    security(("bearer" = ["subscriber"])))]
pub async fn history(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<HistoryQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<AllocationChange>>, Problem> {
    let mut faults = Faults::default();
    let page = faults.take(page.page());
    let creator = |text: &str| input::creator_id("creator_id", text);
    let question = ListChangesRequest {
        subscriber_id: principal.sub,
        program: PROGRAM.to_owned(),
        month: faults.take(given(query.month.as_deref(), |text| {
            input::month("month", text)
        })),
        creator_id: faults.take(given(query.creator_id.as_deref(), creator)),
        starting_after: page.starting_after,
        limit: page.limit,
    };
    faults.none()?;
    let mut client = AllocationServiceClient::new(gate.allocation.clone());
    let answer = client.list_changes(question).await?.into_inner();
    let changes = answer.changes.into_iter().map(AllocationChange::from);
    let id = |one: &AllocationChange| one.change_id.clone();
    Ok(Json(List::cut(changes.collect(), answer.has_more, id)))
}

impl From<wire::allocation::v1::AllocationChange> for AllocationChange {
    fn from(change: wire::allocation::v1::AllocationChange) -> Self {
        Self {
            object: "allocation_change",
            change_id: change.change_id,
            creator_id: change.creator_id,
            program: change.program,
            month: change.month,
            from_cents: change.from_minor,
            to_cents: change.to_minor,
            changed_at: instant_text(change.changed_at),
        }
    }
}
