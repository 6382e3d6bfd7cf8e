use ledger::{Owner, owner_of};

#[test]
fn money_in_is_billings_and_money_out_is_payouts() {
    for txn_type in ["charge", "payment"] {
        assert_eq!(owner_of(txn_type), Owner::Billing, "{txn_type}");
    }
    for txn_type in [
        "transfer",
        "transfer_refund",
        "payout",
        "payout_failure",
        "payout_cancel",
    ] {
        assert_eq!(owner_of(txn_type), Owner::Payout, "{txn_type}");
    }
}

#[test]
fn what_is_taken_back_is_nobodys_yet_and_so_the_balance_monitors_to_show() {
    for txn_type in ["refund", "payment_refund", "refund_failure"] {
        assert_eq!(owner_of(txn_type), Owner::BalanceMonitor, "{txn_type}");
    }
}

#[test]
fn stripes_own_doings_and_the_unknown_are_the_balance_monitors() {
    for txn_type in [
        "stripe_fee",
        "topup",
        "adjustment",
        "payout_minimum_balance_hold",
    ] {
        assert_eq!(owner_of(txn_type), Owner::BalanceMonitor, "{txn_type}");
    }
    for txn_type in ["", "Charge", "a_type_of_next_year"] {
        assert_eq!(owner_of(txn_type), Owner::BalanceMonitor, "{txn_type}");
    }
}
