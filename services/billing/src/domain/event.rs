//! What one of Stripe's events gives us to do.

use time::OffsetDateTime;

/// An event as far as billing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub event_id: String,
    pub kind: String,
    /// The connected account; empty for the platform's own.
    pub account: String,
    pub object_id: String,
    pub created_at: OffsetDateTime,
    /// The month in which webhook-ingest counts it.
    pub counts_from: OffsetDateTime,
}

/// An object to read back from Stripe, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    Subscription,
    Invoice,
    /// An invoice that could not be paid: its subscription is read.
    Unpaid,
    /// A checkout page that was paid: the subscriber's others are closed.
    Paid,
}

impl WorkKind {
    pub const ALL: [Self; 4] = [Self::Subscription, Self::Invoice, Self::Unpaid, Self::Paid];

    /// The word in the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "read_subscription",
            Self::Invoice => "read_invoice",
            Self::Unpaid => "read_unpaid",
            Self::Paid => "close_pages",
        }
    }

    /// Reads a column.
    #[must_use]
    pub fn from_column(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Event {
    /// What is to be read because of it. Events of connected accounts only count: what
    /// creators do with their own accounts is no money of subscribers.
    #[must_use]
    pub fn work(&self) -> Option<WorkKind> {
        if !self.account.is_empty() || self.object_id.is_empty() {
            return None;
        }
        match self.kind.as_str() {
            "invoice.paid" | "invoice.payment_succeeded" => Some(WorkKind::Invoice),
            "invoice.payment_failed" => Some(WorkKind::Unpaid),
            "checkout.session.completed" => Some(WorkKind::Paid),
            kind if kind.starts_with("customer.subscription.") => Some(WorkKind::Subscription),
            _ => None,
        }
    }

    /// The checkout session that was completed.
    #[must_use]
    pub fn completed_session(&self) -> Option<&str> {
        let is_ours = self.account.is_empty() && self.kind == "checkout.session.completed";
        is_ours.then_some(self.object_id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, account: &str) -> Event {
        Event {
            event_id: "evt_1".into(),
            kind: kind.into(),
            account: account.into(),
            object_id: "x_1".into(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            counts_from: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn paid_invoices_subscriptions_and_pages_are_work_and_everything_else_only_counts() {
        assert_eq!(event("invoice.paid", "").work(), Some(WorkKind::Invoice));
        assert_eq!(
            event("invoice.payment_succeeded", "").work(),
            Some(WorkKind::Invoice)
        );
        assert_eq!(
            event("invoice.payment_failed", "").work(),
            Some(WorkKind::Unpaid)
        );
        assert_eq!(
            event("customer.subscription.deleted", "").work(),
            Some(WorkKind::Subscription)
        );
        assert_eq!(
            event("checkout.session.completed", "").work(),
            Some(WorkKind::Paid)
        );
        for other in [
            "invoice.created",
            "charge.succeeded",
            "something.of.tomorrow",
        ] {
            assert_eq!(event(other, "").work(), None, "{other}");
        }
        assert_eq!(event("invoice.paid", "acct_1").work(), None);
        assert_eq!(
            event("checkout.session.completed", "acct_1").completed_session(),
            None
        );
    }
}
