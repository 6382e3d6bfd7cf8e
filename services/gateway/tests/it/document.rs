//! The OpenAPI document: complete at every route, and browsable without scripts.

use std::collections::BTreeSet;

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;

use crate::bench::{Bench, read};

/// Path, method and description of every operation.
pub async fn operations(bench: &Bench) -> Result<Vec<(String, Method, Value)>> {
    let document = document(bench).await?;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes())?;
            operations.push((path.clone(), method, operation.clone()));
        }
    }
    assert!(operations.len() >= 33, "{}", operations.len());
    Ok(operations)
}

async fn document(bench: &Bench) -> Result<Value> {
    let (status, document) = bench.send_bare("/openapi.json").await?;
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    Ok(document)
}

/// A path with something in the place of its parameters.
pub fn concrete(path: &str) -> String {
    let path = path
        .replace("{creator_id}", "alice")
        .replace("{month}", "2027-01");
    path.replace("{payout_id}", "po_1")
        .replace("{code}", "month_locked")
}

fn is_said(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().len() > 3)
}

#[tokio::test]
async fn every_route_says_all_there_is_to_say_of_it() -> Result<()> {
    let bench = Bench::start().await?;
    let document = document(&bench).await?;
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tag| is_said(&tag["description"]).then_some(tag["name"].as_str()?))
        .collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&bench).await? {
        let place = format!("{method} {path}");
        assert!(is_said(&operation["summary"]), "{place}: no summary");
        assert!(operation["security"].is_array(), "{place}: no security");
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{place}: tag {tag:?} is not described");
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            ids.insert(id.clone()),
            "{place}: {id} is another route's id"
        );
        check_parameters(&place, &path, &operation);
        check_body(&place, &method, &operation, &document);
        check_answers(&place, &operation, &document);
    }
    Ok(())
}

fn check_parameters(place: &str, path: &str, operation: &Value) {
    let parameters = operation["parameters"].as_array().expect("parameters");
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        assert!(
            is_said(&parameter["description"]),
            "{place}: {name} has no description"
        );
        assert!(
            parameter["schema"].is_object(),
            "{place}: {name} has no schema"
        );
        assert!(
            !parameter["example"].is_null(),
            "{place}: {name} has no example"
        );
    }
    let in_path = parameters.iter().filter(|one| one["in"] == "path").count();
    assert_eq!(
        in_path,
        path.matches('{').count(),
        "{place}: parameters of the path"
    );
}

fn check_body(place: &str, method: &Method, operation: &Value, document: &Value) {
    let parameters = operation["parameters"].as_array().expect("parameters");
    let has_key = parameters
        .iter()
        .any(|one| one["name"] == "Idempotency-Key");
    assert_eq!(has_key, *method != Method::GET, "{place}: Idempotency-Key");
    let Some(body) = operation.get("requestBody") else {
        return;
    };
    assert!(
        is_said(&body["description"]),
        "{place}: the body has no description"
    );
    check_content(place, &body["content"]["application/json"], document);
}

/// The example has the fields of the schema, and those alone.
fn check_content(place: &str, content: &Value, document: &Value) {
    assert!(content["schema"].is_object(), "{place}: no schema");
    let example = content["example"].as_object();
    let example = example.unwrap_or_else(|| panic!("{place}: no example"));
    let known = properties(&content["schema"], document);
    assert!(!known.is_empty(), "{place}: a schema without fields");
    for field in example.keys() {
        assert!(
            known.contains(field),
            "{place}: the example's {field} is unknown"
        );
    }
}

fn properties(schema: &Value, document: &Value) -> BTreeSet<String> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.trim_start_matches('#');
        return properties(document.pointer(target).expect("a schema"), document);
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let inherited = parts.flat_map(|part| properties(part, document));
    let own = schema["properties"].as_object().into_iter().flatten();
    inherited.chain(own.map(|(name, _)| name.clone())).collect()
}

fn check_answers(place: &str, operation: &Value, document: &Value) {
    let answers = operation["responses"].as_object().expect("answers");
    let mut codes = BTreeSet::new();
    for (status, answer) in answers {
        let place = format!("{place} {status}");
        assert!(is_said(&answer["description"]), "{place}: no description");
        for name in [
            "Request-Id",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
        ] {
            assert!(answer["headers"][name].is_object(), "{place}: no {name}");
        }
        if status.starts_with('2') {
            check_content(&place, &answer["content"]["application/json"], document);
            continue;
        }
        let content = &answer["content"]["application/problem+json"];
        assert_eq!(
            content["schema"]["$ref"], "#/components/schemas/Problem",
            "{place}"
        );
        for (code, example) in content["examples"].as_object().expect("examples") {
            assert_eq!(example["value"]["code"], code.as_str(), "{place}");
            assert_eq!(
                example["value"]["status"].to_string(),
                *status,
                "{place} {code}"
            );
            codes.insert(code.clone());
        }
    }
    let listed = operation["x-problems"].as_array().expect("codes").iter();
    let listed: BTreeSet<String> = listed
        .filter_map(|code| Some(code.as_str()?.to_owned()))
        .collect();
    assert_eq!(listed, codes, "{place}: problems");
    assert!(
        codes.contains("internal_error") && codes.contains("rate_limited"),
        "{place}"
    );
}

#[tokio::test]
async fn every_field_of_every_schema_has_a_meaning_and_an_example() -> Result<()> {
    let bench = Bench::start().await?;
    let document = document(&bench).await?;
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .expect("schemas")
    {
        assert!(is_said(&schema["description"]), "{name} has no description");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let refers = property.get("$ref").is_some();
            assert!(
                refers || is_said(&property["description"]),
                "{name}.{field}: no meaning"
            );
            assert!(
                refers || property.get("example").is_some(),
                "{name}.{field}: no example"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_route_that_handlers_name_problems_for_names_known_ones() -> Result<()> {
    let bench = Bench::start().await?;
    let reply = bench.get("admin", "/v1/problems?limit=100").await?;
    let kinds = reply.body["data"].as_array().expect("kinds").clone();
    let known: BTreeSet<&str> = kinds
        .iter()
        .filter_map(|kind| kind["code"].as_str())
        .collect();
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rest");
    for file in std::fs::read_dir(sources)? {
        let text = std::fs::read_to_string(file?.path())?;
        for part in text.split("\"x-problems\" = json!([").skip(1) {
            let list = part.split("])").next().unwrap_or_default();
            for code in list.split('"').skip(1).step_by(2) {
                assert!(known.contains(code), "{code} is no kind of problem");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_docs_are_a_page_that_runs_no_scripts_and_loads_nothing_foreign() -> Result<()> {
    let bench = Bench::start().await?;
    let page = read(bench.request(Method::GET, "/docs")?).await?;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'"),
        "{policy}"
    );
    let html = String::from_utf8(page.bytes)?;
    for (path, method, operation) in operations(&bench).await? {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(
            html.contains(&format!("id=\"{id}\"")),
            "{method} {path} is not there"
        );
    }
    assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains("src="));
    let style = read(bench.request(Method::GET, "/docs/style.css")?).await?;
    assert_eq!(
        (style.status, style.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
    Ok(())
}

#[tokio::test]
async fn every_link_within_the_docs_leads_somewhere() -> Result<()> {
    let bench = Bench::start().await?;
    let page = read(bench.request(Method::GET, "/docs")?).await?;
    let html = String::from_utf8(page.bytes)?;
    for link in html.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap_or_default();
        assert!(
            html.contains(&format!("id=\"{target}\"")),
            "{target} is not there"
        );
    }
    Ok(())
}
