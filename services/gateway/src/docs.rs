//! The interface's documentation as a page: plain HTML made from the OpenAPI document, for
//! browsers that run no scripts.

mod operation;
mod schema;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Nothing is loaded but the style sheet beside the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page of a document.
#[must_use]
pub fn page(document: &Value) -> String {
    let mut html = String::from(HEAD);
    let about = text(&document["info"]["description"]);
    html.push_str(&format!(
        "<h1>{} <small>{}</small></h1>\n<p>{}</p>\n<p><a href=\"/openapi.json\">openapi.json</a></p>\n",
        text(&document["info"]["title"]),
        text(&document["info"]["version"]),
        code_marked(&about)
    ));
    let tags = document["tags"].as_array().into_iter().flatten();
    let tags: Vec<&Value> = tags.filter(|tag| has_routes(document, tag)).collect();
    html.push_str(&contents(document, &tags));
    for tag in tags {
        html.push_str(&section(document, tag));
    }
    html.push_str(&schema::all(document));
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <title>Tributary: the REST interface</title>\n\
    <link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n<main>\n";

fn contents(document: &Value, tags: &[&Value]) -> String {
    let mut html = String::from("<nav aria-label=\"Contents\">\n<ul>\n");
    for tag in tags {
        let name = text(&tag["name"]);
        html.push_str(&format!("<li><a href=\"#tag-{name}\">{name}</a>\n<ul>\n"));
        for (path, method, operation) in of_tag(document, tag) {
            html.push_str(&format!(
                "<li><a href=\"#{}\"><b>{}</b> {}</a></li>\n",
                text(&operation["operationId"]),
                method.to_uppercase(),
                escape(path)
            ));
        }
        html.push_str("</ul></li>\n");
    }
    html.push_str("<li><a href=\"#schemas\">schemas</a></li>\n</ul>\n</nav>\n");
    html
}

fn section(document: &Value, tag: &Value) -> String {
    let (name, about) = (text(&tag["name"]), text(&tag["description"]));
    let mut html = format!("<section id=\"tag-{name}\">\n<h2>{name}</h2>\n<p>{about}</p>\n");
    for (path, method, described) in of_tag(document, tag) {
        html.push_str(&operation::article(path, method, described));
    }
    html.push_str("</section>\n");
    html
}

fn has_routes(document: &Value, tag: &Value) -> bool {
    of_tag(document, tag).next().is_some()
}

/// Path, method and operation of all routes of a tag.
fn of_tag<'d>(
    document: &'d Value,
    tag: &'d Value,
) -> impl Iterator<Item = (&'d str, &'d str, &'d Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    operations.filter(|(_, _, operation)| operation["tags"][0] == tag["name"])
}

/// The page with its headers.
pub fn answer(page: String) -> Response {
    with_headers(page, "text/html; charset=utf-8")
}

/// The style sheet.
pub fn style() -> Response {
    with_headers(
        include_str!("docs/style.css").to_owned(),
        "text/css; charset=utf-8",
    )
}

fn with_headers(body: String, kind: &'static str) -> Response {
    let mut response = body.into_response();
    let all: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    let headers = response.headers_mut();
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text of the document, safe within a page.
fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// What stands between backticks, as code. The text is escaped already.
fn code_marked(escaped: &str) -> String {
    let mut html = String::new();
    for (at, part) in escaped.split('`').enumerate() {
        if at % 2 == 1 {
            html.push_str(&format!("<code>{part}</code>"));
        } else {
            html.push_str(part);
        }
    }
    html
}

/// JSON to look at.
fn sample(value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("<pre><code>{}</code></pre>\n", escape(&pretty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_document_says_cannot_become_markup() {
        let document = json!({
            "info": { "title": "<script>alert(1)</script>", "description": "a `b<i>` \"c\"" },
            "paths": {}, "tags": []
        });
        let page = page(&document);
        assert!(!page.contains("<script") && !page.contains("<i>"), "{page}");
        assert!(page.contains("<code>b&lt;i&gt;</code>"), "{page}");
    }
}
