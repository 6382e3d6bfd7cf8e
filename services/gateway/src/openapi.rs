//! The OpenAPI document: what the handlers say of themselves, completed with what holds at every
//! route: problems, headers, keys, examples.

mod examples;
mod operations;

use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::Gate;
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tributary",
        description = "Creator payouts for content sites. Money is integer cents (`*_cents`), times are ISO 8601 in UTC, lists are pages of `data` with `has_more` and `next_cursor`, errors are RFC 9457 problem details with a stable `code`. Every write takes an Idempotency-Key; the same key and request get the same reply."
    ),
    components(schemas(Problem)),
    tags(
        (name = "subscriptions", description = "Plans, checkout, and what a subscriber pays."),
        (name = "allocations", description = "Where a subscriber's money goes, month by month."),
        (name = "creators", description = "Profiles, onboarding, earnings and notices."),
        (name = "payouts", description = "Money on its way to creators."),
        (name = "months", description = "A month from open to closed and paid."),
        (name = "books", description = "Obligations, revenue, accounts and postings."),
        (name = "monitoring", description = "Whether the platform can pay what it owes."),
        (name = "problems", description = "Every kind of error that there is."),
        (name = "sandbox", description = "Business time; in sandbox mode alone."),
    )
)]
struct Document;

/// A router without routes whose document has what stands above them all.
pub fn beginning() -> OpenApiRouter<Gate> {
    OpenApiRouter::with_openapi(Document::openapi())
}

/// The document as it is served.
#[must_use]
pub fn complete(document: &utoipa::openapi::OpenApi) -> Value {
    // A document of strings, numbers and maps with text keys cannot fail to be JSON.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["servers"] = json!([{ "url": "/", "description": "This server" }]);
    let components = &mut document["components"];
    components["securitySchemes"]["bearer"] = json!({
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "A token of the content site, with iss, aud, exp, sub and roles. The words at a route are the roles that it serves; none means every user."
    });
    components["headers"] = headers();
    examples::complete_schemas(components);
    let components = components.clone();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            operations::complete(path, method, operation, &components);
        }
    }
    document
}

fn headers() -> Value {
    let header = |description: &str, kind: &str, example: Value| json!({ "description": description, "schema": { "type": kind, "example": example } });
    json!({
        "Request-Id": header("Names the request in logs and problems.", "string", json!("req_01m05v1nke8g5r0xhqyx8fn2ak")),
        "RateLimit-Limit": header("How many tokens the caller's bucket holds. A request takes one; a write that x-cost marks takes more.", "integer", json!(200)),
        "RateLimit-Remaining": header("How many are left in it.", "integer", json!(199)),
        "RateLimit-Reset": header("Seconds until it is full again.", "integer", json!(1)),
        "Retry-After": header("Seconds to wait.", "integer", json!(1)),
        "Idempotent-Replayed": header("true when the reply is that of an earlier request with the same Idempotency-Key.", "string", json!("true")),
        "Location": header("Where the thing that was made is found.", "string", json!("/v1/payouts/po_01m05v1nke8g5r0xhqyx8fn2ak")),
        "WWW-Authenticate": header("What to authenticate with.", "string", json!("Bearer")),
    })
}
