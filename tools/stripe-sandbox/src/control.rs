//! The sandbox's own calls, below `/_sandbox/`: what a test does that nobody can do to Stripe.

use serde_json::{Value, json};

use crate::banks::{Bank, GOOD_NUMBER};
use crate::clock;
use crate::disputes::Claim;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::pages::typed;
use crate::sandbox::Sandbox;

/// A call's parameters: JSON, a form or a query, one level deep.
pub fn read_params(query: &str, body: &str) -> Params {
    let mut params = Params::parse(query);
    if let Ok(Value::Object(fields)) = serde_json::from_str(body) {
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        for (name, value) in given {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            params.set(&name, &text);
        }
    } else {
        let form = Params::parse(body).to_json();
        for (name, value) in form.as_object().into_iter().flatten() {
            params.set(name, value.as_str().unwrap_or_default());
        }
    }
    params
}

/// Serves everything below `/_sandbox/` but the journal, which is a stream.
pub async fn serve(sandbox: &Sandbox, method: &str, path: &str, params: &Params) -> Answer {
    let parts: Vec<&str> = path.trim_start_matches("/_sandbox/").split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["health"]) => Ok(json!({ "status": "ok" })),
        ("GET", ["clock"]) => Ok(sandbox.clock()),
        ("POST", ["clock"]) => advance(sandbox, params).await,
        ("GET", ["deliveries"]) => deliveries(sandbox, params),
        ("POST", ["checkout", id, "complete"]) => {
            let payer = typed(params)?;
            sandbox.work(&format!("{method} {path}"), |world| {
                world.complete_session(id, &payer)
            })
        }
        ("POST", ["invoices", id, "complete"]) => {
            let card = typed(params)?.card.unwrap_or_default();
            sandbox.work(&format!("{method} {path}"), |world| {
                world.complete_invoice(id, &card)
            })
        }
        ("POST", ["charges", id, "dispute"]) => {
            let claim = Claim::read(params)?;
            sandbox.work(&format!("{method} {path}"), |world| {
                world.dispute_charge(id, &claim)
            })
        }
        ("POST", ["accounts", id, "complete"]) => {
            let number = params.get("account_number").unwrap_or(GOOD_NUMBER);
            let bank = Bank::read(number, params.get("routing_number"))?;
            sandbox.work(&format!("{method} {path}"), |world| {
                world.complete_account(id, &bank)
            })
        }
        _ => Err(Refusal::no_route(method, path)),
    }
}

async fn advance(sandbox: &Sandbox, params: &Params) -> Answer {
    let text = params.need("advance_to")?;
    let target = clock::read(text);
    let fault = || Refusal::invalid("advance_to", "Not an RFC 3339 instant.");
    sandbox.advance(target.ok_or_else(fault)?).await?;
    Ok(sandbox.clock())
}

/// Deliveries after a number, at most `limit` (1000) of them.
fn deliveries(sandbox: &Sandbox, params: &Params) -> Answer {
    let after = params
        .int("after")?
        .and_then(|after| u64::try_from(after).ok())
        .unwrap_or(0);
    let limit = params
        .int("limit")?
        .and_then(|limit| usize::try_from(limit).ok());
    let world = sandbox.lock();
    let data: Vec<Value> = world
        .deliveries
        .after(after)
        .take(limit.unwrap_or(1000))
        .filter_map(|delivery| serde_json::to_value(delivery).ok())
        .collect();
    Ok(json!({ "data": data }))
}
