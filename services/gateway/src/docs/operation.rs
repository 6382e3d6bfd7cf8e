//! One route of the page.

use serde_json::Value;

use super::schema::type_of;
use super::{code_marked, escape, sample, text};

/// A route: whom it serves, what it takes, what it answers.
pub fn article(path: &str, method: &str, operation: &Value) -> String {
    let mut html = format!(
        "<article id=\"{}\">\n<h3><span class=\"{method}\">{}</span> <code>{}</code></h3>\n<p>{}</p>\n",
        text(&operation["operationId"]),
        method.to_uppercase(),
        escape(path),
        code_marked(&text(&operation["summary"]))
    );
    if let Some(more) = operation["description"].as_str() {
        html.push_str(&format!("<p>{}</p>\n", code_marked(&escape(more))));
    }
    html.push_str(&format!(
        "<p>Serves: {}</p>\n",
        serves(&operation["security"])
    ));
    html.push_str(&parameters(&operation["parameters"]));
    html.push_str(&body(&operation["requestBody"]));
    html.push_str(&answers(&operation["responses"]));
    html.push_str("</article>\n");
    html
}

fn serves(security: &Value) -> String {
    let choices = security.as_array().map(Vec::as_slice).unwrap_or_default();
    match choices
        .first()
        .and_then(|choice| choice["bearer"].as_array())
    {
        None => "everyone, without a token".to_owned(),
        Some(roles) if roles.is_empty() => "every user with a token".to_owned(),
        Some(roles) => {
            let roles: Vec<String> = roles.iter().map(text).collect();
            roles.join(", ")
        }
    }
}

fn parameters(parameters: &Value) -> String {
    let parameters = parameters.as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = parameters.iter().map(|parameter| {
        let required = if parameter["required"] == true { "required" } else { "" };
        format!(
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{required}</td><td>{}</td><td>{}</td></tr>\n",
            text(&parameter["name"]),
            text(&parameter["in"]),
            type_of(&parameter["schema"]),
            code_marked(&text(&parameter["description"])),
            inline(&parameter["example"]),
        )
    });
    format!(
        "<h4>Parameters</h4>\n<table><thead><tr><th>name</th><th>in</th><th>type</th><th></th>\
         <th>meaning</th><th>example</th></tr></thead>\n<tbody>\n{}</tbody></table>\n",
        rows.collect::<String>()
    )
}

/// A short value on a line.
fn inline(value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    let plain = value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned);
    format!("<code>{}</code>", escape(&plain))
}

fn body(body: &Value) -> String {
    let Some(content) = body.pointer("/content/application~1json") else {
        return String::new();
    };
    format!(
        "<h4>Body</h4>\n<p>{}: {}</p>\n{}",
        text(&body["description"]),
        type_of(&content["schema"]),
        sample(&content["example"])
    )
}

fn answers(answers: &Value) -> String {
    let mut html = String::from("<h4>Answers</h4>\n");
    for (status, answer) in answers.as_object().into_iter().flatten() {
        let about = code_marked(&text(&answer["description"]));
        html.push_str(&format!(
            "<details><summary><b>{status}</b> {about}</summary>\n"
        ));
        html.push_str(&headers(&answer["headers"]));
        if let Some(content) = answer.pointer("/content/application~1json") {
            html.push_str(&format!("<p>{}</p>\n", type_of(&content["schema"])));
            html.push_str(&sample(&content["example"]));
        }
        let problems = answer.pointer("/content/application~1problem+json/examples");
        for (_, problem) in problems.and_then(Value::as_object).into_iter().flatten() {
            html.push_str(&sample(&problem["value"]));
        }
        html.push_str("</details>\n");
    }
    html
}

fn headers(headers: &Value) -> String {
    let names = headers.as_object().into_iter().flatten();
    let names: Vec<String> = names
        .map(|(name, _)| format!("<code>{}</code>", escape(name)))
        .collect();
    format!("<p>Headers: {}</p>\n", names.join(", "))
}
