//! The only crate that knows Stripe's API, and the only one that knows `async-stripe`.
//!
//! Requests are made by `async-stripe`'s builders, so that a misspelt parameter does not
//! compile. They travel over a client of our own, because the stock one opens a connection per
//! call, hides the headers and forgets the status of an answer that is not JSON.
//!
//! Answers are read into the small structs of this crate, not into `async-stripe`'s. Those refuse
//! a whole object when one field that we never read is missing or new, and a transfer that
//! was made but cannot be read would be an unknown payout. The one exception is an account link,
//! which is tiny and carries no money.
//!
//! Money is `*_minor`: whole minor units (cents) with their sign, beside a lower-case currency.
//! Ids are the strings that Stripe gave.
//!
//! Every call ends in an answer or in a [`Failure`], whose variants are what a caller may do next.

mod account;
mod answer;
mod balance;
mod balance_settings;
mod bank_payout;
mod checkout;
mod client;
mod config;
mod event;
mod failure;
mod invoice;
mod page;
mod price;
mod promotion;
mod reading;
mod refusal;
mod reversal;
mod settlement;
mod subscription;
mod transfer;
mod transport;
pub mod webhook;

pub use account::{Account, AccountLink, AccountLinkOrder, AccountOrder};
pub use balance::{Balance, BalanceTransaction, BalanceTransactionQuery};
pub use balance_settings::BalanceSettings;
pub use bank_payout::{BankPayout, BankPayoutOrder, BankPayoutStatus};
pub use checkout::{
    CheckoutOrder, CheckoutPurpose, CheckoutSession, Customer, CustomerOrder, Discount, FirstMonth,
    Proration,
};
pub use client::Stripe;
pub use config::{API_VERSION, ConfigRefused, StripeConfig, TIMEOUT_DEFAULT};
pub use event::{EventQuery, ListedEvent};
pub use failure::{Doubt, Failure};
pub use invoice::Invoice;
pub use page::{Cursor, Page};
pub use price::{MonthlyPriceOrder, Price};
pub use promotion::PromotionCode;
pub use reversal::{Reversal, ReversalOrder};
pub use settlement::Settlement;
pub use subscription::{NewPrice, Subscription, SubscriptionOrder, SubscriptionStatus};
pub use transfer::{Transfer, TransferOrder};

/// Labels that travel with an object, in a fixed order.
pub type Metadata = std::collections::BTreeMap<String, String>;
