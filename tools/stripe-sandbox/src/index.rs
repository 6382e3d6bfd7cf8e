//! The names of the lists that the store keeps: by owner and kind, and by the value of a field.

/// The fields by which a kind of object can be listed.
pub fn indexed(kind: &str) -> &'static [&'static str] {
    match kind {
        "charge" => &["/customer", "/payment_intent"],
        "refund" | "dispute" => &["/charge", "/payment_intent"],
        "balance_transaction" => &["/source", "/type"],
        "invoice" => &["/customer", "/parent/subscription_details/subscription"],
        "subscription" | "payment_intent" | "payment_method" => &["/customer"],
        "transfer" => &["/transfer_group", "/destination"],
        "transfer_reversal" => &["/transfer"],
        "invoice_payment" => &["/invoice"],
        "checkout.session" => &["/subscription", "/payment_intent", "/customer"],
        "payout" => &["/destination"],
        "customer" => &["/email"],
        _ => &[],
    }
}

pub fn list_name(owner: &str, kind: &str) -> String {
    format!("{owner}\n{kind}")
}

pub fn index_name(owner: &str, kind: &str, field: &str, key: &str) -> String {
    format!("{owner}\n{kind}\n{field}\n{key}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::store::{PLATFORM, World};

    #[test]
    fn an_object_that_is_gone_is_in_no_list() {
        let mut world = World::at(0);
        let by = Some(("/email", "a@example.com"));
        for id in ["cus_1", "cus_2"] {
            let customer = json!({ "id": id, "object": "customer", "email": "a@example.com" });
            world.put(PLATFORM, customer);
        }
        assert_eq!(world.list(PLATFORM, "customer", by).len(), 2);
        world.remove("cus_1");
        let left = world.list(PLATFORM, "customer", by);
        assert_eq!(left.iter().map(|(_, id)| id).collect::<Vec<_>>(), ["cus_2"]);
        assert_eq!(world.list(PLATFORM, "customer", None).len(), 1);
    }
}
