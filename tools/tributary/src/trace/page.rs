//! A trace for people: what is related to what, then the facts in their order.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::macros::format_description;

use super::store::{Fact, Leg};
use super::walk::{Stage, Trace};
use crate::say::dollars;

/// Facts shown per stage; the JSON has all.
const SHOWN_MAX: usize = 8;

pub fn render(what: &str, trace: &Trace) -> String {
    let mut lines = vec![format!("{what}:")];
    lines.extend(related(trace));
    for stage in &trace.stages {
        lines.push(String::new());
        lines.extend(facts(stage));
    }
    lines.join("\n")
}

/// One line for each charge and payout, with the ids that Stripe knows them by.
fn related(trace: &Trace) -> Vec<String> {
    let charges = trace.charges.iter().map(|one| {
        format!(
            "charge {} of {} by {}, for {} (invoice {}, subscription {}, {}; available {})",
            one.charge_id,
            dollars(one.gross_minor),
            one.subscriber_id,
            one.period_month,
            one.invoice_id,
            one.subscription_id,
            one.txn_id,
            one.available_on.date()
        )
    });
    let payouts = trace.payouts.iter().map(|one| {
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "none yet".to_owned());
        let paid = match (one.paid_at, one.expected_arrival_at) {
            (Some(at), _) => format!("paid {}", instant(at)),
            (None, Some(at)) => format!("expected {}", at.date()),
            (None, None) => one.reason.clone(),
        };
        format!(
            "payout {} of {} to {} is {}, {paid} (transfer {}, bank payout {}, account {})",
            one.payout_id,
            dollars(one.amount_minor),
            one.creator_id,
            one.state,
            id(&one.transfer_id),
            id(&one.bank_payout_id),
            one.account_id
        )
    });
    let failed = trace
        .attempts
        .iter()
        .filter(|one| !one.failure_code.is_empty());
    let failed = failed.map(|one| {
        format!(
            "attempt {} of {} ({}) ended {}: {}",
            one.attempt, one.payout_id, one.step, one.state, one.failure_code
        )
    });
    [charges.collect(), payouts.collect(), failed.collect()]
        .into_iter()
        .flat_map(shortened)
        .collect()
}

fn shortened(lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(SHOWN_MAX);
    let mut shown: Vec<String> = lines.into_iter().take(SHOWN_MAX).collect();
    shown.iter_mut().for_each(|line| line.insert_str(0, "  "));
    if more > 0 {
        shown.push(format!("  … and {more} more (--json shows all)"));
    }
    shown
}

fn facts(stage: &Stage) -> Vec<String> {
    let mut lines = vec![match stage.facts.len() {
        1 => stage.stage.to_owned(),
        count => format!("{} ({count} facts)", stage.stage),
    }];
    for fact in stage.facts.iter().take(SHOWN_MAX) {
        let proof = fact.txn.as_deref().unwrap_or_default();
        lines.push(format!("  {}  {}  {proof}", instant(fact.at), fact.key));
        lines.extend(fact.legs.iter().map(leg));
    }
    let rest = stage.facts.get(SHOWN_MAX..).unwrap_or_default();
    if !rest.is_empty() {
        lines.push(format!("  … and {} more (--json shows all):", rest.len()));
        lines.extend(sums(rest));
    }
    lines
}

fn leg(leg: &Leg) -> String {
    side(&leg.account, leg.debit_minor, &leg.asset)
}

fn side(account: &str, debit_minor: i64, asset: &str) -> String {
    let side = if debit_minor < 0 { "Cr" } else { "Dr" };
    let size = debit_minor.checked_abs().unwrap_or(i64::MAX);
    let amount = match asset {
        "USD" => dollars(size),
        other => format!("{size} {other}"),
    };
    format!("      {side} {account:<58} {amount:>12}")
}

/// What facts that are not shown did in all, by kind of account.
fn sums(facts: &[Fact]) -> Vec<String> {
    let mut sums: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for leg in facts.iter().flat_map(|fact| &fact.legs) {
        let sum = sums.entry((&leg.kind, &leg.asset)).or_default();
        *sum = sum.saturating_add(leg.debit_minor);
    }
    let lines = sums.into_iter();
    lines
        .map(|((kind, asset), minor)| side(&format!("{kind}, in all"), minor, asset))
        .collect()
}

/// `2027-01-31 08:15:00`, in UTC.
fn instant(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    at.format(format).unwrap_or_else(|_| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(number: i64) -> Fact {
        let leg = |account: &str, kind: &str, debit_minor| Leg {
            account: account.to_owned(),
            debit_minor,
            asset: "USD".to_owned(),
            kind: kind.to_owned(),
        };
        Fact {
            at: OffsetDateTime::UNIX_EPOCH,
            kind: "allocation_changed".to_owned(),
            key: format!("alloc:{number}"),
            txn: None,
            program: None,
            month: None,
            posting_id: number,
            legs: vec![
                leg(
                    "subscriber/u/unallocated/allocation/2027-01",
                    "subscriber_unallocated",
                    150,
                ),
                leg(
                    "creator/ada/pending/allocation/2027-01",
                    "creator_pending",
                    -150,
                ),
            ],
        }
    }

    #[test]
    fn a_long_stage_is_shortened_and_what_is_left_out_is_summed_up() {
        let stage = Stage {
            stage: "allocations",
            facts: (0..10).map(fact).collect(),
        };
        let text = facts(&stage).join("\n");
        assert!(text.contains("allocations (10 facts)"), "{text}");
        assert!(
            text.contains("alloc:7") && !text.contains("alloc:8"),
            "{text}"
        );
        assert!(text.contains("… and 2 more"), "{text}");
        let all = text
            .lines()
            .find(|line| line.contains("creator_pending, in all"));
        assert!(
            all.is_some_and(|line| line.contains("Cr") && line.ends_with("$3.00")),
            "{text}"
        );
    }
}
