//! The world: every object, indexed for the lists that Stripe offers, and what one request
//! changed, gathered for one line of the journal.
//!
//! Objects are JSON values in Stripe's shape. Whatever Stripe knows and does not show (a full
//! bank number, a signing secret) is a *row* beside them. Objects belong to an owner: `""` is
//! the platform, anything else the connected account of that id.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::balance::Purse;
use crate::error::Refusal;
use crate::events::EventLog;
use crate::faults::Faults;
use crate::idempotency::Keys;
use crate::index::{index_name, indexed, list_name};
use crate::timers::Timers;
use crate::webhooks::Deliveries;

/// The platform itself, as an owner of objects.
pub const PLATFORM: &str = "";

/// What is being served, as events and journal lines name it.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    pub request_id: Option<String>,
    pub key: Option<String>,
}

struct Record {
    owner: String,
    /// Order of creation, for lists.
    seq: u64,
    value: Value,
}

/// What the request in hand has changed so far.
#[derive(Default)]
pub struct Changes {
    pub puts: Vec<String>,
    seen: HashSet<String>,
    pub gone: Vec<Value>,
    pub events: Vec<usize>,
    pub rows: BTreeMap<(&'static str, String), Value>,
}

#[derive(Default)]
pub struct World {
    pub now: i64,
    /// Where this sandbox is reached, for the pages that objects name.
    pub base: String,
    pub cause: Cause,
    pub events: EventLog,
    pub keys: Keys,
    pub timers: Timers,
    pub deliveries: Deliveries,
    pub faults: Faults,
    /// Counts all work done, so that a watcher sees that something moved.
    pub activity: u64,
    pub minted: u64,
    pub changes: Changes,
    objects: HashMap<String, Record>,
    lists: HashMap<String, Vec<(u64, String)>>,
    purses: HashMap<String, Purse>,
    rows: HashMap<(&'static str, String), Value>,
    next_seq: u64,
}

/// The kinds of rows that are looked up by id; the others live in structures of their own.
const ROW_KINDS: &[&str] = &[
    "secret",
    "bank",
    "plan",
    "card",
    "settings",
    "payout_items",
    "standing",
    "payout_key",
    "rates",
    "discount",
    "pending",
];

pub fn kind_of(value: &Value) -> &str {
    value["object"].as_str().unwrap_or_default()
}

pub fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

impl World {
    /// An empty world at an instant of business time.
    pub fn at(now: i64) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// A new id with Stripe's prefix: unique in this world for ever, and the same for the same
    /// history.
    pub fn mint(&mut self, prefix: &str) -> String {
        self.minted += 1;
        let length = match prefix {
            "cus" | "prod" => 14,
            "acct" => 16,
            "cs_test" => 58,
            "we" | "price" | "evt" | "ch" | "pi" | "py" | "txn" | "po" | "tr" | "in" => 24,
            _ => 22,
        };
        format!("{prefix}_{}", crate::mint::word(self.minted, length))
    }

    pub fn find(&self, owner: &str, kind: &str, id: &str) -> Option<&Value> {
        let record = self
            .objects
            .get(id)
            .filter(|record| record.owner == owner)?;
        Some(&record.value).filter(|value| kind_of(value) == kind)
    }

    /// The object that a path names, or 404.
    pub fn get(&self, owner: &str, kind: &str, id: &str) -> Result<&Value, Refusal> {
        self.find(owner, kind, id)
            .ok_or_else(|| Refusal::no_such(kind, "id", id))
    }

    /// The object that a parameter names, or 400.
    pub fn named(&self, kind: &str, param: &str, id: &str) -> Result<&Value, Refusal> {
        let found = self.find(PLATFORM, kind, id);
        found.ok_or_else(|| Refusal::no_such_param(kind, param, id))
    }

    /// Any object by its id, for expansion.
    pub fn any(&self, id: &str) -> Option<&Value> {
        self.objects.get(id).map(|record| &record.value)
    }

    /// Writes a new object.
    pub fn put(&mut self, owner: &str, value: Value) -> Value {
        let id = id_of(&value).to_owned();
        self.insert(owner, value.clone());
        self.touch(&id);
        value
    }

    /// Changes an object in place and answers what it became. An unknown id changes nothing.
    pub fn edit(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> Value {
        let Some(record) = self.objects.get(id) else {
            return Value::Null;
        };
        let owner = record.owner.clone();
        let mut value = record.value.clone();
        change(&mut value);
        self.insert(&owner, value.clone());
        self.touch(id);
        value
    }

    /// Takes an object out of the world, and answers the stub that Stripe shows of it.
    pub fn remove(&mut self, id: &str) -> Value {
        let kind = self
            .objects
            .get(id)
            .map(|record| kind_of(&record.value).to_owned());
        let stub = json!({ "id": id, "object": kind, "deleted": true });
        self.forget(id);
        self.changes.gone.push(stub.clone());
        stub
    }

    fn touch(&mut self, id: &str) {
        if self.changes.seen.insert(id.to_owned()) {
            self.changes.puts.push(id.to_owned());
        }
    }

    fn forget(&mut self, id: &str) {
        let Some(gone) = self.objects.remove(id) else {
            return;
        };
        let kind = kind_of(&gone.value);
        let mut names = vec![list_name(&gone.owner, kind)];
        for field in indexed(kind) {
            let key = gone.value.pointer(field).and_then(Value::as_str);
            names.extend(key.map(|key| index_name(&gone.owner, kind, field, key)));
        }
        for name in names {
            if let Some(list) = self.lists.get_mut(&name) {
                list.retain(|(_, member)| member != id);
            }
        }
    }

    /// Inserts or overwrites, keeping the lists and balances true.
    fn insert(&mut self, owner: &str, value: Value) {
        let id = id_of(&value).to_owned();
        let old = self.objects.get(&id);
        let is_new = old.is_none();
        let seq = old.map_or(self.next_seq, |record| record.seq);
        self.next_seq = self.next_seq.max(seq + 1);
        for name in self.old_lists(owner, &value, &id) {
            if let Some(list) = self.lists.get_mut(&name) {
                list.retain(|(_, member)| *member != id);
            }
        }
        for name in self.new_lists(owner, &value, &id) {
            let list = self.lists.entry(name).or_default();
            let place = list.partition_point(|(member, _)| *member < seq);
            list.insert(place, (seq, id.clone()));
        }
        if is_new && kind_of(&value) == "balance_transaction" {
            self.purses
                .entry(owner.to_owned())
                .or_default()
                .add(&value, self.now);
        }
        self.objects.insert(
            id,
            Record {
                owner: owner.to_owned(),
                seq,
                value,
            },
        );
    }

    /// The lists that an object joins by being written like this.
    fn new_lists(&self, owner: &str, value: &Value, id: &str) -> Vec<String> {
        let kind = kind_of(value);
        let old = self.objects.get(id).map(|record| &record.value);
        let mut names = Vec::new();
        if old.is_none() {
            names.push(list_name(owner, kind));
        }
        for field in indexed(kind) {
            let was = old
                .and_then(|old| old.pointer(field))
                .and_then(Value::as_str);
            let is = value.pointer(field).and_then(Value::as_str);
            if let Some(key) = is.filter(|_| was != is) {
                names.push(index_name(owner, kind, field, key));
            }
        }
        names
    }

    /// The lists that an object leaves by being written like this.
    fn old_lists(&self, owner: &str, value: &Value, id: &str) -> Vec<String> {
        let Some(old) = self.objects.get(id).map(|record| &record.value) else {
            return Vec::new();
        };
        let text = |value: &Value, field: &str| {
            value
                .pointer(field)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let kind = kind_of(value);
        let fields = indexed(kind).iter();
        let left = fields.filter(|field| text(old, field) != text(value, field));
        left.filter_map(|field| Some(index_name(owner, kind, field, &text(old, field)?)))
            .collect()
    }

    /// The members of a list, oldest first, with their order of creation.
    pub fn list(&self, owner: &str, kind: &str, by: Option<(&str, &str)>) -> &[(u64, String)] {
        let name = match by {
            Some((field, key)) => index_name(owner, kind, field, key),
            None => list_name(owner, kind),
        };
        self.lists.get(&name).map_or(&[], Vec::as_slice)
    }

    /// Adds an object to a list that its own fields do not tell of.
    fn join(&mut self, owner: &str, kind: &str, field: &str, key: &str, id: &str) {
        let Some(seq) = self.objects.get(id).map(|record| record.seq) else {
            return;
        };
        let list = self
            .lists
            .entry(index_name(owner, kind, field, key))
            .or_default();
        let place = list.partition_point(|(member, _)| *member < seq);
        list.insert(place, (seq, id.to_owned()));
    }

    pub fn seq_of(&self, owner: &str, id: &str) -> Option<u64> {
        self.objects
            .get(id)
            .filter(|record| record.owner == owner)
            .map(|record| record.seq)
    }

    pub fn owner_of(&self, id: &str) -> &str {
        self.objects
            .get(id)
            .map_or(PLATFORM, |record| record.owner.as_str())
    }

    pub fn purse(&self, owner: &str) -> Option<&Purse> {
        self.purses.get(owner)
    }

    pub fn row(&self, kind: &'static str, id: &str) -> Option<&Value> {
        self.rows.get(&(kind, id.to_owned()))
    }

    /// Writes a row; `Null` deletes it.
    pub fn set_row(&mut self, kind: &'static str, id: &str, value: Value) {
        self.changes
            .rows
            .insert((kind, id.to_owned()), value.clone());
        self.apply_row(kind, id, value);
    }

    /// Takes note of a row that lives in a structure of its own.
    pub fn note_row(&mut self, kind: &'static str, id: &str, value: Value) {
        self.changes.rows.insert((kind, id.to_owned()), value);
    }

    fn apply_row(&mut self, kind: &'static str, id: &str, value: Value) {
        if kind == "payout_items" {
            self.sweep(id, &value);
        }
        let name = (kind, id.to_owned());
        if value.is_null() {
            self.rows.remove(&name);
        } else {
            self.rows.insert(name, value);
        }
    }

    /// Files the transactions that an automatic payout took along under that payout.
    fn sweep(&mut self, payout: &str, items: &Value) {
        let owner = self.owner_of(payout).to_owned();
        let ids = items
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for id in ids {
            self.join(&owner, "balance_transaction", "/payout", payout, id);
        }
        if let Some(purse) = self.purses.get_mut(&owner) {
            purse.swept(items);
        }
    }

    /// Replays one object of the journal.
    pub fn restore_object(&mut self, owner: &str, value: Value) {
        if value["deleted"] == true {
            self.forget(id_of(&value));
        } else if kind_of(&value) == "event" {
            self.events.restore(owner, &value);
        } else {
            self.insert(owner, value);
        }
    }

    /// Replays one row of the journal.
    pub fn restore_row(&mut self, kind: &str, id: &str, value: Value) {
        match kind {
            "timer" => self.timers.restore(id, &value),
            "delivery" => self.deliveries.restore(value),
            "key" => self.keys.restore(id, value),
            "fault" => self.faults.restore(id, value),
            "fault_seen" => self.faults.restore_seen(id, &value),
            _ => {
                if let Some(kind) = ROW_KINDS.iter().find(|known| **known == kind) {
                    self.apply_row(kind, id, value);
                }
            }
        }
    }
}
