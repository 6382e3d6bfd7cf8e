//! Loopback ports: the usual one if it is free, else another, and a word about it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::random;

/// Replacements come from below Linux's range for outgoing connections (32768 and up), so that
/// a server that is restarted finds its port as it left it.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Hands out ports, none of them twice: not to two servers of one instance, nor to two instances
/// that are started at once and would both find it free.
#[derive(Debug)]
pub struct Ports {
    /// A file for each port that an instance on this machine has, locked as long as it has it.
    claims: PathBuf,
    given: BTreeMap<u16, Option<File>>,
}

impl Default for Ports {
    fn default() -> Self {
        Self::claimed_in(&std::env::temp_dir().join("tributary-ports"))
    }
}

impl Ports {
    fn claimed_in(claims: &Path) -> Self {
        if fs::create_dir(claims).is_ok() {
            // Other users have instances, too.
            let _ = fs::set_permissions(claims, fs::Permissions::from_mode(0o1777));
        }
        Self {
            claims: claims.to_owned(),
            given: BTreeMap::new(),
        }
    }

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
        if self.given.contains_key(&port) || !is_free(port) {
            return false;
        }
        let claim = File::create(self.claims.join(port.to_string())).ok();
        // Where no file can be made, there is only the hope that nobody else starts now.
        let is_ours = claim.as_ref().is_none_or(|file| file.try_lock().is_ok());
        if is_ours {
            self.given.insert(port, claim);
        }
        is_ours
    }
}

/// Whether nobody listens there now.
pub fn is_free(port: u16) -> bool {
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
    fn two_instances_that_start_at_once_do_not_get_the_same_port() {
        let claims = tempfile::tempdir().expect("temp dir");
        let [mut one, mut other] = [(), ()].map(|()| Ports::claimed_in(claims.path()));
        let port = one.take(&[]).expect("a port");
        assert_ne!(other.take(&[port]).expect("another"), port);
        drop(one);
        assert_eq!(other.take(&[port]).expect("it is free again"), port);
    }

    #[test]
    fn no_port_is_given_twice() {
        let mut ports = Ports::default();
        let first = ports.take(&[]).expect("a port");
        let second = ports.take(&[first]).expect("a port");
        assert_ne!(first, second);
    }
}
