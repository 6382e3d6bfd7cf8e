//! Payouts: from a balance to a bank, two business days away, where they may fail.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::Movement;
use crate::clock::{add_business_days, next_midnight};
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World, id_of};

const ARRIVAL_DAYS: u32 = 2;

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
    Endpoint::list("payouts", &["status", "destination"], list),
    Endpoint::get("payouts/*", &[], retrieve),
    Endpoint::post("payouts/*", &["metadata", "metadata[*]"], update),
    Endpoint::post("payouts/*/cancel", &[], cancel),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let amount = params.amount("amount")?;
    params.currency("currency")?;
    params.one_of("method", &["standard"])?;
    let bank = world.payout_bank(&call.owner)?;
    if params
        .get("destination")
        .is_some_and(|wanted| wanted != bank)
    {
        let wanted = params.get("destination").unwrap_or_default();
        return Err(Refusal::no_such_param(
            "external_account",
            "destination",
            wanted,
        ));
    }
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
    world.page(call, "payout", by, |payout| {
        status.is_none_or(|status| payout["status"] == status)
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
        return Err(Refusal::rule("payout_not_cancelable", message));
    }
    world.drop_timer("arrive", &call.id);
    let back = world.return_payout(&call.owner, &payout, "payout_cancel");
    let payout = world.edit(&call.id, |payout| {
        payout["status"] = json!("canceled");
        payout["failure_balance_transaction"] = json!(back);
    });
    world.emit(&call.owner, "payout.canceled", &payout);
    world.plan_sweep(&call.owner);
    Ok(payout)
}

impl World {
    /// The bank that an owner is paid out to; the platform's is made on first use.
    fn payout_bank(&mut self, owner: &str) -> Result<String, Refusal> {
        if owner == PLATFORM {
            return Ok("ba_1SandboxPlatformBank000".to_owned());
        }
        let enabled = self.find(PLATFORM, "account", owner);
        let enabled = enabled.is_some_and(|account| account["payouts_enabled"] == true);
        let bank = self.bank_of(owner).filter(|_| enabled);
        bank.ok_or_else(|| {
            let message = "Cannot create payouts: this account has payouts disabled, \
                           or no external account in this currency.";
            Refusal::rule("payouts_not_allowed", message)
        })
    }

    fn send_payout(&mut self, owner: &str, amount: i64, bank: &str, details: &Value) -> Value {
        let id = self.mint("po");
        let arrival = add_business_days(self.now, ARRIVAL_DAYS);
        let automatic = details["automatic"] == true;
        let outgoing = self.book(
            owner,
            Movement {
                kind: "payout",
                category: "payout",
                amount: -amount,
                fee: 0,
                source: &id,
                available_on: self.now,
                description: Some(
                    if automatic {
                        "STRIPE PAYOUT"
                    } else {
                        "STRIPE TRANSFER"
                    }
                    .to_owned(),
                ),
            },
        );
        let mut payout = json!({
            "id": id, "object": "payout", "amount": amount, "application_fee": null,
            "application_fee_amount": null, "arrival_date": arrival,
            "balance_transaction": outgoing, "created": self.now, "currency": "usd",
            "destination": bank, "failure_balance_transaction": null, "failure_code": null,
            "failure_message": null, "livemode": false, "method": "standard",
            "original_payout": null, "payout_method": null, "reversed_by": null,
            "source_type": "card", "status": "pending",
            "trace_id": { "status": "pending", "value": null }, "type": "bank_account",
        });
        for (name, value) in details.as_object().into_iter().flatten() {
            payout[name] = value.clone();
        }
        self.put(owner, payout.clone());
        self.set_timer("arrive", &id, arrival);
        self.emit(owner, "payout.created", &payout);
        payout
    }

    /// Puts the money of a payout back where it came from; answers the transaction.
    fn return_payout(&mut self, owner: &str, payout: &Value, kind: &str) -> String {
        self.book(
            owner,
            Movement {
                kind,
                category: if kind == "payout_failure" {
                    "payout_reversal"
                } else {
                    "payout"
                },
                amount: payout["amount"].as_i64().unwrap_or(0),
                fee: 0,
                source: id_of(payout),
                available_on: self.now,
                description: None,
            },
        )
    }

    /// The day has come: the bank takes a payout, or sends it back.
    pub fn arrive_payout(&mut self, id: &str) {
        let owner = self.owner_of(id).to_owned();
        let Some(payout) = self.find(&owner, "payout", id).cloned() else {
            return;
        };
        let bank = payout["destination"].as_str().unwrap_or_default();
        match self.bank_failure(bank) {
            None => {
                let paid = self.edit(id, |payout| {
                    payout["status"] = json!("paid");
                    payout["trace_id"] = json!({ "status": "supported", "value": "SBX000001" });
                });
                self.emit(&owner, "payout.paid", &paid);
            }
            Some((code, message)) => self.fail_payout(&owner, &payout, code, message),
        }
    }

    fn fail_payout(&mut self, owner: &str, payout: &Value, code: &str, message: &str) {
        let back = self.return_payout(owner, payout, "payout_failure");
        let failed = self.edit(id_of(payout), |payout| {
            payout["status"] = json!("failed");
            payout["failure_balance_transaction"] = json!(back);
            payout["failure_code"] = json!(code);
            payout["failure_message"] = json!(message);
        });
        self.emit(owner, "payout.failed", &failed);
        // Stripe stops payouts until the owner names another bank account.
        let account = self.edit(owner, |account| {
            account["payouts_enabled"] = json!(false);
            account["external_accounts"]["data"][0]["status"] = json!("errored");
        });
        if !account.is_null() {
            let bank = account["external_accounts"]["data"][0].clone();
            self.emit(owner, "account.external_account.updated", &bank);
            self.emit(owner, "account.updated", &account);
        }
    }

    /// Sees to it that an account on automatic payouts is paid out at the next midnight, if
    /// there is anything to pay.
    pub fn plan_sweep(&mut self, owner: &str) {
        let manual = self.interval(owner) == "manual";
        if manual {
            if self.timers.is_set("sweep", owner) {
                self.drop_timer("sweep", owner);
            }
        } else if !self.timers.is_set("sweep", owner) && self.sweepable(owner) > 0 {
            self.set_timer("sweep", owner, next_midnight(self.now));
        }
    }

    fn sweepable(&self, owner: &str) -> i64 {
        let pending = self.purse(owner).map_or(0, |purse| purse.pending(self.now));
        self.available(owner) + pending - self.minimum_balance(owner)
    }

    /// Pays out by itself what is available above the minimum.
    pub fn sweep_automatically(&mut self, owner: &str) {
        let amount = self.available(owner) - self.minimum_balance(owner);
        let bank = self.payout_bank(owner).ok().filter(|_| amount > 0);
        let Some(bank) = bank else {
            return self.plan_later(owner);
        };
        let items = self.ripe(owner);
        let payout = self.send_payout(
            owner,
            amount,
            &bank,
            &json!({
                "automatic": true, "description": "STRIPE PAYOUT", "metadata": {},
                "reconciliation_status": "completed", "statement_descriptor": null,
            }),
        );
        let mut items = items;
        items.push(
            payout["balance_transaction"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
        self.set_row("payout_items", id_of(&payout), json!(items));
        self.plan_later(owner);
    }

    /// Funds that are still pending will want another payout; an account that cannot be paid
    /// out is left alone until something changes.
    fn plan_later(&mut self, owner: &str) {
        let pending = self.purse(owner).map_or(0, |purse| purse.pending(self.now));
        if pending > 0 {
            self.plan_sweep(owner);
        }
    }

    /// Available transactions that no automatic payout has taken along yet.
    fn ripe(&self, owner: &str) -> Vec<String> {
        let ids = self
            .purse(owner)
            .into_iter()
            .flat_map(|purse| purse.unswept());
        let ripe = |id: &&String| {
            let matures = self.any(id).and_then(|txn| txn["available_on"].as_i64());
            matures.is_some_and(|instant| instant <= self.now)
        };
        ids.filter(ripe).cloned().collect()
    }
}
