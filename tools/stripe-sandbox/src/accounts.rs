//! Connected accounts: opened by the platform, completed by their owner on a page.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::banks::Bank;
use crate::error::{Answer, Refusal};
use crate::external_accounts::bank_in;
use crate::form::Params;
use crate::lists::whole_list;
use crate::standing::{first_requirements, requirements};
use crate::store::{PLATFORM, World};

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
];

const INTERVAL: &str = "settings[payouts][schedule][interval]";
const INTERVALS: &[&str] = &["daily", "manual", "weekly", "monthly"];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("accounts", WRITTEN, create),
    Endpoint::list("accounts", &[], list),
    Endpoint::get("accounts/*", &[], retrieve),
    Endpoint::get("account", &[], retrieve_own),
    Endpoint::post("accounts/*", WRITTEN, update),
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
    call.platform_only("account_invalid")?;
    let kind = params.one_of("type", &["express", "custom", "standard"])?;
    let bank = bank_in(params)?;
    let wanted = wanted_capabilities(params)?;
    let interval = params.one_of(INTERVAL, INTERVALS)?;
    let id = world.mint("acct");
    let usual = if params.has("controller") {
        "none"
    } else {
        "standard"
    };
    let kind = kind.unwrap_or_else(|| usual.to_owned());
    let mut account = account(world.now, &id, &kind, params);
    take_capabilities(&mut account, &wanted);
    world.put(PLATFORM, account);
    if let Some(interval) = interval {
        world.set_interval(&id, &interval);
    }
    if let Some(bank) = bank {
        world.with_account(&id, |world| world.swap_bank(&id, &bank));
    }
    world.get(PLATFORM, "account", &id).cloned()
}

/// The capabilities that a request asks for, or gives back.
fn wanted_capabilities(params: &Params) -> Result<Vec<(String, bool)>, Refusal> {
    let names = params.map("capabilities").into_iter().map(|(name, _)| name);
    let mut wanted = Vec::new();
    for name in names.filter_map(|name| name.split(']').next().map(str::to_owned)) {
        if let Some(asked) = params.flag(&format!("capabilities[{name}][requested]"))? {
            wanted.push((name, asked));
        }
    }
    Ok(wanted)
}

fn take_capabilities(account: &mut Value, wanted: &[(String, bool)]) {
    let Some(own) = account["capabilities"].as_object_mut() else {
        return;
    };
    for (name, asked) in wanted {
        if !asked {
            own.remove(name);
        } else if !own.contains_key(name) {
            own.insert(name.clone(), json!("inactive"));
        }
    }
}

fn account(now: i64, id: &str, kind: &str, params: &Params) -> Value {
    let country = params.get("country").unwrap_or("US");
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
        "future_requirements": requirements(&[], &[], None), "groups": { "payments_pricing": null },
        "metadata": params.merge_metadata("metadata", &Value::Null),
        "payouts_enabled": false,
        "requirements": first_requirements(),
        "settings": settings(), "tos_acceptance": { "date": null, "ip": null, "user_agent": null },
        "type": kind,
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
    own["requirements"] = requirements(&[], &[], None);
    own["capabilities"] = json!({ "card_payments": "active", "transfers": "active" });
    Ok(own)
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "account", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let wanted = wanted_capabilities(&call.params)?;
    let bank = bank_in(&call.params)?;
    let interval = call.params.one_of(INTERVAL, INTERVALS)?;
    let id = call.id.as_str();
    Ok(world.with_account(id, |world| {
        if let Some(interval) = interval {
            world.set_interval(id, &interval);
        }
        if let Some(bank) = bank {
            world.swap_bank(id, &bank);
        }
        world.edit(id, |account| {
            account["metadata"] = metadata;
            for name in ["email", "business_type"] {
                if let Some(value) = call.params.get(name) {
                    account[name] = json!(value);
                }
            }
            take_capabilities(account, &wanted);
        });
    }))
}

fn create_link(world: &mut World, call: &Call) -> Answer {
    call.platform_only("account_invalid")?;
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
    /// The owner has told all that Stripe asks for: the account can be paid.
    pub fn complete_account(&mut self, id: &str, bank: &Bank) -> Answer {
        self.get(PLATFORM, "account", id)?;
        let now = self.now;
        Ok(self.with_account(id, |world| {
            world.satisfy(id);
            world.edit(id, |account| {
                account["details_submitted"] = json!(true);
                account["tos_acceptance"]["date"] = json!(now);
            });
            world.swap_bank(id, bank);
        }))
    }
}
