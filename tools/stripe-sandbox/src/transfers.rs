//! Transfers: from the platform's balance to that of a connected account, at once or not at
//! all.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::Movement;
use crate::customers::billing_details;
use crate::error::{Answer, Refusal};
use crate::lists::whole_list;
use crate::store::{PLATFORM, World};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "transfers",
        &[
            "amount",
            "currency",
            "destination",
            "transfer_group",
            "description",
            "metadata",
            "metadata[*]",
            "source_transaction",
            "source_type",
        ],
        create,
    ),
    Endpoint::list("transfers", &["destination", "transfer_group"], list),
    Endpoint::get("transfers/*", &[], retrieve),
    Endpoint::post(
        "transfers/*",
        &["description", "metadata", "metadata[*]"],
        update,
    ),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    call.platform_only("transfers_not_allowed")?;
    let amount = params.amount("amount")?;
    params.currency("currency")?;
    let destination = params.need("destination")?.to_owned();
    if params.has("source_transaction") {
        let message = "source_transaction is not supported by this sandbox.";
        return Err(Refusal::invalid("source_transaction", message));
    }
    params.one_of("source_type", &["card", "bank_account", "fpx"])?;
    check_destination(world, &destination)?;
    world.check_available(PLATFORM, amount, "transfer")?;
    let id = world.mint("tr");
    let outgoing = world.book(
        PLATFORM,
        Movement {
            kind: "transfer",
            category: "transfer",
            amount: -amount,
            fee: 0,
            source: &id,
            available_on: world.now,
            description: params.get("description").map(str::to_owned),
        },
    );
    let payment = receive(world, &destination, &id, amount);
    let transfer = world.put(
        PLATFORM,
        json!({
            "id": id, "object": "transfer", "amount": amount, "amount_reversed": 0,
            "balance_transaction": outgoing, "created": world.now, "currency": "usd",
            "description": params.get("description"), "destination": destination,
            "destination_payment": payment, "livemode": false,
            "metadata": params.merge_metadata("metadata", &Value::Null),
            "reversals": whole_list(&format!("/v1/transfers/{id}/reversals"), vec![]),
            "reversed": false, "source_transaction": null, "source_type": "card",
            "transfer_group": params.get("transfer_group"),
        }),
    );
    world.emit(PLATFORM, "transfer.created", &transfer);
    Ok(transfer)
}

fn check_destination(world: &World, id: &str) -> Result<(), Refusal> {
    let account = world.named("account", "destination", id)?;
    if account["capabilities"]["transfers"] == "active" {
        return Ok(());
    }
    let message = "Your destination account needs to have at least one of the following \
                   capabilities enabled: transfers, crypto_transfers, legacy_payments";
    let mut refusal = Refusal::param(
        "insufficient_capabilities_for_transfer",
        "destination",
        message,
    );
    // It is the account's state that refuses, not the request's form.
    refusal.stored = true;
    Err(refusal)
}

/// The other end of a transfer: a payment on the connected account.
fn receive(world: &mut World, account: &str, transfer: &str, amount: i64) -> String {
    let id = world.mint("py");
    let incoming = world.book(
        account,
        Movement {
            kind: "payment",
            category: "charge",
            amount,
            fee: 0,
            source: &id,
            available_on: world.now,
            description: None,
        },
    );
    world.put(
        account,
        json!({
            "id": id, "object": "charge", "amount": amount, "amount_captured": amount,
            "amount_refunded": 0, "application": null, "application_fee": null,
            "application_fee_amount": null, "balance_transaction": incoming,
            "billing_details": billing_details(""), "calculated_statement_descriptor": null,
            "captured": true, "created": world.now, "currency": "usd", "customer": null,
            "description": null, "disputed": false, "failure_balance_transaction": null,
            "failure_code": null, "failure_message": null, "fraud_details": {}, "livemode": false,
            "metadata": {}, "on_behalf_of": null, "outcome": null, "paid": true,
            "payment_intent": null, "payment_method": null, "payment_method_details": {
                "stripe_account": {}, "type": "stripe_account",
            },
            "receipt_email": null, "receipt_number": null, "receipt_url": null,
            "refunded": false, "review": null, "shipping": null, "source": null,
            "source_transfer": transfer, "statement_descriptor": null,
            "statement_descriptor_suffix": null, "status": "succeeded", "transfer_data": null,
            "transfer_group": null,
        }),
    );
    id
}

fn list(world: &mut World, call: &Call) -> Answer {
    let group = call.params.get("transfer_group");
    let destination = call.params.get("destination");
    let by = group.map(|group| ("/transfer_group", group));
    let by = by.or(destination.map(|id| ("/destination", id)));
    world.page(call, "transfer", by, |transfer| {
        destination.is_none_or(|id| transfer["destination"] == id)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(&call.owner, "transfer", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(&call.owner, "transfer", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let transfer = world.edit(&call.id, |transfer| {
        transfer["metadata"] = metadata;
        if let Some(text) = call.params.get("description") {
            transfer["description"] = json!(text);
        }
    });
    world.emit(PLATFORM, "transfer.updated", &transfer);
    Ok(transfer)
}
