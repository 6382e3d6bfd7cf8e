//! Balance settings: when an account is paid out, and what must stay behind.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World};

const MINIMUM: &str = "payments[payouts][minimum_balance_by_currency]";
const INTERVAL: &str = "payments[payouts][schedule][interval]";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("balance_settings", &[], retrieve),
    Endpoint::post(
        "balance_settings",
        &[
            INTERVAL,
            MINIMUM,
            "payments[payouts][minimum_balance_by_currency][*]",
            "payments[payouts][schedule][monthly_payout_days][]",
            "payments[payouts][schedule][weekly_payout_days][]",
            "payments[payouts][statement_descriptor]",
            "payments[debit_negative_balances]",
            "payments[settlement_timing][delay_days_override]",
        ],
        update,
    ),
];

fn retrieve(world: &mut World, call: &Call) -> Answer {
    Ok(world.balance_settings(&call.owner))
}

fn update(world: &mut World, call: &Call) -> Answer {
    let intervals = ["daily", "manual", "weekly", "monthly"];
    let interval = call.params.one_of(INTERVAL, &intervals)?;
    let minimum = minimum(world, call)?;
    let debits = call.params.flag("payments[debit_negative_balances]")?;
    let descriptor = call.params.get("payments[payouts][statement_descriptor]");
    let mut settings = world.balance_settings(&call.owner);
    let payments = &mut settings["payments"];
    payments["payouts"]["minimum_balance_by_currency"] = minimum;
    if let Some(debits) = debits {
        payments["debit_negative_balances"] = json!(debits);
    }
    if let Some(descriptor) = descriptor {
        payments["payouts"]["statement_descriptor"] = json!(descriptor);
    }
    world.set_row("settings", &key(&call.owner), settings);
    if let Some(interval) = interval {
        world.set_interval(&call.owner, &interval);
    }
    let settings = world.balance_settings(&call.owner);
    world.emit(&call.owner, "balance_settings.updated", &settings);
    Ok(settings)
}

fn minimum(world: &World, call: &Call) -> Answer {
    let settings = world.balance_settings(&call.owner);
    let old = &settings["payments"]["payouts"]["minimum_balance_by_currency"];
    let mut minimum = old.as_object().cloned().unwrap_or_else(Map::new);
    for (currency, _) in call.params.map(MINIMUM) {
        let field = format!("{MINIMUM}[{currency}]");
        match call.params.int(&field)? {
            Some(amount) if amount < 0 => {
                return Err(Refusal::invalid(
                    &field,
                    "The minimum balance cannot be negative.",
                ));
            }
            Some(amount) => minimum.insert(currency, json!(amount)),
            None => minimum.remove(&currency),
        };
    }
    Ok(Value::Object(minimum))
}

/// Rows need an id, and the platform's owner name is empty.
fn key(owner: &str) -> String {
    if owner.is_empty() {
        "platform".to_owned()
    } else {
        owner.to_owned()
    }
}

impl World {
    pub fn balance_settings(&self, owner: &str) -> Value {
        if let Some(settings) = self.row("settings", &key(owner)) {
            return settings.clone();
        }
        // The platform starts on manual payouts, so that money stays where a test put it.
        let interval = if owner == PLATFORM { "manual" } else { "daily" };
        json!({
            "object": "balance_settings",
            "payments": {
                "debit_negative_balances": true,
                "payouts": {
                    "minimum_balance_by_currency": {},
                    "schedule": { "interval": interval }, "statement_descriptor": null,
                    "status": "enabled",
                },
                "settlement_timing": { "delay_days": 2 },
            },
        })
    }

    pub fn set_interval(&mut self, owner: &str, interval: &str) {
        let mut settings = self.balance_settings(owner);
        settings["payments"]["payouts"]["schedule"] = json!({ "interval": interval });
        self.set_row("settings", &key(owner), settings);
        if owner != PLATFORM {
            self.edit(owner, |account| {
                account["settings"]["payouts"]["schedule"]["interval"] = json!(interval);
            });
        }
        self.plan_sweep(owner);
    }

    /// How often an owner is paid out by itself: `daily`, `manual`, ...
    pub fn interval(&self, owner: &str) -> String {
        let settings = self.balance_settings(owner);
        let interval = &settings["payments"]["payouts"]["schedule"]["interval"];
        interval.as_str().unwrap_or("daily").to_owned()
    }

    pub fn minimum_balance(&self, owner: &str) -> i64 {
        let settings = self.balance_settings(owner);
        let minimum = &settings["payments"]["payouts"]["minimum_balance_by_currency"];
        minimum["usd"].as_i64().unwrap_or(0)
    }
}
