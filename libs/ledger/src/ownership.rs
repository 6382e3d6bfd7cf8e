//! Which service accounts for which balance transaction.

/// A service that announces the facts behind balance transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Money in.
    Billing,
    /// Money out, to creators and to the operator's bank.
    Payout,
    /// Stripe's own doings, the operator's top-ups, and whatever nobody foresaw.
    BalanceMonitor,
}

impl Owner {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Payout => "payout",
            Self::BalanceMonitor => "balance-monitor",
        }
    }
}

/// Says who accounts for a balance transaction of this Stripe type.
///
/// A type that is not in the table belongs to the balance monitor, which puts it in suspense:
/// what nobody expected must be seen by somebody.
pub fn owner_of(txn_type: &str) -> Owner {
    match txn_type {
        "charge" | "payment" => Owner::Billing,
        // Billing's too, once it accounts for what is taken back. Until then nobody does, and so
        // they stand in suspense, where they are seen.
        "refund"
        | "refund_failure"
        | "payment_refund"
        | "payment_failure_refund"
        | "payment_reversal" => Owner::BalanceMonitor,
        "transfer" | "transfer_refund" | "transfer_cancel" | "transfer_failure" | "payout"
        | "payout_cancel" | "payout_failure" => Owner::Payout,
        // Listed, although the last line says the same: these are expected.
        "stripe_fee"
        | "stripe_fx_fee"
        | "tax_fee"
        | "network_cost"
        | "topup"
        | "topup_reversal"
        | "adjustment"
        | "payout_minimum_balance_hold"
        | "payout_minimum_balance_release"
        | "reserve_transaction"
        | "reserved_funds" => Owner::BalanceMonitor,
        _ => Owner::BalanceMonitor,
    }
}
