//! Examples, from the schemas: each property has its own or one that its name implies.

use serde_json::{Map, Value, json};

/// Gives every property of every schema an example, and instants their format.
pub fn complete_schemas(components: &mut Value) {
    let before = components.clone();
    for schema in components["schemas"].as_object_mut().into_iter().flatten() {
        complete_schema(schema.1, &before);
    }
}

fn complete_schema(schema: &mut Value, components: &Value) {
    for part in schema["allOf"].as_array_mut().into_iter().flatten() {
        complete_schema(part, components);
    }
    for (name, property) in schema["properties"].as_object_mut().into_iter().flatten() {
        if is_instant(name) && is(property, "string") {
            property["format"] = json!("date-time");
        }
        lift_description(property);
        if property.get("$ref").is_some() || property.get("example").is_some() {
            continue;
        }
        if let Some(constant) = constant(property) {
            property["const"] = constant;
        }
        if let Some(example) = example(property, components, name) {
            property["example"] = example;
        }
    }
}

/// What may be null has its meaning beside the choice, not within.
fn lift_description(property: &mut Value) {
    let choices = property["oneOf"].as_array_mut().into_iter().flatten();
    let within = choices.filter_map(|choice| choice.as_object_mut()?.remove("description"));
    if let Some(description) = within.last() {
        property["description"] = description;
    }
}

/// A value that fits a schema; `name` is the property's whose schema it is.
pub fn example(schema: &Value, components: &Value, name: &str) -> Option<Value> {
    if let Some(example) = schema.get("example") {
        return Some(example.clone());
    }
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.strip_prefix("#/components")?;
        return example(components.pointer(target)?, components, name);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let chosen = choices.iter().find(|choice| !is(choice, "null"))?;
        return example(chosen, components, name);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return merged(parts, components, name);
    }
    if let Some(constant) = constant(schema) {
        return Some(constant);
    }
    if is(schema, "object") {
        return object(schema, components);
    }
    if is(schema, "array") {
        return Some(json!([example(&schema["items"], components, name)?]));
    }
    scalar(schema, name)
}

fn merged(parts: &[Value], components: &Value, name: &str) -> Option<Value> {
    let mut whole = Map::new();
    for part in parts {
        whole.extend(example(part, components, name)?.as_object()?.clone());
    }
    Some(Value::Object(whole))
}

fn object(schema: &Value, components: &Value) -> Option<Value> {
    let properties = schema["properties"].as_object();
    let fields = properties.into_iter().flatten().map(|(name, property)| {
        let value = example(property, components, name)?;
        Some((name.clone(), value))
    });
    fields.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// What a property that is "Always `list`." is.
fn constant(schema: &Value) -> Option<Value> {
    let said = schema["description"].as_str()?;
    let rest = said.strip_prefix("Always `")?;
    Some(json!(rest.split('`').next()?))
}

fn scalar(schema: &Value, name: &str) -> Option<Value> {
    if is(schema, "boolean") {
        return Some(json!(name != "has_more" && name != "cancel_at_period_end"));
    }
    if is(schema, "integer") {
        let number = if name.ends_with("_cents") { 1200 } else { 3 };
        return Some(json!(number));
    }
    is(schema, "string")
        .then(|| text(name))
        .flatten()
        .map(Value::from)
}

fn text(name: &str) -> Option<&'static str> {
    if is_instant(name) {
        return Some("2027-02-01T00:00:00Z");
    }
    Some(match name {
        "currency" | "asset" => "USD",
        "month" | "from_month" => "2027-01",
        "program" => "allocation",
        "creator_id" => "alice",
        "payout_id" => "po_01m05v1nke8g5r0xhqyx8fn2ak",
        "plan" => "plan_10",
        "email" => "alice@example.com",
        "display_name" => "Alice Example",
        "success_url" | "cancel_url" | "return_url" | "refresh_url" => "http://localhost:3000/done",
        _ => return None,
    })
}

fn is_instant(name: &str) -> bool {
    name == "now"
        || ["_at", "_on", "advance_to", "_period_start", "_period_end"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Whether a schema is of a type, or of it and nothing.
fn is(schema: &Value, kind: &str) -> bool {
    let kinds = schema["type"].as_array();
    kinds.map_or(schema["type"] == kind, |kinds| {
        kinds.iter().any(|one| one == kind)
    })
}
