//! Calls to other services: a connection each, with token, request id and actor attached.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use tokio::net::TcpStream;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::channel::Change;
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
    /// that take connections.
    ///
    /// # Errors
    /// `Config` when the address is missing or not a URL, or the private key signs nothing.
    pub fn connect(&self, callee: &'static str) -> Result<Peer, BootError> {
        let endpoints = self.endpoints(callee)?;
        let channel = match endpoints.as_slice() {
            [only] => only.connect_lazy(),
            _ => spread(endpoints),
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
                .connect_timeout(CONNECT_TIMEOUT)
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

/// Spreads calls over the replicas that take connections. The balancer prefers who has least in
/// hand, and nobody has less than a replica that refuses every call: so each is tried for as long
/// as the channel is used, and left out while it refuses.
fn spread(replicas: Vec<Endpoint>) -> Channel {
    let (channel, changes) = Channel::balance_channel(replicas.len());
    crate::spawn(async move {
        let mut given = vec![false; replicas.len()];
        while !changes.is_closed() {
            let taking = join_all(replicas.iter().map(takes_connections)).await;
            // With nobody to choose from a call would wait for ever; refused, it says why.
            let none = !taking.contains(&true);
            for (number, replica) in replicas.iter().enumerate() {
                let wanted = none || taking[number];
                let change = match (given[number], wanted) {
                    (false, true) => Change::Insert(number, replica.clone()),
                    (true, false) => Change::Remove(number),
                    _ => continue,
                };
                if changes.send(change).await.is_err() {
                    return;
                }
                given[number] = wanted;
            }
            tokio::time::sleep(TRIED_EVERY).await;
        }
    });
    channel
}

async fn takes_connections(replica: &Endpoint) -> bool {
    let uri = replica.uri();
    // An IPv6 address stands in brackets.
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let usual = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let connecting = TcpStream::connect((host, uri.port_u16().unwrap_or(usual)));
    matches!(
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await,
        Ok(Ok(_))
    )
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TRIED_EVERY: Duration = Duration::from_millis(500);

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
