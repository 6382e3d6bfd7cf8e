//! The table of calls, and the way of one request through it: key, form, handler, journal.

use serde_json::{Value, json};

use crate::error::{Answer, Refusal};
use crate::fault_rule::Kind;
use crate::faults::{Fault, Trouble};
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

impl Call {
    /// The id of the object that the path's noun belongs to: `tr_1` in
    /// `/v1/transfers/tr_1/reversals/trr_1`.
    pub fn parent(&self) -> &str {
        self.path.split('/').nth(3).unwrap_or_default()
    }

    /// Refuses what only the platform does, when it is asked for in an account's name.
    pub fn platform_only(&self, code: &'static str) -> Result<(), Refusal> {
        if self.owner == PLATFORM {
            return Ok(());
        }
        let message = "This is for the platform to do, not for one of its connected accounts.";
        Err(Refusal::rule(code, message))
    }
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

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
    pub replayed: bool,
    /// Which limit a 429 speaks of.
    pub limit: Option<&'static str>,
    /// What becomes of this answer on its way, if a fault was asked for.
    pub trouble: Option<Trouble>,
}

impl Reply {
    pub fn new(status: u16, body: String) -> Self {
        Self {
            status,
            body,
            replayed: false,
            limit: None,
            trouble: None,
        }
    }
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
    crate::changes::ENDPOINTS,
    crate::invoices::ENDPOINTS,
    crate::invoice_calls::ENDPOINTS,
    crate::payment_methods::ENDPOINTS,
    crate::coupons::ENDPOINTS,
    crate::promotion_codes::ENDPOINTS,
    crate::tax_rates::ENDPOINTS,
    crate::refunds::ENDPOINTS,
    crate::disputes::ENDPOINTS,
    crate::charges::ENDPOINTS,
    crate::balance::ENDPOINTS,
    crate::balance_settings::ENDPOINTS,
    crate::accounts::ENDPOINTS,
    crate::standing::ENDPOINTS,
    crate::external_accounts::ENDPOINTS,
    crate::transfers::ENDPOINTS,
    crate::reversals::ENDPOINTS,
    crate::payouts::ENDPOINTS,
    crate::topups::ENDPOINTS,
    crate::events::ENDPOINTS,
    crate::endpoints::ENDPOINTS,
];

/// Serves one request of the API and leaves what it changed in `world.changes`. A fault may
/// refuse it in the place of its handler, or spoil the answer that is kept.
pub fn serve(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> Reply {
    let known = known(world, incoming);
    let Some(key) = incoming.kept_key() else {
        return execute(world, incoming, fault).0;
    };
    match known {
        Known::Same { status, body } => Reply {
            replayed: true,
            ..Reply::new(status, body)
        },
        Known::Other => refused(&Refusal::key_reused(key), &incoming.request_id),
        Known::Never => {
            let (reply, stored) = execute(world, incoming, fault);
            if stored {
                world.keep_key(incoming.scope(), key, fingerprint(incoming), &reply);
            }
            reply
        }
    }
}

impl Incoming {
    /// The key under which the answer is kept; Stripe looks at it for POST alone.
    pub fn kept_key(&self) -> Option<&str> {
        self.key.as_deref().filter(|_| self.method == "POST")
    }

    pub fn scope(&self) -> &str {
        self.account.as_deref().unwrap_or(PLATFORM)
    }
}

/// What is known of a request's key.
pub fn known(world: &World, incoming: &Incoming) -> Known {
    let print = || fingerprint(incoming);
    incoming.kept_key().map_or(Known::Never, |key| {
        world.find_key(incoming.scope(), key, &print())
    })
}

fn execute(world: &mut World, incoming: &Incoming, fault: Option<&Fault>) -> (Reply, bool) {
    let kind = fault.map(|fault| fault.kind);
    let outcome = match fault.filter(|_| kind == Some(Kind::RefuseCall)) {
        Some(fault) => Err(Refusal::asked_for(fault.code())),
        None => run(world, incoming),
    };
    let outcome = match kind {
        // Whatever was done is done, and the key remembers the 500, as Stripe's does.
        Some(Kind::Http500After) => Err(Refusal::broken("An unknown error occurred.")),
        _ => outcome,
    };
    match outcome {
        Ok(value) => (Reply::new(200, value.to_string()), true),
        Err(refusal) => (refused(&refusal, &incoming.request_id), refusal.stored),
    }
}

pub fn refused(refusal: &Refusal, request_id: &str) -> Reply {
    let body = refusal.body(request_id).to_string();
    Reply::new(refusal.status, body)
}

pub fn fingerprint(incoming: &Incoming) -> String {
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
    crate::expand::check(endpoint.path, endpoint.lists, &incoming.params)?;
    check_seller(&owner, endpoint)?;
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

/// Nouns of which only the platform has any: its connected accounts sell nothing.
const OF_PLATFORM: &[&str] = &[
    "checkout",
    "coupons",
    "customers",
    "disputes",
    "invoice_payments",
    "invoices",
    "payment_methods",
    "prices",
    "products",
    "promotion_codes",
    "refunds",
    "subscriptions",
    "tax_rates",
];

fn check_seller(owner: &str, endpoint: &Endpoint) -> Result<(), Refusal> {
    let noun = endpoint.path.split('/').next().unwrap_or_default();
    if owner == PLATFORM || !OF_PLATFORM.contains(&noun) {
        return Ok(());
    }
    let message = format!("In this sandbox connected accounts have no {noun} of their own.");
    Err(Refusal::said(message))
}

/// The answer with its ids expanded; the paths were looked at before anything was done.
fn expanded(world: &World, value: Value, incoming: &Incoming) -> Answer {
    let mut value = world.shown(&value);
    for path in incoming.params.list("expand") {
        let outcome = world.expand(&mut value, &path);
        // What was done is done: only a call that merely reads may still be refused.
        if incoming.method == "GET" {
            outcome?;
        }
    }
    Ok(value)
}

/// The pattern of the endpoint that serves a path, for counting calls by endpoint.
pub fn pattern(method: &str, path: &str) -> &'static str {
    route(method, path).map_or("", |(endpoint, _)| endpoint.path)
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
