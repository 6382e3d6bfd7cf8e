//! Secrets and chance, from the operating system.

use anyhow::{Result, anyhow};
use ring::rand::{SecureRandom, SystemRandom};

fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the operating system gave no random bytes"))?;
    Ok(bytes)
}

/// 128 random bits as 32 hex digits: a password that needs no quoting anywhere.
pub fn password() -> Result<String> {
    Ok(hex::encode(bytes::<16>()?))
}

/// 256 random bits as 64 hex digits.
pub fn long_secret() -> Result<String> {
    Ok(hex::encode(bytes::<32>()?))
}

/// A number below `limit`, near enough to even for picking a port.
pub fn below(limit: u16) -> Result<u16> {
    Ok(u16::from_le_bytes(bytes::<2>()?) % limit)
}
