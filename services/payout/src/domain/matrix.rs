//! Every pair of state and command, as `docs/payout-states.md` shows it.

use std::fmt::Write;

use ledger::{AttemptStep, StripeId};
use money::Amount;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Command, Doubt, Errand, Outcome, Payout, State, decide, payout_id};

const NOW: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

/// A payout as it can be in a state: what is known by then is there.
fn at(state: State, step: AttemptStep) -> Payout {
    let creator_id = "alice".parse().unwrap();
    let month = "2027-01".parse().unwrap();
    let at_bank = step == AttemptStep::Bank;
    let transferred = at_bank || state == State::Sent;
    let submitted = at_bank && [State::Sent, State::Paid, State::Returned].contains(&state);
    Payout {
        payout_id: payout_id(month, &creator_id, 1),
        month,
        creator_id,
        sequence: 1,
        amount: Amount::usd(2_500),
        account_id: "acct_1".into(),
        state,
        step,
        attempt: u32::from([State::RetryWait, State::Failed].contains(&state)),
        retry_count: 0,
        next_retry_at: (state == State::RetryWait).then_some(NOW),
        reason: String::new(),
        failure_code: String::new(),
        transfer_id: transferred.then(|| "tr_1".into()),
        bank_payout_id: submitted.then(|| "po_stripe".into()),
        expected_arrival_at: None,
        paid_at: None,
        created_at: NOW,
        version: 1,
        errand: Errand::None,
        replacement: None,
        due_at: None,
    }
}

/// The states with the steps at which they can be.
fn standings() -> Vec<(State, AttemptStep)> {
    let (transfer, bank) = (AttemptStep::Transfer, AttemptStep::Bank);
    State::ALL
        .iter()
        .flat_map(|state| match state {
            State::Planned
            | State::Reserved
            | State::PendingApproval
            | State::Canceled
            | State::Rejected => vec![(*state, transfer)],
            State::Paid | State::Returned | State::Reversing => vec![(*state, bank)],
            State::Sending | State::Sent | State::Unknown | State::RetryWait | State::Failed => {
                vec![(*state, transfer), (*state, bank)]
            }
        })
        .collect()
}

fn commands() -> Vec<(&'static str, Command)> {
    let (transfer, bank) = (AttemptStep::Transfer, AttemptStep::Bank);
    let refused = |step, code: &str| Command::RecordRefused {
        step,
        attempt: 0,
        code: code.into(),
    };
    let begin = |step| Command::BeginAttempt { step, attempt: 0 };
    let unknown = |step| Command::RecordUnknown {
        step,
        attempt: 0,
        doubt: Doubt::Open,
    };
    let bank_payout_id = || "po_stripe".to_owned();
    vec![
        ("reserved", Command::RecordReserved),
        ("begin transfer", begin(transfer)),
        ("hold lost", Command::RecordHoldLost),
        (
            "sent",
            Command::RecordSent {
                attempt: 0,
                transfer_id: "tr_1".into(),
                txn: StripeId::try_new("txn_1").unwrap(),
            },
        ),
        (
            "transfer refused, passing",
            refused(transfer, "processing_error"),
        ),
        ("transfer refused for good", refused(transfer, "no_account")),
        ("transfer unknown", unknown(transfer)),
        ("begin bank", begin(bank)),
        (
            "bank submitted",
            Command::RecordBankSubmitted {
                attempt: 0,
                bank_payout_id: bank_payout_id(),
                arrival: NOW,
            },
        ),
        (
            "bank order refused, passing",
            refused(bank, "processing_error"),
        ),
        ("bank order refused for good", refused(bank, "no_account")),
        ("bank unknown", unknown(bank)),
        (
            "bank paid",
            Command::RecordBankPaid {
                bank_payout_id: bank_payout_id(),
            },
        ),
        (
            "bank failed",
            Command::RecordBankFailed {
                bank_payout_id: bank_payout_id(),
                code: "no_account".into(),
            },
        ),
        (
            "cancel",
            Command::Cancel {
                reason: "asked".into(),
                replacement: None,
            },
        ),
    ]
}

fn cell(payout: &Payout, command: &Command) -> String {
    match decide(payout, command, NOW) {
        Ok(Outcome::AlreadyThere) => "as it is".to_owned(),
        Ok(Outcome::Moved(decision)) => {
            let facts: Vec<&str> = decision.facts.iter().map(ledger::Fact::kind_str).collect();
            let told = if facts.is_empty() {
                String::new()
            } else {
                format!(" + {}", facts.join(" "))
            };
            format!("**{}**{told}", decision.payout.state.as_str())
        }
        Err(rejection) => rejection.code().to_lowercase().replace('_', " "),
    }
}

fn matrix() -> String {
    let mut text = String::from(
        "# Every state of a payout, and what each command does to it\n\n\
         Written by the rules themselves: a test compares this page with them. **Bold** is a move,\n\
         with the facts that it announces to the books; *as it is* answers a repetition; everything\n\
         else is a refusal. The open attempt is the step's first. States that nothing reaches yet\n\
         (pending approval, reversing, rejected) stand here because their refusals are promises too.\n",
    );
    for (state, step) in standings() {
        let payout = at(state, step);
        let _ = write!(
            text,
            "\n## {}, step {step}\n\n| command | outcome |\n|---|---|\n",
            state.as_str()
        );
        for (name, command) in commands() {
            let _ = writeln!(text, "| {name} | {} |", cell(&payout, &command));
        }
    }
    text
}

#[test]
fn every_pair_of_state_and_command() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/payout-states.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let matrix = matrix();
    assert!(
        written == matrix,
        "docs/payout-states.md is not what the rules say. They say:\n{matrix}"
    );
}

#[test]
fn nothing_but_a_definite_refusal_lets_money_be_given_back() {
    let cancel = Command::Cancel {
        reason: "asked".into(),
        replacement: None,
    };
    for (state, step) in [
        (State::Sending, AttemptStep::Transfer),
        (State::Unknown, AttemptStep::Transfer),
        (State::Sent, AttemptStep::Transfer),
        (State::Unknown, AttemptStep::Bank),
    ] {
        let payout = at(state, step);
        assert!(decide(&payout, &cancel, NOW).is_err());
        let hold_lost = decide(&payout, &Command::RecordHoldLost, NOW);
        assert!(state == State::Sending || hold_lost.is_err());
    }
}

#[test]
fn a_passing_refusal_waits_five_ten_and_twenty_minutes_and_then_fails() {
    let mut payout = at(State::Reserved, AttemptStep::Transfer);
    let mut waits = Vec::new();
    let mut now = NOW;
    for attempt in 0..4 {
        let step = AttemptStep::Transfer;
        payout = after(&payout, &Command::BeginAttempt { step, attempt }, now);
        let code = "processing_error".to_owned();
        let refused = Command::RecordRefused {
            step,
            attempt,
            code,
        };
        payout = after(&payout, &refused, now);
        if let Some(next) = payout.next_retry_at {
            let again = Command::BeginAttempt {
                step,
                attempt: attempt + 1,
            };
            let early = decide(&payout, &again, now);
            assert!(early.is_err(), "tried again before its time");
            waits.push((next - now).whole_minutes());
            now = next;
        }
    }
    assert_eq!(waits, [5, 10, 20]);
    assert_eq!(
        (payout.state, payout.errand),
        (State::Failed, Errand::GiveBack)
    );
}

#[test]
fn a_transfer_told_for_an_attempt_that_was_refused_is_an_alarm_and_no_replay() {
    let sending = at(State::Sending, AttemptStep::Transfer);
    let code = "processing_error".to_owned();
    let refused = Command::RecordRefused {
        step: AttemptStep::Transfer,
        attempt: 0,
        code,
    };
    let waiting = after(&sending, &refused, NOW);
    let txn = StripeId::try_new("txn_1").unwrap();
    let sent = Command::RecordSent {
        attempt: 0,
        transfer_id: "tr_1".into(),
        txn,
    };
    let told = decide(&waiting, &sent, NOW).unwrap_err();
    assert_eq!(told.code(), "ATTEMPT_ENDED");
    let paid = at(State::Sent, AttemptStep::Bank);
    let other = Command::RecordBankPaid {
        bank_payout_id: "po_other".into(),
    };
    assert_eq!(
        decide(&paid, &other, NOW).unwrap_err().code(),
        "ANOTHER_OBJECT"
    );
}

#[test]
fn a_bank_that_takes_it_back_at_once_leaves_the_errand_to_be_run() {
    let sent = at(State::Sent, AttemptStep::Bank);
    let bank_payout_id = "po_stripe".to_owned();
    let told = Command::RecordBankPaid {
        bank_payout_id: bank_payout_id.clone(),
    };
    let paid = after(&sent, &told, NOW);
    let code = "no_account".to_owned();
    let failed = Command::RecordBankFailed {
        bank_payout_id,
        code,
    };
    let returned = after(&paid, &failed, NOW);
    assert_eq!(
        (returned.errand, returned.due_at),
        (Errand::Confirm, Some(NOW))
    );
}

fn after(payout: &Payout, command: &Command, now: OffsetDateTime) -> Payout {
    match decide(payout, command, now).unwrap() {
        Outcome::Moved(decision) => decision.payout,
        Outcome::AlreadyThere => panic!("nothing moved"),
    }
}
