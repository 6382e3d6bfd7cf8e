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

    /// A connection to `callee` (its name with '-'), made on first use and again after a loss. An
    /// address that names several replicas, with commas between them, spreads calls over those
    /// that answer.
    ///
    /// # Errors
    /// `Config` when the address is missing or not a URL, or the private key signs nothing.
    pub fn connect(&self, callee: &'static str) -> Result<Peer, BootError> {
        let endpoints = self.endpoints(callee)?;
        let channel = match endpoints.as_slice() {
            [only] => only.connect_lazy(),
            _ => Channel::balance_list(endpoints.into_iter()),
        };
        self.signed(callee, channel)
    }

    /// A connection to each replica of `callee`, in the order of the configuration.
    ///
    /// # Errors
    /// As [`Peers::connect`].
    pub fn connect_each(&self, callee: &'static str) -> Result<Vec<Peer>, BootError> {
        self.endpoints(callee)?
            .iter()
            .map(|endpoint| self.signed(callee, endpoint.connect_lazy()))
            .collect()
    }

    fn endpoints(&self, callee: &str) -> Result<Vec<Endpoint>, BootError> {
        let key = callee.replace('-', "_");
        let addresses = self
            .addresses
            .get(&key)
            .ok_or_else(|| BootError::Config(format!("peers.{key} is missing")))?;
        let endpoint = |address: &str| {
            let endpoint = Endpoint::from_shared(address.trim().to_owned())
                .map_err(|error| BootError::Config(format!("peers.{key}: {error}")))?;
            Ok(endpoint
                .connect_timeout(Duration::from_secs(2))
                .timeout(CALL_TIMEOUT)
                .tcp_nodelay(true))
        };
        addresses.split(',').map(endpoint).collect()
    }

    fn signed(&self, callee: &'static str, channel: Channel) -> Result<Peer, BootError> {
        // Now rather than at the first call: a service that cannot sign would look ready.
        self.signer.token(callee).map_err(|status| {
            BootError::Config(format!("tokens.private_key: {}", status.message()))
        })?;
        let caller = Caller {
            audience: callee,
            signer: self.signer.clone(),
        };
        Ok(InterceptedService::new(channel, caller))
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

    #[test]
    fn an_address_may_name_several_replicas_and_each_must_be_one() {
        let peers = |addresses: &str| {
            let addresses = BTreeMap::from([("billing".to_owned(), addresses.to_owned())]);
            Peers::signed_as("gateway", String::new().into(), addresses).expect("peers")
        };
        let two = peers("http://127.0.0.1:9,http://127.0.0.1:10").endpoints("billing");
        assert_eq!(two.expect("two").len(), 2);
        let refused = peers("http://127.0.0.1:9,").endpoints("billing");
        let refused = refused.expect_err("an empty address").to_string();
        assert!(refused.contains("peers.billing"), "{refused}");
    }

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
