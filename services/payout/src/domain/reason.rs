//! Sentences for creators: why a payout is where it is.

use time::OffsetDateTime;

/// Stripe's code of a refusal as a creator reads it, with the code itself at the end.
#[must_use]
pub fn cause(code: &str) -> String {
    let words = match code {
        "account_closed" => "the bank account is closed",
        "account_frozen" => "the bank account is frozen",
        "no_account" => "the bank knows no such account",
        "invalid_account_number" => "the bank account's number is wrong",
        "invalid_currency" => "the bank account does not take this currency",
        "bank_account_restricted" => "the bank account does not take payouts",
        "bank_ownership_changed" => "the bank was taken over by another",
        "debit_not_authorized" => "the bank does not allow it",
        "declined" | "generic_decline" => "the bank declined",
        "could_not_process" | "processing_error" => "it could not be processed",
        "insufficient_funds" | "balance_insufficient" => "the balance at Stripe does not suffice",
        "rate_limit" | "lock_timeout" => "Stripe was busy",
        "payouts_not_allowed" => "Stripe does not let the account be paid out at the moment",
        "insufficient_capabilities_for_transfer" | "transfers_not_allowed" => {
            "Stripe does not let the account receive money at the moment"
        }
        super::OUT_OF_REACH => "your account at Stripe is no longer connected with us",
        "canceled" => "it was canceled at Stripe",
        "transfer_reversed" => "the transfer was taken back at Stripe",
        super::LOST => "the order never arrived",
        "" | "refused" => return "refused".to_owned(),
        _ => return format!("refused ({code})"),
    };
    format!("{words} ({code})")
}

/// `2027-02-01 00:05 UTC`.
#[must_use]
pub fn minute(at: OffsetDateTime) -> String {
    format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute())
}

#[must_use]
pub fn tried_again(code: &str, at: OffsetDateTime) -> String {
    format!("{}: it is tried again at {}", cause(code), minute(at))
}

#[must_use]
pub fn failed(code: &str) -> String {
    format!("{}: the money is in your balance again", cause(code))
}

#[must_use]
pub fn taken_back(code: &str) -> String {
    format!(
        "{}: the money is being taken back into your balance",
        cause(code)
    )
}

/// Every way back is closed for now; `code` is why the reversal was refused.
#[must_use]
pub fn stuck(code: &str, at: OffsetDateTime) -> String {
    let why = cause(code);
    let when = minute(at);
    format!(
        "the money lies in your account at Stripe and cannot be taken back now: {why}; looked at again at {when}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_reason_says_in_words_what_the_code_means_and_names_it() {
        assert_eq!(
            tried_again("account_closed", datetime!(2027-02-01 00:05 UTC)),
            "the bank account is closed (account_closed): it is tried again at 2027-02-01 00:05 UTC"
        );
        assert_eq!(cause("of_tomorrow"), "refused (of_tomorrow)");
    }
}
