//! What an event is here, and what became of one that was delivered.

use std::collections::{BTreeMap, HashMap};

use ledger::StripeId;
use sha2::{Digest, Sha256};
use stripe::webhook::EventHead;
use time::OffsetDateTime;

/// Bytes of a word of Stripe's; its ids have no more.
const WORD_MAX: usize = 255;

/// A signed delivery, read as far as storing it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Stripe's id; of a body that is no event, `unreadable_` and part of its hash.
    pub event_id: String,
    /// Stripe's type; empty if the body is no event.
    pub kind: String,
    pub created_at: OffsetDateTime,
    /// Empty for the platform's own.
    pub account: String,
    pub livemode: bool,
    pub api_version: String,
    pub object_id: String,
    pub object_kind: String,
    pub body: Vec<u8>,
    pub body_sha256: [u8; 32],
    /// Where it was delivered to: `stripe` or `stripe-payouts`.
    pub endpoint: &'static str,
    /// Whether the other services are told of it.
    pub announced: bool,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    /// The same bytes under the same id were there before.
    Duplicate,
    /// Other bytes under the same id were there before, and stay.
    Altered,
}

impl Event {
    /// Reads a body whose signature was found good. `livemode` is the mode of this
    /// installation; `now` stands in for the time of a body that does not tell its own.
    #[must_use]
    pub fn read(
        body: Vec<u8>,
        endpoint: &'static str,
        livemode: bool,
        now: OffsetDateTime,
    ) -> Self {
        let body_sha256: [u8; 32] = Sha256::digest(&body).into();
        let head = EventHead::parse(&body).ok();
        let head = head.filter(|head| StripeId::try_new(&head.id).is_ok() && is_takeable(head));
        let Some(head) = head else {
            return Self::unreadable(body, body_sha256, endpoint, now);
        };
        Self {
            event_id: head.id,
            kind: storable(head.kind),
            created_at: head.created,
            account: storable(head.account.unwrap_or_default()),
            livemode: head.livemode,
            api_version: storable(head.api_version.unwrap_or_default()),
            object_id: storable(head.object_id.unwrap_or_default()),
            object_kind: storable(head.object_kind.unwrap_or_default()),
            body,
            body_sha256,
            endpoint,
            announced: head.livemode == livemode,
        }
    }

    /// Whether the body is an event of Stripe's.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.kind.is_empty()
    }

    fn unreadable(
        body: Vec<u8>,
        body_sha256: [u8; 32],
        endpoint: &'static str,
        now: OffsetDateTime,
    ) -> Self {
        let part: String = body_sha256
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            event_id: format!("unreadable_{part}"),
            kind: String::new(),
            created_at: now,
            account: String::new(),
            livemode: false,
            api_version: String::new(),
            object_id: String::new(),
            object_kind: String::new(),
            body,
            body_sha256,
            endpoint,
            announced: false,
        }
    }
}

/// Whether all who listen can take it: longer words fit neither their keys nor, in the end, a
/// message, and a moment before 1970 lies in no month that could be cut. Stripe has none of them.
fn is_takeable(head: &EventHead) -> bool {
    let told = [
        &head.account,
        &head.api_version,
        &head.object_id,
        &head.object_kind,
    ];
    let mut words = told.into_iter().flatten().chain([&head.kind]);
    head.created >= OffsetDateTime::UNIX_EPOCH && words.all(|word| word.len() <= WORD_MAX)
}

/// Postgres stores no NUL in a text.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}

/// The first delivery of each id, in the order of their ids: writers that store in one order
/// never wait for one another in a circle.
#[must_use]
pub fn firsts(events: &[Event]) -> Vec<&Event> {
    let mut firsts: BTreeMap<&str, &Event> = BTreeMap::new();
    for event in events {
        firsts.entry(&event.event_id).or_insert(event);
    }
    firsts.into_values().collect()
}

/// What became of each delivery of a batch: `stored` holds the ids that were new, `known` the
/// body hashes of those that were not.
#[must_use]
pub fn outcomes<T>(
    events: &[Event],
    stored: &HashMap<String, T>,
    known: &HashMap<String, Vec<u8>>,
) -> Vec<Outcome> {
    let mut seen: HashMap<&str, &[u8]> = HashMap::new();
    let outcome = |event| outcome(event, stored, known, &mut seen);
    events.iter().map(outcome).collect()
}

fn outcome<'a, T>(
    event: &'a Event,
    stored: &HashMap<String, T>,
    known: &'a HashMap<String, Vec<u8>>,
    seen: &mut HashMap<&'a str, &'a [u8]>,
) -> Outcome {
    let id = event.event_id.as_str();
    let before = known
        .get(id)
        .map(Vec::as_slice)
        .or_else(|| seen.get(id).copied());
    if before.is_none() && stored.contains_key(id) {
        seen.insert(id, &event.body_sha256);
        return Outcome::Stored;
    }
    match before {
        Some(hash) if hash != event.body_sha256 => Outcome::Altered,
        _ => Outcome::Duplicate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, salt: &str) -> Event {
        let body = format!(
            r#"{{"id":"{id}","type":"a.b","created":1798761600,"livemode":false,"salt":"{salt}"}}"#
        );
        Event::read(
            body.into_bytes(),
            "stripe",
            false,
            OffsetDateTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn in_one_batch_the_first_of_an_id_is_stored_and_the_others_are_told_apart() {
        let batch = [
            event("evt_2", "x"),
            event("evt_1", "x"),
            event("evt_2", "x"),
            event("evt_2", "y"),
        ];
        let ids: Vec<_> = firsts(&batch)
            .iter()
            .map(|event| event.event_id.clone())
            .collect();
        assert_eq!(ids, ["evt_1", "evt_2"]);
        let stored = HashMap::from([("evt_1".to_owned(), ()), ("evt_2".to_owned(), ())]);
        let found = outcomes(&batch, &stored, &HashMap::new());
        use Outcome::{Altered, Duplicate, Stored};
        assert_eq!(found, [Stored, Stored, Duplicate, Altered]);
    }

    #[test]
    fn what_was_there_before_the_batch_is_never_stored_again() {
        let batch = [event("evt_1", "x"), event("evt_1", "y")];
        let known = HashMap::from([("evt_1".to_owned(), batch[0].body_sha256.to_vec())]);
        let found = outcomes::<()>(&batch, &HashMap::new(), &known);
        assert_eq!(found, [Outcome::Duplicate, Outcome::Altered]);
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_kept_under_a_name_of_ours_and_not_announced() {
        for body in ["no json", "{}", r#"{"id":"a b","type":"x","created":1}"#] {
            let event = Event::read(body.into(), "stripe", false, OffsetDateTime::UNIX_EPOCH);
            assert!(event.event_id.starts_with("unreadable_"), "{body}");
            assert!(!event.announced && !event.is_readable(), "{body}");
        }
    }

    #[test]
    fn a_signed_body_that_no_consumer_could_take_is_no_event() {
        let long = "x".repeat(256);
        let bodies = [
            format!(r#"{{"id":"evt_1","type":"{long}","created":1}}"#),
            format!(
                r#"{{"id":"evt_1","type":"a.b","created":1,"data":{{"object":{{"id":"{long}"}}}}}}"#
            ),
            r#"{"id":"evt_1","type":"a.b","created":-1}"#.to_owned(),
        ];
        for body in bodies {
            let event = Event::read(
                body.clone().into(),
                "stripe",
                false,
                OffsetDateTime::UNIX_EPOCH,
            );
            assert!(!event.announced && !event.is_readable(), "{body}");
        }
    }

    #[test]
    fn an_event_of_the_other_mode_is_not_announced() {
        let body = br#"{"id":"evt_1","type":"a.b","created":1,"livemode":true}"#.to_vec();
        let now = OffsetDateTime::UNIX_EPOCH;
        assert!(!Event::read(body.clone(), "stripe", false, now).announced);
        assert!(Event::read(body, "stripe", true, now).announced);
    }
}
