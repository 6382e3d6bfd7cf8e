//! The bracket syntax of Stripe's requests: `line_items[0][price]=price_1`.
//!
//! Parameters stay flat, under their canonical name: empty brackets are numbered, so that
//! `expand[]=a&expand[]=b` and `expand[0]=a&expand[1]=b` are the same request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::error::Refusal;

/// The largest amount that a parameter may carry, in cents: twelve digits, as in Stripe.
const AMOUNT_MAX: i64 = 999_999_999_999;

/// The parameters of one request, from its query or its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads `a=1&b[c]=2`; never fails, because Stripe reads a broken escape as itself.
    pub fn parse(text: &str) -> Self {
        let mut params = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = params.numbered(&unescape(key));
            params.0.insert(key, unescape(value));
        }
        params
    }

    /// Gives each pair of empty brackets its index: the last one so far, or the next when
    /// the name is taken already.
    fn numbered(&self, key: &str) -> String {
        let Some((head, tail)) = key.split_once("[]") else {
            return key.to_owned();
        };
        let taken = |index: usize| self.0.contains_key(&format!("{head}[{index}]{tail}"));
        let index = (0..).find(|index| !taken(*index)).unwrap_or(0);
        self.numbered(&format!("{head}[{index}]{tail}"))
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a parameter; an empty one counts as absent, as `unset` in Stripe.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a parameter is given and empty, which unsets it in Stripe.
    pub fn is_cleared(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(String::is_empty)
    }

    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let fault = || {
            Refusal::param(
                "parameter_invalid_integer",
                name,
                format!("Invalid integer: {text}"),
            )
        };
        text.parse().map(Some).map_err(|_| fault())
    }

    /// An amount of money in cents: positive, at most twelve digits.
    pub fn amount(&self, name: &str) -> Result<i64, Refusal> {
        let amount = self.int(name)?.ok_or_else(|| Refusal::missing(name))?;
        if amount < 1 {
            let message = "This value must be greater than or equal to 1.";
            return Err(Refusal::param("parameter_invalid_integer", name, message));
        }
        if amount > AMOUNT_MAX {
            return Err(Refusal::param(
                "amount_too_large",
                name,
                "Amount must be smaller.",
            ));
        }
        Ok(amount)
    }

    /// What something costs, in cents: as an amount, or nothing at all.
    pub fn price(&self, name: &str) -> Result<i64, Refusal> {
        if self.get(name) == Some("0") {
            return Ok(0);
        }
        self.amount(name)
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refusal::invalid(name, format!("Invalid boolean: {other}"))),
        }
    }

    /// A lower-case currency code; only `usd` is known here.
    pub fn currency(&self, name: &str) -> Result<String, Refusal> {
        let currency = self.need(name)?.to_lowercase();
        if currency == "usd" {
            return Ok(currency);
        }
        Err(Refusal::invalid(
            name,
            format!("Invalid currency: {currency}. Known: usd."),
        ))
    }

    pub fn one_of(&self, name: &str, known: &[&str]) -> Result<Option<String>, Refusal> {
        match self.get(name) {
            Some(value) if !known.contains(&value) => {
                let list = known.join(", ");
                Err(Refusal::invalid(
                    name,
                    format!("Invalid {name}: must be one of {list}"),
                ))
            }
            value => Ok(value.map(str::to_owned)),
        }
    }

    /// The values of a list of scalars: `name[0]`, `name[1]`, ...
    pub fn list(&self, name: &str) -> Vec<String> {
        (0..)
            .map_while(|index| self.0.get(&format!("{name}[{index}]")))
            .filter(|value| !value.is_empty())
            .cloned()
            .collect()
    }

    /// How many structures a list holds: `name[0][..]`, `name[1][..]`, ...
    pub fn count(&self, name: &str) -> usize {
        let begun = |index: &usize| self.has(&format!("{name}[{index}]"));
        (0..).take_while(begun).count()
    }

    /// Whether a parameter, or any part of the structure of that name, is given.
    pub fn has(&self, name: &str) -> bool {
        let part = format!("{name}[");
        self.0.contains_key(name)
            || self
                .0
                .range(part.clone()..)
                .next()
                .is_some_and(|(key, _)| key.starts_with(&part))
    }

    /// The entries of a map, as `metadata[key]=value`; empty values are kept, as deletions.
    pub fn map(&self, name: &str) -> Map<String, Value> {
        let part = format!("{name}[");
        let entries = self.0.range(part.clone()..);
        entries
            .take_while(|(key, _)| key.starts_with(&part))
            .map(|(key, value)| (key[part.len()..].trim_end_matches(']'), value))
            .map(|(key, value)| (key.to_owned(), Value::from(value.as_str())))
            .collect()
    }

    /// Writes the metadata of the request over what an object has.
    pub fn merge_metadata(&self, name: &str, old: &Value) -> Value {
        let mut merged = old.as_object().cloned().unwrap_or_default();
        if self.0.get(name).is_some_and(String::is_empty) {
            merged.clear();
        }
        for (key, value) in self.map(name) {
            match value.as_str() {
                Some("") => merged.remove(&key),
                _ => merged.insert(key, value),
            };
        }
        Value::Object(merged)
    }

    /// Whether an object has every value that a list asks for, by fields of the same names.
    pub fn all_equal(&self, object: &Value, names: &[&str]) -> bool {
        let mut wanted = names
            .iter()
            .filter_map(|name| Some((*name, self.get(name)?)));
        wanted.all(|(name, value)| object[name] == value)
    }

    /// Refuses the first parameter that no pattern of `known` allows. In a pattern, `[]`
    /// stands for any index and `[*]` for any key.
    pub fn check_known(&self, known: &[&[&str]]) -> Result<(), Refusal> {
        let patterns: BTreeSet<&str> = known.iter().copied().flatten().copied().collect();
        let allowed = |key: &str| patterns.iter().any(|pattern| matches(pattern, key));
        match self.0.keys().find(|key| !allowed(key)) {
            Some(key) => Err(Refusal::unknown(key)),
            None => Ok(()),
        }
    }

    pub fn to_json(&self) -> Value {
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect()
    }
}

fn matches(pattern: &str, key: &str) -> bool {
    if pattern == key {
        return true;
    }
    let mut wanted = pattern.split('[');
    let mut given = key.split('[');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("*]"), Some(_)) => {}
            (Some("]"), Some(index)) if is_index(index) => {}
            (Some(left), Some(right)) if left == right => {}
            _ => return false,
        }
    }
}

fn is_index(part: &str) -> bool {
    part.strip_suffix(']')
        .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Undoes percent-encoding and `+`.
pub fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| first == b'%');
        let decoded = code
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded {
            Some(byte) => bytes.push(byte),
            None => bytes.push(if first == b'+' { b' ' } else { first }),
        }
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_brackets_and_numbered_ones_are_the_same_request() {
        let empty = Params::parse("expand[]=a&expand[]=b&items[][price]=p&items[][price]=q");
        let numbered = Params::parse("expand[0]=a&expand[1]=b&items[0][price]=p&items[1][price]=q");
        assert_eq!(empty, numbered);
    }

    #[test]
    fn a_parameter_outside_every_pattern_is_named() {
        let known: &[&[&str]] = &[&["metadata[*]", "items[][price]"]];
        let good = Params::parse("metadata%5Bmonth%5D=2027-01&items[0][price]=p");
        assert!(good.check_known(known).is_ok());
        let bad = Params::parse("items[x][price]=p");
        assert!(bad.check_known(known).is_err());
    }

    #[test]
    fn escapes_are_undone_and_broken_ones_stay() {
        assert_eq!(unescape("a%20b+c%C3%A9%zz"), "a b cé%zz");
    }
}
