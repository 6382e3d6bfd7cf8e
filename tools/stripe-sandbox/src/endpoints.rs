//! Webhook endpoints: who is told of which events.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::events::{API_VERSION, covers};
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "webhook_endpoints",
        &[
            "url",
            "enabled_events[]",
            "description",
            "metadata[*]",
            "connect",
            "api_version",
        ],
        create,
    ),
    Endpoint::list("webhook_endpoints", &[], list),
    Endpoint::get("webhook_endpoints/*", &[], retrieve),
    Endpoint::post(
        "webhook_endpoints/*",
        &[
            "disabled",
            "url",
            "enabled_events[]",
            "description",
            "metadata[*]",
            "metadata",
        ],
        update,
    ),
    Endpoint::delete("webhook_endpoints/*", &[], delete),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let url = call.params.need("url")?;
    check_url(url)?;
    let enabled = call.params.list("enabled_events");
    if enabled.is_empty() {
        return Err(Refusal::missing("enabled_events"));
    }
    let connect = call.params.flag("connect")?.unwrap_or(false);
    let metadata = call.params.merge_metadata("metadata", &Value::Null);
    let id = world.mint("we");
    let secret = world.mint("whsec");
    let row = json!({ "secret": secret, "connect": connect });
    world.set_row("secret", &id, row);
    let mut endpoint = world.put(
        PLATFORM,
        json!({
            "id": id, "object": "webhook_endpoint", "url": url, "enabled_events": enabled,
            "status": "enabled", "livemode": false, "created": world.now,
            "api_version": call.params.get("api_version").unwrap_or(API_VERSION),
            "application": null, "description": call.params.get("description"),
            "metadata": metadata,
        }),
    );
    // The secret is told once, to who creates the endpoint.
    endpoint["secret"] = json!(secret);
    Ok(endpoint)
}

fn check_url(url: &str) -> Result<(), Refusal> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    Err(Refusal::param(
        "url_invalid",
        "url",
        "Invalid URL: An explicit scheme must be provided.",
    ))
}

fn list(world: &mut World, call: &Call) -> Answer {
    world.page(call, "webhook_endpoint", None, |_| true)
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "webhook_endpoint", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "webhook_endpoint", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let url = call.params.get("url").map(str::to_owned);
    if let Some(url) = &url {
        check_url(url)?;
    }
    let disabled = call.params.flag("disabled")?;
    let enabled = call.params.list("enabled_events");
    Ok(world.edit(&call.id, |endpoint| {
        endpoint["metadata"] = metadata;
        if let Some(url) = url {
            endpoint["url"] = json!(url);
        }
        if let Some(disabled) = disabled {
            endpoint["status"] = json!(if disabled { "disabled" } else { "enabled" });
        }
        if !enabled.is_empty() {
            endpoint["enabled_events"] = json!(enabled);
        }
    }))
}

fn delete(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "webhook_endpoint", &call.id)?;
    world.set_row("secret", &call.id, Value::Null);
    Ok(world.remove(&call.id))
}

/// Where and with which secret an endpoint is told; `None` when it is gone or disabled.
pub struct Target {
    pub url: String,
    pub secret: String,
}

impl World {
    /// The endpoints that want to hear of a kind of event of an owner. Account endpoints hear
    /// of the platform's own, Connect endpoints of those of connected accounts.
    pub fn listeners(&self, owner: &str, kind: &str) -> Vec<String> {
        // An account that has left is nobody's business any more.
        if owner != PLATFORM && self.find(PLATFORM, "account", owner).is_none() {
            return Vec::new();
        }
        let all = self.list(PLATFORM, "webhook_endpoint", None).iter();
        all.filter_map(|(_, id)| self.any(id))
            .filter(|endpoint| endpoint["status"] == "enabled")
            .filter(|endpoint| self.is_connect(id_of(endpoint)) != owner.is_empty())
            .filter(|endpoint| wants(endpoint, kind))
            .map(|endpoint| id_of(endpoint).to_owned())
            .collect()
    }

    fn is_connect(&self, id: &str) -> bool {
        self.row("secret", id)
            .is_some_and(|row| row["connect"] == true)
    }

    pub fn target(&self, id: &str) -> Option<Target> {
        let endpoint = self.find(PLATFORM, "webhook_endpoint", id)?;
        let url = endpoint["url"]
            .as_str()
            .filter(|_| endpoint["status"] == "enabled")?;
        let secret = self.row("secret", id)?["secret"].as_str()?;
        Some(Target {
            url: url.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

fn wants(endpoint: &Value, kind: &str) -> bool {
    let wanted = endpoint["enabled_events"].as_array().into_iter().flatten();
    wanted
        .filter_map(Value::as_str)
        .any(|wanted| covers(wanted, kind))
}
