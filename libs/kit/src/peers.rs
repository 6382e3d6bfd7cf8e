//! Calls to other services: a connection each, with token, request id and actor attached.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::config::Tokens;
use crate::tokens::Signer;
use crate::{BootError, Clock, context};

/// A connection to one service; give it to the generated client's `new`.
pub type Peer = InterceptedService<Channel, Caller>;

/// Makes connections to the peers of the configuration.
#[derive(Clone)]
pub struct Peers {
    addresses: BTreeMap<String, String>,
    signer: Signer,
}

impl Peers {
    /// Calls signed as `name`, for processes that kit did not boot: tests and tools.
    ///
    /// # Errors
    /// `Config` when the private key does not parse.
    pub fn signed_as(
        name: &str,
        private_key: SecretString,
        addresses: BTreeMap<String, String>,
    ) -> Result<Self, BootError> {
        let tokens = Tokens {
            private_key,
            public_keys: BTreeMap::new(),
        };
        Ok(Self::new(
            addresses,
            Signer::new(name, &tokens, Clock::system())?,
        ))
    }

    pub(crate) fn new(addresses: BTreeMap<String, String>, signer: Signer) -> Self {
        Self { addresses, signer }
    }

    /// A connection to `callee` (its name with '-'), made on first use and again after a loss.
    ///
    /// # Errors
    /// `Config` when the address is missing or not a URL, or the private key signs nothing.
    pub fn connect(&self, callee: &'static str) -> Result<Peer, BootError> {
        let key = callee.replace('-', "_");
        let address = self
            .addresses
            .get(&key)
            .ok_or_else(|| BootError::Config(format!("peers.{key} is missing")))?;
        let endpoint = Endpoint::from_shared(address.clone())
            .map_err(|error| BootError::Config(format!("peers.{key}: {error}")))?
            .connect_timeout(Duration::from_secs(2))
            .timeout(CALL_TIMEOUT)
            .tcp_nodelay(true);
        // Now rather than at the first call: a service that cannot sign would look ready.
        self.signer.token(callee).map_err(|status| {
            BootError::Config(format!("tokens.private_key: {}", status.message()))
        })?;
        let caller = Caller {
            audience: callee,
            signer: self.signer.clone(),
        };
        Ok(InterceptedService::new(endpoint.connect_lazy(), caller))
    }
}

/// A call that is not answered by then has an unknown outcome.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Attaches what a call must carry.
#[derive(Clone)]
pub struct Caller {
    audience: &'static str,
    signer: Signer,
}

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.signer.token(self.audience)?;
        let current = context::current();
        let headers = [
            ("authorization", format!("Bearer {token}")),
            (context::REQUEST_ID, current.request_id),
            (context::ACTOR, current.actor),
        ];
        for (name, value) in headers {
            let value = MetadataValue::try_from(value)
                .map_err(|_| Status::internal("a header value is not ASCII"))?;
            request.metadata_mut().insert(name, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_service_that_cannot_sign_its_calls_is_told_so_when_it_starts() {
        let addresses = BTreeMap::from([("billing".to_owned(), "http://127.0.0.1:9".to_owned())]);
        let peers = Peers::signed_as("gateway", String::new().into(), addresses).expect("peers");
        let Err(refused) = peers.connect("billing") else {
            panic!("it connects")
        };
        assert!(
            refused.to_string().contains("tokens.private_key"),
            "{refused}"
        );
    }
}
