//! The signature of a webhook: `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">`.

use std::time::Duration;

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use time::OffsetDateTime;

/// How far a signature's time may be from ours, either way.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Why a webhook is not believed. The variants are for our logs: a caller is told only "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    #[error("there is no signature")]
    Absent,
    #[error("the signature header cannot be read")]
    Malformed,
    /// We have nothing to check with, which is our mistake.
    #[error("no webhook secret is configured")]
    NoSecret,
    /// Anyone can sign with an empty secret. That is our mistake too.
    #[error("a webhook secret is blank")]
    BlankSecret,
    #[error("no signature matches")]
    NoMatch,
    #[error("the signature is too old")]
    TooOld,
    #[error("the signature is from the future")]
    FromTheFuture,
}

/// Whether these very bytes were signed by Stripe, lately.
///
/// Any `v1` may match any secret, so that a secret can be replaced without losing events. The
/// comparison takes the same time however much of it matches. `now_wall` is the wall clock
/// even where business time runs apart: Stripe signs by the wall.
pub fn verify(
    raw_body: &[u8],
    signature_header: Option<&str>,
    secrets: &[SecretString],
    now_wall: OffsetDateTime,
    tolerance: Duration,
) -> Result<(), SignatureRefused> {
    check_secrets(secrets)?;
    let header = signature_header
        .map(str::trim)
        .filter(|header| !header.is_empty());
    let header = Header::parse(header.ok_or(SignatureRefused::Absent)?)?;
    let mac = |secret: &SecretString| mac(secret, header.time, raw_body);
    let genuine = secrets.iter().any(|secret| {
        header
            .signatures
            .iter()
            .any(|sent| mac(secret).verify_slice(sent).is_ok())
    });
    if !genuine {
        return Err(SignatureRefused::NoMatch);
    }
    check_age(header.seconds, now_wall, tolerance)
}

/// The header that Stripe would send for these bytes: for tests and for our own doubles.
pub fn sign(raw_body: &[u8], secret: &SecretString, at: OffsetDateTime) -> String {
    let time = at.unix_timestamp().to_string();
    let signature = mac(secret, &time, raw_body).finalize().into_bytes();
    format!("t={time},v1={}", hex::encode(signature))
}

struct Header<'a> {
    /// As it was written, for that is what was signed.
    time: &'a str,
    seconds: i64,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Header<'a> {
    fn parse(header: &'a str) -> Result<Self, SignatureRefused> {
        let pairs = || {
            header
                .split(',')
                .filter_map(|part| part.trim().split_once('='))
        };
        let mut times = pairs()
            .filter(|(name, _)| *name == "t")
            .map(|(_, time)| time);
        let (Some(time), None) = (times.next(), times.next()) else {
            return Err(SignatureRefused::Malformed);
        };
        let seconds = time.parse().map_err(|_| SignatureRefused::Malformed)?;
        let v1 = pairs().filter(|(name, _)| *name == "v1");
        let signatures: Vec<_> = v1
            .filter_map(|(_, digits)| hex::decode(digits).ok())
            .collect();
        if signatures.is_empty() {
            return Err(SignatureRefused::Malformed);
        }
        Ok(Self {
            time,
            seconds,
            signatures,
        })
    }
}

fn check_secrets(secrets: &[SecretString]) -> Result<(), SignatureRefused> {
    if secrets.is_empty() {
        return Err(SignatureRefused::NoSecret);
    }
    if secrets
        .iter()
        .any(|secret| secret.expose_secret().trim().is_empty())
    {
        return Err(SignatureRefused::BlankSecret);
    }
    Ok(())
}

fn check_age(
    seconds: i64,
    now_wall: OffsetDateTime,
    tolerance: Duration,
) -> Result<(), SignatureRefused> {
    let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    let age = now_wall.unix_timestamp().saturating_sub(seconds);
    if age > tolerance {
        return Err(SignatureRefused::TooOld);
    }
    if age < tolerance.saturating_neg() {
        return Err(SignatureRefused::FromTheFuture);
    }
    Ok(())
}

fn mac(secret: &SecretString, time: &str, raw_body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(raw_body);
    mac
}
