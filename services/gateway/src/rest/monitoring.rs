//! Whether the platform can pay what it owes, and what a person should look at.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::balance_monitor::v1::balance_monitor_service_client::BalanceMonitorServiceClient;
use wire::balance_monitor::v1::{GetLatestRequest, ListAlertsRequest};
use wire::earnings::v1::GetSolvencyRequest;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::payout::v1::GetFloorRequest;
use wire::payout::v1::payout_service_client::PayoutServiceClient;

use crate::Gate;
use crate::answer::{List, instant_text, said};
use crate::body::Query;
use crate::input::{self, PAGE_MAX, PageQuery, given};
use crate::problem::Problem;

/// payments + storage + connected + in flight >= obligations + claims + frozen + deferred + tax.
#[derive(Serialize, ToSchema)]
pub struct Solvency {
    /// Always `solvency`.
    pub object: &'static str,
    /// Always USD.
    pub currency: &'static str,
    /// On the platform's balance.
    pub payments_cents: i64,
    /// Kept apart for creators.
    pub storage_cents: i64,
    /// On creators' connected accounts.
    pub connected_cents: i64,
    /// On the way.
    pub in_flight_cents: i64,
    /// What creators own.
    pub obligations_cents: i64,
    /// What they could still come to own of money not yet allocated.
    pub claims_cents: i64,
    /// Under dispute.
    pub frozen_cents: i64,
    /// Paid for and not yet used.
    pub deferred_cents: i64,
    /// Owed to tax offices.
    pub tax_cents: i64,
    /// What may never leave by an automatic payout: obligations, claims, frozen, deferred and tax.
    pub required_cents: i64,
    /// 0 when everything is covered.
    #[schema(example = 0)]
    pub missing_cents: i64,
    /// The balance at Stripe when it was last looked at.
    pub stripe_available_cents: i64,
    /// What is settling there.
    pub stripe_pending_cents: i64,
    /// When it was last looked at.
    pub checked_at: Option<String>,
}

/// Whether the platform can pay what it owes.
#[utoipa::path(get, path = "/v1/admin/solvency", tag = "monitoring",
    responses((status = 200, description = "Both sides of the balance", body = Solvency)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn solvency(State(gate): State<Gate>) -> Result<Json<Solvency>, Problem> {
    let mut earnings = EarningsServiceClient::new(gate.earnings.clone());
    let mut monitor = BalanceMonitorServiceClient::new(gate.balance_monitor.clone());
    let (books, snapshot) = tokio::try_join!(
        earnings.get_solvency(GetSolvencyRequest {}),
        monitor.get_latest(GetLatestRequest {}),
    )?;
    let (books, snapshot) = (books.into_inner(), snapshot.into_inner());
    Ok(Json(Solvency {
        object: "solvency",
        currency: "USD",
        payments_cents: books.payments_minor,
        storage_cents: books.storage_minor,
        connected_cents: books.connected_minor,
        in_flight_cents: books.in_flight_minor,
        obligations_cents: books.obligations_minor,
        claims_cents: books.claims_minor,
        frozen_cents: books.frozen_minor,
        deferred_cents: books.deferred_minor,
        tax_cents: books.tax_minor,
        required_cents: books.required_minor,
        missing_cents: books.missing_minor,
        stripe_available_cents: snapshot.available_minor,
        stripe_pending_cents: snapshot.pending_minor,
        checked_at: instant_text(snapshot.taken_at),
    }))
}

/// What automatic payouts of the platform must leave behind.
#[derive(Serialize, ToSchema)]
pub struct Floor {
    /// Always `floor`.
    pub object: &'static str,
    /// Always USD.
    pub currency: &'static str,
    /// Whether Stripe pays out to the platform's bank only when told to.
    pub is_manual: bool,
    /// What Stripe was told to leave behind.
    pub minimum_cents: i64,
    /// What the books asked for.
    pub required_cents: i64,
    /// The snapshot of the books that asked for it.
    #[schema(example = "184467")]
    pub cut: Option<String>,
    /// When Stripe was last told; null when it never was.
    pub set_at: Option<String>,
}

/// The platform's own payout settings at Stripe, as last set.
#[utoipa::path(get, path = "/v1/admin/floor", tag = "monitoring",
    responses((status = 200, description = "The settings", body = Floor)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn floor(State(gate): State<Gate>) -> Result<Json<Floor>, Problem> {
    let mut payout = PayoutServiceClient::new(gate.payout.clone());
    let floor = payout.get_floor(GetFloorRequest {}).await?.into_inner();
    Ok(Json(Floor {
        object: "floor",
        currency: "USD",
        is_manual: floor.is_manual,
        minimum_cents: floor.minimum_minor,
        required_cents: floor.required_minor,
        cut: said(floor.cut),
        set_at: instant_text(floor.set_at),
    }))
}

/// Which alerts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlertsQuery {
    /// open or resolved; both unless told.
    #[param(example = "open")]
    status: Option<String>,
}

/// Something that a person should look at.
#[derive(Serialize, ToSchema)]
pub struct Alert {
    /// The alert's id.
    #[schema(example = "al_01m05v1nke8g5r0xhqyx8fn2ak")]
    pub alert_id: String,
    /// obligations_uncovered, balance_differs, books_unbalanced, dead_letter, …
    #[schema(example = "balance_differs")]
    pub kind: String,
    /// info, warning or critical.
    #[schema(example = "critical")]
    pub severity: String,
    /// A few words.
    #[schema(example = "The balance at Stripe differs from the books")]
    pub title: String,
    /// A sentence or two.
    #[schema(example = "Stripe has $1,000.00, the books have $990.00.")]
    pub detail: String,
    /// open or resolved.
    #[schema(example = "open")]
    pub status: String,
    /// When it was raised.
    pub raised_at: Option<String>,
    /// When it was resolved.
    pub resolved_at: Option<String>,
}

/// Alerts, newest first: the newest hundred.
#[utoipa::path(get, path = "/v1/admin/alerts", tag = "monitoring", params(AlertsQuery, PageQuery),
    responses((status = 200, description = "A page of alerts", body = List<Alert>)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn alerts(
    State(gate): State<Gate>,
    Query(query): Query<AlertsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<Alert>>, Problem> {
    let page = page.page_of_short()?;
    let word = |text: &str| input::one_of("status", text, &["open", "resolved"]);
    let question = ListAlertsRequest {
        status: given(query.status.as_deref(), word)?,
        limit: PAGE_MAX,
    };
    let mut client = BalanceMonitorServiceClient::new(gate.balance_monitor.clone());
    let answer = client.list_alerts(question).await?.into_inner();
    let alerts = answer.alerts.into_iter().map(|alert| Alert {
        alert_id: alert.alert_id,
        kind: alert.kind,
        severity: alert.severity,
        title: alert.title,
        detail: alert.detail,
        status: alert.status,
        raised_at: instant_text(alert.raised_at),
        resolved_at: instant_text(alert.resolved_at),
    });
    let id = |one: &Alert| one.alert_id.clone();
    Ok(Json(List::page_of(alerts.collect(), &page, id)))
}
