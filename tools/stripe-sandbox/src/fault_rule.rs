//! A rule for faults: what goes wrong, for whom, and how often. Whether it does is a matter of
//! arithmetic, so that a run can be had again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::banks::FAILURE_CODES;
use crate::error::Refusal;

/// What goes wrong. *Before* means that nothing was done, *after* that everything was and the
/// client does not learn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    TimeoutBefore,
    TimeoutAfter,
    ResetBefore,
    ResetAfter,
    #[serde(rename = "http_500_before")]
    Http500Before,
    #[serde(rename = "http_500_after")]
    Http500After,
    #[serde(rename = "http_429")]
    Http429,
    TruncateAfter,
    WebhookDuplicate,
    WebhookReorder,
    WebhookDelay,
    WebhookLose,
    RefuseBank,
    RefuseCall,
}

/// What a kind of fault happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Request,
    Webhook,
    Bank,
}

impl Kind {
    /// Whether nothing at all is done.
    pub fn is_before(self) -> bool {
        matches!(
            self,
            Self::TimeoutBefore | Self::ResetBefore | Self::Http500Before | Self::Http429
        )
    }

    pub fn place(self) -> Place {
        match self {
            Self::TimeoutBefore
            | Self::TimeoutAfter
            | Self::ResetBefore
            | Self::ResetAfter
            | Self::Http500Before
            | Self::Http500After
            | Self::Http429
            | Self::TruncateAfter
            | Self::RefuseCall => Place::Request,
            Self::WebhookDuplicate
            | Self::WebhookReorder
            | Self::WebhookDelay
            | Self::WebhookLose => Place::Webhook,
            Self::RefuseBank => Place::Bank,
        }
    }
}

/// Whom a rule is for; what is not said matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A pattern with `*` for any letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A pattern with `*` for any letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The connected account; `platform` for what has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Parameters of the request, or fields of the event's object or of the payout.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub body: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub kind: Kind,
    #[serde(rename = "match", default)]
    pub when: Match,
    #[serde(default)]
    pub seed: u64,
    /// How many in a thousand; all when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permille: Option<u64>,
    /// How often at most, altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Rule {
    /// Reads a rule as a client writes it.
    ///
    /// # Errors
    /// When a field is unknown, or means nothing for the rule's kind.
    pub fn read(value: &Value) -> Result<Self, Refusal> {
        let rule: Self = serde_json::from_value(value.clone())
            .map_err(|error| Refusal::invalid("rule", error.to_string()))?;
        let place = rule.kind.place();
        let when = &rule.when;
        let of_requests = when.method.is_some() || when.path.is_some();
        let misplaced = (of_requests && place != Place::Request)
            || (when.event_type.is_some() && place != Place::Webhook);
        if misplaced {
            let message = "method and path are for requests, event_type is for webhooks.";
            return Err(Refusal::invalid("match", message));
        }
        if rule.permille.is_some_and(|permille| permille > 1000) {
            return Err(Refusal::invalid("permille", "At most 1000."));
        }
        let code = rule.code.as_deref().filter(|_| place == Place::Bank);
        if code.is_some_and(|code| !FAILURE_CODES.contains(&code)) {
            return Err(Refusal::invalid("code", "No failure code of a payout."));
        }
        Ok(rule)
    }

    /// Whether chance falls on the `turn`-th coming of something. The same seed, rule, identity
    /// and turn fall the same way for ever.
    pub fn falls_on(&self, identity: &str, turn: u64) -> bool {
        let Some(permille) = self.permille else {
            return true;
        };
        let rule = serde_json::to_string(&(self.kind, &self.when)).unwrap_or_default();
        let text = format!("{}\n{rule}\n{identity}\n{turn}", self.seed);
        let hash = Sha256::digest(text.as_bytes());
        let number = hash
            .iter()
            .take(6)
            .fold(0_u64, |sum, byte| sum * 256 + u64::from(*byte));
        number % 1000 < permille
    }
}

impl Match {
    pub fn is_account(&self, account: &str) -> bool {
        let name = if account.is_empty() {
            "platform"
        } else {
            account
        };
        self.account.as_deref().is_none_or(|own| globs(own, name))
    }

    /// Whether each wanted field has its value, as `read` finds it.
    pub fn has_fields(&self, read: impl Fn(&str) -> Option<String>) -> bool {
        let mut wanted = self.body.iter();
        wanted.all(|(name, value)| read(name).is_some_and(|own| globs(&text_of(value), &own)))
    }
}

/// A scalar as it stands in a form.
pub fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a text fits a pattern in which `*` stands for any letters.
pub fn globs(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text
        .char_indices()
        .map(|(place, _)| place)
        .chain([text.len()]);
    ends.into_iter().any(|place| globs(rest, &text[place..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_star_stands_for_any_letters_and_nothing_else_does() {
        assert!(globs(
            "/v1/transfers/*/reversals",
            "/v1/transfers/tr_1/reversals"
        ));
        assert!(globs("payout.*", "payout.failed"));
        assert!(globs("*", ""));
        assert!(!globs("/v1/transfers", "/v1/transfers/tr_1"));
        assert!(!globs("payout.*d", "payout.failure"));
    }

    #[test]
    fn chance_falls_the_same_way_each_time_and_otherwise_for_another_seed() {
        let rule = |seed: u64| {
            let value = json!({ "kind": "timeout_after", "seed": seed, "permille": 300 });
            Rule::read(&value).expect("a rule as documented")
        };
        let fallen = |seed: u64| -> Vec<bool> {
            let keys = (0..1000).map(|key| format!("key {key}"));
            keys.map(|key| rule(seed).falls_on(&key, 1)).collect()
        };
        assert_eq!(fallen(7), fallen(7));
        assert_ne!(fallen(7), fallen(8));
        let count = fallen(7).iter().filter(|fell| **fell).count();
        assert!((250..350).contains(&count), "{count} of 1000");
        assert!((1..50).any(|turn| rule(7).falls_on("k", turn) != rule(7).falls_on("k", 1)));
    }

    #[test]
    fn a_rule_with_a_field_that_means_nothing_is_refused() {
        for bad in [
            json!({ "kind": "timeout" }),
            json!({ "kind": "http_429", "chance": 1 }),
            json!({ "kind": "http_429", "permille": 1001 }),
            json!({ "kind": "webhook_lose", "match": { "path": "/v1/payouts" } }),
            json!({ "kind": "reset_after", "match": { "event_type": "payout.*" } }),
            json!({ "kind": "refuse_bank", "code": "balance_insufficient" }),
        ] {
            assert!(Rule::read(&bad).is_err(), "{bad}");
        }
    }
}
