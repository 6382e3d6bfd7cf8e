//! A subscription as Stripe tells it, in our words.

use stripe::{Metadata, SubscriptionStatus};

/// Labels on a subscription at Stripe: the plan of its price; and, after a change to a lower
/// price, what the running period was paid for and when it ends, in seconds. They travel with
/// the subscription, so that what was paid is read from the same answer as the price.
const PLAN: &str = "plan_id";
const PAID_PLAN: &str = "paid_plan_id";
const PAID_AMOUNT: &str = "paid_amount_minor";
const PAID_UNTIL: &str = "paid_until";
/// Until when the first month was charged whole, as a line of its own. Stripe gives nothing back
/// for it: it knows the subscription's price alone.
const WHOLE_UNTIL: &str = "whole_until";

/// What is had for how much each month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub plan_id: String,
    pub amount_minor: i64,
}

/// As far as changes depend on it, where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Trial,
    Paid,
    /// Something is due, or Stripe waits for something else.
    Owing,
}

/// A subscription that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub phase: Phase,
    /// What the running period was paid for.
    pub now: Terms,
    /// What the next period will cost, where it is something else.
    pub next: Option<Terms>,
    /// Whether it ends with the period.
    pub ending: bool,
    /// Whether the running period was charged whole, apart from the price.
    pub whole: bool,
}

impl Standing {
    /// What an answer of Stripe's comes to; `None` for a price that is no whole number of cents.
    #[must_use]
    pub fn read(read: &stripe::Subscription) -> Option<Self> {
        let priced = Terms {
            plan_id: read.metadata.get(PLAN).cloned().unwrap_or_default(),
            amount_minor: read.price_minor?,
        };
        let started = read.period_start.unix_timestamp();
        let paid = paid_terms(&read.metadata, started).filter(|paid| *paid != priced);
        let (now, next) = match paid {
            Some(paid) => (paid, Some(priced)),
            None => (priced, None),
        };
        Some(Self {
            phase: phase(&read.status),
            now,
            next,
            ending: read.cancel_at_period_end,
            whole: label_time(&read.metadata, WHOLE_UNTIL).is_some_and(|until| until > started),
        })
    }
}

/// The terms that still hold because they were paid for, if the period that they were paid for
/// is the running one.
fn paid_terms(labels: &Metadata, period_started: i64) -> Option<Terms> {
    let until = label_time(labels, PAID_UNTIL)?;
    if until <= period_started {
        return None;
    }
    Some(Terms {
        plan_id: labels.get(PAID_PLAN)?.clone(),
        amount_minor: labels.get(PAID_AMOUNT)?.parse().ok()?,
    })
}

fn label_time(labels: &Metadata, name: &str) -> Option<i64> {
    labels.get(name)?.parse().ok()
}

/// The label of a first month that is charged whole.
#[must_use]
pub fn whole_label(until: i64) -> (String, String) {
    (WHOLE_UNTIL.to_owned(), until.to_string())
}

/// The labels of a price's plan, and of what was paid until the period's end where that holds
/// on. An empty label is none.
#[must_use]
pub fn labels(plan_id: &str, paid: Option<&Terms>, period_end: i64) -> Metadata {
    let (plan, amount, until) = match paid {
        Some(paid) => (
            paid.plan_id.clone(),
            paid.amount_minor.to_string(),
            period_end.to_string(),
        ),
        None => Default::default(),
    };
    let pairs = [
        (PLAN, plan_id.to_owned()),
        (PAID_PLAN, plan),
        (PAID_AMOUNT, amount),
        (PAID_UNTIL, until),
    ];
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

fn phase(status: &SubscriptionStatus) -> Phase {
    match status {
        SubscriptionStatus::Trialing => Phase::Trial,
        SubscriptionStatus::Active => Phase::Paid,
        SubscriptionStatus::Incomplete
        | SubscriptionStatus::IncompleteExpired
        | SubscriptionStatus::PastDue
        | SubscriptionStatus::Canceled
        | SubscriptionStatus::Unpaid
        | SubscriptionStatus::Paused
        | SubscriptionStatus::Other(_) => Phase::Owing,
    }
}

/// Whether money is due, so that there may be an invoice to be paid.
#[must_use]
pub const fn owes(status: &SubscriptionStatus) -> bool {
    matches!(
        status,
        SubscriptionStatus::Incomplete | SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid
    )
}

/// Whether it has ended for good.
#[must_use]
pub const fn has_ended(status: &SubscriptionStatus) -> bool {
    matches!(
        status,
        SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired
    )
}

/// Stripe's own word for a status.
#[must_use]
pub fn status_word(status: &SubscriptionStatus) -> &str {
    match status {
        SubscriptionStatus::Incomplete => "incomplete",
        SubscriptionStatus::IncompleteExpired => "incomplete_expired",
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Canceled => "canceled",
        SubscriptionStatus::Unpaid => "unpaid",
        SubscriptionStatus::Paused => "paused",
        SubscriptionStatus::Other(word) => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// $5.00 is the price; $20.00 was paid until the first of February.
    fn cheaper() -> stripe::Subscription {
        let (period_start, period_end) = (
            datetime!(2027-01-01 00:00 UTC),
            datetime!(2027-02-01 00:00 UTC),
        );
        let paid = Terms {
            plan_id: "plan_20".into(),
            amount_minor: 2_000,
        };
        stripe::Subscription {
            id: "sub_1".into(),
            customer: None,
            status: SubscriptionStatus::Active,
            cancel_at_period_end: false,
            period_start,
            period_end,
            trial_end: None,
            ended_at: None,
            latest_invoice: None,
            item: "si_1".into(),
            price: "price_1".into(),
            price_minor: Some(500),
            currency: "usd".into(),
            metadata: labels("plan_5", Some(&paid), period_end.unix_timestamp()),
        }
    }

    #[test]
    fn what_was_paid_holds_until_the_period_rolls_over() {
        let standing = Standing::read(&cheaper()).unwrap();
        assert_eq!(standing.now.amount_minor, 2_000);
        assert_eq!(
            standing.next.map(|next| next.plan_id),
            Some("plan_5".to_owned())
        );
        let rolled_over = stripe::Subscription {
            period_start: datetime!(2027-02-01 00:00 UTC),
            ..cheaper()
        };
        let standing = Standing::read(&rolled_over).unwrap();
        assert_eq!((standing.now.amount_minor, standing.next), (500, None));
    }

    #[test]
    fn a_first_month_was_charged_whole_until_the_period_rolls_over() {
        let mut read = cheaper();
        assert!(!Standing::read(&read).unwrap().whole);
        read.metadata
            .extend([whole_label(read.period_end.unix_timestamp())]);
        assert!(Standing::read(&read).unwrap().whole);
        read.period_start = read.period_end;
        assert!(!Standing::read(&read).unwrap().whole);
    }

    #[test]
    fn labels_that_nobody_can_read_mean_nothing_and_a_price_without_an_amount_is_none() {
        let mut odd = cheaper();
        odd.metadata.insert(PAID_AMOUNT.into(), "much".into());
        assert_eq!(Standing::read(&odd).unwrap().now.amount_minor, 500);
        odd.price_minor = None;
        assert_eq!(Standing::read(&odd), None);
        assert!(labels("plan_5", None, 0)[PAID_UNTIL].is_empty());
    }
}
