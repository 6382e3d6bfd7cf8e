//! Which webhooks are believed.

use std::time::Duration;

use hmac::{Hmac, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use stripe::webhook::{SignatureRefused, TOLERANCE, sign, verify};
use time::OffsetDateTime;

const BODY: &[u8] = br#"{"id": "evt_1", "amount": 10.0, "name": "\u00e9"}"#;
const NOW: i64 = 1_793_491_200;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn secret(text: &str) -> SecretString {
    text.into()
}

fn signed(text: &str, seconds: i64) -> String {
    sign(BODY, &secret(text), at(seconds))
}

fn v1(header: &str) -> &str {
    header.split_once("v1=").unwrap().1
}

fn outcome(body: &[u8], header: Option<&str>, secrets: &[&str]) -> Result<(), SignatureRefused> {
    let secrets: Vec<_> = secrets.iter().copied().map(secret).collect();
    verify(body, header, &secrets, at(NOW), TOLERANCE)
}

#[test]
fn a_signature_made_elsewhere_is_believed() {
    // Made with: printf '%s' '1793491200.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_x
    let header = "t=1793491200,v1=2025b91a797f330844749367095577fdb6504e99e3b95e3c39ff21e980d4a2c7";
    assert_eq!(
        outcome(br#"{"id":"evt_1"}"#, Some(header), &["whsec_x"]),
        Ok(())
    );
}

#[test]
fn the_header_decides() {
    let good = signed("whsec_a", NOW);
    let other = signed("whsec_b", NOW);
    let digits = v1(&good);
    let table = [
        ("genuine", good.clone(), Ok(())),
        (
            "with spaces and v0",
            format!("t={NOW}, v0=00, v1={digits}"),
            Ok(()),
        ),
        (
            "two, the second good",
            format!("t={NOW},v1={},v1={digits}", v1(&other)),
            Ok(()),
        ),
        (
            "two, the first good",
            format!("t={NOW},v1={digits},v1={}", v1(&other)),
            Ok(()),
        ),
        (
            "one unreadable, one good",
            format!("t={NOW},v1=zz,v1={digits}"),
            Ok(()),
        ),
        ("empty", " ".to_owned(), Err(SignatureRefused::Absent)),
        ("another secret's", other, Err(SignatureRefused::NoMatch)),
        (
            "another time",
            format!("t={},v1={digits}", NOW + 1),
            Err(SignatureRefused::NoMatch),
        ),
        (
            "cut short",
            format!("t={NOW},v1={}", &digits[..62]),
            Err(SignatureRefused::NoMatch),
        ),
        (
            "no v1",
            format!("t={NOW},v0={digits}"),
            Err(SignatureRefused::Malformed),
        ),
        (
            "no time",
            format!("v1={digits}"),
            Err(SignatureRefused::Malformed),
        ),
        (
            "two times",
            format!("t={NOW},t={NOW},v1={digits}"),
            Err(SignatureRefused::Malformed),
        ),
        (
            "a time in words",
            format!("t=now,v1={digits}"),
            Err(SignatureRefused::Malformed),
        ),
        (
            "nonsense",
            "hello".to_owned(),
            Err(SignatureRefused::Malformed),
        ),
    ];
    for (name, header, expected) in table {
        assert_eq!(
            outcome(BODY, Some(&header), &["whsec_a"]),
            expected,
            "{name}"
        );
    }
    assert_eq!(
        outcome(BODY, None, &["whsec_a"]),
        Err(SignatureRefused::Absent)
    );
}

#[test]
fn only_the_very_bytes_that_were_signed_are_believed() {
    let header = signed("whsec_a", NOW);
    let value: serde_json::Value = serde_json::from_slice(BODY).unwrap();
    let re_encoded = serde_json::to_vec(&value).unwrap();
    for body in [
        re_encoded.as_slice(),
        b"",
        br#"{"id": "evt_2"}"#,
        &[0xff, 0xfe],
    ] {
        let refused = Err(SignatureRefused::NoMatch);
        assert_eq!(outcome(body, Some(&header), &["whsec_a"]), refused);
    }
}

#[test]
fn any_secret_may_match_but_none_may_be_blank() {
    let header = signed("whsec_a", NOW);
    let by_nothing = signed("", NOW);
    let table: [(&str, &[&str], _); 6] = [
        (&header, &["whsec_old", "whsec_a"], Ok(())),
        (&header, &["whsec_old"], Err(SignatureRefused::NoMatch)),
        (&header, &[], Err(SignatureRefused::NoSecret)),
        (&by_nothing, &[""], Err(SignatureRefused::BlankSecret)),
        (
            &by_nothing,
            &["whsec_a", "  "],
            Err(SignatureRefused::BlankSecret),
        ),
        (
            &header,
            &["whsec_a", ""],
            Err(SignatureRefused::BlankSecret),
        ),
    ];
    for (header, secrets, expected) in table {
        assert_eq!(
            outcome(BODY, Some(header), secrets),
            expected,
            "{secrets:?}"
        );
    }
}

#[test]
fn a_genuine_signature_is_good_for_five_minutes_either_way() {
    let table = [
        (NOW - 300, Ok(())),
        (NOW - 301, Err(SignatureRefused::TooOld)),
        (NOW + 300, Ok(())),
        (NOW + 301, Err(SignatureRefused::FromTheFuture)),
        (0, Err(SignatureRefused::TooOld)),
    ];
    for (seconds, expected) in table {
        let header = signed("whsec_a", seconds);
        assert_eq!(
            outcome(BODY, Some(&header), &["whsec_a"]),
            expected,
            "{seconds}"
        );
    }
    let header = signed("whsec_a", NOW - 11);
    let strict = Duration::from_secs(10);
    let refused = verify(BODY, Some(&header), &[secret("whsec_a")], at(NOW), strict);
    assert_eq!(refused, Err(SignatureRefused::TooOld));
}

#[test]
fn a_time_beyond_all_measure_is_refused_not_overflown() {
    let table = [
        (i64::MIN, SignatureRefused::TooOld),
        (i64::MAX, SignatureRefused::FromTheFuture),
    ];
    for (seconds, expected) in table {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_a").unwrap();
        mac.update(format!("{seconds}.").as_bytes());
        mac.update(BODY);
        let header = format!(
            "t={seconds},v1={}",
            hex::encode(mac.finalize().into_bytes())
        );
        assert_eq!(outcome(BODY, Some(&header), &["whsec_a"]), Err(expected));
    }
}
