//! The routes under `/v1`: one file per noun.

mod allocations;
mod creators;
mod monitoring;
mod months;
mod payouts;
mod sandbox;
mod subscriptions;

use axum::extract::{DefaultBodyLimit, Request, State};
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
use crate::auth::{Principal, Verifier};
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
        .route(
            "/openapi.json",
            axum::routing::get(move || async move { Json(document) }),
        )
        .fallback(|| async {
            Problem::new(
                StatusCode::NOT_FOUND,
                "route_unknown",
                "there is nothing at this path",
            )
        })
        .method_not_allowed_fallback(|| async {
            let detail = "this path does not take that method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(limit)
        .layer(middleware::from_fn_with_state(
            gate.verifier.clone(),
            in_context,
        ))
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
    if sandbox {
        always.routes(routes!(sandbox::clock, sandbox::advance))
    } else {
        always
    }
}

/// Names the request and who asks, and runs it in a task of its own: a client that hangs up does not stop
/// a write half-way.
async fn in_context(
    State(verifier): State<Verifier>,
    mut request: Request,
    next: Next,
) -> Response {
    let request_id = kit::ids::fresh("req");
    let principal = verifier.principal(request.headers());
    let actor = principal.as_ref().map(Principal::actor).unwrap_or_default();
    if let Some(principal) = principal {
        request.extensions_mut().insert(principal);
    }
    let context = Context {
        request_id: request_id.clone(),
        actor,
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = context::within(context, async {
        kit::spawn(next.run(request)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "handler panicked");
            Problem::internal().into_response()
        })
    })
    .await;
    tracing::info!(request.id = request_id, %method, path, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("request-id", value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// An instant as RFC 3339 in UTC, or nothing when absent or out of range.
fn instant_text(value: Option<prost_types::Timestamp>) -> Option<String> {
    let instant = wire::instant("instant", value).ok()?;
    instant
        .format(&time::format_description::well_known::Rfc3339)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn broken() -> StatusCode {
        panic!("a panic on purpose")
    }

    #[tokio::test]
    async fn a_handler_that_panics_answers_500_under_the_requests_id() {
        let (secret, word) = ("x".repeat(32).into(), "tributary".to_owned());
        let auth = crate::config::Auth {
            hs256_secret: secret,
            issuer: word.clone(),
            audience: word,
        };
        let checked = middleware::from_fn_with_state(Verifier::new(&auth), in_context);
        let router = Router::new()
            .route("/", axum::routing::get(broken))
            .layer(checked);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        kit::spawn(async move { axum::serve(listener, router).await });
        let answer = kit::http::client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        let id = answer.headers()["request-id"].to_str().unwrap().to_owned();
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["request_id"].as_str(), Some(id.as_str()));
    }
}
