//! The table of calls, and the way of one request through it: key, form, handler, journal.

use serde_json::{Value, json};

use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::idempotency::Known;
use crate::lists::LIST_PARAMS;
use crate::store::{PLATFORM, World};

/// One request as its handler sees it.
pub struct Call {
    pub params: Params,
    /// The account in whose name the call is made; `""` is the platform.
    pub owner: String,
    /// The object's id out of the path, where the path has one.
    pub id: String,
    pub path: String,
    /// Where this sandbox is reached, for the pages it hands out.
    pub base: String,
}

/// One request as it came in, past authentication.
pub struct Incoming {
    pub method: String,
    pub path: String,
    pub params: Params,
    pub account: Option<String>,
    pub key: Option<String>,
    pub request_id: String,
    pub base: String,
}

pub struct Reply {
    pub status: u16,
    pub body: String,
    pub replayed: bool,
}

type Run = fn(&mut World, &Call) -> Answer;

/// A call that Stripe has. In `path`, `*` stands for an id.
pub struct Endpoint {
    method: &'static str,
    path: &'static str,
    known: &'static [&'static str],
    lists: bool,
    run: Run,
}

impl Endpoint {
    pub const fn get(path: &'static str, known: &'static [&'static str], run: Run) -> Self {
        Self {
            method: "GET",
            path,
            known,
            lists: false,
            run,
        }
    }

    pub const fn list(path: &'static str, known: &'static [&'static str], run: Run) -> Self {
        Self {
            method: "GET",
            path,
            known,
            lists: true,
            run,
        }
    }

    pub const fn post(path: &'static str, known: &'static [&'static str], run: Run) -> Self {
        Self {
            method: "POST",
            path,
            known,
            lists: false,
            run,
        }
    }

    pub const fn delete(path: &'static str, known: &'static [&'static str], run: Run) -> Self {
        Self {
            method: "DELETE",
            path,
            known,
            lists: false,
            run,
        }
    }

    /// The id in the path when this endpoint serves it; empty where there is none.
    fn serves<'a>(&self, method: &str, path: &'a str) -> Option<&'a str> {
        let mut id = "";
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) => return Some(id).filter(|_| self.method == method),
                (Some("*"), Some(part)) if !part.is_empty() => id = part,
                (Some(left), Some(right)) if left == right => {}
                _ => return None,
            }
        }
    }
}

const TABLE: &[&[Endpoint]] = &[
    crate::customers::ENDPOINTS,
    crate::prices::ENDPOINTS,
    crate::checkout::ENDPOINTS,
    crate::subscriptions::ENDPOINTS,
    crate::invoices::ENDPOINTS,
    crate::charges::ENDPOINTS,
    crate::balance::ENDPOINTS,
    crate::balance_settings::ENDPOINTS,
    crate::accounts::ENDPOINTS,
    crate::transfers::ENDPOINTS,
    crate::payouts::ENDPOINTS,
    crate::topups::ENDPOINTS,
    crate::events::ENDPOINTS,
    crate::endpoints::ENDPOINTS,
];

/// Serves one request of the API and leaves what it changed in `world.changes`.
pub fn serve(world: &mut World, incoming: &Incoming) -> Reply {
    world.cause.request_id = Some(incoming.request_id.clone());
    world.cause.key = incoming.key.clone();
    let scope = incoming.account.as_deref().unwrap_or(PLATFORM);
    let key = incoming
        .key
        .as_deref()
        .filter(|_| incoming.method == "POST");
    let print = fingerprint(incoming);
    match key.map(|key| world.find_key(scope, key, &print)) {
        Some(Known::Same { status, body }) => {
            return Reply {
                status,
                body,
                replayed: true,
            };
        }
        Some(Known::Other) => {
            let refusal = Refusal::key_reused(key.unwrap_or_default());
            return refused(&refusal, &incoming.request_id);
        }
        Some(Known::Never) | None => {}
    }
    let (reply, stored) = execute(world, incoming);
    if let Some(key) = key.filter(|_| stored) {
        world.keep_key(scope, key, print, &reply);
    }
    reply
}

fn execute(world: &mut World, incoming: &Incoming) -> (Reply, bool) {
    match run(world, incoming) {
        Ok(value) => (
            Reply {
                status: 200,
                body: value.to_string(),
                replayed: false,
            },
            true,
        ),
        Err(refusal) => (refused(&refusal, &incoming.request_id), refusal.stored),
    }
}

pub fn refused(refusal: &Refusal, request_id: &str) -> Reply {
    let body = refusal.body(request_id).to_string();
    Reply {
        status: refusal.status,
        body,
        replayed: false,
    }
}

fn fingerprint(incoming: &Incoming) -> String {
    format!(
        "{} {} {}",
        incoming.method,
        incoming.path,
        incoming.params.to_json()
    )
}

fn run(world: &mut World, incoming: &Incoming) -> Answer {
    let (endpoint, id) = route(&incoming.method, &incoming.path)?;
    let owner = owner(world, incoming.account.as_deref())?;
    let lists = if endpoint.lists { LIST_PARAMS } else { &[] };
    incoming
        .params
        .check_known(&[endpoint.known, lists, &["expand[]"]])?;
    let call = Call {
        params: incoming.params.clone(),
        owner,
        id: id.to_owned(),
        path: incoming.path.clone(),
        base: incoming.base.clone(),
    };
    let value = (endpoint.run)(world, &call)?;
    expanded(world, value, incoming)
}

/// The answer with its ids expanded. What was done is done: a bad path in a call that changed
/// something is passed over, in one that only reads it is an error.
fn expanded(world: &World, value: Value, incoming: &Incoming) -> Answer {
    let mut value = world.shown(&value);
    for path in incoming.params.list("expand") {
        let outcome = world.expand(&mut value, &path);
        if incoming.method == "GET" {
            outcome?;
        }
    }
    Ok(value)
}

fn route<'a>(method: &str, path: &'a str) -> Result<(&'static Endpoint, &'a str), Refusal> {
    let below = path.strip_prefix("/v1/").unwrap_or_default();
    let all = TABLE.iter().copied().flatten();
    let mut found = all.filter_map(|endpoint| Some((endpoint, endpoint.serves(method, below)?)));
    found.next().ok_or_else(|| Refusal::no_route(method, path))
}

fn owner(world: &World, account: Option<&str>) -> Result<String, Refusal> {
    let Some(account) = account else {
        return Ok(PLATFORM.to_owned());
    };
    if world.find(PLATFORM, "account", account).is_some() {
        return Ok(account.to_owned());
    }
    let message = format!("The provided key does not have access to account '{account}'.");
    let mut refusal = Refusal::rule("account_invalid", message);
    (refusal.status, refusal.stored) = (403, false);
    Err(refusal)
}

/// An address as Stripe writes it, with nothing filled in.
pub fn no_address() -> Value {
    json!({
        "city": null, "country": null, "line1": null, "line2": null, "postal_code": null,
        "state": null,
    })
}
