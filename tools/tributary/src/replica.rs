//! The processes of a service: their names, and where they listen.

use crate::fleet::SERVICES;

/// More processes of a service than this do not make one machine faster.
pub const REPLICAS_MAX: u8 = 4;

/// One process of a service. The first is named like the service, the others after it with their
/// number: `billing`, `billing-2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replica {
    pub service: &'static str,
    pub number: u8,
}

impl Replica {
    /// Every process of every service, the first ones first.
    pub fn all(replicas: u8) -> Vec<Self> {
        let of = |number| SERVICES.map(|service| Self { service, number });
        (1..=replicas).flat_map(of).collect()
    }

    pub fn name(&self) -> String {
        match self.number {
            1 => self.service.to_owned(),
            number => format!("{}-{number}", self.service),
        }
    }

    /// The port of its internal listener, unless it is taken: 9101 and on, for the first ones.
    pub fn usual_port(&self) -> Option<u16> {
        let port = (9101..)
            .zip(SERVICES)
            .find(|(_, name)| *name == self.service);
        port.filter(|_| self.number == 1).map(|(port, _)| port)
    }

    /// What the state calls the port that it faces the world on, and which one that usually is;
    /// `None` for a service that does not.
    pub fn front(&self) -> Option<(String, Option<u16>)> {
        let (name, usual) = match self.service {
            "gateway" => ("public", 8080),
            "webhook-ingest" => ("webhooks", 8081),
            _ => return None,
        };
        Some(match self.number {
            1 => (name.to_owned(), Some(usual)),
            number => (format!("{name}-{number}"), None),
        })
    }
}
