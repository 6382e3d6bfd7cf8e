//! The one text encoding that digests and hashes are taken of.
//!
//! Fields stand in a fixed order with `|` between them, after a version and a kind. No field
//! can hold a `|`: ids cannot, and everything else is a number, a month, or a word of ours.
//! Changing an encoding changes every digest of the past, so it gets a new version instead.

use std::fmt::{Display, Write};

use sha2::{Digest, Sha256};

/// One encoded line under construction.
pub(crate) struct Line(String);

impl Line {
    pub fn new(version: &str, kind: &str) -> Self {
        Self(format!("{version}|{kind}"))
    }

    pub fn field(&mut self, value: impl Display) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "|{value}");
        self
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

/// The first eight bytes of the SHA-256 of a text, most significant first. Sums of them, wrapped,
/// compare two sets of ids or facts.
#[must_use]
pub fn digest64(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The SHA-256 of a text in lower-case hexadecimal.
pub(crate) fn sha256_hex(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored sums are compared with new ones: it may never change.
    #[test]
    fn a_digest_is_the_first_eight_bytes_of_the_texts_sha256() {
        assert_eq!(digest64("evt_1"), 0x7d4e_5a76_eae6_d8c1);
    }
}
