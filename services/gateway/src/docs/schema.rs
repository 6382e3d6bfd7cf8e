//! Schemas of the page: one table each.

use serde_json::Value;

use super::{code_marked, escape, text};

/// All schemas of the document.
pub fn all(document: &Value) -> String {
    let mut html = String::from("<section id=\"schemas\">\n<h2>schemas</h2>\n");
    let schemas = document["components"]["schemas"].as_object();
    for (name, schema) in schemas.into_iter().flatten() {
        html.push_str(&one(name, schema));
    }
    html.push_str("</section>\n");
    html
}

fn one(name: &str, schema: &Value) -> String {
    format!(
        "<article id=\"schema-{0}\">\n<h3>{0}</h3>\n<p>{1}</p>\n<table><thead><tr><th>field</th>\
         <th>type</th><th>meaning</th></tr></thead>\n<tbody>\n{2}</tbody></table>\n</article>\n",
        escape(name),
        code_marked(&text(&schema["description"])),
        rows(schema)
    )
}

fn rows(schema: &Value) -> String {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let mut html: String = parts.map(rows).collect();
    if schema["$ref"].is_string() {
        html.push_str(&format!(
            "<tr><td colspan=\"3\">all of {}</td></tr>\n",
            type_of(schema)
        ));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        html.push_str(&format!(
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
            escape(name),
            type_of(property),
            code_marked(&text(&property["description"]))
        ));
    }
    html
}

/// A type in words, with a link where it has a name.
pub fn type_of(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = escape(target.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choices: Vec<String> = choices.iter().map(type_of).collect();
        return choices.join(" or ");
    }
    let bounds = match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!(" {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, _) => String::new(),
    };
    if let Some(several) = schema["type"].as_array() {
        let several: Vec<String> = several.iter().map(text).collect();
        return format!("{}{bounds}", several.join(" or "));
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some(one) => format!("{}{bounds}", escape(one)),
        None => "object".to_owned(),
    }
}
