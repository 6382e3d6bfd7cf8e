//! One operation of the document, completed.

use serde_json::{Map, Value, json};

use super::examples;
use crate::policy::PATIENT;
use crate::problem::{Kind, Problem, catalogue};

/// Handlers list the refusals of the services behind them here, by code. In the served document
/// it lists every code that the route can answer.
const PROBLEMS: &str = "x-problems";
/// Says that a write must carry an Idempotency-Key.
const KEY: &str = "x-key";

/// Adds to one operation what holds for all of its kind.
pub fn complete(path: &str, method: &str, operation: &mut Value, components: &Value) {
    let is_write = method != "get";
    let kinds = kinds(operation, is_write);
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    operation[PROBLEMS] = json!(codes);
    operation["operationId"] = json!(id(path, method));
    complete_parameters(operation, is_write);
    complete_body(operation, components);
    complete_answers(operation, is_write, components);
    add_problems(operation, &kinds, path);
    if let Some(operation) = operation.as_object_mut() {
        operation.remove(KEY);
    }
}

/// `get_payouts_by_payout_id`: of one route alone.
fn id(path: &str, method: &str) -> String {
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "v1");
    let words = parts.map(|part| match part.strip_prefix('{') {
        Some(name) => format!("by_{}", name.trim_end_matches('}')),
        None => part.to_owned(),
    });
    let words: Vec<String> = words.collect();
    format!("{method}_{}", words.join("_"))
}

/// Every kind of problem that the route can answer, by status and code.
fn kinds(operation: &Value, is_write: bool) -> Vec<Kind> {
    let own = operation[PROBLEMS].as_array().into_iter().flatten();
    let mut kinds: Vec<Kind> = own
        .filter_map(|code| catalogue::find(code.as_str()?))
        .collect();
    kinds.extend([
        catalogue::INVALID_REQUEST,
        catalogue::RATE_LIMITED,
        catalogue::INTERNAL_ERROR,
        catalogue::UNAVAILABLE,
    ]);
    let scopes = operation["security"][0]["bearer"].as_array();
    if let Some(scopes) = scopes {
        kinds.push(catalogue::UNAUTHENTICATED);
        kinds.extend((!scopes.is_empty()).then_some(catalogue::ROLE_REQUIRED));
    }
    kinds.extend((operation[PATIENT] != true).then_some(catalogue::HANDLER_LATE));
    if is_write {
        kinds.extend(of_writes());
    }
    if operation["requestBody"].is_object() {
        kinds.push(catalogue::INVALID_JSON);
    }
    kinds.extend((operation[KEY] == "required").then_some(catalogue::IDEMPOTENCY_KEY_REQUIRED));
    kinds.sort_by_key(|kind| (kind.status.as_u16(), kind.code));
    kinds
}

fn of_writes() -> [Kind; 5] {
    [
        catalogue::BODY_LATE,
        catalogue::BODY_TOO_LARGE,
        catalogue::MEDIA_TYPE_UNSUPPORTED,
        catalogue::IDEMPOTENCY_KEY_REUSED,
        catalogue::REQUEST_IN_FLIGHT,
    ]
}

fn complete_parameters(operation: &mut Value, is_write: bool) {
    let required = operation[KEY] == "required";
    let mut parameters = operation["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    parameters.push(json!({
        "name": "Request-Id", "in": "header", "required": false,
        "description": "The caller's own id for the request; a fresh one unless told.",
        "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$" },
        "example": "req_01m05v1nke8g5r0xhqyx8fn2ak"
    }));
    if is_write {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": required,
            "description": "Names the intent: the same key and request get the same reply, for 30 days. Printable ASCII.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
            "example": "9b1f7f0e-4f2c-4b7c-9a36-1c7f3a3f2b11"
        }));
    }
    operation["parameters"] = Value::Array(parameters);
}

fn complete_body(operation: &mut Value, components: &Value) {
    let content = operation.pointer_mut("/requestBody/content/application~1json");
    if let Some(content) = content {
        add_example(content, components);
    }
}

fn complete_answers(operation: &mut Value, is_write: bool, components: &Value) {
    for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        let mut headers = common_headers();
        if is_write {
            headers.push("Idempotent-Replayed");
        }
        if status == "201" {
            headers.push("Location");
        }
        answer["headers"] = references(&headers);
        if let Some(content) = answer.pointer_mut("/content/application~1json") {
            add_example(content, components);
        }
    }
}

fn add_example(content: &mut Value, components: &Value) {
    if let Some(example) = examples::example(&content["schema"], components, "") {
        content["example"] = example;
    }
}

fn common_headers() -> Vec<&'static str> {
    vec![
        "Request-Id",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
    ]
}

fn references(names: &[&str]) -> Value {
    let reference = |name: &&str| {
        let target = format!("#/components/headers/{name}");
        ((*name).to_owned(), json!({ "$ref": target }))
    };
    Value::Object(names.iter().map(reference).collect())
}

/// An answer per status, with an example per kind.
fn add_problems(operation: &mut Value, kinds: &[Kind], path: &str) {
    for group in kinds.chunk_by(|one, next| one.status == next.status) {
        let Some(first) = group.first() else { continue };
        let mut headers = common_headers();
        match first.status.as_u16() {
            401 => headers.push("WWW-Authenticate"),
            409 | 429 | 503 | 504 => headers.push("Retry-After"),
            _ => {}
        }
        let shown = group.iter().map(|kind| {
            let example = json!({ "summary": kind.title, "value": shown(*kind, path) });
            (kind.code.to_owned(), example)
        });
        let said: Vec<String> = group
            .iter()
            .map(|kind| format!("`{}`: {}.", kind.code, kind.title))
            .collect();
        operation["responses"][first.status.as_str()] = json!({
            "description": said.join(" "),
            "headers": references(&headers),
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": shown.collect::<Map<_, _>>(),
            } }
        });
    }
}

/// A problem of this kind as it would be answered.
fn shown(kind: Kind, path: &str) -> Value {
    let mut problem = Problem::new(kind, kind.meaning);
    "req_01m05v1nke8g5r0xhqyx8fn2ak".clone_into(&mut problem.request_id);
    if kind == catalogue::INVALID_REQUEST {
        let (field, detail) = if path.contains("{month}") {
            ("month", "write the month as 2027-01")
        } else {
            ("offset", "this route does not know this parameter")
        };
        problem = problem.about(field);
        detail.clone_into(&mut problem.detail);
    }
    serde_json::to_value(problem).unwrap_or_default()
}
