//! The routes under `/v1`: one file per noun.

mod allocations;
mod allocations_history;
mod books;
mod creators;
mod earnings;
mod monitoring;
mod month_lines;
mod months;
mod notices;
mod onboarding;
mod payouts;
mod problems;
mod sandbox;
mod subscriptions;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware;
use axum::routing::get;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Problem, catalogue};
use crate::{Gate, docs, edge, openapi};

/// The routes, and the document that describes them. The sandbox's exist in sandbox mode alone.
pub fn described(sandbox: bool) -> (Router<Gate>, Value) {
    let routes = subscribers(openapi::beginning());
    let routes = operators(creators(routes));
    let routes = if sandbox {
        routes.routes(routes!(sandbox::clock, sandbox::advance))
    } else {
        routes
    };
    let (routes, document) = routes.split_for_parts();
    (routes, openapi::complete(&document))
}

fn subscribers(routes: OpenApiRouter<Gate>) -> OpenApiRouter<Gate> {
    routes
        .routes(routes!(problems::list))
        .routes(routes!(problems::one))
        .routes(routes!(subscriptions::plans))
        .routes(routes!(subscriptions::checkout))
        .routes(routes!(
            subscriptions::mine,
            subscriptions::change,
            subscriptions::cancel
        ))
        .routes(routes!(allocations::list, allocations::set_all))
        .routes(routes!(allocations::set))
        .routes(routes!(allocations::copy))
        .routes(routes!(allocations_history::history))
}

fn creators(routes: OpenApiRouter<Gate>) -> OpenApiRouter<Gate> {
    routes
        .routes(routes!(creators::profile))
        .routes(routes!(onboarding::connect))
        .routes(routes!(onboarding::account))
        .routes(routes!(earnings::mine))
        .routes(routes!(earnings::my_month))
        .routes(routes!(payouts::list, payouts::request))
        .routes(routes!(payouts::one))
        .routes(routes!(notices::notices))
}

fn operators(routes: OpenApiRouter<Gate>) -> OpenApiRouter<Gate> {
    routes
        .routes(routes!(creators::put_creator))
        .routes(routes!(earnings::of_creator))
        .routes(routes!(payouts::list_all))
        .routes(routes!(months::month))
        .routes(routes!(months::close))
        .routes(routes!(month_lines::lines))
        .routes(routes!(books::obligations))
        .routes(routes!(books::revenue))
        .routes(routes!(books::accounts))
        .routes(routes!(books::postings))
        .routes(routes!(monitoring::solvency))
        .routes(routes!(monitoring::floor))
        .routes(routes!(monitoring::alerts))
}

/// Everything that the outside may reach.
pub fn router(gate: Gate, routes: Router<Gate>, document: &Value) -> Router {
    let text = document.to_string();
    let page = docs::page(document);
    let json = [(header::CONTENT_TYPE, "application/json")];
    routes
        .route("/openapi.json", get(move || async move { (json, text) }))
        .route("/docs", get(move || async move { docs::answer(page) }))
        .route("/docs/style.css", get(|| async { docs::style() }))
        .fallback(|| async {
            // The layer answers first; this one is for the router alone.
            Problem::new(catalogue::ROUTE_UNKNOWN, "there is nothing at this path")
        })
        .layer(middleware::from_fn_with_state(gate.clone(), edge::admit))
        // Outermost: whoever reads a body on the way in is bound by it too.
        .layer(DefaultBodyLimit::max(gate.requests.body_bytes_max))
        .with_state(gate)
}
