//! Which subject carries which event: one table, read by publishers and consumers alike.

/// An event message and the subject that it is published on.
pub trait Event: prost::Message + Default {
    /// `service.v1.noun.verb`, also the `ce-type` and the metric's stem.
    const SUBJECT: &'static str;
}

/// Every publisher's stream. A stream carries `<name>.v1.>` and nobody else writes to it.
pub const STREAMS: [&str; 8] = [
    "billing",
    "allocation",
    "earnings",
    "payout",
    "fraud_limits",
    "balance_monitor",
    "webhook_ingest",
    "notifier",
];

macro_rules! subjects {
    ($($package:ident { $($message:ident => $subject:literal),+ $(,)? })+) => {
        $($(
            impl Event for crate::$package::v1::$message {
                const SUBJECT: &'static str = $subject;
            }
        )+)+
    };
}

subjects! {
    billing {
        ChargeSettled => "billing.v1.charge.settled",
        SubscriptionChanged => "billing.v1.subscription.changed",
        MonthCut => "billing.v1.month.cut",
    }
    allocation {
        FundingAttributed => "allocation.v1.funding.attributed",
        AllocationChanged => "allocation.v1.allocation.changed",
        MonthSealed => "allocation.v1.month.sealed",
    }
    earnings {
        MonthClosed => "earnings.v1.month.closed",
        BooksUnbalanced => "earnings.v1.books.unbalanced",
    }
    payout {
        CreatorRegistered => "payout.v1.creator.registered",
        AccountChanged => "payout.v1.account.changed",
        AttemptSettled => "payout.v1.attempt.settled",
        AttemptRefused => "payout.v1.attempt.refused",
        AttemptReturned => "payout.v1.attempt.returned",
        TransferReversed => "payout.v1.transfer.reversed",
        PayoutChanged => "payout.v1.payout.changed",
    }
    fraud_limits {
        PayoutBlocked => "fraud_limits.v1.payout.blocked",
    }
    balance_monitor {
        BalanceTransactionObserved => "balance_monitor.v1.balance_transaction.observed",
        AlertRaised => "balance_monitor.v1.alert.raised",
        AlertResolved => "balance_monitor.v1.alert.resolved",
    }
    webhook_ingest {
        StripeEvent => "webhook_ingest.v1.stripe.event",
        MonthIngested => "webhook_ingest.v1.month.ingested",
    }
    notifier {
        NoticeCreated => "notifier.v1.notice.created",
    }
}
