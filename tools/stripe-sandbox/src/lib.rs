//! A stateful double of the part of Stripe that a marketplace uses, on Stripe's wire format.
//!
//! It keeps customers, subscriptions, invoices, charges, connected accounts, transfers,
//! payouts and one balance per account; it sends signed webhooks; and its clock stands still
//! until it is moved. It knows no client in particular, and offers no call that Stripe does not
//! have, except below `/_sandbox/`.

// Stripe's objects have many fields, and `json!` takes a step of recursion for each.
#![recursion_limit = "512"]

mod accounts;
mod amounts;
mod api;
mod arrivals;
mod balance;
mod balance_settings;
mod banks;
mod cards;
mod change_orders;
mod changes;
mod charges;
mod checkout;
pub mod cli;
pub mod clock;
mod collection;
mod completion;
mod control;
mod coupons;
mod customers;
mod discounts;
mod dispute_course;
mod disputes;
mod endpoints;
mod error;
mod events;
mod expand;
mod expandable;
mod external_accounts;
mod fault_rule;
mod faults;
mod form;
mod idempotency;
mod index;
mod invoice_calls;
mod invoices;
mod journal;
mod levers;
mod line;
mod lines;
mod lists;
mod mint;
mod offers;
mod options;
mod pages;
mod payment_methods;
mod payouts;
mod percent;
mod prices;
mod promotion_codes;
mod proration;
mod quotes;
mod rate;
mod refunds;
mod renewals;
mod retries;
mod reversals;
mod sandbox;
mod server;
mod serving;
mod standing;
mod store;
mod subscriptions;
mod sweeps;
mod tax_rates;
mod terms;
mod timers;
mod topups;
mod transfers;
mod webhooks;

use std::future::Future;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;

pub use options::Options;
pub use rate::RateLimits;
pub use webhooks::sign;

/// Serves a sandbox on a listener until `shutdown` is over.
///
/// # Errors
/// When the data folder or its journal cannot be used, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let base = options
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let sandbox = Arc::new(sandbox::Sandbox::open(&options, base)?);
    let router = axum::Router::new()
        .fallback(server::handle)
        .with_state(sandbox.clone())
        .into_make_service_with_connect_info::<line::Knife>();
    // Connections do not outlive the shutdown: clients keep theirs alive, and would hold it up.
    tokio::select! {
        served = axum::serve(line::Lines(listener), router) => served.context("the server stopped"),
        () = webhooks::run(sandbox) => Ok(()),
        () = shutdown => Ok(()),
    }
}
