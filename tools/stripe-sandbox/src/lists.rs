//! Lists with Stripe's cursors: newest first, `limit`, `starting_after`, `ending_before` and
//! filters by creation; and the expansion of ids to objects.

use serde_json::{Value, json};

use crate::api::Call;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{World, kind_of};

/// What every list understands.
pub const LIST_PARAMS: &[&str] = &[
    "limit",
    "starting_after",
    "ending_before",
    "created",
    "created[gt]",
    "created[gte]",
    "created[lt]",
    "created[lte]",
];

/// The part of a list that a request asks for.
pub struct Window {
    limit: usize,
    starting_after: Option<String>,
    ending_before: Option<String>,
    from: i64,
    to: i64,
}

impl Window {
    pub fn read(params: &Params) -> Result<Self, Refusal> {
        let limit = params.int("limit")?.unwrap_or(10);
        if !(1..=100).contains(&limit) {
            let message = "This value must be between 1 and 100.";
            return Err(Refusal::param(
                "parameter_invalid_integer",
                "limit",
                message,
            ));
        }
        let bound = |name: &str| params.int(name);
        let exact = bound("created")?;
        let from = bound("created[gte]")?.or(bound("created[gt]")?.map(|after| after + 1));
        let to = bound("created[lte]")?.or(bound("created[lt]")?.map(|before| before - 1));
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(10),
            starting_after: params.get("starting_after").map(str::to_owned),
            ending_before: params.get("ending_before").map(str::to_owned),
            from: exact.or(from).unwrap_or(i64::MIN),
            to: exact.or(to).unwrap_or(i64::MAX),
        })
    }

    pub fn holds(&self, created: i64) -> bool {
        self.from <= created && created <= self.to
    }

    /// Picks places out of `0..length` (oldest first), and answers them newest first, with
    /// whether there are more in the direction of travel.
    pub fn cut(
        &self,
        length: usize,
        place_of: impl Fn(&str) -> Result<usize, Refusal>,
        wanted: impl Fn(&usize) -> bool,
    ) -> Result<(Vec<usize>, bool), Refusal> {
        if let Some(cursor) = &self.ending_before {
            let newer = place_of(cursor)? + 1..length;
            let mut found: Vec<usize> = newer.filter(wanted).take(self.limit + 1).collect();
            let more = found.len() > self.limit;
            found.truncate(self.limit);
            found.reverse();
            return Ok((found, more));
        }
        let end = match &self.starting_after {
            Some(cursor) => place_of(cursor)?,
            None => length,
        };
        let mut found: Vec<usize> = (0..end).rev().filter(wanted).take(self.limit + 1).collect();
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        Ok((found, more))
    }
}

impl World {
    /// One page of a kind of objects, from the whole list or from that of one field's value.
    pub fn page(
        &self,
        call: &Call,
        kind: &str,
        by: Option<(&str, &str)>,
        wanted: impl Fn(&Value) -> bool,
    ) -> Answer {
        let window = Window::read(&call.params)?;
        let list = self.list(&call.owner, kind, by);
        let at = |place: usize| self.any(&list[place].1).unwrap_or(&Value::Null);
        let place_of = |id: &str| {
            let seq = self.seq_of(&call.owner, id);
            let seq = seq.ok_or_else(|| Refusal::no_such_param(kind, "starting_after", id))?;
            Ok(list.partition_point(|(member, _)| *member < seq))
        };
        let keep = |place: &usize| {
            let value = at(*place);
            window.holds(value["created"].as_i64().unwrap_or(0)) && wanted(value)
        };
        let (places, more) = window.cut(list.len(), place_of, keep)?;
        let data: Vec<Value> = places
            .into_iter()
            .map(|place| self.shown(at(place)))
            .collect();
        let url = call.path.as_str();
        Ok(json!({ "object": "list", "url": url, "has_more": more, "data": data }))
    }

    /// An object as it looks now: whether funds matured is read off the clock.
    pub fn shown(&self, value: &Value) -> Value {
        let mut shown = value.clone();
        let matures = value["available_on"].as_i64();
        if let Some(instant) = matures.filter(|_| kind_of(value) == "balance_transaction") {
            shown["status"] = json!(if instant <= self.now {
                "available"
            } else {
                "pending"
            });
        }
        shown
    }

    /// Puts objects in the place of their ids, along one path of names.
    pub fn expand(&self, value: &mut Value, path: &str) -> Result<(), Refusal> {
        let names: Vec<&str> = path.split('.').collect();
        let fits = names.len() <= 5 && self.expand_along(value, &names);
        let message = || format!("This property cannot be expanded ({path}).");
        if fits {
            Ok(())
        } else {
            Err(Refusal::invalid("expand", message()))
        }
    }

    fn expand_along(&self, value: &mut Value, names: &[&str]) -> bool {
        match value {
            Value::Array(items) => items.iter_mut().all(|item| self.expand_along(item, names)),
            Value::Null => true,
            Value::String(id) => match self.any(id).map(|object| self.shown(object)) {
                Some(object) => {
                    *value = object;
                    self.expand_into(value, names)
                }
                None => false,
            },
            Value::Object(_) | Value::Bool(_) | Value::Number(_) => self.expand_into(value, names),
        }
    }

    fn expand_into(&self, value: &mut Value, names: &[&str]) -> bool {
        let Some((name, rest)) = names.split_first() else {
            return true;
        };
        if let Some(included) = self.include(value, name) {
            value[*name] = included;
        }
        match value.get_mut(*name) {
            Some(part) => self.expand_along(part, rest),
            None => false,
        }
    }

    /// Parts that an object carries only when it is asked for them.
    fn include(&self, value: &Value, name: &str) -> Option<Value> {
        let id = value["id"].as_str()?;
        match (kind_of(value), name) {
            ("invoice", "payments") => {
                let list = self.list("", "invoice_payment", Some(("/invoice", id)));
                let data = list
                    .iter()
                    .rev()
                    .filter_map(|(_, id)| self.any(id))
                    .cloned();
                let url = format!("/v1/invoices/{id}/payments");
                Some(whole_list(&url, data.collect()))
            }
            ("checkout.session", "line_items") => {
                let lines = self.row("plan", id)?["line_items"].as_array()?.clone();
                Some(whole_list(
                    &format!("/v1/checkout/sessions/{id}/line_items"),
                    lines,
                ))
            }
            _ => None,
        }
    }
}

/// A list that is shown in one piece, as lists inside objects are.
pub fn whole_list(url: &str, data: Vec<Value>) -> Value {
    json!({ "object": "list", "url": url, "has_more": false, "total_count": data.len(), "data": data })
}
