//! Whether the platform can pay what it owes, and what a person should look at.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::balance_monitor::v1::balance_monitor_service_client::BalanceMonitorServiceClient;
use wire::balance_monitor::v1::{GetLatestRequest, ListAlertsRequest};
use wire::earnings::v1::GetSolvencyRequest;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;

use super::instant_text;
use crate::Gate;
use crate::auth::{Principal, Role};
use crate::body::Query;
use crate::problem::Problem;

/// payments + storage + connected + in flight >= obligations + claims + frozen + deferred + tax.
#[derive(Serialize, ToSchema)]
pub struct Solvency {
    pub object: &'static str,
    pub currency: &'static str,
    pub payments_cents: i64,
    pub storage_cents: i64,
    pub connected_cents: i64,
    pub in_flight_cents: i64,
    /// What creators own.
    pub obligations_cents: i64,
    /// What they could still come to own of money not yet allocated.
    pub claims_cents: i64,
    pub frozen_cents: i64,
    pub deferred_cents: i64,
    pub tax_cents: i64,
    /// 0 when everything is covered.
    pub missing_cents: i64,
    /// The balance at Stripe when it was last looked at.
    pub stripe_available_cents: i64,
    pub stripe_pending_cents: i64,
    pub checked_at: Option<String>,
}

/// Whether the platform can pay what it owes.
#[utoipa::path(get, path = "/v1/admin/solvency", tag = "monitoring",
    responses((status = 200, body = Solvency)))]
pub async fn solvency(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<Solvency>, Problem> {
    principal.require(&[Role::Admin, Role::Finance])?;
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
        missing_cents: books.missing_minor,
        stripe_available_cents: snapshot.available_minor,
        stripe_pending_cents: snapshot.pending_minor,
        checked_at: instant_text(snapshot.taken_at),
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertsQuery {
    /// open or resolved; both unless told.
    status: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Alerts {
    pub object: &'static str,
    /// Newest first, at most 100.
    pub data: Vec<Alert>,
}

#[derive(Serialize, ToSchema)]
pub struct Alert {
    pub alert_id: String,
    pub kind: String,
    /// info, warning or critical.
    pub severity: String,
    pub title: String,
    pub detail: String,
    pub status: String,
    pub raised_at: Option<String>,
    pub resolved_at: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/v1/admin/alerts", tag = "monitoring", params(AlertsQuery),
    responses((status = 200, body = Alerts)))]
pub async fn alerts(
    State(gate): State<Gate>,
    principal: Principal,
    Query(query): Query<AlertsQuery>,
) -> Result<Json<Alerts>, Problem> {
    principal.require(&[Role::Admin, Role::Finance])?;
    let status = query.status.unwrap_or_default();
    if !["", "open", "resolved"].contains(&status.as_str()) {
        return Err(Problem::field("status", "status is open or resolved"));
    }
    let question = ListAlertsRequest { status, limit: 100 };
    let mut client = BalanceMonitorServiceClient::new(gate.balance_monitor.clone());
    let answer = client.list_alerts(question).await?.into_inner();
    let data = answer.alerts.into_iter().map(|alert| Alert {
        alert_id: alert.alert_id,
        kind: alert.kind,
        severity: alert.severity,
        title: alert.title,
        detail: alert.detail,
        status: alert.status,
        raised_at: instant_text(alert.raised_at),
        resolved_at: instant_text(alert.resolved_at),
    });
    Ok(Json(Alerts {
        object: "list",
        data: data.collect(),
    }))
}
