//! Loopback ports: the usual one if it is free, else another, and a word about it.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

use crate::random;

/// Replacements come from below Linux's range for outgoing connections (32768 and up), so that
/// a server that is restarted finds its port as it left it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Hands out ports, none of them twice.
#[derive(Debug, Default)]
pub struct Ports {
    given: BTreeSet<u16>,
}

impl Ports {
    /// The first of `wishes` that is free, else a random one.
    pub fn take(&mut self, wishes: &[u16]) -> Result<u16> {
        for port in wishes {
            if self.try_take(*port) {
                return Ok(*port);
            }
        }
        for _ in 0..1_000 {
            let port = FIRST + random::below(COUNT)?;
            if self.try_take(port) {
                return Ok(port);
            }
        }
        bail!(
            "no free port on 127.0.0.1 between {FIRST} and {}",
            FIRST + COUNT
        )
    }

    fn try_take(&mut self, port: u16) -> bool {
        !self.given.contains(&port) && is_free(port) && self.given.insert(port)
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_by_a_free_one() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let taken = holder.local_addr().expect("its address").port();

        let got = Ports::default().take(&[taken]).expect("a port");
        assert_ne!(got, taken);
        assert!(is_free(got));

        drop(holder);
        assert_eq!(Ports::default().take(&[taken]).expect("a port"), taken);
    }

    #[test]
    fn no_port_is_given_twice() {
        let mut ports = Ports::default();
        let first = ports.take(&[]).expect("a port");
        let second = ports.take(&[first]).expect("a port");
        assert_ne!(first, second);
    }
}
