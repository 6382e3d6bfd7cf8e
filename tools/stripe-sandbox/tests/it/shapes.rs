//! Every kind of answer is read with types generated from Stripe's own description.

use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_shared as shared;

use crate::support::{Sandbox, id};

fn reads_as<T: DeserializeOwned>(value: &Value) {
    if let Err(error) = serde_json::from_value::<T>(value.clone()) {
        panic!("{error} in {value:#}");
    }
}

async fn all_read_as<T: DeserializeOwned>(sandbox: &Sandbox, path: &str, who: &[(&str, &str)]) {
    let page = sandbox.send("GET", path, &[], who).await.body;
    let data = page["data"]
        .as_array()
        .unwrap_or_else(|| panic!("{path}: {page}"));
    assert!(!data.is_empty(), "{path}");
    data.iter().for_each(reads_as::<T>);
}

#[tokio::test]
async fn every_answer_reads_as_stripes_types() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    reads_as::<shared::CheckoutSession>(&session);
    let session = sandbox.complete(&session, "4000000000000077").await;
    let path = format!(
        "/v1/checkout/sessions/{}?expand[]=line_items&expand[]=subscription",
        id(&session)
    );
    reads_as::<shared::CheckoutSession>(&sandbox.get(&path).await);
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000111111116").await;
    let transfer = sandbox.transfer(&creator, "110").await;
    let reversals = format!("/v1/transfers/{}/reversals", id(&transfer));
    sandbox.post(&reversals, &[("amount", "10")]).await;
    let who = [("stripe-account", creator.as_str())];
    sandbox
        .post_as(
            "/v1/payouts",
            &[("amount", "100"), ("currency", "usd")],
            &who,
        )
        .await;
    sandbox.advance("2027-02-01T00:00:00Z").await;

    let own = &[];
    all_read_as::<shared::Customer>(&sandbox, "/v1/customers", own).await;
    all_read_as::<shared::Product>(&sandbox, "/v1/products", own).await;
    all_read_as::<shared::Price>(&sandbox, "/v1/prices?expand[]=data.product", own).await;
    all_read_as::<shared::CheckoutSession>(&sandbox, "/v1/checkout/sessions", own).await;
    let path = "/v1/subscriptions?expand[]=data.latest_invoice&expand[]=data.customer";
    all_read_as::<shared::Subscription>(&sandbox, path, own).await;
    let path = "/v1/invoices?expand[]=data.payments.data.invoice";
    all_read_as::<shared::Invoice>(&sandbox, path, own).await;
    all_read_as::<shared::InvoicePayment>(&sandbox, "/v1/invoice_payments", own).await;
    let path = "/v1/payment_intents?expand[]=data.latest_charge.balance_transaction";
    all_read_as::<shared::PaymentIntent>(&sandbox, path, own).await;
    let path = "/v1/charges?expand[]=data.balance_transaction";
    all_read_as::<shared::Charge>(&sandbox, path, own).await;
    all_read_as::<shared::Charge>(&sandbox, "/v1/charges", &who).await;
    all_read_as::<shared::PaymentMethod>(&sandbox, "/v1/payment_methods", own).await;
    all_read_as::<shared::BalanceTransaction>(&sandbox, "/v1/balance_transactions", own).await;
    all_read_as::<shared::BalanceTransaction>(&sandbox, "/v1/balance_transactions", &who).await;
    all_read_as::<shared::Account>(&sandbox, "/v1/accounts", own).await;
    all_read_as::<shared::Transfer>(&sandbox, "/v1/transfers", own).await;
    all_read_as::<shared::Payout>(&sandbox, "/v1/payouts", &who).await;
    let path = format!("{reversals}?expand[]=data.balance_transaction&expand[]=data.transfer");
    all_read_as::<shared::TransferReversal>(&sandbox, &path, own).await;
    let banks = format!("/v1/accounts/{creator}/external_accounts");
    all_read_as::<shared::BankAccount>(&sandbox, &banks, own).await;
    let path = format!("{reversals}?expand[]=data.destination_payment_refund");
    let page = sandbox.get(&path).await;
    reads_as::<shared::Refund>(&page["data"][0]["destination_payment_refund"]);
    let path = "/v1/payouts?expand[]=data.destination&expand[]=data.failure_balance_transaction";
    all_read_as::<shared::Payout>(&sandbox, path, &who).await;
    all_read_as::<shared::Topup>(&sandbox, "/v1/topups", own).await;
    all_read_as::<shared::Event>(&sandbox, "/v1/events?limit=100", own).await;
    all_read_as::<shared::Event>(&sandbox, "/v1/events?limit=100", &who).await;
    reads_as::<stripe_core::Balance>(&sandbox.get("/v1/balance").await);
    let settings = sandbox
        .send("GET", "/v1/balance_settings", &[], &who)
        .await
        .body;
    reads_as::<stripe_core::BalanceSettings>(&settings);
    reads_as::<shared::Account>(&sandbox.get("/v1/account").await);
    let link = [
        ("account", creator.as_str()),
        ("type", "account_onboarding"),
        ("return_url", "http://site/back"),
        ("refresh_url", "http://site/again"),
    ];
    reads_as::<stripe_connect::AccountLink>(&sandbox.post("/v1/account_links", &link).await);
}
