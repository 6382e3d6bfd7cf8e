//! Lists with Stripe's cursors: newest first, `limit`, `starting_after`, `ending_before` and
//! filters by creation.

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

/// The instants that a filter like `created` lets through: an exact one, or the narrowest span
/// of `gt`, `gte`, `lt` and `lte`.
pub fn bounds(params: &Params, name: &str) -> Result<(i64, i64), Refusal> {
    let bound = |side: &str| params.int(&format!("{name}[{side}]"));
    if let Some(exact) = params.int(name)? {
        return Ok((exact, exact));
    }
    let after = bound("gt")?.map(|after| after.saturating_add(1));
    let before = bound("lt")?.map(|before| before.saturating_sub(1));
    let from = bound("gte")?.into_iter().chain(after).max();
    let to = bound("lte")?.into_iter().chain(before).min();
    Ok((from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX)))
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
        let (from, to) = bounds(params, "created")?;
        Ok(Self {
            limit: usize::try_from(limit).unwrap_or(10),
            starting_after: params.get("starting_after").map(str::to_owned),
            ending_before: params.get("ending_before").map(str::to_owned),
            from,
            to,
        })
    }

    /// The parameter that names the cursor.
    fn cursor(&self) -> &'static str {
        if self.ending_before.is_some() {
            "ending_before"
        } else {
            "starting_after"
        }
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
            let seq = seq.ok_or_else(|| Refusal::no_such_param(kind, window.cursor(), id))?;
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
        if kind_of(value) == "coupon" && value["deleted"] != true {
            shown["valid"] = json!(crate::coupons::is_open(value, "redeem_by", self.now));
        }
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

    /// Parts that an object carries only when it is asked for them.
    pub fn include(&self, value: &Value, name: &str) -> Option<Value> {
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
            ("charge", "refunds") => {
                let list = self.list("", "refund", Some(("/charge", id))).iter().rev();
                let data = list.filter_map(|(_, id)| self.any(id)).cloned().collect();
                Some(whole_list(&format!("/v1/charges/{id}/refunds"), data))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_bounds_on_one_side_the_narrower_holds() {
        let params = Params::parse("created[gt]=10&created[gte]=5&created[lt]=20&created[lte]=30");
        assert_eq!(bounds(&params, "created").ok(), Some((11, 19)));
        let exact = Params::parse("created=7&created[gt]=10");
        assert_eq!(bounds(&exact, "created").ok(), Some((7, 7)));
        assert_eq!(
            bounds(&Params::default(), "created").ok(),
            Some((i64::MIN, i64::MAX))
        );
    }
}
