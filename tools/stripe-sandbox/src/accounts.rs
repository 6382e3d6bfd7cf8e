//! Connected accounts: opened by the platform, completed by their owner on a page.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint};
use crate::banks::Bank;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::lists::whole_list;
use crate::store::{PLATFORM, World, id_of};
use crate::subscriptions::changed;

const WRITTEN: &[&str] = &[
    "type",
    "country",
    "email",
    "default_currency",
    "business_type",
    "metadata",
    "metadata[*]",
    "capabilities[*][requested]",
    "controller[*]",
    "controller[*][*]",
    "business_profile[*]",
    "individual[*]",
    "individual[*][*]",
    "company[*]",
    "company[*][*]",
    "tos_acceptance[*]",
    "settings[payouts][schedule][interval]",
    "settings[payouts][schedule][delay_days]",
    "settings[payouts][debit_negative_balances]",
    "settings[payouts][statement_descriptor]",
    "external_account[object]",
    "external_account[country]",
    "external_account[currency]",
    "external_account[account_number]",
    "external_account[routing_number]",
    "external_account[account_holder_name]",
    "external_account[account_holder_type]",
    "default_for_currency",
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("accounts", WRITTEN, create),
    Endpoint::list("accounts", &[], list),
    Endpoint::get("accounts/*", &[], retrieve),
    Endpoint::get("account", &[], retrieve_own),
    Endpoint::post("accounts/*", WRITTEN, update),
    Endpoint::post("accounts/*/external_accounts", WRITTEN, attach_bank),
    Endpoint::get(
        "accounts/*/external_accounts",
        &["object", "limit"],
        list_banks,
    ),
    Endpoint::post(
        "account_links",
        &[
            "account",
            "type",
            "refresh_url",
            "return_url",
            "collect",
            "collection_options[*]",
        ],
        create_link,
    ),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let kind = params.one_of("type", &["express", "custom", "standard"])?;
    let bank = bank_of(params)?;
    let capabilities = wanted_capabilities(params)?;
    let id = world.mint("acct");
    let kind = kind.unwrap_or_else(|| {
        if params.has("controller") {
            "none"
        } else {
            "standard"
        }
        .into()
    });
    let mut account = account(world.now, &id, &kind, params);
    account["capabilities"] = Value::Object(capabilities);
    world.put(PLATFORM, account);
    set_schedule(world, &id, params)?;
    if let Some(bank) = bank {
        world.attach(&id, &bank);
    }
    world.get(PLATFORM, "account", &id).cloned()
}

fn bank_of(params: &Params) -> Result<Option<Bank>, Refusal> {
    let number = params.get("external_account[account_number]");
    let routing = params.get("external_account[routing_number]");
    number.map(|number| Bank::read(number, routing)).transpose()
}

fn wanted_capabilities(params: &Params) -> Result<Map<String, Value>, Refusal> {
    let names = params.map("capabilities").into_iter().map(|(name, _)| name);
    let mut wanted = Map::new();
    for name in names.filter_map(|name| name.split(']').next().map(str::to_owned)) {
        if params.flag(&format!("capabilities[{name}][requested]"))? == Some(true) {
            wanted.insert(name, json!("inactive"));
        }
    }
    Ok(wanted)
}

fn set_schedule(world: &mut World, id: &str, params: &Params) -> Result<(), Refusal> {
    let intervals = ["daily", "manual", "weekly", "monthly"];
    let interval = params.one_of("settings[payouts][schedule][interval]", &intervals)?;
    if let Some(interval) = interval {
        world.set_interval(id, &interval);
    }
    Ok(())
}

fn account(now: i64, id: &str, kind: &str, params: &Params) -> Value {
    let country = params.get("country").unwrap_or("US");
    let due = [
        "external_account",
        "tos_acceptance.date",
        "tos_acceptance.ip",
    ];
    let express = kind == "express";
    let own = |name: &str, value: &str| {
        params
            .get(&format!("controller[{name}]"))
            .unwrap_or(value)
            .to_owned()
    };
    json!({
        "id": id, "object": "account", "business_profile": {
            "annual_revenue": null, "estimated_worker_count": null, "mcc": null, "name": null,
            "product_description": null, "support_address": null, "support_email": null,
            "support_phone": null, "support_url": null, "url": null,
        },
        "business_type": params.get("business_type"), "capabilities": {},
        "charges_enabled": false, "controller": {
            "fees": { "payer": own("fees][payer", if express { "application_express" } else { "account" }) },
            "is_controller": true,
            "losses": { "payments": own("losses][payments", "application") },
            "requirement_collection": own("requirement_collection", "stripe"),
            "stripe_dashboard": {
                "type": own("stripe_dashboard][type", if express { "express" } else { "full" }),
            },
            "type": "application",
        },
        "country": country, "created": now, "default_currency": "usd",
        "details_submitted": false, "email": params.get("email"),
        "external_accounts": whole_list(&format!("/v1/accounts/{id}/external_accounts"), vec![]),
        "future_requirements": requirements(&[], None), "groups": { "payments_pricing": null },
        "metadata": params.merge_metadata("metadata", &Value::Null),
        "payouts_enabled": false,
        "requirements": requirements(&due, Some("requirements.past_due")),
        "settings": settings(), "tos_acceptance": { "date": null, "ip": null, "user_agent": null },
        "type": kind,
    })
}

fn requirements(due: &[&str], disabled: Option<&str>) -> Value {
    json!({
        "alternatives": [], "current_deadline": null, "currently_due": due,
        "disabled_reason": disabled, "errors": [], "eventually_due": due, "past_due": due,
        "pending_verification": [],
    })
}

fn settings() -> Value {
    json!({
        "bacs_debit_payments": { "display_name": null, "service_user_number": null },
        "branding": { "icon": null, "logo": null, "primary_color": null, "secondary_color": null },
        "card_issuing": { "tos_acceptance": { "date": null, "ip": null } },
        "card_payments": {
            "decline_on": { "avs_failure": false, "cvc_failure": false },
            "statement_descriptor_prefix": null, "statement_descriptor_prefix_kana": null,
            "statement_descriptor_prefix_kanji": null,
        },
        "dashboard": { "display_name": null, "timezone": "Etc/UTC" },
        "invoices": { "default_account_tax_ids": null, "hosted_payment_method_save": null },
        "payments": {
            "statement_descriptor": null, "statement_descriptor_kana": null,
            "statement_descriptor_kanji": null,
        },
        "payouts": {
            "debit_negative_balances": true,
            "schedule": { "delay_days": 2, "interval": "daily" },
            "statement_descriptor": null,
        },
        "sepa_debit_payments": {},
    })
}

fn list(world: &mut World, call: &Call) -> Answer {
    world.page(call, "account", None, |_| true)
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "account", &call.id).cloned()
}

/// The account of the key itself: the platform's, or that which the call is made for.
fn retrieve_own(world: &mut World, call: &Call) -> Answer {
    if !call.owner.is_empty() {
        return world.get(PLATFORM, "account", &call.owner).cloned();
    }
    let mut own = account(
        world.now,
        "acct_1SandboxPlatform",
        "standard",
        &Params::default(),
    );
    for name in ["charges_enabled", "payouts_enabled", "details_submitted"] {
        own[name] = json!(true);
    }
    own["requirements"] = requirements(&[], None);
    own["capabilities"] = json!({ "card_payments": "active", "transfers": "active" });
    Ok(own)
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "account", &call.id)?.clone();
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let wanted = wanted_capabilities(&call.params)?;
    let bank = bank_of(&call.params)?;
    let state = if old["details_submitted"] == true {
        "active"
    } else {
        "inactive"
    };
    set_schedule(world, &call.id, &call.params)?;
    if let Some(bank) = bank {
        world.attach(&call.id, &bank);
    }
    let new = world.edit(&call.id, |account| {
        account["metadata"] = metadata;
        for name in ["email", "business_type"] {
            if let Some(value) = call.params.get(name) {
                account[name] = json!(value);
            }
        }
        for (name, _) in wanted {
            account["capabilities"][name] = json!(state);
        }
    });
    let before = changed(&old, &new);
    world.emit_change(&call.id, "account.updated", &new, Some(before));
    Ok(new)
}

fn attach_bank(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "account", &call.id)?;
    let bank = bank_of(&call.params)?;
    let bank = bank.ok_or_else(|| Refusal::missing("external_account"))?;
    Ok(world.attach(&call.id, &bank))
}

fn list_banks(world: &mut World, call: &Call) -> Answer {
    let account = world.get(PLATFORM, "account", &call.id)?;
    Ok(account["external_accounts"].clone())
}

fn create_link(world: &mut World, call: &Call) -> Answer {
    let id = call.params.need("account")?.to_owned();
    world.named("account", "account", &id)?;
    let kinds = ["account_onboarding", "account_update"];
    call.params
        .one_of("type", &kinds)?
        .ok_or_else(|| Refusal::missing("type"))?;
    let token = world.mint("alnk");
    let urls = json!({
        "account": id, "return_url": call.params.need("return_url")?,
        "refresh_url": call.params.need("refresh_url")?,
    });
    world.set_row("plan", &token, urls);
    Ok(json!({
        "object": "account_link", "created": world.now, "expires_at": world.now + 300,
        "url": format!("{}/setup/e/{id}/{token}", call.base),
    }))
}

impl World {
    /// Makes a bank account the one that an account is paid out to.
    pub fn attach(&mut self, account: &str, bank: &Bank) -> Value {
        let object = self.bank_object(account, bank);
        let url = format!("/v1/accounts/{account}/external_accounts");
        let list = whole_list(&url, vec![object.clone()]);
        let updated = self.edit(account, |account| {
            account["external_accounts"] = list;
            // A new bank account lifts what a failed payout had stopped.
            account["payouts_enabled"] = account["details_submitted"].clone();
        });
        self.emit(account, "account.external_account.created", &object);
        self.emit(account, "account.updated", &updated);
        object
    }

    /// The owner has told all that Stripe asks for: the account can be paid.
    pub fn complete_account(&mut self, id: &str, bank: &Bank) -> Answer {
        let old = self.get(PLATFORM, "account", id)?.clone();
        let now = self.now;
        self.edit(id, |account| {
            for name in ["charges_enabled", "payouts_enabled", "details_submitted"] {
                account[name] = json!(true);
            }
            account["requirements"] = requirements(&[], None);
            account["tos_acceptance"]["date"] = json!(now);
            let capabilities = account["capabilities"].as_object_mut();
            for (_, state) in capabilities.into_iter().flatten() {
                *state = json!("active");
            }
        });
        let bank = self.bank_object(id, bank);
        let url = format!("/v1/accounts/{id}/external_accounts");
        let list = whole_list(&url, vec![bank.clone()]);
        let new = self.edit(id, |account| account["external_accounts"] = list);
        let before = changed(&old, &new);
        self.emit(id, "account.external_account.created", &bank);
        self.emit_change(id, "account.updated", &new, Some(before));
        self.emit_capabilities(&new);
        Ok(new)
    }

    fn emit_capabilities(&mut self, account: &Value) {
        for (name, state) in account["capabilities"].as_object().into_iter().flatten() {
            let capability = json!({
                "id": name, "object": "capability", "account": account["id"],
                "future_requirements": requirements(&[], None), "requested": true,
                "requested_at": account["created"], "requirements": requirements(&[], None),
                "status": state,
            });
            self.emit(id_of(account), "capability.updated", &capability);
        }
    }

    /// The bank account that an owner's payouts go to.
    pub fn bank_of(&self, owner: &str) -> Option<String> {
        let account = self.find(PLATFORM, "account", owner)?;
        let bank = &account["external_accounts"]["data"][0];
        bank["id"].as_str().map(str::to_owned)
    }
}
