//! A creator's account at Stripe: onboarding and what became of it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::payout::v1::{
    GetAccountRequest, GetCreatorRequest, PutCreatorRequest, StartOnboardingRequest,
};

use super::creators::register;
use crate::Gate;
use crate::answer::{Done, instant_text, said};
use crate::auth::Principal;
use crate::body::MaybeBody;
use crate::problem::{Faults, Problem};

/// Where to go afterwards.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({}))]
pub struct ConnectPost {
    /// Where the creator's browser goes afterwards; must be of an allowed origin.
    pub return_url: Option<String>,
    /// Where it goes when the link has expired; must be of an allowed origin.
    pub refresh_url: Option<String>,
}

/// A page at Stripe.
#[derive(Serialize, ToSchema)]
pub struct OnboardingLink {
    /// Always `onboarding_link`.
    pub object: &'static str,
    /// Stripe's id of the account.
    #[schema(example = "acct_1A2b3C")]
    pub account_id: String,
    /// Send the creator's browser here.
    #[schema(example = "https://connect.stripe.com/setup/e/acct_1A2b3C/x")]
    pub url: String,
    /// Until when the link works.
    pub expires_at: Option<String>,
}

/// Starts or continues the creator's onboarding at Stripe.
#[utoipa::path(post, path = "/v1/creators/me/connect", tag = "creators",
    request_body(content = ConnectPost, description = "May be absent"),
    responses((status = 200, description = "The page to send the browser to", body = OnboardingLink)),
    security(("bearer" = ["creator"])),
    extensions(("x-cost" = json!("stripe")), ("x-problems" = json!(["stripe_refused"]))))]
pub async fn connect(
    State(gate): State<Gate>,
    principal: Principal,
    MaybeBody(body): MaybeBody<ConnectPost>,
) -> Result<Done<OnboardingLink>, Problem> {
    let redirects = &gate.redirects;
    let mut faults = Faults::default();
    let after = redirects.chosen(
        "return_url",
        body.return_url,
        &redirects.onboarding_return_url,
    );
    let refresh = redirects.chosen(
        "refresh_url",
        body.refresh_url,
        &redirects.onboarding_refresh_url,
    );
    let request = StartOnboardingRequest {
        creator_id: principal.sub.clone(),
        return_url: faults.take(after),
        refresh_url: faults.take(refresh),
    };
    faults.none()?;
    ensure_registered(&gate, &principal).await?;
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let link = payout.start_onboarding(request).await?.into_inner();
    let effect = format!("account:{}", link.account_id);
    let answer = OnboardingLink {
        object: "onboarding_link",
        account_id: link.account_id,
        url: link.url,
        expires_at: instant_text(link.expires_at),
    };
    Ok(Done::new(answer, [effect]))
}

/// Any user with the role can onboard: the record is made on first use.
async fn ensure_registered(gate: &Gate, principal: &Principal) -> Result<(), Problem> {
    let question = GetCreatorRequest {
        creator_id: principal.sub.clone(),
    };
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    match payout.get_creator(question).await {
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

/// A creator's account at Stripe.
#[derive(Serialize, ToSchema)]
pub struct Account {
    /// Always `account`.
    pub object: &'static str,
    /// Stripe's id of it; null until onboarding was started.
    #[schema(example = "acct_1A2b3C")]
    pub account_id: Option<String>,
    /// none, pending or verified.
    #[schema(example = "verified")]
    pub status: String,
    /// Whether Stripe lets it take charges.
    pub charges_enabled: bool,
    /// Whether Stripe lets it pay out to its bank.
    pub payouts_enabled: bool,
    /// Whether the creator has filled in everything.
    pub details_submitted: bool,
    /// What Stripe still wants to know.
    #[schema(example = json!(["external_account"]))]
    pub requirements_due: Vec<String>,
}

impl From<wire::payout::v1::Account> for Account {
    fn from(account: wire::payout::v1::Account) -> Self {
        Self {
            object: "account",
            account_id: said(account.account_id),
            status: account.status,
            charges_enabled: account.charges_enabled,
            payouts_enabled: account.payouts_enabled,
            details_submitted: account.details_submitted,
            requirements_due: account.requirements_due,
        }
    }
}

/// The creator's account at Stripe, as last read.
#[utoipa::path(get, path = "/v1/creators/me/account", tag = "creators",
    responses((status = 200, description = "The account", body = Account)),
    security(("bearer" = ["creator"])),
    extensions(("x-problems" = json!(["creator_unknown"]))))]
pub async fn account(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Account>, Problem> {
    let question = GetAccountRequest {
        creator_id: principal.sub,
    };
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let account = payout.get_account(question).await?.into_inner();
    Ok(Json(account.into()))
}
