//! Payouts: from a balance to a bank. How they fare there is told in `arrivals`.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::Movement;
use crate::clock::{add_business_days, next_midnight};
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World, id_of};

const ARRIVAL_DAYS: u32 = 2;
/// The platform's own bank, which takes everything.
const PLATFORM_BANK: &str = "ba_1SandboxPlatformBank000";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "payouts",
        &[
            "amount",
            "currency",
            "description",
            "destination",
            "metadata",
            "metadata[*]",
            "method",
            "source_type",
            "statement_descriptor",
        ],
        create,
    ),
    Endpoint::list(
        "payouts",
        &[
            "status",
            "destination",
            "arrival_date",
            "arrival_date[gt]",
            "arrival_date[gte]",
            "arrival_date[lt]",
            "arrival_date[lte]",
        ],
        list,
    ),
    Endpoint::get("payouts/*", &[], retrieve),
    Endpoint::post("payouts/*", &["metadata", "metadata[*]"], update),
    Endpoint::post("payouts/*/cancel", &[], cancel),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let amount = params.amount("amount")?;
    params.currency("currency")?;
    params.one_of("method", &["standard"])?;
    let bank = world.payout_bank(&call.owner, params.get("destination"))?;
    world.check_available(&call.owner, amount, "payout")?;
    let text = |name: &str| params.get(name).map(str::to_owned);
    let payout = world.send_payout(
        &call.owner,
        amount,
        &bank,
        &json!({
            "automatic": false, "description": text("description"),
            "metadata": params.merge_metadata("metadata", &Value::Null),
            "reconciliation_status": "not_applicable",
            "statement_descriptor": text("statement_descriptor"),
        }),
    );
    Ok(payout)
}

fn list(world: &mut World, call: &Call) -> Answer {
    let by = call
        .params
        .get("destination")
        .map(|id| ("/destination", id));
    let status = call.params.get("status");
    let (from, to) = crate::lists::bounds(&call.params, "arrival_date")?;
    world.page(call, "payout", by, |payout| {
        let arrival = payout["arrival_date"].as_i64().unwrap_or(0);
        status.is_none_or(|status| payout["status"] == status) && (from..=to).contains(&arrival)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(&call.owner, "payout", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(&call.owner, "payout", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let payout = world.edit(&call.id, |payout| payout["metadata"] = metadata);
    world.emit(&call.owner, "payout.updated", &payout);
    Ok(payout)
}

fn cancel(world: &mut World, call: &Call) -> Answer {
    let payout = world.get(&call.owner, "payout", &call.id)?.clone();
    if payout["status"] != "pending" || payout["automatic"] == true {
        let message = "Payouts can only be canceled while they are pending, \
                       and automatic payouts cannot be canceled.";
        return Err(Refusal::said(message));
    }
    world.drop_timer("submit", &call.id);
    world.drop_timer("arrive", &call.id);
    let back = world.return_payout(&call.owner, &payout, "payout_cancel");
    let payout = world.edit(&call.id, |payout| {
        payout["status"] = json!("canceled");
        payout["failure_balance_transaction"] = json!(back);
    });
    world.emit(&call.owner, "payout.canceled", &payout);
    Ok(payout)
}

impl World {
    /// The bank that an owner is paid out to: the one that was asked for, or the default.
    ///
    /// # Errors
    /// When payouts are stopped, there is no such bank, or it has sent money back.
    pub fn payout_bank(&mut self, owner: &str, wanted: Option<&str>) -> Result<String, Refusal> {
        if owner == PLATFORM && self.default_bank(PLATFORM).is_none() {
            self.put(PLATFORM, platform_bank());
        }
        let account = self.find(PLATFORM, "account", owner);
        let enabled =
            owner == PLATFORM || account.is_some_and(|account| account["payouts_enabled"] == true);
        let usual = self.default_bank(owner).filter(|_| enabled);
        let Some(usual) = usual else {
            let message = "Cannot create payouts: this account has payouts disabled, \
                           or no external account in this currency.";
            return Err(Refusal::rule("payouts_not_allowed", message));
        };
        let Some(wanted) = wanted else {
            return Ok(id_of(usual).to_owned());
        };
        match self.find(owner, "bank_account", wanted) {
            Some(bank) if bank["status"] == "errored" => {
                let message = "This bank account has sent a payout back, and cannot be used.";
                Err(Refusal::rule("bank_account_unusable", message))
            }
            Some(_) => Ok(wanted.to_owned()),
            None => Err(Refusal::no_such_param(
                "external_account",
                "destination",
                wanted,
            )),
        }
    }

    pub fn send_payout(&mut self, owner: &str, amount: i64, bank: &str, details: &Value) -> Value {
        let id = self.mint("po");
        let arrival = add_business_days(self.now, ARRIVAL_DAYS);
        let payout = payout_object(self.now, &id, amount, arrival, bank, details);
        // Written first, so that its balance transaction has an object to name.
        self.put(owner, payout);
        if let Some(key) = self.cause.key.clone() {
            self.set_row("payout_key", &id, json!(key));
        }
        let outgoing = self.book_payout(owner, &id, amount, details["automatic"] == true);
        let payout = self.edit(&id, |payout| {
            payout["balance_transaction"] = json!(outgoing)
        });
        self.set_timer("submit", &id, next_midnight(self.now));
        self.set_timer("arrive", &id, arrival);
        self.emit(owner, "payout.created", &payout);
        payout
    }

    fn book_payout(&mut self, owner: &str, id: &str, amount: i64, automatic: bool) -> String {
        let description = if automatic {
            "STRIPE PAYOUT"
        } else {
            "STRIPE TRANSFER"
        };
        self.book(
            owner,
            Movement {
                kind: "payout",
                category: "payout",
                amount: -amount,
                fee: 0,
                source: id,
                available_on: self.now,
                description: Some(description.to_owned()),
            },
        )
    }

    /// Puts the money of a payout back where it came from; answers the transaction.
    pub fn return_payout(&mut self, owner: &str, payout: &Value, kind: &str) -> String {
        self.book(
            owner,
            Movement {
                kind,
                category: "payout_reversal",
                amount: payout["amount"].as_i64().unwrap_or(0),
                fee: 0,
                source: id_of(payout),
                available_on: self.now,
                description: None,
            },
        )
    }
}

fn payout_object(
    now: i64,
    id: &str,
    amount: i64,
    arrival: i64,
    bank: &str,
    details: &Value,
) -> Value {
    let mut payout = json!({
        "id": id, "object": "payout", "amount": amount, "application_fee": null,
        "application_fee_amount": null, "arrival_date": arrival,
        "balance_transaction": null, "created": now, "currency": "usd",
        "destination": bank, "failure_balance_transaction": null, "failure_code": null,
        "failure_message": null, "livemode": false, "method": "standard",
        "original_payout": null, "payout_method": null, "reversed_by": null,
        "source_type": "card", "status": "pending",
        "trace_id": { "status": "pending", "value": null }, "type": "bank_account",
    });
    for (name, value) in details.as_object().into_iter().flatten() {
        payout[name] = value.clone();
    }
    payout
}

fn platform_bank() -> Value {
    json!({
        "id": PLATFORM_BANK, "object": "bank_account", "account": "acct_1SandboxPlatform",
        "account_holder_name": null, "account_holder_type": "company", "account_type": null,
        "available_payout_methods": ["standard"], "bank_name": "STRIPE TEST BANK",
        "country": "US", "currency": "usd", "default_for_currency": true,
        "fingerprint": "1SandboxPlatform", "last4": "6789", "metadata": {},
        "routing_number": crate::banks::ROUTING, "status": "new",
    })
}
