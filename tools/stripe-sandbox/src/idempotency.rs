//! Idempotency keys: the first answer is the only answer, for 24 hours of business time.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Reply;
use crate::clock::DAY;
use crate::store::World;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    at: i64,
    fingerprint: String,
    status: u16,
    body: String,
}

/// Answers by account and key.
#[derive(Default)]
pub struct Keys(HashMap<String, Kept>);

/// What is known of a key.
pub enum Known {
    Never,
    /// Used with the very same request.
    Same {
        status: u16,
        body: String,
    },
    /// Used with another request.
    Other,
}

impl Keys {
    pub fn restore(&mut self, name: &str, value: Value) {
        if let Ok(kept) = serde_json::from_value(value) {
            self.0.insert(name.to_owned(), kept);
        }
    }

    /// Drops keys whose day is over. Lookups pass them over in any case.
    pub fn prune(&mut self, now: i64) {
        self.0.retain(|_, kept| now - kept.at < DAY);
    }
}

fn name(scope: &str, key: &str) -> String {
    format!("{scope}/{key}")
}

impl World {
    pub fn find_key(&self, scope: &str, key: &str, fingerprint: &str) -> Known {
        let kept = self
            .keys
            .0
            .get(&name(scope, key))
            .filter(|kept| self.now - kept.at < DAY);
        match kept {
            None => Known::Never,
            Some(kept) if kept.fingerprint == fingerprint => Known::Same {
                status: kept.status,
                body: kept.body.clone(),
            },
            Some(_) => Known::Other,
        }
    }

    pub fn keep_key(&mut self, scope: &str, key: &str, fingerprint: String, reply: &Reply) {
        let (status, body) = (reply.status, reply.body.clone());
        let kept = Kept {
            at: self.now,
            fingerprint,
            status,
            body,
        };
        let name = name(scope, key);
        self.note_row(
            "key",
            &name,
            serde_json::to_value(&kept).unwrap_or_default(),
        );
        self.keys.0.insert(name, kept);
    }
}
