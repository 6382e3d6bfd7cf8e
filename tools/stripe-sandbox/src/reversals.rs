//! Transfer reversals: money taken back from a connected account, as long as it has it, until
//! the whole transfer is back.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::Movement;
use crate::error::{Answer, Refusal};
use crate::lists::whole_list;
use crate::store::{World, id_of};

/// How many reversals a transfer shows in itself.
const SHOWN: usize = 10;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "transfers/*/reversals",
        &[
            "amount",
            "description",
            "metadata",
            "metadata[*]",
            "refund_application_fee",
        ],
        create,
    ),
    Endpoint::list("transfers/*/reversals", &[], list),
    Endpoint::get("transfers/*/reversals/*", &[], retrieve),
    Endpoint::post(
        "transfers/*/reversals/*",
        &["metadata", "metadata[*]"],
        update,
    ),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let asked = match params.get("amount") {
        Some(_) => Some(params.amount("amount")?),
        None => None,
    };
    if params.flag("refund_application_fee")? == Some(true) {
        let message = "This transfer has no application fee that could be refunded.";
        return Err(Refusal::invalid("refund_application_fee", message));
    }
    let transfer = world.get(&call.owner, "transfer", call.parent())?.clone();
    let amount = reversible(&transfer, asked)?;
    let account = transfer["destination"].as_str().unwrap_or_default();
    world.check_available(account, amount, "transfer reversal")?;
    Ok(world.reverse(call, &transfer, amount))
}

/// What is to be taken back: what was asked for, or all that is left.
fn reversible(transfer: &Value, asked: Option<i64>) -> Result<i64, Refusal> {
    let part = |name: &str| transfer[name].as_i64().unwrap_or(0);
    let (left, id) = (part("amount") - part("amount_reversed"), id_of(transfer));
    if left == 0 {
        let message = format!("The transfer {id} is already fully reversed.");
        return Err(Refusal::said(message));
    }
    let amount = asked.unwrap_or(left);
    if amount > left {
        let message = format!(
            "Reversal amount ({amount}) is greater than unreversed amount ({left}) on transfer {id}."
        );
        return Err(Refusal::said(message));
    }
    Ok(amount)
}

fn list(world: &mut World, call: &Call) -> Answer {
    world.get(&call.owner, "transfer", call.parent())?;
    let by = Some(("/transfer", call.parent()));
    world.page(call, "transfer_reversal", by, |_| true)
}

/// The reversal that a path names, which must be of the transfer that it names.
fn find<'a>(world: &'a World, call: &Call) -> Result<&'a Value, Refusal> {
    let reversal = world.get(&call.owner, "transfer_reversal", &call.id)?;
    if reversal["transfer"] == call.parent() {
        return Ok(reversal);
    }
    Err(Refusal::no_such("transfer_reversal", "id", &call.id))
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    find(world, call).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = find(world, call)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let reversal = world.edit(&call.id, |reversal| reversal["metadata"] = metadata);
    world.show_reversals(call.parent());
    Ok(reversal)
}

impl World {
    fn reverse(&mut self, call: &Call, transfer: &Value, amount: i64) -> Value {
        let (id, transfer_id) = (self.mint("trr"), id_of(transfer).to_owned());
        let refund = self.give_back(transfer, &id, amount);
        let movement = Movement {
            kind: "transfer_refund",
            category: "transfer_reversal",
            amount,
            fee: 0,
            source: &id,
            available_on: self.now,
            description: call.params.get("description").map(str::to_owned),
        };
        let incoming = self.book(&call.owner, movement);
        let reversal = json!({
            "id": id, "object": "transfer_reversal", "amount": amount,
            "balance_transaction": incoming, "created": self.now, "currency": "usd",
            "destination_payment_refund": refund,
            "metadata": call.params.merge_metadata("metadata", &Value::Null),
            "source_refund": null, "transfer": transfer_id,
        });
        let reversal = self.put(&call.owner, reversal);
        self.edit(&transfer_id, |transfer| {
            let reversed = transfer["amount_reversed"].as_i64().unwrap_or(0) + amount;
            transfer["amount_reversed"] = json!(reversed);
            transfer["reversed"] = json!(transfer["amount"] == reversed);
        });
        let transfer = self.show_reversals(&transfer_id);
        self.emit(&call.owner, "transfer.reversed", &transfer);
        reversal
    }

    /// Writes the newest reversals into their transfer, where Stripe shows them.
    fn show_reversals(&mut self, transfer: &str) -> Value {
        let owner = self.owner_of(transfer).to_owned();
        let all = self.list(&owner, "transfer_reversal", Some(("/transfer", transfer)));
        let newest = all.iter().rev().take(SHOWN);
        let data = newest.filter_map(|(_, id)| self.any(id)).cloned().collect();
        let (total, url) = (all.len(), format!("/v1/transfers/{transfer}/reversals"));
        let mut shown = whole_list(&url, data);
        shown["total_count"] = json!(total);
        shown["has_more"] = json!(total > SHOWN);
        self.edit(transfer, |transfer| transfer["reversals"] = shown)
    }

    /// The connected account's side: the payment that it got is refunded.
    fn give_back(&mut self, transfer: &Value, reversal: &str, amount: i64) -> String {
        let text = |name: &str| transfer[name].as_str().unwrap_or_default().to_owned();
        let (account, payment) = (text("destination"), text("destination_payment"));
        let id = self.mint("pyr");
        let movement = Movement {
            kind: "payment_refund",
            category: "refund",
            amount: -amount,
            fee: 0,
            source: &id,
            available_on: self.now,
            description: None,
        };
        let outgoing = self.book(&account, movement);
        let refund = json!({
            "id": id, "object": "refund", "amount": amount, "balance_transaction": outgoing,
            "charge": payment, "created": self.now, "currency": "usd",
            "destination_details": null, "metadata": {}, "payment_intent": null,
            "payment_method": null, "reason": null, "receipt_number": null,
            "source_transfer_reversal": reversal, "status": "succeeded",
            "transfer_reversal": null,
        });
        self.put(&account, refund);
        self.edit(&payment, |payment| {
            let refunded = payment["amount_refunded"].as_i64().unwrap_or(0) + amount;
            payment["amount_refunded"] = json!(refunded);
            payment["refunded"] = json!(payment["amount"] == refunded);
        });
        id
    }
}
