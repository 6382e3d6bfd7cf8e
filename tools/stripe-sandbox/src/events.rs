//! Events: what happened, with a snapshot of the object as it was.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::lists::Window;
use crate::store::World;

/// The version of Stripe's API whose shapes this crate speaks.
pub const API_VERSION: &str = "2026-10-28.endive";

struct Event {
    id: String,
    owner: String,
    kind: String,
    created: i64,
    /// The event as JSON text: it never changes, and text takes less room than a tree.
    body: String,
}

#[derive(Default)]
pub struct EventLog {
    all: Vec<Event>,
    by_id: HashMap<String, usize>,
}

impl EventLog {
    fn push(&mut self, event: Event) -> usize {
        let place = self.all.len();
        self.by_id.insert(event.id.clone(), place);
        self.all.push(event);
        place
    }

    pub fn body(&self, id: &str) -> Option<&str> {
        self.by_id
            .get(id)
            .map(|place| self.all[*place].body.as_str())
    }

    pub fn body_at(&self, place: usize) -> (&str, &str) {
        let event = &self.all[place];
        (&event.owner, &event.body)
    }

    pub fn id_at(&self, place: usize) -> &str {
        &self.all[place].id
    }

    pub fn restore(&mut self, owner: &str, value: &Value) {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let created = value["created"].as_i64().unwrap_or(0);
        let (id, kind) = (text("id"), text("type"));
        self.push(Event {
            id,
            owner: owner.to_owned(),
            kind,
            created,
            body: value.to_string(),
        });
    }
}

impl World {
    /// Tells of something that happened to an object, and orders its deliveries.
    pub fn emit(&mut self, owner: &str, kind: &str, object: &Value) {
        self.emit_change(owner, kind, object, None);
    }

    /// The same for an update; `before` holds the old values of what changed.
    pub fn emit_change(&mut self, owner: &str, kind: &str, object: &Value, before: Option<Value>) {
        let id = self.mint("evt");
        let listeners = self.listeners(owner, kind);
        let mut data = json!({ "object": self.shown(object) });
        if let Some(before) = before {
            data["previous_attributes"] = before;
        }
        let mut event = json!({
            "id": id, "object": "event", "type": kind, "api_version": API_VERSION,
            "created": self.now, "livemode": false, "data": data,
            "pending_webhooks": listeners.len(),
            "request": { "id": self.cause.request_id, "idempotency_key": self.cause.key },
        });
        if !owner.is_empty() {
            event["account"] = json!(owner);
        }
        let body = event.to_string();
        let (owner, kind) = (owner.to_owned(), kind.to_owned());
        let place = self.events.push(Event {
            id,
            owner,
            kind,
            created: self.now,
            body,
        });
        self.changes.events.push(place);
        self.order_deliveries(&event, listeners);
    }

    /// An event as the API shows it: its pending webhooks are counted anew.
    fn event_at(&self, place: usize) -> Value {
        let event = &self.events.all[place];
        let mut value: Value = serde_json::from_str(&event.body).unwrap_or_default();
        value["pending_webhooks"] = json!(self.deliveries.pending(&event.id));
        value
    }
}

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list("events", &["type", "types[]", "delivery_success"], list),
    Endpoint::get("events/*", &[], retrieve),
];

fn retrieve(world: &mut World, call: &Call) -> Answer {
    let place = world.events.by_id.get(&call.id).copied();
    let place = place.filter(|place| world.events.all[*place].owner == call.owner);
    let place = place.ok_or_else(|| Refusal::no_such("event", "id", &call.id))?;
    Ok(world.event_at(place))
}

fn list(world: &mut World, call: &Call) -> Answer {
    let window = Window::read(&call.params)?;
    let mut types = call.params.list("types");
    types.extend(call.params.get("type").map(str::to_owned));
    let delivered = call.params.flag("delivery_success")?;
    let wanted = |place: &usize| {
        let event = &world.events.all[*place];
        event.owner == call.owner
            && window.holds(event.created)
            && (types.is_empty() || types.iter().any(|kind| covers(kind, &event.kind)))
            && delivered.is_none_or(|all| (world.deliveries.pending(&event.id) == 0) == all)
    };
    let place_of = |id: &str| {
        let place = world.events.by_id.get(id).copied();
        place.ok_or_else(|| Refusal::no_such_param("event", "starting_after", id))
    };
    let (places, more) = window.cut(world.events.all.len(), place_of, wanted)?;
    let data: Vec<Value> = places
        .into_iter()
        .map(|place| world.event_at(place))
        .collect();
    Ok(json!({ "object": "list", "url": "/v1/events", "has_more": more, "data": data }))
}

/// Whether a wanted type (`charge.*`, `*` or a full name) covers an event's.
pub fn covers(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => wanted == kind,
    }
}
