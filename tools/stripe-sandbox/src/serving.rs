//! The way of one request through the sandbox: limits, its key, faults, its handler, the journal.

use std::sync::PoisonError;
use std::time::Instant;

use serde_json::{Value, json};

use crate::api::{self, Incoming, Reply};
use crate::error::Refusal;
use crate::fault_rule::Kind;
use crate::faults::Fault;
use crate::journal::Note;
use crate::rate::RateLimits;
use crate::sandbox::{Sandbox, write, write_faults};
use crate::store::Cause;

impl Sandbox {
    /// Serves one request of the API.
    pub fn serve(&self, incoming: &Incoming) -> Reply {
        if let Err(limit) = self.take_turn(incoming) {
            let reply = api::refused(&Refusal::too_many(), &incoming.request_id);
            return Reply {
                limit: Some(limit),
                ..reply
            };
        }
        let scope = incoming.account.as_deref().unwrap_or_default();
        let name = incoming.key.as_ref().map(|key| format!("{scope}/{key}"));
        if let Some(name) = name.as_ref().filter(|name| !self.claim(name)) {
            let key = incoming.key.as_deref().unwrap_or(name);
            return api::refused(&Refusal::key_in_use(key), &incoming.request_id);
        }
        let reply = self.serve_claimed(incoming);
        if let Some(name) = name {
            self.release(&name);
        }
        reply
    }

    /// Takes a request out of the rate limits, if there are any.
    fn take_turn(&self, incoming: &Incoming) -> Result<(), &'static str> {
        let Some(limits) = self.limits() else {
            return Ok(());
        };
        let account = incoming.scope();
        let endpoint = api::pattern(&incoming.method, &incoming.path);
        let endpoint = format!("{} {endpoint}", incoming.method);
        self.rates.take(limits, account, &endpoint, Instant::now())
    }

    /// The limits in force: those that were set last, or those that it was started with.
    fn limits(&self) -> Option<RateLimits> {
        match self.held().world.row("rates", "limits") {
            Some(row) => serde_json::from_value(row.clone()).ok(),
            None => self.first_limits,
        }
    }

    pub fn shown_limits(&self) -> Value {
        match self.limits() {
            Some(limits) => {
                json!({ "mode": "on", "total": limits.total, "per_endpoint": limits.per_endpoint })
            }
            None => json!({ "mode": "off" }),
        }
    }

    pub fn refill_limits(&self) {
        self.rates.refill();
    }

    fn claim(&self, name: &str) -> bool {
        let mut keys = self
            .keys_in_use
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        keys.insert(name.to_owned())
    }

    fn release(&self, name: &str) {
        let mut keys = self
            .keys_in_use
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        keys.remove(name);
    }

    fn serve_claimed(&self, incoming: &Incoming) -> Reply {
        let mut held = self.held();
        if held.journal.is_broken() {
            return api::refused(&broken(), &incoming.request_id);
        }
        held.world.cause = Cause {
            request_id: Some(incoming.request_id.clone()),
            key: incoming.key.clone(),
        };
        let fault = held.world.request_fault(incoming);
        let mut reply = match fault.as_ref().and_then(|fault| instead(fault, incoming)) {
            Some(reply) => reply,
            None => api::serve(&mut held.world, incoming, fault.as_ref()),
        };
        reply.trouble = fault.as_ref().and_then(Fault::trouble);
        let op = format!("{} {}", incoming.method, incoming.path);
        let note = Note {
            op: &op,
            account: incoming.account.as_deref(),
            request: incoming.params.to_json(),
            status: Some(reply.status),
        };
        let untouched = fault.is_some_and(|fault| fault.kind.is_before());
        let written = if incoming.method == "GET" || reply.replayed || untouched {
            write_faults(&mut held)
        } else {
            write(&mut held, &note)
        };
        match written {
            Ok(()) => reply,
            Err(error) => {
                tracing::error!(%error, op, "the journal cannot be written");
                api::refused(&broken(), &incoming.request_id)
            }
        }
    }
}

/// What a client gets in the place of being served.
fn instead(fault: &Fault, incoming: &Incoming) -> Option<Reply> {
    if !fault.kind.is_before() {
        return None;
    }
    let limit = (fault.kind == Kind::Http429).then_some("global-rate");
    let refusal = match limit {
        Some(_) => Refusal::too_many(),
        None => Refusal::broken("An unknown error occurred."),
    };
    let reply = api::refused(&refusal, &incoming.request_id);
    Some(Reply { limit, ..reply })
}

/// The sandbox no longer knows what will outlive it, so it does nothing more.
pub fn broken() -> Refusal {
    Refusal::broken("The journal cannot be written; start this sandbox anew.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Params;
    use crate::options::Options;
    use crate::store::World;

    #[test]
    fn a_key_in_use_is_refused_until_its_request_is_answered() {
        let data = tempfile::tempdir().expect("a folder can be made");
        let options = Options::new(data.path(), 0);
        let sandbox = Sandbox::open(&options, String::new()).expect("an empty folder opens");
        let incoming = Incoming {
            method: "POST".to_owned(),
            path: "/v1/customers".to_owned(),
            params: Params::default(),
            account: None,
            key: Some("k".to_owned()),
            request_id: sandbox.request_id(),
            base: String::new(),
        };
        assert!(sandbox.claim("/k"));
        let reply = sandbox.serve(&incoming);
        assert_eq!(reply.status, 409);
        assert!(reply.body.contains("idempotency_key_in_use"));
        sandbox.release("/k");
        assert_eq!(sandbox.serve(&incoming).status, 200);
        assert!(sandbox.serve(&incoming).replayed);
    }

    #[test]
    fn once_the_disk_refuses_a_line_nothing_is_answered_or_delivered_any_more() {
        let data = tempfile::tempdir().expect("a folder can be made");
        let options = Options::new(data.path(), 0);
        let sandbox = Sandbox::open(&options, String::new()).expect("an empty folder opens");
        let ask = |method: &str, path: &str, key: Option<&str>| {
            let incoming = Incoming {
                method: method.to_owned(),
                path: path.to_owned(),
                params: Params::parse("url=http://127.0.0.1:9/&enabled_events[]=*"),
                account: None,
                key: key.map(str::to_owned),
                request_id: sandbox.request_id(),
                base: String::new(),
            };
            sandbox.serve(&incoming).status
        };
        assert_eq!(ask("POST", "/v1/webhook_endpoints", None), 200);
        let before = std::fs::read(sandbox.journal_path()).expect("the journal is there");
        sandbox.held().journal.refuse_writing();
        let emit = |world: &mut World| world.emit("", "topup.created", &json!({ "id": "tu_1" }));
        sandbox.work("test", emit);
        assert_eq!(sandbox.next_delivery(), None);
        assert!(sandbox.check_journal().is_err());
        assert_eq!(ask("POST", "/v1/webhook_endpoints", Some("k")), 500);
        assert_eq!(ask("POST", "/v1/webhook_endpoints", Some("k")), 500);
        assert_eq!(ask("GET", "/v1/balance", None), 500);
        let after = std::fs::read(sandbox.journal_path()).expect("the journal is there");
        assert_eq!(before, after);
        drop(sandbox);
        Sandbox::open(&options, String::new()).expect("what is on disk can be read");
    }
}
