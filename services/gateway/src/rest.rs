//! The routes under `/v1`: one file per noun.

mod allocations;
mod creators;
mod months;
mod monitoring;
mod payouts;
mod sandbox;
mod subscriptions;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use kit::context::{self, Context};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Gate;
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tributary",
        description = "Creator payouts for content sites. Money is integer cents (`*_cents`), times are ISO 8601 in UTC, errors are RFC 9457 problem details with a stable `code`."
    ),
    components(schemas(Problem)),
    security(("bearer" = []))
)]
struct Document;

/// Everything that the outside may reach.
pub fn router(gate: Gate) -> Router {
    let (routes, mut document) = described(gate.clock.is_sandbox()).split_for_parts();
    if let Some(components) = document.components.as_mut() {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", scheme);
    }
    let limit = DefaultBodyLimit::max(gate.body_bytes_max);
    routes
        .route("/openapi.json", axum::routing::get(move || async move { Json(document) }))
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "route_unknown", "there is nothing at this path")
        })
        .method_not_allowed_fallback(|| async {
            let detail = "this path does not take that method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(limit)
        .layer(middleware::from_fn(in_context))
        .with_state(gate)
}

/// The sandbox's routes exist in sandbox mode alone.
fn described(sandbox: bool) -> OpenApiRouter<Gate> {
    let always = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(creators::put_creator))
        .routes(routes!(creators::connect))
        .routes(routes!(creators::account))
        .routes(routes!(creators::earnings))
        .routes(routes!(creators::notices))
        .routes(routes!(subscriptions::plans))
        .routes(routes!(subscriptions::checkout))
        .routes(routes!(subscriptions::mine))
        .routes(routes!(allocations::list))
        .routes(routes!(allocations::set))
        .routes(routes!(payouts::list))
        .routes(routes!(payouts::one))
        .routes(routes!(months::month))
        .routes(routes!(monitoring::solvency))
        .routes(routes!(monitoring::alerts));
    if sandbox { always.routes(routes!(sandbox::clock, sandbox::advance)) } else { always }
}

/// Names the request, and runs it in a task of its own: a client that hangs up does not stop
/// a write half-way.
async fn in_context(request: Request, next: Next) -> Response {
    let request_id = kit::ids::fresh("req");
    let context = Context { request_id: request_id.clone(), actor: String::new() };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let handled = kit::spawn(context::within(context, next.run(request))).await;
    let mut response = handled.unwrap_or_else(|error| {
        tracing::error!(%error, %method, path, "handler panicked");
        Problem::internal().into_response()
    });
    tracing::info!(request.id = request_id, %method, path, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("request-id", value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An instant as RFC 3339 in UTC, or nothing when absent or out of range.
fn instant_text(value: Option<prost_types::Timestamp>) -> Option<String> {
    let instant = wire::instant("instant", value).ok()?;
    instant.format(&time::format_description::well_known::Rfc3339).ok()
}
