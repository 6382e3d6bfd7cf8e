//! Faults that were asked for: the rules in force, how often each took effect, and what it did.
//!
//! A rule counts how often each thing came (a request by its key, or by its content when it has
//! none) and lets arithmetic decide, never the order of arrival; `times` alone is by order.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::{self, Incoming};
use crate::error::Refusal;
use crate::fault_rule::{Kind, Place, Rule, globs, text_of};
use crate::idempotency::Known;
use crate::store::{World, id_of};

/// Seconds that a held-up webhook waits when its rule does not say.
const DELAY: u64 = 3600;
/// Seconds after which a webhook that waits to be overtaken goes in any case.
const OVERTAKE: u64 = 60;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    rule: Rule,
    matched: u64,
    took_effect: u64,
}

/// The rules in force, by number.
#[derive(Default)]
pub struct Faults {
    rules: BTreeMap<u64, Kept>,
    last: u64,
    /// How often each thing came, by rule and a hash of its identity.
    seen: HashMap<String, u64>,
    /// What took effect and is not in the journal yet.
    pub took: Vec<Value>,
}

/// A fault that takes effect.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    pub seconds: Option<u64>,
    code: Option<String>,
}

impl Fault {
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or("processing_error")
    }
}

/// What becomes of an answer on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is said, until the client goes or this many seconds are over.
    Hang(Option<u64>),
    Reset,
    Truncate,
}

impl Fault {
    pub fn trouble(&self) -> Option<Trouble> {
        match self.kind {
            Kind::TimeoutBefore | Kind::TimeoutAfter => Some(Trouble::Hang(self.seconds)),
            Kind::ResetBefore | Kind::ResetAfter => Some(Trouble::Reset),
            Kind::TruncateAfter => Some(Trouble::Truncate),
            Kind::Http500Before
            | Kind::Http500After
            | Kind::Http429
            | Kind::WebhookDuplicate
            | Kind::WebhookReorder
            | Kind::WebhookDelay
            | Kind::WebhookLose
            | Kind::RefuseBank
            | Kind::RefuseCall => None,
        }
    }
}

/// What becomes of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Sent,
    Twice,
    /// Goes after the next one to the same endpoint, or after so many seconds.
    Overtaken(i64),
    Late(i64),
    Lost,
}

impl Faults {
    pub fn restore(&mut self, name: &str, value: Value) {
        let Some(number) = number_of(name) else {
            return;
        };
        self.last = self.last.max(number);
        match serde_json::from_value(value) {
            Ok(kept) => {
                self.rules.insert(number, kept);
            }
            Err(_) => self.forget(number),
        }
    }

    pub fn restore_seen(&mut self, name: &str, value: &Value) {
        self.seen
            .insert(name.to_owned(), value.as_u64().unwrap_or(0));
    }

    fn forget(&mut self, number: u64) {
        self.rules.remove(&number);
        let own = format!("{number}/");
        self.seen.retain(|name, _| !name.starts_with(&own));
    }
}

fn name_of(number: u64) -> String {
    format!("fault_{number}")
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("fault_")?.parse().ok()
}

impl World {
    /// The rules as `/_sandbox/faults` shows them.
    pub fn shown_faults(&self) -> Value {
        let shown = |(number, kept): (&u64, &Kept)| {
            let mut value = serde_json::to_value(&kept.rule).unwrap_or_default();
            value["id"] = json!(name_of(*number));
            value["matched"] = json!(kept.matched);
            value["took_effect"] = json!(kept.took_effect);
            value
        };
        let data: Vec<Value> = self.faults.rules.iter().map(shown).collect();
        json!({ "object": "list", "data": data })
    }

    pub fn add_faults(&mut self, rules: Vec<Rule>) {
        for rule in rules {
            self.faults.last += 1;
            let kept = Kept {
                rule,
                matched: 0,
                took_effect: 0,
            };
            let number = self.faults.last;
            self.keep_fault(number, kept);
        }
    }

    /// Takes back one rule, or all.
    ///
    /// # Errors
    /// When there is no rule of that name.
    pub fn drop_faults(&mut self, name: Option<&str>) -> Result<(), Refusal> {
        let numbers: Vec<u64> = match name {
            None => self.faults.rules.keys().copied().collect(),
            Some(name) => {
                let known = |number: &u64| self.faults.rules.contains_key(number);
                let number = number_of(name).filter(known);
                vec![number.ok_or_else(|| Refusal::no_such("fault", "id", name))?]
            }
        };
        for number in numbers {
            self.faults.forget(number);
            self.note_row("fault", &name_of(number), Value::Null);
        }
        Ok(())
    }

    fn keep_fault(&mut self, number: u64, kept: Kept) {
        let row = serde_json::to_value(&kept).unwrap_or_default();
        self.note_row("fault", &name_of(number), row);
        self.faults.rules.insert(number, kept);
    }

    /// The first rule that falls on something, written down as taken.
    fn take_fault(
        &mut self,
        matches: impl Fn(&Rule) -> bool,
        identity: &str,
        about: &Value,
    ) -> Option<Fault> {
        let rules = &self.faults.rules;
        let numbers: Vec<u64> = rules
            .iter()
            .filter(|(_, kept)| matches(&kept.rule))
            .map(|(number, _)| *number)
            .collect();
        let mut found = numbers
            .into_iter()
            .filter_map(|number| self.draw(number, identity, about));
        found.next()
    }

    fn draw(&mut self, number: u64, identity: &str, about: &Value) -> Option<Fault> {
        let mut kept = self.faults.rules.get(&number)?.clone();
        let turn = self.count_coming(number, identity);
        kept.matched += 1;
        let left = kept.rule.times.is_none_or(|times| kept.took_effect < times);
        let falls = left && kept.rule.falls_on(identity, turn);
        let rule = &kept.rule;
        let fault = Fault {
            kind: rule.kind,
            seconds: rule.seconds,
            code: rule.code.clone(),
        };
        if falls {
            kept.took_effect += 1;
            let mut taken = about.clone();
            taken["rule"] = json!(name_of(number));
            taken["kind"] = json!(kept.rule.kind);
            taken["turn"] = json!(turn);
            self.faults.took.push(taken);
        }
        self.keep_fault(number, kept);
        falls.then_some(fault)
    }

    /// The how-manieth time a thing comes before a rule.
    fn count_coming(&mut self, number: u64, identity: &str) -> u64 {
        let hash = Sha256::digest(identity.as_bytes());
        let name = format!("{number}/{}", hex::encode(&hash[..8]));
        let turn = self.faults.seen.get(&name).copied().unwrap_or(0) + 1;
        self.faults.seen.insert(name.clone(), turn);
        self.note_row("fault_seen", &name, json!(turn));
        turn
    }

    /// The fault that falls on a request. What would be kept under its key falls only on a
    /// request that is not a replay.
    pub fn request_fault(&mut self, incoming: &Incoming) -> Option<Fault> {
        if self.faults.rules.is_empty() {
            return None;
        }
        let is_new = matches!(api::known(self, incoming), Known::Never);
        let account = incoming.scope();
        let matches = |rule: &Rule| {
            let kept = matches!(rule.kind, Kind::RefuseCall | Kind::Http500After);
            let when = &rule.when;
            rule.kind.place() == Place::Request
                && (is_new || !kept)
                && when
                    .method
                    .as_deref()
                    .is_none_or(|own| own.eq_ignore_ascii_case(&incoming.method))
                && when
                    .path
                    .as_deref()
                    .is_none_or(|own| globs(own, &incoming.path))
                && when.is_account(account)
                && when.has_fields(|name| incoming.params.get(name).map(str::to_owned))
        };
        let identity = match &incoming.key {
            Some(key) => format!("{account}/{key}"),
            None => format!("{account}/{}", api::fingerprint(incoming)),
        };
        let about = json!({
            "method": incoming.method, "path": incoming.path, "key": incoming.key,
            "account": incoming.account, "request_id": incoming.request_id,
        });
        self.take_fault(matches, &identity, &about)
    }

    /// What becomes of an event on its way to an endpoint.
    pub fn webhook_fate(&mut self, event: &Value, endpoint: &str) -> Fate {
        if self.faults.rules.is_empty() {
            return Fate::Sent;
        }
        let account = event["account"].as_str().unwrap_or_default();
        let kind = event["type"].as_str().unwrap_or_default();
        let matches = |rule: &Rule| {
            let wanted = rule.when.event_type.as_deref();
            rule.kind.place() == Place::Webhook
                && wanted.is_none_or(|own| globs(own, kind))
                && rule.when.is_account(account)
                && rule
                    .when
                    .has_fields(|name| field(&event["data"]["object"], name))
        };
        let identity = format!("{}/{endpoint}", self.name_of_event(event));
        let about = json!({ "event": id_of(event), "type": kind, "endpoint": endpoint });
        let Some(fault) = self.take_fault(matches, &identity, &about) else {
            return Fate::Sent;
        };
        let seconds = |usual: u64| {
            let seconds = fault.seconds.unwrap_or(usual);
            i64::try_from(seconds).unwrap_or(i64::from(u32::MAX))
        };
        let fates = [
            (Kind::WebhookDuplicate, Fate::Twice),
            (Kind::WebhookReorder, Fate::Overtaken(seconds(OVERTAKE))),
            (Kind::WebhookDelay, Fate::Late(seconds(DELAY))),
            (Kind::WebhookLose, Fate::Lost),
        ];
        let mut fates = fates.into_iter().filter(|(kind, _)| *kind == fault.kind);
        fates.next().map_or(Fate::Sent, |(_, fate)| fate)
    }

    /// An event's identity: by the key of the request that caused it, because ids differ between
    /// two runs in which requests overtake each other; else its id.
    fn name_of_event(&self, event: &Value) -> String {
        match &self.cause.key {
            Some(key) => format!("{key}/{}", self.changes.events.len()),
            None => id_of(event).to_owned(),
        }
    }

    /// The code with which a bank sends back a payout that it would have taken.
    pub fn bank_fault(&mut self, owner: &str, payout: &Value) -> Option<String> {
        if self.faults.rules.is_empty() {
            return None;
        }
        let matches = |rule: &Rule| {
            rule.kind.place() == Place::Bank
                && rule.when.is_account(owner)
                && rule.when.has_fields(|name| field(payout, name))
        };
        let key = self
            .row("payout_key", id_of(payout))
            .and_then(Value::as_str);
        let identity = key.unwrap_or_else(|| id_of(payout)).to_owned();
        let about = json!({ "payout": id_of(payout), "account": owner });
        let fault = self.take_fault(matches, &identity, &about)?;
        Some(fault.code.unwrap_or_else(|| "no_account".to_owned()))
    }
}

/// A field of an object by its path, as text: `amount`, `metadata.payout_id`.
fn field(object: &Value, path: &str) -> Option<String> {
    let pointer = format!("/{}", path.replace('.', "/"));
    object.pointer(&pointer).map(text_of)
}
