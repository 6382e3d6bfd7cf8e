//! What people do to this sandbox that nobody can do to Stripe, on the side where money leaves:
//! a bank that sends money back, an account that Stripe stops, Stripe's own fees, faults, limits.

use serde_json::{Value, json};

use crate::error::{Answer, Refusal};
use crate::fault_rule::Rule;
use crate::form::Params;
use crate::rate::RateLimits;
use crate::sandbox::Sandbox;
use crate::standing::Restriction;
use crate::store::{PLATFORM, World};

/// Serves a call below `/_sandbox/`; `None` when it is not one of these.
pub fn serve(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    params: &Params,
    body: &str,
) -> Option<Answer> {
    let parts: Vec<&str> = path.trim_start_matches("/_sandbox/").split('/').collect();
    let op = format!("{method} {path}");
    let work =
        |job: &dyn Fn(&mut World) -> Answer| Some(sandbox.work_on(&op, params.to_json(), job));
    match (method, parts.as_slice()) {
        ("POST", ["payouts", id, "fail"]) => {
            let code = params.get("code").unwrap_or("account_closed");
            work(&|world| world.send_back(id, code))
        }
        ("POST", ["accounts", id, "restrict"]) => match restriction(params) {
            Ok(restriction) => work(&|world| world.restrict(id, &restriction)),
            Err(refusal) => Some(Err(refusal)),
        },
        ("POST", ["accounts", id, "restore"]) => work(&|world| world.restore_account(id)),
        ("POST", ["accounts", id, "deauthorize"]) => work(&|world| {
            world.get(PLATFORM, "account", id)?;
            Ok(world.let_go(id))
        }),
        ("POST", ["fee"]) => work(&|world| own_money(world, params, "stripe_fee")),
        ("POST", ["adjustment"]) => work(&|world| own_money(world, params, "adjustment")),
        ("GET", ["faults"]) => Some(Ok(sandbox.lock().shown_faults())),
        ("POST", ["faults"]) => Some(add_faults(sandbox, &op, body)),
        ("DELETE", ["faults"]) => work(&|world| drop_faults(world, None)),
        ("DELETE", ["faults", id]) => work(&|world| drop_faults(world, Some(id))),
        ("GET", ["rate_limits"]) => Some(Ok(sandbox.shown_limits())),
        ("POST", ["rate_limits"]) => Some(set_limits(sandbox, &op, params)),
        _ => None,
    }
}

/// Strings out of a JSON array (which arrives as its text), out of a form's brackets, or one.
fn strings(params: &Params, name: &str) -> Vec<String> {
    let text = params.get(name).unwrap_or_default();
    match serde_json::from_str(text) {
        Ok(strings) => strings,
        Err(_) if text.is_empty() => params.list(name),
        Err(_) => vec![text.to_owned()],
    }
}

fn restriction(params: &Params) -> Result<Restriction, Refusal> {
    let known: &[&str] = &[
        "currently_due",
        "currently_due[]",
        "disabled_reason",
        "payouts_enabled",
        "transfers",
    ];
    params.check_known(&[known])?;
    Ok(Restriction {
        currently_due: strings(params, "currently_due"),
        disabled_reason: params.get("disabled_reason").map(str::to_owned),
        payouts_enabled: params.flag("payouts_enabled")?,
        transfers: params.one_of("transfers", &["active", "inactive", "pending"])?,
    })
}

/// Money that Stripe takes (a fee) or moves either way (an adjustment) by itself.
fn own_money(world: &mut World, params: &Params, kind: &str) -> Answer {
    params.check_known(&[&["amount", "description", "account"]])?;
    let owner = params.get("account").unwrap_or(PLATFORM).to_owned();
    if owner != PLATFORM {
        world.named("account", "account", &owner)?;
    }
    let amount = if kind == "stripe_fee" {
        -params.amount("amount")?
    } else {
        let amount = params.int("amount")?.filter(|amount| *amount != 0);
        amount.ok_or_else(|| Refusal::missing("amount"))?
    };
    let about = params.get("description").unwrap_or("Made by the sandbox");
    Ok(world.book_own(&owner, kind, amount, about))
}

/// Rules as a JSON array, as `{"rules": [...]}`, or a single one.
fn add_faults(sandbox: &Sandbox, op: &str, body: &str) -> Answer {
    let wrong = |error: serde_json::Error| Refusal::invalid("rules", error.to_string());
    let value: Value = serde_json::from_str(body).map_err(wrong)?;
    let many = value.get("rules").unwrap_or(&value);
    let rules = many.as_array().cloned();
    let rules = rules.unwrap_or_else(|| vec![value.clone()]);
    let rules: Result<Vec<Rule>, Refusal> = rules.iter().map(Rule::read).collect();
    let rules = rules?;
    Ok(sandbox.work_on(op, value, |world| {
        world.add_faults(rules);
        world.shown_faults()
    }))
}

fn drop_faults(world: &mut World, id: Option<&str>) -> Answer {
    world.drop_faults(id)?;
    Ok(world.shown_faults())
}

fn set_limits(sandbox: &Sandbox, op: &str, params: &Params) -> Answer {
    params.check_known(&[&["mode", "total", "per_endpoint"]])?;
    let limits = match params.get("mode") {
        Some("off") => None,
        Some(mode) => {
            let read = RateLimits::read(mode);
            Some(read.map_err(|error| Refusal::invalid("mode", error))?)
        }
        None => {
            let text = format!("{},{}", params.need("total")?, params.need("per_endpoint")?);
            let read = RateLimits::read(&text);
            Some(read.map_err(|error| Refusal::invalid("total", error))?)
        }
    };
    let row = limits.map_or_else(|| json!("off"), |limits| json!(limits));
    sandbox.work_on(op, params.to_json(), |world| {
        world.set_row("rates", "limits", row);
    });
    sandbox.refill_limits();
    Ok(sandbox.shown_limits())
}
