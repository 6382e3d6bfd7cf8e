//! What a connected account may do: worked out from what its owner has told, what Stripe (here:
//! a test) asks for or has stopped, and whether its bank takes money.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World, id_of};
use crate::subscriptions::changed;

/// What is due from an account that was just opened.
const FIRST_DUE: &[&str] = &[
    "external_account",
    "tos_acceptance.date",
    "tos_acceptance.ip",
];
const REASONS: &[&str] = &["fraud", "terms_of_service", "other"];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("accounts/*/reject", &["reason"], reject),
    Endpoint::delete("accounts/*", &[], delete),
];

fn reject(world: &mut World, call: &Call) -> Answer {
    call.platform_only("account_invalid")?;
    world.get(PLATFORM, "account", &call.id)?;
    let reason = call.params.one_of("reason", REASONS)?;
    let reason = reason.ok_or_else(|| Refusal::missing("reason"))?;
    let mut standing = world.standing(&call.id);
    standing["rejected"] = json!(format!("rejected.{reason}"));
    Ok(world.with_account(&call.id, |world| {
        world.set_row("standing", &call.id, standing);
    }))
}

/// An account goes only with nothing in it, so that no money goes with it.
fn delete(world: &mut World, call: &Call) -> Answer {
    call.platform_only("account_invalid")?;
    world.get(PLATFORM, "account", &call.id)?;
    let purse = world.purse(&call.id);
    let left = purse.map_or((0, 0), |purse| {
        (purse.available(world.now), purse.pending(world.now))
    });
    if left != (0, 0) {
        let message = "This account cannot be deleted: its balance is not zero.";
        return Err(Refusal::rule("account_invalid", message));
    }
    Ok(world.let_go(&call.id))
}

/// What Stripe wants or has stopped, as a test says it.
#[derive(Debug)]
pub struct Restriction {
    pub currently_due: Vec<String>,
    pub disabled_reason: Option<String>,
    /// By default stopped together with the account.
    pub payouts_enabled: Option<bool>,
    /// `active`, `inactive` or `pending`; by default stopped together with the account.
    pub transfers: Option<String>,
}

impl World {
    fn standing(&self, id: &str) -> Value {
        self.row("standing", id).cloned().unwrap_or_default()
    }

    pub fn restrict(&mut self, id: &str, restriction: &Restriction) -> Answer {
        self.get(PLATFORM, "account", id)?;
        let stopped = restriction.disabled_reason.is_some();
        let transfers = restriction.transfers.as_deref();
        let standing = json!({
            "currently_due": restriction.currently_due,
            "disabled_reason": restriction.disabled_reason,
            "payouts": restriction.payouts_enabled.unwrap_or(!stopped),
            "transfers": transfers.unwrap_or(if stopped { "inactive" } else { "active" }),
            "rejected": self.standing(id)["rejected"],
        });
        Ok(self.with_account(id, |world| world.set_row("standing", id, standing)))
    }

    /// Takes back a restriction, or a rejection.
    pub fn restore_account(&mut self, id: &str) -> Answer {
        self.get(PLATFORM, "account", id)?;
        Ok(self.with_account(id, |world| world.set_row("standing", id, Value::Null)))
    }

    /// The owner has answered all questions; a rejection stays.
    pub fn satisfy(&mut self, id: &str) {
        let rejected = self.standing(id)["rejected"].clone();
        let standing = if rejected.is_null() {
            Value::Null
        } else {
            json!({ "rejected": rejected })
        };
        self.set_row("standing", id, standing);
    }

    /// Changes something about an account, works out anew what it may do, and tells of both.
    /// Events of the change itself come first.
    pub fn with_account(&mut self, id: &str, change: impl FnOnce(&mut Self)) -> Value {
        let Some(old) = self.find(PLATFORM, "account", id).cloned() else {
            return Value::Null;
        };
        change(self);
        let new = self.work_out(id);
        if new == old {
            return new;
        }
        let before = changed(&old, &new);
        self.emit_change(id, "account.updated", &new, Some(before));
        self.emit_capabilities(&old, &new);
        if new["payouts_enabled"] == true && old["payouts_enabled"] != true {
            self.plan_sweep(id);
        }
        new
    }

    fn work_out(&mut self, id: &str) -> Value {
        let standing = self.standing(id);
        let bank_works = self
            .default_bank(id)
            .is_some_and(|bank| bank["status"] != "errored");
        self.edit(id, |account| {
            let may = Permissions::of(account, &standing, bank_works);
            account["requirements"] = may.requirements();
            account["payouts_enabled"] = json!(may.payouts);
            account["charges_enabled"] = json!(may.charges);
            let capabilities = account["capabilities"].as_object_mut();
            for (name, state) in capabilities.into_iter().flatten() {
                *state = json!(may.capability(name));
            }
        })
    }

    fn emit_capabilities(&mut self, old: &Value, new: &Value) {
        for (name, state) in new["capabilities"].as_object().into_iter().flatten() {
            if old["capabilities"][name] == *state {
                continue;
            }
            let capability = json!({
                "id": name, "object": "capability", "account": new["id"],
                "future_requirements": requirements(&[], &[], None), "requested": true,
                "requested_at": new["created"], "requirements": new["requirements"],
                "status": state,
            });
            self.emit(id_of(new), "capability.updated", &capability);
        }
    }

    /// The platform has no more to do with an account: it deleted it, or its owner left.
    pub fn let_go(&mut self, id: &str) -> Value {
        let application = json!({
            "id": "ca_1SandboxPlatform", "object": "application", "name": "Sandbox platform",
        });
        self.emit(id, "account.application.deauthorized", &application);
        self.drop_timer("sweep", id);
        self.remove(id)
    }
}

/// What follows for an account.
struct Permissions {
    due: Vec<String>,
    past_due: Vec<String>,
    disabled: Option<String>,
    payouts: bool,
    charges: bool,
    submitted: bool,
    rejected: bool,
    transfers: String,
}

impl Permissions {
    fn of(account: &Value, standing: &Value, bank_works: bool) -> Self {
        let submitted = account["details_submitted"] == true;
        let rejected = standing["rejected"].as_str();
        let own = |name: &str| standing[name].as_str().map(str::to_owned);
        let told = standing["currently_due"].as_array().into_iter().flatten();
        let mut due: Vec<String> = told.filter_map(Value::as_str).map(str::to_owned).collect();
        if !submitted {
            due.extend(FIRST_DUE.iter().skip(1).map(|name| (*name).to_owned()));
        }
        if !bank_works {
            due.insert(0, "external_account".to_owned());
        }
        let lacking = !submitted || !bank_works;
        let late = || lacking.then(|| "requirements.past_due".to_owned());
        let stopped = own("disabled_reason");
        let stops = stopped.is_some();
        let disabled = rejected.map(str::to_owned).or(stopped).or_else(late);
        let past_due = if disabled.is_some() {
            due.clone()
        } else {
            Vec::new()
        };
        Self {
            past_due,
            due,
            payouts: submitted && bank_works && rejected.is_none() && standing["payouts"] != false,
            charges: submitted && rejected.is_none() && !stops,
            disabled,
            submitted,
            rejected: rejected.is_some(),
            transfers: own("transfers").unwrap_or_else(|| "active".to_owned()),
        }
    }

    fn capability(&self, name: &str) -> &str {
        if !self.submitted || self.rejected {
            "inactive"
        } else if name == "transfers" {
            &self.transfers
        } else if self.charges {
            "active"
        } else {
            "inactive"
        }
    }

    fn requirements(&self) -> Value {
        requirements(&self.due, &self.past_due, self.disabled.as_deref())
    }
}

/// The requirements of an account that was just opened.
pub fn first_requirements() -> Value {
    let due: Vec<String> = FIRST_DUE.iter().map(|name| (*name).to_owned()).collect();
    requirements(&due, &due, Some("requirements.past_due"))
}

pub fn requirements(due: &[String], past_due: &[String], disabled: Option<&str>) -> Value {
    json!({
        "alternatives": [], "current_deadline": null, "currently_due": due,
        "disabled_reason": disabled, "errors": [], "eventually_due": due,
        "past_due": past_due, "pending_verification": [],
    })
}
