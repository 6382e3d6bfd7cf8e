//! What this service does, whoever asks: begin, load, decide, save, announce, commit.

mod bank;
mod creators;
mod floor;
mod funds;
mod give_back;
mod moves;
mod onboarding;
mod orders;
mod questions;
mod request;
mod reserve;
mod resolve;
mod reversals;
mod run;
mod saga;
mod transfers;

pub use onboarding::Addresses;
pub use questions::RunView;
pub use request::Request;

use kit::{Clock, Peer};
use mailbox::Outbox;
use money::Amount;
use stripe::Stripe;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::fraud_limits::v1::fraud_limits_service_client::FraudLimitsServiceClient;

use crate::store::Store;

/// Cheap to clone.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    pub stripe: Stripe,
    pub earnings: EarningsServiceClient<Peer>,
    pub limits: FraudLimitsServiceClient<Peer>,
    /// Whoever is owed less carries over.
    pub payout_min: Amount,
    /// Nobody may ask for less.
    pub request_min: Amount,
}

/// An error for a log, with all that is behind it.
pub fn cause(error: &kit::Error) -> &(dyn std::error::Error + 'static) {
    error
}
