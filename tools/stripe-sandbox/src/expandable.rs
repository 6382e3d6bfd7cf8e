//! What can be expanded, for each kind of object, as Stripe's reference says it.

/// What stands behind a field.
pub enum To {
    /// An id of such an object, the object itself, or an array of these.
    One(&'static str),
    /// A list object of such objects.
    Many(&'static str),
    /// An id of an object of whatever kind.
    Any,
    /// A part without fields of its own to expand, shown only when it is asked for.
    Part,
}

use To::{Any, Many, One, Part};

pub type Fields = &'static [(&'static str, To)];

/// The fields of a kind of object that can be expanded; `None` for an unknown kind.
pub fn fields(kind: &str) -> Option<Fields> {
    money_out(kind).or_else(|| money_in(kind))
}

fn money_out(kind: &str) -> Option<Fields> {
    Some(match kind {
        "account" => &[("external_accounts", Many("bank_account"))],
        "bank_account" => &[("account", One("account")), ("customer", One("customer"))],
        "balance_transaction" => &[("source", Any)],
        "payout" => &[
            ("application_fee", One("application_fee")),
            ("balance_transaction", One("balance_transaction")),
            ("destination", One("bank_account")),
            ("failure_balance_transaction", One("balance_transaction")),
            ("original_payout", One("payout")),
            ("reversed_by", One("payout")),
        ],
        "topup" => &[("balance_transaction", One("balance_transaction"))],
        "transfer" => &[
            ("balance_transaction", One("balance_transaction")),
            ("destination", One("account")),
            ("destination_payment", One("charge")),
            ("source_transaction", One("charge")),
            ("reversals", Many("transfer_reversal")),
        ],
        "transfer_reversal" => &[
            ("balance_transaction", One("balance_transaction")),
            ("destination_payment_refund", One("refund")),
            ("source_refund", One("refund")),
            ("transfer", One("transfer")),
        ],
        "account_link" | "balance" | "balance_settings" | "event" | "webhook_endpoint" => &[],
        _ => return None,
    })
}

fn money_in(kind: &str) -> Option<Fields> {
    Some(match kind {
        "charge" => &[
            ("application", One("application")),
            ("application_fee", One("application_fee")),
            ("balance_transaction", One("balance_transaction")),
            ("customer", One("customer")),
            ("failure_balance_transaction", One("balance_transaction")),
            ("on_behalf_of", One("account")),
            ("payment_intent", One("payment_intent")),
            ("refunds", Many("refund")),
            ("review", One("review")),
            ("source_transfer", One("transfer")),
            ("transfer", One("transfer")),
            ("transfer_data.destination", One("account")),
        ],
        "dispute" => &[
            ("balance_transactions", One("balance_transaction")),
            ("charge", One("charge")),
            ("payment_intent", One("payment_intent")),
        ],
        "payment_intent" => &[
            ("application", One("application")),
            ("customer", One("customer")),
            ("latest_charge", One("charge")),
            ("on_behalf_of", One("account")),
            ("payment_method", One("payment_method")),
            ("review", One("review")),
            ("source", Any),
            ("transfer_data.destination", One("account")),
        ],
        "payment_method" => &[("customer", One("customer"))],
        "refund" => &[
            ("balance_transaction", One("balance_transaction")),
            ("charge", One("charge")),
            ("customer", One("customer")),
            ("failure_balance_transaction", One("balance_transaction")),
            ("payment_intent", One("payment_intent")),
            ("payment_method", One("payment_method")),
            ("source_transfer_reversal", One("transfer_reversal")),
            ("transfer_reversal", One("transfer_reversal")),
        ],
        _ => return billing(kind).or_else(|| selling(kind)),
    })
}

fn billing(kind: &str) -> Option<Fields> {
    Some(match kind {
        "invoice" => &[
            ("account_tax_ids", One("tax_id")),
            ("application", One("application")),
            ("confirmation_secret", Part),
            ("customer", One("customer")),
            ("default_payment_method", One("payment_method")),
            ("default_source", Any),
            ("discounts", One("discount")),
            ("latest_revision", One("invoice")),
            ("lines", Many("line_item")),
            ("on_behalf_of", One("account")),
            (
                "parent.subscription_details.subscription",
                One("subscription"),
            ),
            ("payments", Many("invoice_payment")),
            ("total_discount_amounts.discount", One("discount")),
        ],
        "invoice_payment" => &[
            ("invoice", One("invoice")),
            ("payment.charge", One("charge")),
            ("payment.payment_intent", One("payment_intent")),
        ],
        "invoiceitem" => &[
            ("customer", One("customer")),
            ("discounts", One("discount")),
            ("invoice", One("invoice")),
            ("pricing.price_details.price", One("price")),
        ],
        "line_item" => &[
            ("discount_amounts.discount", One("discount")),
            ("discounts", One("discount")),
            ("pricing.price_details.price", One("price")),
        ],
        "subscription" => &[
            ("application", One("application")),
            ("customer", One("customer")),
            ("default_payment_method", One("payment_method")),
            ("default_source", Any),
            ("discounts", One("discount")),
            ("items", Many("subscription_item")),
            ("latest_invoice", One("invoice")),
            ("on_behalf_of", One("account")),
            ("pending_setup_intent", One("setup_intent")),
            ("schedule", One("subscription_schedule")),
        ],
        "subscription_item" => &[
            ("discounts", One("discount")),
            ("plan.product", One("product")),
            ("price", One("price")),
        ],
        _ => return None,
    })
}

fn selling(kind: &str) -> Option<Fields> {
    Some(match kind {
        "checkout.session" => &[
            ("customer", One("customer")),
            ("discounts.coupon", One("coupon")),
            ("discounts.promotion_code", One("promotion_code")),
            ("invoice", One("invoice")),
            ("line_items", Many("item")),
            ("payment_intent", One("payment_intent")),
            ("payment_link", One("payment_link")),
            ("setup_intent", One("setup_intent")),
            ("subscription", One("subscription")),
            ("total_details.breakdown", Part),
        ],
        "coupon" => &[("applies_to", Part), ("currency_options", Part)],
        "customer" => &[
            ("cash_balance", Part),
            ("default_source", Any),
            ("discount.promotion_code", One("promotion_code")),
            ("discount.source.coupon", One("coupon")),
            (
                "invoice_settings.default_payment_method",
                One("payment_method"),
            ),
            ("sources", Many("source")),
            ("subscriptions", Many("subscription")),
            ("tax", Part),
            ("tax_ids", Many("tax_id")),
        ],
        "discount" => &[
            ("customer", One("customer")),
            ("promotion_code", One("promotion_code")),
            ("source.coupon", One("coupon")),
        ],
        "item" => &[
            ("discounts.discount", One("discount")),
            ("price", One("price")),
        ],
        "price" => &[
            ("currency_options", Part),
            ("product", One("product")),
            ("tiers", Part),
        ],
        "product" => &[
            ("default_price", One("price")),
            ("tax_code", One("tax_code")),
        ],
        "promotion_code" => &[
            ("customer", One("customer")),
            ("promotion.coupon", One("coupon")),
        ],
        "tax_rate" => &[],
        _ => return None,
    })
}

/// The kind of object that an endpoint answers with, by the last noun of its path.
pub fn kind_behind(path: &str) -> Option<&'static str> {
    path.rsplit('/').find_map(|noun| {
        Some(match noun {
            "account" | "accounts" => "account",
            "account_links" => "account_link",
            "balance" => "balance",
            "balance_settings" => "balance_settings",
            "balance_transactions" => "balance_transaction",
            "charges" => "charge",
            "coupons" => "coupon",
            "customers" => "customer",
            "disputes" => "dispute",
            "events" => "event",
            "external_accounts" => "bank_account",
            "invoice_payments" => "invoice_payment",
            "invoiceitems" => "invoiceitem",
            "invoices" => "invoice",
            "line_items" => "item",
            "lines" => "line_item",
            "payment_intents" => "payment_intent",
            "payment_methods" => "payment_method",
            "payouts" => "payout",
            "prices" => "price",
            "products" => "product",
            "promotion_codes" => "promotion_code",
            "refunds" => "refund",
            "reversals" => "transfer_reversal",
            "sessions" => "checkout.session",
            "subscription_items" => "subscription_item",
            "subscriptions" => "subscription",
            "tax_rates" => "tax_rate",
            "topups" => "topup",
            "transfers" => "transfer",
            "webhook_endpoints" => "webhook_endpoint",
            _ => return None,
        })
    })
}
