//! Creators: the registry, onboarding, earnings, notices.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use wire::allocation::v1::KnowsCreatorRequest;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::earnings::v1::GetCreatorEarningsRequest;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::notifier::v1::ListFeedRequest;
use wire::notifier::v1::notifier_service_client::NotifierServiceClient;
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::payout::v1::{
    GetAccountRequest, GetCreatorRequest, PutCreatorRequest, StartOnboardingRequest,
};

use super::instant_text;
use crate::Gate;
use crate::auth::{Principal, Role};
use crate::body::{Body, MaybeBody, Path};
use crate::problem::Problem;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatorPut {
    /// What people call the creator.
    #[schema(example = "Alice Example")]
    pub display_name: String,
    #[schema(example = "alice@example.com")]
    pub email: Option<String>,
    /// When the creator's account on the site was made; now, unless told.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
}

#[derive(Serialize, ToSchema)]
pub struct Creator {
    pub object: &'static str,
    pub creator_id: String,
    pub display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub created_at: Option<String>,
}

impl From<wire::payout::v1::Creator> for Creator {
    fn from(creator: wire::payout::v1::Creator) -> Self {
        Self {
            object: "creator",
            creator_id: creator.creator_id,
            display_name: creator.display_name,
            email: Some(creator.email).filter(|email| !email.is_empty()),
            created_at: instant_text(creator.created_at),
        }
    }
}

/// Registers a creator, or updates the record.
///
/// Answers once subscribers can allocate to the creator.
#[utoipa::path(put, path = "/v1/admin/creators/{creator_id}", tag = "creators",
    request_body = CreatorPut, params(("creator_id" = String, Path, example = "alice")),
    responses((status = 200, body = Creator), (status = 422, body = Problem)))]
pub async fn put_creator(
    State(gate): State<Gate>,
    principal: Principal,
    Path(creator_id): Path<String>,
    Body(body): Body<CreatorPut>,
) -> Result<Json<Creator>, Problem> {
    principal.require(&[Role::Admin])?;
    if ledger::CreatorId::try_new(&creator_id).is_err() {
        return Err(Problem::field(
            "creator_id",
            "use 1 to 64 letters, digits, '_' or '-'",
        ));
    }
    let request = PutCreatorRequest {
        creator_id,
        display_name: body.display_name,
        email: body.email.unwrap_or_default(),
        created_at: body.created_at.map(wire::timestamp),
    };
    let creator = register(&gate, request).await?;
    let effect = format!("creator:{}:{}", creator.creator_id, creator.version);
    gate.acknowledged
        .keep(
            &principal,
            "PUT",
            "/v1/admin/creators/{creator_id}",
            &effect,
        )
        .await?;
    Ok(Json(creator.into()))
}

/// Writes the registry and waits until allocation's projection has it.
async fn register(
    gate: &Gate,
    request: PutCreatorRequest,
) -> Result<wire::payout::v1::Creator, Problem> {
    let creator = PayoutServiceClient::new(gate.payout.clone())
        .put_creator(request)
        .await?
        .into_inner();
    let known = known_to_allocation(gate, &creator.creator_id);
    tokio::time::timeout(PROJECTION_PATIENCE, known)
        .await
        .map_err(|_| {
            let detail =
                "the creator is registered, but not everywhere yet; send the request again";
            Problem::new(
                axum::http::StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                detail,
            )
        })??;
    Ok(creator)
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
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

const PROJECTION_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectPost {
    /// Where the creator's browser goes afterwards; must be of an allowed origin.
    pub return_url: Option<String>,
    pub refresh_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct OnboardingLink {
    pub object: &'static str,
    pub account_id: String,
    /// Send the creator's browser here.
    pub url: String,
    pub expires_at: Option<String>,
}

/// Starts or continues the creator's onboarding at Stripe.
#[utoipa::path(post, path = "/v1/creators/me/connect", tag = "creators", request_body = ConnectPost,
    responses((status = 200, body = OnboardingLink), (status = 403, body = Problem)))]
pub async fn connect(
    State(gate): State<Gate>,
    principal: Principal,
    MaybeBody(body): MaybeBody<ConnectPost>,
) -> Result<Json<OnboardingLink>, Problem> {
    principal.require(&[Role::Creator])?;
    let redirects = &gate.redirects;
    let chosen = |name, url: Option<String>, default: &String| match url {
        Some(url) if !redirects.allows(&url) => Err(Problem::field(
            name,
            "this origin is not among the allowed ones",
        )),
        Some(url) => Ok(url),
        None => Ok(default.clone()),
    };
    let request = StartOnboardingRequest {
        creator_id: principal.sub.clone(),
        return_url: chosen(
            "return_url",
            body.return_url,
            &redirects.onboarding_return_url,
        )?,
        refresh_url: chosen(
            "refresh_url",
            body.refresh_url,
            &redirects.onboarding_refresh_url,
        )?,
    };
    ensure_registered(&gate, &principal).await?;
    let link = PayoutServiceClient::new(gate.payout.clone())
        .start_onboarding(request)
        .await?
        .into_inner();
    let effect = format!("account:{}", link.account_id);
    gate.acknowledged
        .keep(&principal, "POST", "/v1/creators/me/connect", &effect)
        .await?;
    Ok(Json(OnboardingLink {
        object: "onboarding_link",
        account_id: link.account_id,
        url: link.url,
        expires_at: instant_text(link.expires_at),
    }))
}

/// Any user with the role can onboard: the record is made on first use.
async fn ensure_registered(gate: &Gate, principal: &Principal) -> Result<(), Problem> {
    let question = GetCreatorRequest {
        creator_id: principal.sub.clone(),
    };
    match PayoutServiceClient::new(gate.payout.clone())
        .get_creator(question)
        .await
    {
        Ok(_) => Ok(()),
        Err(status) if status.code() == tonic::Code::NotFound => {
            let request = PutCreatorRequest {
                creator_id: principal.sub.clone(),
                display_name: principal.sub.clone(),
                ..Default::default()
            };
            register(gate, request).await.map(|_| ())
        }
        Err(status) => Err(status.into()),
    }
}

#[derive(Serialize, ToSchema)]
pub struct Account {
    pub object: &'static str,
    pub account_id: Option<String>,
    /// none, pending or verified.
    pub status: String,
    pub charges_enabled: bool,
    pub payouts_enabled: bool,
    pub details_submitted: bool,
    /// What Stripe still wants to know.
    pub requirements_due: Vec<String>,
}

/// The creator's account at Stripe, as last read.
#[utoipa::path(get, path = "/v1/creators/me/account", tag = "creators",
    responses((status = 200, body = Account), (status = 404, body = Problem)))]
pub async fn account(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Account>, Problem> {
    principal.require(&[Role::Creator])?;
    let question = GetAccountRequest {
        creator_id: principal.sub,
    };
    let account = PayoutServiceClient::new(gate.payout.clone())
        .get_account(question)
        .await?
        .into_inner();
    Ok(Json(Account {
        object: "account",
        account_id: Some(account.account_id).filter(|id| !id.is_empty()),
        status: account.status,
        charges_enabled: account.charges_enabled,
        payouts_enabled: account.payouts_enabled,
        details_submitted: account.details_submitted,
        requirements_due: account.requirements_due,
    }))
}

#[derive(Serialize, ToSchema)]
pub struct Earnings {
    pub object: &'static str,
    pub creator_id: String,
    pub currency: String,
    /// Allocated in months that are not closed, before the fee.
    pub pending_cents: i64,
    /// Net of closed months, free to be paid.
    pub payable_cents: i64,
    /// Held for a payout that is being prepared.
    pub reserved_cents: i64,
    /// On the way to the bank.
    pub in_transit_cents: i64,
    pub paid_cents: i64,
    pub lifetime_net_cents: i64,
    /// Newest first.
    pub months: Vec<MonthEarnings>,
}

#[derive(Serialize, ToSchema)]
pub struct MonthEarnings {
    #[schema(example = "2027-01")]
    pub month: String,
    pub program: String,
    pub pending_cents: i64,
    pub gross_cents: i64,
    pub fee_cents: i64,
    pub net_cents: i64,
    pub payable_cents: i64,
    /// open, locked, payable, in_payout, paid, carried_over or frozen.
    pub status: String,
}

/// The creator's earnings by month and program.
#[utoipa::path(get, path = "/v1/creators/me/earnings", tag = "creators",
    responses((status = 200, body = Earnings)))]
pub async fn earnings(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Earnings>, Problem> {
    principal.require(&[Role::Creator])?;
    let question = GetCreatorEarningsRequest {
        creator_id: principal.sub,
    };
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.get_creator_earnings(question).await?.into_inner();
    let months = answer.months.into_iter().map(|month| MonthEarnings {
        month: month.month,
        program: month.program,
        pending_cents: month.pending_minor,
        gross_cents: month.gross_minor,
        fee_cents: month.fee_minor,
        net_cents: month.net_minor,
        payable_cents: month.payable_minor,
        status: month.status,
    });
    Ok(Json(Earnings {
        object: "earnings",
        creator_id: answer.creator_id,
        currency: answer.currency,
        pending_cents: answer.pending_minor,
        payable_cents: answer.payable_minor,
        reserved_cents: answer.reserved_minor,
        in_transit_cents: answer.in_transit_minor,
        paid_cents: answer.paid_minor,
        lifetime_net_cents: answer.lifetime_net_minor,
        months: months.collect(),
    }))
}

#[derive(Serialize, ToSchema)]
pub struct Notices {
    pub object: &'static str,
    pub data: Vec<Notice>,
    pub has_more: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Notice {
    pub notice_id: String,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub subject_id: String,
    pub created_at: Option<String>,
}

/// What happened to the user's payouts, newest first.
#[utoipa::path(get, path = "/v1/notices", tag = "creators", responses((status = 200, body = Notices)))]
pub async fn notices(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Notices>, Problem> {
    let question = ListFeedRequest {
        user_id: principal.sub,
        limit: 100,
        ..Default::default()
    };
    let mut client = NotifierServiceClient::new(gate.notifier.clone());
    let answer = client.list_feed(question).await?.into_inner();
    let data = answer.notices.into_iter().map(|notice| Notice {
        notice_id: notice.notice_id,
        kind: notice.kind,
        title: notice.title,
        body: notice.body,
        subject_id: notice.subject_id,
        created_at: instant_text(notice.created_at),
    });
    Ok(Json(Notices {
        object: "list",
        data: data.collect(),
        has_more: answer.has_more,
    }))
}
