//! Tokens for trying the API by hand: what the site's own login would issue.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::fleet::{AUDIENCE, ISSUER};

/// What a user may be. One user may be several.
pub const ROLES: [&str; 4] = ["subscriber", "creator", "admin", "finance"];

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub roles: Vec<String>,
    pub iat: i64,
    pub exp: i64,
}

/// Signs a token of the user `sub` with `secret` (HS256).
pub fn sign(secret: &str, sub: &str, roles: &[String], ttl: Duration) -> Result<String> {
    ensure!(!sub.is_empty(), "--sub must name a user");
    for role in roles {
        ensure!(
            ROLES.contains(&role.as_str()),
            "unknown role {role:?}; the roles are {}",
            ROLES.join(", ")
        );
    }
    let iat = OffsetDateTime::now_utc().unix_timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: sub.to_owned(),
        roles: roles.to_vec(),
        iat,
        exp: iat
            .checked_add(i64::try_from(ttl.as_secs())?)
            .context("too long a life")?,
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}

/// `90s`, `30m`, `1h` or `7d`.
pub fn parse_ttl(text: &str) -> Result<Duration> {
    let split = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(split).unwrap_or_default();
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => bail!("a time to live looks like 90s, 30m, 1h or 7d"),
    };
    let number: u64 = number
        .parse()
        .context("a time to live looks like 90s, 30m, 1h or 7d")?;
    let total = number.checked_mul(seconds).context("too long a life")?;
    ensure!(total > 0, "a token must live for a while");
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};

    use super::*;

    #[test]
    fn a_token_is_accepted_with_its_secret_and_refused_with_another() {
        let roles = ["creator".to_owned(), "admin".to_owned()];
        let token = sign("right", "u_1", &roles, Duration::from_secs(60)).expect("signed");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        let check = |secret: &str| {
            decode::<Claims>(
                &token,
                &DecodingKey::from_secret(secret.as_bytes()),
                &validation,
            )
        };
        let claims = check("right").expect("accepted").claims;
        assert_eq!(
            (claims.sub.as_str(), claims.roles.as_slice()),
            ("u_1", roles.as_slice())
        );
        assert_eq!(claims.exp - claims.iat, 60);
        check("wrong").expect_err("refused");
    }

    #[test]
    fn an_unknown_role_or_an_empty_user_is_refused() {
        let ttl = Duration::from_secs(60);
        sign("s", "u", &["root".to_owned()], ttl).expect_err("unknown role");
        sign("s", "", &["admin".to_owned()], ttl).expect_err("no user");
    }

    #[test]
    fn a_time_to_live_has_a_number_and_a_unit() {
        assert_eq!(parse_ttl("90s").expect("parsed"), Duration::from_secs(90));
        assert_eq!(parse_ttl("1h").expect("parsed"), Duration::from_secs(3_600));
        assert_eq!(
            parse_ttl("7d").expect("parsed"),
            Duration::from_secs(604_800)
        );
        for text in ["", "h", "1", "1y", "0s", "-1h", "é"] {
            parse_ttl(text).expect_err(text);
        }
    }
}
