//! What is told to whom, in which words.

use money::Amount;
use time::OffsetDateTime;

/// A payout as one of its versions showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    pub payout_id: String,
    pub creator_id: String,
    pub amount: Amount,
    /// Payout's own word: `sending`, `sent`, `paid`, ...
    pub state: String,
    /// A sentence for the creator; may be empty.
    pub reason: String,
    pub failure_code: String,
    pub version: i64,
    pub changed_at: OffsetDateTime,
}

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    PayoutSent,
    PayoutCompleted,
    PayoutFailed,
}

/// A notice before it has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub user_id: String,
    pub kind: Kind,
    pub subject_id: String,
    pub subject_version: i64,
    pub body: String,
    pub created_at: OffsetDateTime,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PayoutSent => "payout_sent",
            Self::PayoutCompleted => "payout_completed",
            Self::PayoutFailed => "payout_failed",
        }
    }

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PayoutSent => "Payout on its way",
            Self::PayoutCompleted => "Payout completed",
            Self::PayoutFailed => "Payout failed",
        }
    }

    /// What a state of a payout tells its creator; most states tell nothing.
    fn of(state: &str) -> Option<Self> {
        match state {
            "sent" => Some(Self::PayoutSent),
            "paid" => Some(Self::PayoutCompleted),
            "failed" => Some(Self::PayoutFailed),
            _ => None,
        }
    }
}

/// The notice that a version of a payout is worth, if any. Each version is judged by itself, so
/// it does not matter which others were seen, or when.
#[must_use]
pub fn notice_of(payout: &Payout) -> Option<Draft> {
    let kind = Kind::of(&payout.state)?;
    Some(Draft {
        user_id: payout.creator_id.clone(),
        kind,
        subject_id: payout.payout_id.clone(),
        subject_version: payout.version,
        body: body(kind, payout),
        created_at: payout.changed_at,
    })
}

fn body(kind: Kind, payout: &Payout) -> String {
    let amount = payout.amount;
    match kind {
        Kind::PayoutSent => format!("Your payout of {amount} is on its way to your bank account."),
        Kind::PayoutCompleted => {
            format!("Your payout of {amount} has been sent to your bank account.")
        }
        Kind::PayoutFailed => match why(payout) {
            Some(why) => format!("Your payout of {amount} could not be completed: {why}."),
            None => format!("Your payout of {amount} could not be completed."),
        },
    }
}

/// The reason if there is one, else the bank's code.
fn why(payout: &Payout) -> Option<&str> {
    let words = [
        payout.reason.trim_end_matches('.'),
        payout.failure_code.as_str(),
    ];
    words.into_iter().find(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn told(state: &str, reason: &str, failure_code: &str) -> Option<(&'static str, String)> {
        let payout = Payout {
            payout_id: "po_1".into(),
            creator_id: "alice".into(),
            amount: Amount::usd(2_505),
            state: state.into(),
            reason: reason.into(),
            failure_code: failure_code.into(),
            version: 3,
            changed_at: datetime!(2027-02-01 00:00 UTC),
        };
        notice_of(&payout).map(|draft| (draft.kind.title(), draft.body))
    }

    #[test]
    fn a_payout_that_is_paid_is_told_in_the_agreed_words() {
        let body = "Your payout of $25.05 has been sent to your bank account.".to_owned();
        assert_eq!(told("paid", "", ""), Some(("Payout completed", body)));
    }

    #[test]
    fn a_failure_is_told_with_its_reason_or_else_its_code() {
        let body = |why: &str| format!("Your payout of $25.05 could not be completed{why}.");
        let failed = |why: &str| Some(("Payout failed", body(why)));
        assert_eq!(
            told("failed", "the account is closed.", "account_closed"),
            failed(": the account is closed")
        );
        assert_eq!(
            told("failed", "", "account_closed"),
            failed(": account_closed")
        );
        assert_eq!(told("failed", "", ""), failed(""));
    }

    #[test]
    fn states_that_change_nothing_for_the_creator_are_not_told() {
        for state in [
            "planned",
            "reserved",
            "sending",
            "unknown",
            "retry_wait",
            "canceled",
            "",
        ] {
            assert_eq!(told(state, "", ""), None, "{state}");
        }
    }
}
