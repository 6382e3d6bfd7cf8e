//! What the tests of subscriptions do again and again.

use serde_json::Value;

use crate::support::{Sandbox, id};

pub const CARD: &str = "4242424242424242";
/// Is kept, and declines every charge.
pub const BAD_CARD: &str = "4000000000000341";
/// Pays, and its money is available at once.
pub const QUICK_CARD: &str = "4000000000000077";

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub fn cents(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap()
}

impl Sandbox {
    /// A subscription through checkout, as it is after payment.
    pub async fn subscribe(&self, price: &str, more: &[(&str, &str)], card: &str) -> Value {
        let session = self.session(price, more).await;
        let session = self.complete(&session, card).await;
        self.subscription(text(&session["subscription"])).await
    }

    pub async fn subscription(&self, id: &str) -> Value {
        self.get(&format!("/v1/subscriptions/{id}")).await
    }

    /// All invoices of a subscription with their payments, newest first.
    pub async fn invoices_of(&self, subscription: &Value) -> Vec<Value> {
        let subscription = id(subscription);
        let path =
            format!("/v1/invoices?subscription={subscription}&limit=100&expand[]=data.payments");
        self.list(&path).await
    }

    pub async fn list(&self, path: &str) -> Vec<Value> {
        self.get(path).await["data"].as_array().unwrap().clone()
    }

    /// Changes a subscription, and answers what it then is.
    pub async fn change(&self, subscription: &Value, form: &[(&str, &str)]) -> Value {
        let path = format!("/v1/subscriptions/{}", id(subscription));
        self.post(&path, form).await
    }

    /// Gives a subscription another price.
    pub async fn reprice(&self, subscription: &Value, price: &str, more: &[(&str, &str)]) -> Value {
        let item = item(subscription);
        let mut form = vec![("items[0][id]", item.as_str()), ("items[0][price]", price)];
        form.extend_from_slice(more);
        self.change(subscription, &form).await
    }

    /// Makes a card the one that a subscription is charged to.
    pub async fn charge_to(&self, subscription: &Value, card: &str) -> String {
        let method = self.card_of(text(&subscription["customer"]), card).await;
        self.change(subscription, &[("default_payment_method", &method)])
            .await;
        method
    }

    /// A card attached to a customer.
    pub async fn card_of(&self, customer: &str, card: &str) -> String {
        let form = [("type", "card"), ("card[number]", card)];
        let method = id(&self.post("/v1/payment_methods", &form).await);
        let path = format!("/v1/payment_methods/{method}/attach");
        self.post(&path, &[("customer", customer)]).await;
        method
    }

    /// A charge on a card, by a subscription that was just taken up.
    pub async fn charged(&self, amount: &str, card: &str) -> Value {
        let price = self.price(amount).await;
        self.subscribe(&price, &[], card).await;
        self.list("/v1/charges?limit=1").await.remove(0)
    }

    /// The types of all events so far, oldest first.
    pub async fn events(&self) -> Vec<String> {
        let mut events = self.list("/v1/events?limit=100").await;
        events.reverse();
        events
            .iter()
            .map(|event| text(&event["type"]).to_owned())
            .collect()
    }

    /// The types of the events after the first `known`.
    pub async fn events_after(&self, known: usize) -> Vec<String> {
        self.events().await.split_off(known)
    }

    /// What the balance says there is, and what its transactions add up to.
    pub async fn books(&self) -> (i64, i64) {
        let balance = self.get("/v1/balance").await;
        let pot = |name: &str| cents(&balance[name][0], "amount");
        let (mut sum, mut cursor) = (0, String::new());
        loop {
            let path = format!("/v1/balance_transactions?limit=100{cursor}");
            let page = self.get(&path).await;
            let data = page["data"].as_array().unwrap();
            sum += data.iter().map(|txn| cents(txn, "net")).sum::<i64>();
            if page["has_more"] == false {
                return (pot("available") + pot("pending"), sum);
            }
            cursor = format!("&starting_after={}", id(data.last().unwrap()));
        }
    }
}

pub fn item(subscription: &Value) -> String {
    id(&subscription["items"]["data"][0])
}

/// Lines as `(amount, start, end, proration)`.
pub fn lines(invoice: &Value) -> Vec<(i64, i64, i64, bool)> {
    let lines = invoice["lines"]["data"].as_array().unwrap().iter();
    let line = |line: &Value| {
        let period = &line["period"];
        let details = &line["parent"]["subscription_item_details"];
        (
            cents(line, "amount"),
            cents(period, "start"),
            cents(period, "end"),
            details["proration"].as_bool().unwrap(),
        )
    };
    lines.map(line).collect()
}
