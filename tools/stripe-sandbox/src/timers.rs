//! One-shot timers of business time, in the order in which they fire.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::store::World;

/// What a timer does when it fires, and to which object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    pub job: String,
    pub id: String,
}

/// Timers by name (`job:id`): setting one again moves it.
#[derive(Default)]
pub struct Timers {
    queue: BTreeMap<(i64, u64), String>,
    places: HashMap<String, (i64, u64)>,
    /// Timers of one instant fire in the order in which they were set.
    last: u64,
}

impl Timers {
    pub fn next_due(&self) -> Option<i64> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    pub fn is_set(&self, job: &str, id: &str) -> bool {
        self.places.contains_key(&format!("{job}:{id}"))
    }

    fn place(&mut self, name: &str, at: i64, turn: u64) {
        self.clear(name);
        self.queue.insert((at, turn), name.to_owned());
        self.places.insert(name.to_owned(), (at, turn));
        self.last = self.last.max(turn);
    }

    fn clear(&mut self, name: &str) {
        if let Some(place) = self.places.remove(name) {
            self.queue.remove(&place);
        }
    }

    pub fn restore(&mut self, name: &str, value: &Value) {
        match (value["at"].as_i64(), value["turn"].as_u64()) {
            (Some(at), Some(turn)) => self.place(name, at, turn),
            _ => self.clear(name),
        }
    }
}

impl World {
    pub fn set_timer(&mut self, job: &str, id: &str, at: i64) {
        let name = format!("{job}:{id}");
        let turn = self.timers.last + 1;
        self.timers.place(&name, at, turn);
        self.note_row("timer", &name, json!({ "at": at, "turn": turn }));
    }

    pub fn drop_timer(&mut self, job: &str, id: &str) {
        let name = format!("{job}:{id}");
        self.timers.clear(&name);
        self.note_row("timer", &name, Value::Null);
    }

    /// Takes the first timer due at or before `limit`, with its instant.
    pub fn take_timer(&mut self, limit: i64) -> Option<(i64, Timer)> {
        let (place, name) = self.timers.queue.first_key_value()?;
        let (at, name) = (place.0, name.clone());
        if at > limit {
            return None;
        }
        self.timers.clear(&name);
        self.note_row("timer", &name, Value::Null);
        let (job, id) = name.split_once(':')?;
        Some((
            at,
            Timer {
                job: job.to_owned(),
                id: id.to_owned(),
            },
        ))
    }
}
