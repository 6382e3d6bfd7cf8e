//! Top-ups: the platform's own money onto its balance, available at once.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::Movement;
use crate::error::Answer;
use crate::store::{PLATFORM, World};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "topups",
        &[
            "amount",
            "currency",
            "description",
            "metadata",
            "metadata[*]",
            "source",
            "statement_descriptor",
            "transfer_group",
        ],
        create,
    ),
    Endpoint::list("topups", &["status"], list),
    Endpoint::get("topups/*", &[], retrieve),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    call.platform_only("account_invalid")?;
    let amount = params.amount("amount")?;
    params.currency("currency")?;
    let id = world.mint("tu");
    let description = params.get("description").map(str::to_owned);
    let incoming = world.book(
        PLATFORM,
        Movement {
            kind: "topup",
            category: "topup",
            amount,
            fee: 0,
            source: &id,
            available_on: world.now,
            description: description.clone(),
        },
    );
    let mut topup = json!({
        "id": id, "object": "topup", "amount": amount, "balance_transaction": null,
        "created": world.now, "currency": "usd", "description": description,
        "expected_availability_date": world.now, "failure_code": null, "failure_message": null,
        "livemode": false, "metadata": params.merge_metadata("metadata", &Value::Null),
        "source": null, "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending", "transfer_group": params.get("transfer_group"),
    });
    world.emit(PLATFORM, "topup.created", &topup);
    topup["status"] = json!("succeeded");
    topup["balance_transaction"] = json!(incoming);
    world.emit(PLATFORM, "topup.succeeded", &topup);
    Ok(world.put(PLATFORM, topup))
}

fn list(world: &mut World, call: &Call) -> Answer {
    let status = call.params.get("status");
    world.page(call, "topup", None, |topup| {
        status.is_none_or(|status| topup["status"] == status)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "topup", &call.id).cloned()
}
