//! The client that callers hold, and the two ways of asking: an order and a question.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;

use crate::config::{ConfigRefused, StripeConfig};
use crate::failure::Failure;
use crate::reading;
use crate::transport::{Answer, Call, Transport};

/// A client of Stripe; clones share their connections.
///
/// Orders (`create_…`) are sent once, under the caller's idempotency key: a second send is the
/// caller's decision. Questions are tried again by themselves.
#[derive(Clone)]
pub struct Stripe {
    transport: Arc<Transport>,
    base_url: String,
    api_version: String,
}

impl Stripe {
    /// Sets up a client without calling anyone.
    ///
    /// # Errors
    /// [`ConfigRefused`] for a bad address, a blank key, a live key over plain HTTP, or HTTPS in
    /// a process that has not installed a TLS provider.
    pub fn new(config: StripeConfig) -> Result<Self, ConfigRefused> {
        let transport = Arc::new(Transport::new(&config)?);
        Ok(Self {
            transport,
            base_url: config.base_url,
            api_version: config.api_version,
        })
    }

    /// Sends an order once, as the account given or else the platform.
    pub(crate) async fn order<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        account: Option<&str>,
        key: Option<&str>,
    ) -> Result<T, Failure> {
        read(
            &self
                .transport
                .send(&Call::new(request, account, key))
                .await?,
        )
    }

    /// Asks a question, again if need be.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        account: Option<&str>,
    ) -> Result<T, Failure> {
        let call = Call::new(request, account, None);
        let call = &call;
        reading::patiently(move || async move { read(&self.transport.send(call).await?) }).await
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }
}

/// A success that cannot be read is no success: what happened is unknown.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let request_id = answer.heading.request_id.clone();
        // The error names a field or a position; the body itself may hold personal data.
        tracing::warn!(stripe.request_id = request_id, %error, "an answer of Stripe is unreadable");
        Failure::unreadable(request_id)
    })
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe")
            .field("base_url", &self.base_url)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}
