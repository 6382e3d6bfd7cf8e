//! Versions of the servers, as their own `--version` prints them, and the oldest that will do.

use std::fmt;
use std::str::FromStr;

/// A dotted version; what follows the third number is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// Postgres 15 is Debian 12's, and the oldest that the migrations are written for.
pub const POSTGRES_MIN: Version = Version::new(15, 0, 0);

/// Earlier servers do not know `sync_interval: always` (2.9), or lose streams when the process
/// is killed (2.10.20 to 2.10.22).
pub const NATS_MIN: Version = Version::new(2, 10, 23);

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Finds the first dotted number in a line such as `nats-server: v2.10.27` or
    /// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    ///
    /// Also reads Debian's package versions (`2.9.10-1+b3`, `15+248+deb12u1`, `1:2.3.4`).
    pub fn find_in(text: &str) -> Option<Self> {
        let text = text.split_once(':').map_or(text, |(before, after)| {
            if before.chars().all(|c| c.is_ascii_digit()) {
                after
            } else {
                text
            }
        });
        text.split(|c: char| c.is_whitespace() || c == '(' || c == ')')
            .map(|word| word.trim_start_matches('v'))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .find_map(|word| word.parse().ok())
    }
}

impl FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut parts = text[..end].split('.');
        let mut next = || {
            parts
                .next()
                .filter(|p| !p.is_empty())
                .unwrap_or("0")
                .parse()
        };
        Ok(Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Postgres has had two numbers since version 10.
        if self.major >= 10 {
            return write!(f, "{}.{}", self.major, self.minor);
        }
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_each_server_prints() {
        let cases = [
            ("nats-server: v2.10.27", Version::new(2, 10, 27)),
            ("nats-server: v2.12.0-RC.1", Version::new(2, 12, 0)),
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                Version::new(15, 18, 0),
            ),
            ("postgres (PostgreSQL) 18beta1", Version::new(18, 0, 0)),
            ("2.9.10-1+b3", Version::new(2, 9, 10)),
            ("15+248+deb12u1", Version::new(15, 0, 0)),
            ("1:2.10.27-1", Version::new(2, 10, 27)),
        ];
        for (text, version) in cases {
            assert_eq!(Version::find_in(text), Some(version), "{text}");
        }
        assert_eq!(Version::find_in("command not found"), None);
        assert_eq!(Version::find_in(""), None);
    }

    #[test]
    fn debian_twelves_own_nats_server_is_too_old_and_its_postgres_is_not() {
        assert!(Version::new(2, 9, 10) < NATS_MIN);
        assert!(Version::new(2, 10, 22) < NATS_MIN);
        assert!(Version::new(2, 10, 23) >= NATS_MIN);
        assert!(Version::new(2, 15, 1) >= NATS_MIN);
        assert!(Version::new(14, 22, 0) < POSTGRES_MIN);
        assert!(Version::new(15, 0, 0) >= POSTGRES_MIN);
    }
}
