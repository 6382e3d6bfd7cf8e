//! A subscription is changed: another price in the middle of a month, a trial, an end.

use serde_json::{Value, json};

use crate::amounts::{Off, Part, Sums};
use crate::api::{Call, Endpoint};
use crate::change_orders::{ChangeOrder, PARAMS, Proration, Trial};
use crate::clock::{month_before, next_anchor, show_day};
use crate::discounts::{Order, Place};
use crate::error::{Answer, Refusal};
use crate::lines::{Credited, Line, full_amount, items};
use crate::proration::{Change, Span};
use crate::store::{PLATFORM, World, id_of};
use crate::subscriptions::{changed, period_end, set_period};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("subscriptions/*", PARAMS, update),
    Endpoint::post("subscriptions/*/resume", &["billing_cycle_anchor"], resume),
];

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "subscription", &call.id)?.clone();
    let open = ["metadata", "cancellation_details"];
    let given = call.params.to_json();
    let mut names = given
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name);
    let only_notes = names
        .all(|name| open.iter().any(|open| name.starts_with(open)) || name.starts_with("expand"));
    if old["status"] == "canceled" && !only_notes {
        let message =
            "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(Refusal::rule("resource_missing", message));
    }
    let order = ChangeOrder::read(world, &call.params, &old)?;
    world.check_change(&order, &old)?;
    Ok(world.change_subscription(order, &old))
}

/// Ends a pause: a new period begins now and is charged.
fn resume(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "subscription", &call.id)?.clone();
    call.params.one_of("billing_cycle_anchor", &["now"])?;
    if old["status"] != "paused" {
        return Err(Refusal::said("Only a paused subscription can be resumed."));
    }
    let now = world.now;
    let end = next_anchor(now, now);
    let new = world.edit(&call.id, |it| {
        it["status"] = json!("active");
        it["billing_cycle_anchor"] = json!(now);
        set_period(it, now, end);
    });
    world.set_timer("renew", &call.id, end);
    let lines = Line::of_period(&new, |amount| amount, false);
    let invoice = world.invoice_change(&call.id, lines);
    let new = world.any(&call.id).cloned().unwrap_or_default();
    world.emit_change(
        PLATFORM,
        "customer.subscription.updated",
        &new,
        Some(changed(&old, &new)),
    );
    world.emit(PLATFORM, "customer.subscription.resumed", &new);
    if let Some(invoice) = invoice {
        world.collect_invoice(&invoice);
    }
    world.get(PLATFORM, "subscription", &call.id).cloned()
}

impl World {
    /// Refuses a change that is to be paid at once and cannot be, if the request wants that.
    fn check_change(&self, order: &ChangeOrder, old: &Value) -> Result<(), Refusal> {
        let discounts = order.discounts_after(self, old);
        let new = order.applied(old, &order.preview_prices(), self.now);
        let mut lines = self.change_lines(order, old, &new, &discounts);
        if !order.strict || !invoices_now(order, old) {
            return Ok(());
        }
        lines.extend(self.pending(id_of(old)));
        if self.reckon_with(&new, &lines, discounts).due == 0 {
            return Ok(());
        }
        match self.subscription_method(&new) {
            Some(method) if self.card(&method).pays() => Ok(()),
            Some(_) => Err(Refusal::declined("generic_decline")),
            None => {
                let message =
                    "This customer has no attached payment source or default payment method.";
                Err(Refusal::rule("resource_missing", message))
            }
        }
    }

    fn change_subscription(&mut self, mut order: ChangeOrder, old: &Value) -> Value {
        let prices: Vec<Option<Value>> = order
            .items
            .iter_mut()
            .map(|item| item.price.take().map(|price| price.create(self)))
            .collect();
        let new = order.applied(old, &prices, self.now);
        let id = id_of(old).to_owned();
        self.edit(&id, |it| *it = new);
        let new = self.set_discounts(&id, &order.discounts);
        let discounts = self.discounts_of(&new);
        let mut lines = self.change_lines(&order, old, &new, &discounts);
        for line in &mut lines {
            line.invoice_item = line.invoice_item.take().map(|_| self.mint("ii"));
        }
        self.move_timers(&order, old, &new);
        let invoice = if invoices_now(&order, old) {
            self.invoice_change(&id, lines)
        } else {
            self.add_pending(&id, lines);
            None
        };
        let new = self.any(&id).cloned().unwrap_or_default();
        let before = Some(changed(old, &new));
        self.emit_change(PLATFORM, "customer.subscription.updated", &new, before);
        if order.trial.is_some() {
            self.announce_trial_end(&id);
        }
        if let Some(invoice) = invoice {
            self.collect_invoice(&invoice);
        }
        self.any(&id).cloned().unwrap_or_default()
    }

    /// Invoices a change at once, with what waited for the next invoice. `None` when it is
    /// about nothing.
    fn invoice_change(&mut self, id: &str, lines: Vec<Line>) -> Option<Value> {
        let mut all = self.take_pending(id);
        all.extend(lines);
        let subscription = self.any(id).cloned().filter(|_| !all.is_empty())?;
        let invoice = self.draft_invoice(&subscription, &all, "subscription_update");
        let latest = invoice["id"].clone();
        self.edit(id, |it| it["latest_invoice"] = latest);
        Some(invoice)
    }

    fn set_discounts(&mut self, id: &str, order: &Order) -> Value {
        let subscription = self.any(id).cloned().unwrap_or_default();
        let Order::Set(places) = order else {
            return subscription;
        };
        let mut ids = Vec::new();
        for place in places {
            match place {
                Place::Kept(id) => ids.push(id.clone()),
                Place::New(wanted) => {
                    ids.extend(self.redeem(std::slice::from_ref(wanted), &subscription, None));
                }
            }
        }
        let old = subscription["discounts"].as_array().into_iter().flatten();
        let gone = old
            .filter_map(Value::as_str)
            .filter(|old| !ids.iter().any(|id| id == old));
        for discount in gone {
            self.end_discount(discount);
        }
        self.edit(id, |it| it["discounts"] = json!(ids))
    }

    fn move_timers(&mut self, order: &ChangeOrder, old: &Value, new: &Value) {
        let id = id_of(new);
        if order.trial.is_some() {
            if self.timers.is_set("trial", id) {
                self.drop_timer("trial", id);
            }
            self.set_timer("renew", id, period_end(new));
        }
        if old["cancel_at"] == new["cancel_at"] {
            return;
        }
        match new["cancel_at"]
            .as_i64()
            .filter(|_| new["cancel_at_period_end"] != true)
        {
            Some(at) => self.set_timer("cancel", id, at),
            None if self.timers.is_set("cancel", id) => self.drop_timer("cancel", id),
            None => {}
        }
    }

    /// The lines that a change makes. Those that stand for invoice items still have to be given
    /// their ids.
    fn change_lines(
        &self,
        order: &ChangeOrder,
        old: &Value,
        new: &Value,
        discounts: &[(String, Off)],
    ) -> Vec<Line> {
        let was_trial = old["status"] == "trialing";
        let prorates = order.proration != Proration::Skipped
            && (old["status"] == "active" || old["status"] == "past_due");
        let mut lines = Vec::new();
        if prorates {
            let pairs = items(old).zip(items(new));
            let other = |(old, new): &(&Value, &Value)| {
                order.trial.is_some()
                    || old["price"]["id"] != new["price"]["id"]
                    || old["quantity"] != new["quantity"]
            };
            for (old_item, new_item) in pairs.filter(other) {
                let change = self.item_change(order.at, old, old_item, net(new_item, discounts));
                lines.extend(change.credit(old_item, order.at));
                if order.trial.is_none() {
                    lines.push(change.debit(new_item, order.at));
                }
            }
        }
        match order.trial {
            Some(Trial::EndsNow) => lines.extend(Line::of_period(new, |amount| amount, false)),
            Some(Trial::Until(_)) if !was_trial => lines.extend(Line::of_period(new, |_| 0, false)),
            Some(Trial::Until(_)) | None => {}
        }
        lines
    }

    fn item_change(&self, at: i64, old: &Value, item: &Value, new: i64) -> ItemChange {
        let end = period_end(old);
        let anchor = old["billing_cycle_anchor"].as_i64().unwrap_or(end);
        let month = Span {
            start: month_before(anchor, end),
            end,
        };
        let billed = self.billed(id_of(old), id_of(item), at);
        ItemChange {
            change: Change {
                at,
                month,
                billed: billed.as_ref().map(|(amount, span, _)| (*amount, *span)),
                new,
            },
            credited: billed.map(|(_, _, credited)| credited),
        }
    }

    /// What was billed last for the time around an instant, after discounts: on a line that
    /// waits for its invoice, or on an invoice that was not voided.
    fn billed(&self, subscription: &str, item: &str, at: i64) -> Option<(i64, Span, Credited)> {
        let waits = self.pending(subscription).into_iter().rev();
        let mut waits = waits.filter(|line| line.amount >= 0 && id_of(&line.item) == item);
        let span = |start: i64, end: i64| Some(Span { start, end }).filter(|span| span.holds(at));
        let waiting = waits.find_map(|line| {
            let credited = Credited {
                invoice: None,
                line: line.invoice_item?,
            };
            Some((line.amount, span(line.start, line.end)?, credited))
        });
        let field = "/parent/subscription_details/subscription";
        let invoices = self.list(PLATFORM, "invoice", Some((field, subscription)));
        let invoices = invoices.iter().rev().filter_map(|(_, id)| self.any(id));
        let mut invoices = invoices.filter(|invoice| invoice["status"] != "void");
        waiting.or_else(|| {
            invoices.find_map(|invoice| {
                let mut lines = invoice["lines"]["data"].as_array()?.iter().rev();
                lines.find_map(|line| billed_line(invoice, line, item, at))
            })
        })
    }
}

fn billed_line(
    invoice: &Value,
    line: &Value,
    item: &str,
    at: i64,
) -> Option<(i64, Span, Credited)> {
    let own = &line["parent"]["subscription_item_details"]["subscription_item"];
    let amount = line["amount"]
        .as_i64()
        .filter(|amount| *amount >= 0 && *own == item)?;
    let period = &line["period"];
    let span = Span {
        start: period["start"].as_i64()?,
        end: period["end"].as_i64()?,
    };
    let cuts = line["discount_amounts"].as_array()?.iter();
    let cut: i64 = cuts.filter_map(|cut| cut["amount"].as_i64()).sum();
    let credited = Credited {
        invoice: Some(id_of(invoice).to_owned()),
        line: id_of(line).to_owned(),
    };
    span.holds(at).then_some((amount - cut, span, credited))
}

/// Whether a change is invoiced at once.
fn invoices_now(order: &ChangeOrder, old: &Value) -> bool {
    let trial_changes = match order.trial {
        Some(Trial::EndsNow) => true,
        Some(Trial::Until(_)) => old["status"] != "trialing",
        None => false,
    };
    trial_changes || order.proration == Proration::Invoiced
}

/// What a whole month of an item costs after discounts.
fn net(item: &Value, discounts: &[(String, Off)]) -> i64 {
    let part = Part {
        amount: full_amount(item),
        discountable: true,
        rates: Vec::new(),
    };
    let offs: Vec<Off> = discounts.iter().map(|(_, off)| *off).collect();
    Sums::of(&[part], &offs).total
}

/// What the change of one item's price costs, and which line it gives back.
struct ItemChange {
    change: Change,
    credited: Option<Credited>,
}

impl ItemChange {
    fn credit(&self, item: &Value, at: i64) -> Option<Line> {
        let credited = self.credited.clone()?;
        let what = format!("Unused time after {}", show_day(at));
        let credit = self.line(item, self.change.credit(), what, Some(credited));
        Some(credit).filter(|line| line.amount != 0)
    }

    fn debit(&self, item: &Value, at: i64) -> Line {
        let what = format!("Remaining time after {}", show_day(at));
        self.line(item, self.change.debit(), what, None)
    }

    fn line(&self, item: &Value, amount: i64, what: String, credited: Option<Credited>) -> Line {
        Line {
            item: item.clone(),
            amount,
            what,
            start: self.change.at,
            end: self.change.month.end,
            prorated: true,
            invoice_item: Some(String::new()),
            once: false,
            credited,
        }
    }
}
