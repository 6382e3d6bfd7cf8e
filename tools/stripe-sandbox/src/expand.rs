//! Expansion: objects in the place of their ids, along the paths that a request names.
//!
//! A path is looked at before anything is done, by the kinds of the objects on its way; what it
//! leads to is put in at the end. Kinds that the table does not know are judged by their values.

use serde_json::Value;

use crate::error::Refusal;
use crate::expandable::To::{Any, Many, One, Part};
use crate::expandable::{fields, kind_behind};
use crate::form::Params;
use crate::store::{World, kind_of};

/// The most names that a path may have, `data` of a list included.
const DEPTH: usize = 4;

/// Refuses paths that are too long, or that name what an endpoint's objects cannot expand.
///
/// # Errors
/// `invalid_request_error`, before anything is done.
pub fn check(endpoint: &str, lists: bool, params: &Params) -> Result<(), Refusal> {
    for path in params.list("expand") {
        let names: Vec<&str> = path.split('.').collect();
        if names.len() > DEPTH {
            let message = format!(
                "You cannot expand more than {DEPTH} levels of a property. Property: {path}"
            );
            return Err(Refusal::invalid("expand", message));
        }
        let Some(kind) = kind_behind(endpoint) else {
            continue;
        };
        let known = match names.split_first() {
            Some((&"data", [])) => false,
            Some((&"data", rest)) => fits(kind, rest),
            _ => !lists && fits(kind, &names),
        };
        if !known {
            return Err(cannot(&path));
        }
    }
    Ok(())
}

fn cannot(path: &str) -> Refusal {
    Refusal::invalid(
        "expand",
        format!("This property cannot be expanded ({path})."),
    )
}

/// Whether a path leads along fields that can be expanded, as far as kinds can tell.
fn fits(kind: &str, names: &[&str]) -> bool {
    let (false, Some(fields)) = (names.is_empty(), fields(kind)) else {
        return true;
    };
    fields.iter().any(|(path, to)| {
        let own: Vec<&str> = path.split('.').collect();
        let Some(rest) = names.strip_prefix(own.as_slice()) else {
            return false;
        };
        match (to, rest) {
            (Any, _) | (One(_) | Many(_) | Part, []) => true,
            (Part, _) => false,
            (One(kind), rest) => fits(kind, rest),
            (Many(kind), ["data", rest @ ..]) => fits(kind, rest),
            (Many(_), _) => false,
        }
    })
}

impl World {
    /// Puts objects in the place of their ids, along one path of names.
    ///
    /// # Errors
    /// When the path leads to what cannot be expanded.
    pub fn expand(&self, value: &mut Value, path: &str) -> Result<(), Refusal> {
        let names: Vec<&str> = path.split('.').collect();
        if self.expand_into(value, &names) {
            Ok(())
        } else {
            Err(cannot(path))
        }
    }

    /// `trusted`: the kind of what holds this value says that it may be expanded.
    fn expand_along(&self, value: &mut Value, names: &[&str], trusted: bool) -> bool {
        match value {
            Value::Array(items) => items
                .iter_mut()
                .all(|item| self.expand_along(item, names, trusted)),
            Value::Null => true,
            Value::String(id) => match self.any(id).map(|object| self.shown(object)) {
                Some(object) => {
                    *value = object;
                    self.expand_into(value, names)
                }
                // An object that is gone by now stays an id.
                None => trusted,
            },
            Value::Object(_) | Value::Bool(_) | Value::Number(_) => self.expand_into(value, names),
        }
    }

    fn expand_into(&self, value: &mut Value, names: &[&str]) -> bool {
        let Some((name, rest)) = names.split_first() else {
            return true;
        };
        let kind = kind_of(value).to_owned();
        if !fits(&kind, names) {
            return false;
        }
        if let Some(included) = self.include(value, name) {
            value[*name] = included;
        }
        let trusted = fields(&kind).is_some();
        match value.get_mut(*name) {
            Some(part) => self.expand_along(part, rest, trusted),
            None => trusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(endpoint: &str, lists: bool, path: &str) -> bool {
        let params = Params::parse(&format!("expand[]={path}"));
        check(endpoint, lists, &params).is_ok()
    }

    #[test]
    fn paths_are_judged_by_the_kinds_on_their_way() {
        assert!(checked(
            "transfers/*",
            false,
            "destination_payment.balance_transaction"
        ));
        assert!(checked("transfers", true, "data.reversals.data.transfer"));
        assert!(checked(
            "balance_transactions",
            true,
            "data.source.destination.account"
        ));
        assert!(checked(
            "invoices/*",
            false,
            "payments.data.payment.payment_intent"
        ));
        assert!(!checked("transfers/*", false, "amount"));
        assert!(!checked("transfers/*", false, "destination.email"));
        assert!(!checked("transfers", true, "destination"));
        assert!(!checked("transfers", true, "data"));
        assert!(!checked(
            "payouts/*/cancel",
            false,
            "balance_transaction.net"
        ));
    }

    #[test]
    fn a_path_has_at_most_four_names() {
        let four = "data.payments.data.payment";
        assert!(!checked(
            "invoices",
            true,
            &format!("{four}.payment_intent")
        ));
        assert!(checked(
            "charges",
            true,
            "data.payment_intent.customer.default_source"
        ));
    }
}
