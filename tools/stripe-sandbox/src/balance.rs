//! What an account has: the sum of its balance transactions, split by whether they matured.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::store::World;

/// The money of one account, in cents of its only currency.
///
/// Maturing is not an event: funds count as available as soon as the clock says so.
#[derive(Debug, Default)]
pub struct Purse {
    matured: i64,
    maturing: BTreeMap<i64, i64>,
    /// Transactions that no automatic payout has taken along yet.
    unswept: BTreeSet<String>,
}

impl Purse {
    pub fn add(&mut self, transaction: &Value, now: i64) {
        let net = transaction["net"].as_i64().unwrap_or(0);
        let available_on = transaction["available_on"].as_i64().unwrap_or(now);
        *self.maturing.entry(available_on).or_default() += net;
        while let Some(first) = self
            .maturing
            .first_entry()
            .filter(|first| *first.key() <= now)
        {
            self.matured += first.remove();
        }
        self.unswept
            .insert(transaction["id"].as_str().unwrap_or_default().to_owned());
    }

    pub fn swept(&mut self, items: &Value) {
        for id in items
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            self.unswept.remove(id);
        }
    }

    pub fn available(&self, now: i64) -> i64 {
        self.matured + self.maturing.range(..=now).map(|(_, net)| net).sum::<i64>()
    }

    pub fn pending(&self, now: i64) -> i64 {
        self.maturing.range(now + 1..).map(|(_, net)| net).sum()
    }

    pub fn unswept(&self) -> impl Iterator<Item = &String> {
        self.unswept.iter()
    }
}

/// A movement on an account's balance, before it has an id.
pub struct Movement<'a> {
    pub kind: &'a str,
    pub category: &'a str,
    pub amount: i64,
    pub fee: i64,
    pub source: &'a str,
    pub available_on: i64,
    pub description: Option<String>,
}

impl World {
    /// Writes a balance transaction and answers its id.
    pub fn book(&mut self, owner: &str, movement: Movement<'_>) -> String {
        let id = self.mint("txn");
        let source = Some(movement.source).filter(|source| !source.is_empty());
        let status = if movement.available_on <= self.now {
            "available"
        } else {
            "pending"
        };
        self.put(
            owner,
            json!({
                "id": id, "object": "balance_transaction",
                "amount": movement.amount, "fee": movement.fee,
                "net": movement.amount - movement.fee,
                "fee_details": fee_details(movement.fee, movement.category),
                "type": movement.kind, "reporting_category": movement.category,
                "balance_type": "payments", "source": source,
                "available_on": movement.available_on, "created": self.now, "status": status,
                "currency": "usd", "description": movement.description, "exchange_rate": null,
            }),
        );
        // Whatever comes may be for the next automatic payout.
        self.plan_sweep(owner);
        id
    }

    /// Stripe takes or gives money by itself, without an object that it would be for.
    pub fn book_own(&mut self, owner: &str, kind: &str, amount: i64, about: &str) -> Value {
        let category = if kind == "stripe_fee" {
            "fee"
        } else {
            "other_adjustment"
        };
        let id = self.book(
            owner,
            Movement {
                kind,
                category,
                amount,
                fee: 0,
                source: "",
                available_on: self.now,
                description: Some(about.to_owned()),
            },
        );
        self.any(&id).cloned().unwrap_or_default()
    }

    pub fn available(&self, owner: &str) -> i64 {
        self.purse(owner)
            .map_or(0, |purse| purse.available(self.now))
    }

    /// Refuses to spend more than is available.
    pub fn check_available(&self, owner: &str, amount: i64, purpose: &str) -> Result<(), Refusal> {
        if self.available(owner) >= amount {
            return Ok(());
        }
        let message = format!(
            "You have insufficient available funds in your Stripe account for this {purpose}. \
             Funds that are still pending cannot be used."
        );
        Err(Refusal::rule("balance_insufficient", message))
    }
}

fn fee_details(fee: i64, category: &str) -> Value {
    if fee == 0 {
        return json!([]);
    }
    let description = if category.starts_with("dispute") {
        "Dispute fee"
    } else {
        "Stripe processing fees"
    };
    json!([{
        "amount": fee, "application": null, "currency": "usd",
        "description": description, "type": "stripe_fee",
    }])
}

/// Stripe's fee on a charge: 2.9 % and 30 cents, the per cent rounded half up.
pub fn charge_fee(amount: i64) -> i64 {
    (amount * 29 + 500) / 1000 + 30
}

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("balance", &[], retrieve),
    Endpoint::list(
        "balance_transactions",
        &[
            "type",
            "source",
            "payout",
            "currency",
            "available_on",
            "available_on[gt]",
            "available_on[gte]",
            "available_on[lt]",
            "available_on[lte]",
        ],
        list_transactions,
    ),
    Endpoint::get("balance_transactions/*", &[], retrieve_transaction),
];

fn retrieve(world: &mut World, call: &Call) -> Answer {
    let pending = world
        .purse(&call.owner)
        .map_or(0, |purse| purse.pending(world.now));
    let pot = |amount: i64| json!([{ "amount": amount, "currency": "usd", "source_types": { "card": amount } }]);
    let mut balance = json!({
        "object": "balance", "livemode": false,
        "available": pot(world.available(&call.owner)), "pending": pot(pending),
        "refund_and_dispute_prefunding": {
            "available": [{ "amount": 0, "currency": "usd" }],
            "pending": [{ "amount": 0, "currency": "usd" }],
        },
    });
    if call.owner.is_empty() {
        balance["connect_reserved"] = json!([{ "amount": 0, "currency": "usd" }]);
    }
    Ok(balance)
}

fn list_transactions(world: &mut World, call: &Call) -> Answer {
    let wanted = |name: &str| call.params.get(name);
    let by = ["payout", "source", "type"]
        .into_iter()
        .find_map(|name| wanted(name).map(|value| (format!("/{name}"), value)));
    let by = by.as_ref().map(|(field, value)| (field.as_str(), *value));
    let fields: Vec<(&str, &str)> = ["source", "type", "currency"]
        .into_iter()
        .filter_map(|name| wanted(name).map(|value| (name, value)))
        .collect();
    let (from, to) = crate::lists::bounds(&call.params, "available_on")?;
    world.page(call, "balance_transaction", by, |txn| {
        let available_on = txn["available_on"].as_i64().unwrap_or(0);
        (from..=to).contains(&available_on)
            && fields.iter().all(|(name, value)| txn[*name] == *value)
    })
}

fn retrieve_transaction(world: &mut World, call: &Call) -> Answer {
    world
        .get(&call.owner, "balance_transaction", &call.id)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_is_rounded_half_up() {
        assert_eq!(charge_fee(1000), 59);
        assert_eq!(charge_fee(50), 31);
        assert_eq!(charge_fee(500), 45);
        assert_eq!(charge_fee(2000), 88);
    }
}
