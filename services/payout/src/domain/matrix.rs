//! Every pair of state and command, as `docs/payout-states.md` shows it.

use std::fmt::Write;

use ledger::StripeId;
use money::Amount;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Command, Doubt, Errand, Outcome, Payout, Reversal, State, Step, decide, payout_id};

pub(super) const NOW: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

/// A payout as it can be in a state: what is known by then is there.
pub(super) fn at(state: State, step: Step) -> Payout {
    let creator_id = "alice".parse().unwrap();
    let month = "2027-01".parse().unwrap();
    let transferred = step > Step::Transfer || state == State::Sent;
    let at_bank = [State::Sent, State::Paid, State::Returned].contains(&state);
    let submitted = step == Step::Reversal || (step == Step::Bank && at_bank);
    let ended = [State::RetryWait, State::Failed, State::Returned].contains(&state);
    let all = Amount::usd(2_500);
    let back = transferred && state == State::Failed;
    Payout {
        payout_id: payout_id(month, &creator_id, 1),
        month: Some(month),
        creator_id,
        sequence: 1,
        amount: all,
        account_id: "acct_1".into(),
        state,
        step,
        attempt: u32::from(ended),
        retry_count: 0,
        next_retry_at: (state == State::RetryWait).then_some(NOW),
        reason: String::new(),
        failure_code: String::new(),
        transfer_id: transferred.then(|| "tr_1".into()),
        bank_payout_id: submitted.then(|| "po_stripe".into()),
        reversed: if back { all } else { Amount::usd(0) },
        reversals: if back {
            vec!["trr_1".into()]
        } else {
            Vec::new()
        },
        expected_arrival_at: None,
        paid_at: None,
        created_at: NOW,
        version: 1,
        errand: Errand::None,
        replacement: None,
        due_at: None,
    }
}

/// The places where a payout can be, each by its heading.
fn standings() -> Vec<(String, Payout)> {
    let (transfer, bank, reversal) = (Step::Transfer, Step::Bank, Step::Reversal);
    let named = |state: State, step: Step| {
        let heading = format!("{}, step {step}", state.as_str());
        (heading, at(state, step))
    };
    State::ALL
        .iter()
        .flat_map(|state| match state {
            State::Planned
            | State::Reserved
            | State::PendingApproval
            | State::Canceled
            | State::Rejected => vec![named(*state, transfer)],
            State::Sending | State::Sent => vec![named(*state, transfer), named(*state, bank)],
            State::Paid => vec![named(*state, bank)],
            State::Returned => vec![
                waiting("returned, to be tried again", *state, bank),
                named(*state, bank),
            ],
            State::Reversing => vec![
                waiting("reversing, before its order", *state, reversal),
                named(*state, reversal),
            ],
            State::Unknown | State::RetryWait | State::Failed => vec![
                named(*state, transfer),
                named(*state, bank),
                named(*state, reversal),
            ],
        })
        .collect()
}

fn waiting(heading: &str, state: State, step: Step) -> (String, Payout) {
    let payout = Payout {
        next_retry_at: Some(NOW),
        ..at(state, step)
    };
    (heading.to_owned(), payout)
}

pub(super) fn reversal(id: &str, cents: u32, attempt: Option<u32>) -> Command {
    Command::RecordReversed(Reversal {
        reversal: StripeId::try_new(id).unwrap(),
        txn: StripeId::try_new(&format!("txn_{id}")).unwrap(),
        amount: Amount::usd(cents),
        attempt,
    })
}

/// What can be told, to a payout whose open attempt is the step's first.
fn commands() -> Vec<(&'static str, Command)> {
    [forward(), at_the_bank(), backward()].concat()
}

fn begin(step: Step, attempt: u32) -> Command {
    Command::BeginAttempt { step, attempt }
}

fn refused(step: Step, code: &str) -> Command {
    let (attempt, code) = (0, code.to_owned());
    Command::RecordRefused {
        step,
        attempt,
        code,
    }
}

fn unknown(step: Step) -> Command {
    let (attempt, doubt) = (0, Doubt::Open);
    Command::RecordUnknown {
        step,
        attempt,
        doubt,
    }
}

fn forward() -> Vec<(&'static str, Command)> {
    let transfer = Step::Transfer;
    let sent = Command::RecordSent {
        attempt: 0,
        transfer_id: "tr_1".into(),
        txn: StripeId::try_new("txn_1").unwrap(),
    };
    let cancel = Command::Cancel {
        reason: "asked".into(),
        code: String::new(),
        replacement: None,
    };
    vec![
        ("reserved", Command::RecordReserved),
        ("cancel", cancel),
        ("begin transfer", begin(transfer, 0)),
        ("begin transfer again", begin(transfer, 1)),
        ("hold lost", Command::RecordHoldLost),
        ("sent", sent),
        (
            "transfer refused, passing",
            refused(transfer, "processing_error"),
        ),
        ("transfer refused for good", refused(transfer, "no_account")),
        ("transfer unknown", unknown(transfer)),
    ]
}

fn at_the_bank() -> Vec<(&'static str, Command)> {
    let bank = Step::Bank;
    let attempt = 0;
    let bank_payout_id = "po_stripe".to_owned();
    let failed = |code: &str| Command::RecordBankFailed {
        attempt,
        bank_payout_id: "po_stripe".into(),
        code: code.into(),
    };
    vec![
        ("begin bank", begin(bank, 0)),
        ("begin bank again", begin(bank, 1)),
        (
            "bank submitted",
            Command::RecordBankSubmitted {
                attempt,
                bank_payout_id: bank_payout_id.clone(),
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
                attempt,
                bank_payout_id,
            },
        ),
        ("bank failed, passing", failed("account_closed")),
        ("bank failed for good", failed("no_account")),
    ]
}

fn backward() -> Vec<(&'static str, Command)> {
    let back = Step::Reversal;
    vec![
        ("begin reversal", begin(back, 0)),
        ("begin reversal again", begin(back, 1)),
        ("reversed by us", reversal("trr_1", 2_500, Some(0))),
        (
            "reversed by others, in part",
            reversal("trr_2", 1_000, None),
        ),
        (
            "reversed by others, all of it",
            reversal("trr_3", 2_500, None),
        ),
        (
            "reversal refused, passing",
            refused(back, "processing_error"),
        ),
        (
            "reversal refused, balance gone",
            refused(back, "balance_insufficient"),
        ),
        ("reversal unknown", unknown(back)),
        ("retry now", Command::RetryNow),
    ]
}

fn cell(payout: &Payout, command: &Command) -> String {
    match decide(payout, command, NOW) {
        Ok(Outcome::AlreadyThere) => "as it is".to_owned(),
        Ok(Outcome::Moved(decision)) => {
            let facts = decision.facts.iter().map(ledger::Fact::kind_str);
            let comeback = decision.comeback.iter().map(|_| "transfer_reversed");
            let told: String = facts
                .chain(comeback)
                .map(|fact| format!(" + {fact}"))
                .collect();
            let (state, step) = (decision.payout.state.as_str(), decision.payout.step);
            format!("**{state}, {step}**{told}")
        }
        Err(rejection) => rejection.code().to_lowercase().replace('_', " "),
    }
}

fn matrix() -> String {
    let mut text = String::from(
        "# Every state of a payout, and what each command does to it\n\n\
         Written by the rules themselves: a test compares this page with them. **Bold** is a move,\n\
         with the facts that it announces to the books; *as it is* answers a repetition; everything\n\
         else is a refusal. The open attempt is the step's first; *again* is the second. States that\n\
         nothing reaches yet (pending approval, rejected) stand here because their refusals are\n\
         promises too.\n\n\
         A bank that refuses or fails is tried again after 5, 10 and 20 minutes, three times over the\n\
         payout, if the code is of the passing kind; then the transfer is reversed. `payouts_not_allowed`\n\
         is of that kind: Stripe has disabled the account, and as soon as it says that the account is\n\
         enabled again, the payout is tried at once. A reversal has three tries of its own, and then one\n\
         each day: the payout stays `reversing`.\n\n\
         A refusal is told only after Stripe was asked, where it would end the step: what is there, by whichever\n\
         order, is taken as made. That an order in doubt is absent is a refusal of the passing kind, once its\n\
         key is dead and two looks, an hour apart, have not found it. An account whose owner has left the\n\
         platform refuses the bank for good.\n\n\
         What comes back of a transfer before the bank has it makes the payout smaller: the bank gets\n\
         what is left. While the bank has an order, the bank's answer comes first. What comes back\n\
         afterwards is recorded, and the creator is owed it again.\n",
    );
    for (heading, payout) in standings() {
        let _ = write!(text, "\n## {heading}\n\n| command | outcome |\n|---|---|\n");
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
