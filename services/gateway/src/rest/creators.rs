//! Creators: the registry and what people see of it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use wire::allocation::v1::KnowsCreatorRequest;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::payout::v1::{GetAccountRequest, GetCreatorRequest, PutCreatorRequest};

use super::onboarding::Account;
use crate::Gate;
use crate::answer::{Done, instant_text, said};
use crate::auth::{Principal, Role};
use crate::body::{Body, Part};
use crate::input::{self, given};
use crate::problem::{Faults, Problem, catalogue};

/// A creator's record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "display_name": "Alice Example", "email": "alice@example.com" }))]
pub struct CreatorPut {
    /// What people call the creator.
    pub display_name: String,
    /// Where the creator is written to; Stripe gets it too.
    pub email: Option<String>,
    /// When the creator's account on the site was made; now, unless told.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
}

/// A creator, as far as the caller may see.
#[derive(Serialize, ToSchema)]
pub struct Creator {
    /// Always `creator`.
    pub object: &'static str,
    /// The creator's id.
    pub creator_id: String,
    /// What people call the creator.
    #[schema(example = "Alice Example")]
    pub display_name: String,
    /// For admins alone: where the creator is written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "alice@example.com")]
    pub email: Option<String>,
    /// When the creator's account on the site was made.
    pub created_at: Option<String>,
    /// For admins alone: the account at Stripe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl From<wire::payout::v1::Creator> for Creator {
    fn from(creator: wire::payout::v1::Creator) -> Self {
        Self {
            object: "creator",
            creator_id: creator.creator_id,
            display_name: creator.display_name,
            email: said(creator.email),
            created_at: instant_text(creator.created_at),
            account: None,
        }
    }
}

/// One creator's profile; for admins, with e-mail and account.
#[utoipa::path(get, path = "/v1/creators/{creator_id}", tag = "creators",
    params(("creator_id" = String, Path, description = "The creator's id", example = "alice")),
    responses((status = 200, description = "The profile", body = Creator)),
    security(("bearer" = [])),
    extensions(("x-problems" = json!(["creator_unknown"]))))]
pub async fn profile(
    State(gate): State<Gate>,
    principal: Principal,
    Part(creator_id): Part,
) -> Result<Json<Creator>, Problem> {
    let creator_id = input::creator_id("creator_id", &creator_id)?;
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let question = GetCreatorRequest {
        creator_id: creator_id.clone(),
    };
    let creator = Creator::from(payout.get_creator(question).await?.into_inner());
    if !principal.has(&[Role::Admin]) {
        return Ok(Json(Creator {
            email: None,
            ..creator
        }));
    }
    let account = payout.get_account(GetAccountRequest { creator_id }).await?;
    Ok(Json(Creator {
        account: Some(account.into_inner().into()),
        ..creator
    }))
}

/// Registers a creator, or updates the record.
///
/// Answers once subscribers can allocate to the creator.
#[utoipa::path(put, path = "/v1/admin/creators/{creator_id}", tag = "creators",
    request_body(content = CreatorPut, description = "The record"),
    params(("creator_id" = String, Path, description = "The creator's id on the site", example = "alice")),
    responses((status = 200, description = "The record as it is now", body = Creator)),
    security(("bearer" = ["admin"])))]
pub async fn put_creator(
    State(gate): State<Gate>,
    Part(creator_id): Part,
    Body(body): Body<CreatorPut>,
) -> Result<Done<Creator>, Problem> {
    let mut faults = Faults::default();
    let email = |text: &str| input::words("email", text, 254);
    let request = PutCreatorRequest {
        creator_id: faults.take(input::creator_id("creator_id", &creator_id)),
        display_name: faults.take(input::words("display_name", &body.display_name, 200)),
        email: faults.take(given(body.email.as_deref(), email)),
        created_at: body.created_at.map(wire::timestamp),
    };
    faults.none()?;
    let creator = register(&gate, request).await?;
    let effect = format!("creator:{}:{}", creator.creator_id, creator.version);
    Ok(Done::new(creator.into(), [effect]))
}

/// Writes the registry and waits until allocation's projection has it.
///
/// # Errors
/// 503 when allocation does not know the creator in time.
pub async fn register(
    gate: &Gate,
    request: PutCreatorRequest,
) -> Result<wire::payout::v1::Creator, Problem> {
    let creator = PayoutServiceClient::new(gate.payout.clone())
        .put_creator(request)
        .await?
        .into_inner();
    let known = known_to_allocation(gate, &creator.creator_id);
    let known = tokio::time::timeout(PROJECTION_PATIENCE, known).await;
    known.map_err(|_| not_everywhere_yet())??;
    Ok(creator)
}

fn not_everywhere_yet() -> Problem {
    let detail = "the creator is registered, but not everywhere yet; send the request again";
    Problem::new(catalogue::UNAVAILABLE, detail).retry_after(1)
}

async fn known_to_allocation(gate: &Gate, creator_id: &str) -> Result<(), Problem> {
    let mut allocation = AllocationServiceClient::new(gate.allocation.clone());
    loop {
        let question = KnowsCreatorRequest {
            creator_id: creator_id.to_owned(),
        };
        if allocation.knows_creator(question).await?.into_inner().known {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const PROJECTION_PATIENCE: Duration = Duration::from_secs(10);
