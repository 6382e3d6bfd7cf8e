//! Balance settings: when an account is paid out, and what must stay behind.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World};

const MINIMUM: &str = "payments[payouts][minimum_balance_by_currency]";
const INTERVAL: &str = "payments[payouts][schedule][interval]";
const WEEKLY: &str = "payments[payouts][schedule][weekly_payout_days]";
const MONTHLY: &str = "payments[payouts][schedule][monthly_payout_days]";
const DELAY: &str = "payments[settlement_timing][delay_days_override]";
const INTERVALS: &[&str] = &["daily", "manual", "weekly", "monthly"];
/// Stripe pays out on business days.
const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday"];

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
            DELAY,
        ],
        update,
    ),
];

fn retrieve(world: &mut World, call: &Call) -> Answer {
    Ok(world.balance_settings(&call.owner))
}

fn update(world: &mut World, call: &Call) -> Answer {
    let schedule = schedule(&call.params)?;
    let minimum = minimum(world, call)?;
    let debits = call.params.flag("payments[debit_negative_balances]")?;
    let delay = call.params.int(DELAY)?;
    let descriptor = call.params.get("payments[payouts][statement_descriptor]");
    let mut settings = world.balance_settings(&call.owner);
    let payments = &mut settings["payments"];
    payments["payouts"]["minimum_balance_by_currency"] = minimum;
    if let Some(debits) = debits {
        payments["debit_negative_balances"] = json!(debits);
    }
    if let Some(delay) = delay {
        payments["settlement_timing"]["delay_days_override"] = json!(delay);
    }
    if let Some(descriptor) = descriptor {
        payments["payouts"]["statement_descriptor"] = json!(descriptor);
    }
    world.set_row("settings", &key(&call.owner), settings);
    match schedule {
        Some(schedule) => world.set_schedule(&call.owner, schedule),
        None => world.plan_sweep_anew(&call.owner),
    }
    let settings = world.balance_settings(&call.owner);
    world.emit(&call.owner, "balance_settings.updated", &settings);
    Ok(settings)
}

/// The schedule that a request asks for: an interval, and the days of a week or month.
fn schedule(params: &Params) -> Result<Option<Value>, Refusal> {
    let Some(interval) = params.one_of(INTERVAL, INTERVALS)? else {
        return Ok(None);
    };
    let mut schedule = json!({ "interval": interval });
    match interval.as_str() {
        "weekly" => schedule["weekly_payout_days"] = weekly_days(params)?,
        "monthly" => schedule["monthly_payout_days"] = monthly_days(params)?,
        _ => {}
    }
    Ok(Some(schedule))
}

fn weekly_days(params: &Params) -> Answer {
    let days = params.list(WEEKLY);
    if days.is_empty() {
        return Err(Refusal::missing(WEEKLY));
    }
    if days.iter().any(|day| !WEEKDAYS.contains(&day.as_str())) {
        let known = WEEKDAYS.join(", ");
        return Err(Refusal::invalid(WEEKLY, format!("Must be some of {known}")));
    }
    Ok(json!(days))
}

fn monthly_days(params: &Params) -> Answer {
    let days = params.list(MONTHLY);
    if days.is_empty() {
        return Err(Refusal::missing(MONTHLY));
    }
    let read = |day: &String| day.parse::<u64>().ok().filter(|day| (1..=31).contains(day));
    let days: Option<Vec<u64>> = days.iter().map(read).collect();
    let days = days.ok_or_else(|| Refusal::invalid(MONTHLY, "Must be days from 1 to 31."))?;
    Ok(json!(days))
}

fn minimum(world: &World, call: &Call) -> Answer {
    let settings = world.balance_settings(&call.owner);
    let old = &settings["payments"]["payouts"]["minimum_balance_by_currency"];
    let mut minimum = old.as_object().cloned().unwrap_or_else(Map::new);
    if call.params.is_cleared(MINIMUM) {
        minimum.clear();
    }
    for (currency, _) in call.params.map(MINIMUM) {
        let field = format!("{MINIMUM}[{currency}]");
        if currency != "usd" {
            let message = format!("Invalid currency: {currency}. Known: usd.");
            return Err(Refusal::invalid(&field, message));
        }
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
        let mut settings = match self.row("settings", &key(owner)) {
            Some(settings) => settings.clone(),
            None => first_settings(owner),
        };
        let account = self.find(PLATFORM, "account", owner);
        if account.is_some_and(|account| account["payouts_enabled"] != true) {
            settings["payments"]["payouts"]["status"] = json!("disabled");
        }
        settings
    }

    /// The schedule of an account's own settings, which knows no days.
    pub fn set_interval(&mut self, owner: &str, interval: &str) {
        let schedule = match interval {
            "weekly" => json!({ "interval": interval, "weekly_payout_days": ["friday"] }),
            "monthly" => json!({ "interval": interval, "monthly_payout_days": [1] }),
            _ => json!({ "interval": interval }),
        };
        self.set_schedule(owner, schedule);
    }

    fn set_schedule(&mut self, owner: &str, schedule: Value) {
        let mut settings = self.balance_settings(owner);
        settings["payments"]["payouts"]["schedule"] = schedule.clone();
        settings["payments"]["payouts"]["status"] = json!("enabled");
        self.set_row("settings", &key(owner), settings);
        if owner != PLATFORM {
            self.edit(owner, |account| {
                let own = &mut account["settings"]["payouts"]["schedule"];
                own["interval"] = schedule["interval"].clone();
            });
        }
        self.plan_sweep_anew(owner);
    }

    /// How often an owner is paid out by itself: `daily`, `manual`, ...
    pub fn interval(&self, owner: &str) -> &str {
        let settings = self.row("settings", &key(owner));
        let interval =
            settings.map(|settings| &settings["payments"]["payouts"]["schedule"]["interval"]);
        interval
            .and_then(Value::as_str)
            .unwrap_or_else(|| first_interval(owner))
    }

    pub fn minimum_balance(&self, owner: &str) -> i64 {
        let settings = self.row("settings", &key(owner));
        let minimum = settings
            .map(|settings| &settings["payments"]["payouts"]["minimum_balance_by_currency"]);
        minimum
            .and_then(|minimum| minimum["usd"].as_i64())
            .unwrap_or(0)
    }
}

/// The platform starts on manual payouts, so that money stays where a test put it.
fn first_interval(owner: &str) -> &'static str {
    if owner == PLATFORM { "manual" } else { "daily" }
}

fn first_settings(owner: &str) -> Value {
    json!({
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": true,
            "payouts": {
                "minimum_balance_by_currency": {},
                "schedule": { "interval": first_interval(owner) },
                "statement_descriptor": null, "status": "enabled",
            },
            "settlement_timing": { "delay_days": 2 },
        },
    })
}
