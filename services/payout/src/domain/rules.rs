//! The saga's rules, one sentence each.

use ledger::StripeId;
use money::Amount;
use time::{Duration, OffsetDateTime};

use super::matrix::{NOW, at, reversal};
use super::{
    Action, Command, Decision, Errand, Outcome, Payout, REVERSE_AGAIN, State, Step, decide,
    next_action,
};

fn decision(payout: &Payout, command: &Command, now: OffsetDateTime) -> Decision {
    match decide(payout, command, now).unwrap() {
        Outcome::Moved(decision) => *decision,
        Outcome::AlreadyThere => panic!("nothing moved"),
    }
}

fn after(payout: &Payout, command: &Command, now: OffsetDateTime) -> Payout {
    decision(payout, command, now).payout
}

fn begin(step: Step, attempt: u32) -> Command {
    Command::BeginAttempt { step, attempt }
}

fn refused(step: Step, attempt: u32, code: &str) -> Command {
    let code = code.to_owned();
    Command::RecordRefused {
        step,
        attempt,
        code,
    }
}

fn bank_failed(attempt: u32, code: &str) -> Command {
    Command::RecordBankFailed {
        attempt,
        bank_payout_id: "po_stripe".into(),
        code: code.into(),
    }
}

fn bank_paid() -> Command {
    Command::RecordBankPaid {
        attempt: 0,
        bank_payout_id: "po_stripe".into(),
    }
}

#[test]
fn nothing_but_a_definite_refusal_lets_money_be_given_back() {
    let cancel = Command::Cancel {
        reason: "asked".into(),
        code: String::new(),
        replacement: None,
    };
    for (state, step) in [
        (State::Sending, Step::Transfer),
        (State::Unknown, Step::Transfer),
        (State::Sent, Step::Transfer),
        (State::Unknown, Step::Bank),
        (State::Reversing, Step::Reversal),
    ] {
        let payout = at(state, step);
        assert!(decide(&payout, &cancel, NOW).is_err());
        let hold_lost = decide(&payout, &Command::RecordHoldLost, NOW);
        assert!(state == State::Sending || hold_lost.is_err());
    }
}

/// Begins and is refused with a passing code until something else comes of it; answers the pauses.
fn refused_again_and_again(mut payout: Payout, step: Step) -> (Payout, Vec<i64>) {
    let mut waits = Vec::new();
    let mut now = NOW;
    for attempt in 0.. {
        payout = after(&payout, &begin(step, attempt), now);
        payout = after(&payout, &refused(step, attempt, "processing_error"), now);
        let Some(next) = payout.next_retry_at.filter(|next| *next > now) else {
            break;
        };
        let early = decide(&payout, &begin(step, attempt + 1), now);
        assert!(early.is_err(), "tried again before its time");
        waits.push((next - now).whole_minutes());
        now = next;
        if waits.len() > 3 {
            break;
        }
    }
    (payout, waits)
}

#[test]
fn a_passing_refusal_of_the_transfer_waits_5_10_and_20_minutes_and_then_fails() {
    let (payout, waits) =
        refused_again_and_again(at(State::Reserved, Step::Transfer), Step::Transfer);
    assert_eq!(waits, [5, 10, 20]);
    assert_eq!(
        (payout.state, payout.errand),
        (State::Failed, Errand::GiveBack)
    );
}

#[test]
fn a_passing_refusal_of_the_bank_waits_5_10_and_20_minutes_and_then_the_transfer_is_reversed() {
    let sent = at(State::Sent, Step::Transfer);
    let (payout, waits) = refused_again_and_again(sent, Step::Bank);
    assert_eq!(waits, [5, 10, 20]);
    assert_eq!(
        (payout.state, payout.step),
        (State::Reversing, Step::Reversal)
    );
    assert_eq!(next_action(&payout), Action::Begin(Step::Reversal));
}

#[test]
fn the_three_tries_are_the_payouts_and_not_each_steps() {
    let mut sent = at(State::Sent, Step::Transfer);
    sent.retry_count = 2;
    let (payout, waits) = refused_again_and_again(sent, Step::Bank);
    assert_eq!((waits, payout.state), (vec![20], State::Reversing));
}

#[test]
fn a_refused_reversal_waits_5_10_and_20_minutes_and_then_a_day_each_time() {
    let mut reversing = at(State::Reversing, Step::Reversal);
    (reversing.next_retry_at, reversing.retry_count) = (Some(NOW), 3);
    let (payout, waits) = refused_again_and_again(reversing, Step::Reversal);
    assert_eq!(waits, [5, 10, 20, 24 * 60]);
    assert_eq!(payout.state, State::Reversing);
}

#[test]
fn a_reversal_whose_balance_is_gone_is_not_asked_for_by_the_minute() {
    let reversing = at(State::Reversing, Step::Reversal);
    let gone = refused(Step::Reversal, 0, "balance_insufficient");
    let stuck = after(&reversing, &gone, NOW);
    assert_eq!(
        (stuck.state, stuck.next_retry_at),
        (State::Reversing, Some(NOW + REVERSE_AGAIN))
    );
    assert_eq!(
        stuck.reason,
        "the money lies in your account at Stripe and cannot be taken back now: the balance at \
         Stripe does not suffice (balance_insufficient); looked at again at 2027-02-02 00:00 UTC"
    );
}

#[test]
fn a_bank_payout_that_fails_is_made_anew_under_the_next_key() {
    let sent = at(State::Sent, Step::Bank);
    let waiting = after(&sent, &bank_failed(0, "account_closed"), NOW);
    assert_eq!((waiting.state, waiting.attempt), (State::RetryWait, 1));
    let later = NOW + Duration::minutes(5);
    let again = after(&waiting, &begin(Step::Bank, 1), later);
    assert_eq!((again.state, again.attempt), (State::Sending, 1));
    // The webhooks of the first come late and twice.
    let replay = decide(&again, &bank_failed(0, "account_closed"), later).unwrap();
    assert_eq!(replay, Outcome::AlreadyThere);
}

#[test]
fn a_transfer_told_for_an_attempt_that_was_refused_is_an_alarm_and_no_replay() {
    let sending = at(State::Sending, Step::Transfer);
    let no = refused(Step::Transfer, 0, "processing_error");
    let waiting = after(&sending, &no, NOW);
    let txn = StripeId::try_new("txn_1").unwrap();
    let sent = Command::RecordSent {
        attempt: 0,
        transfer_id: "tr_1".into(),
        txn,
    };
    let told = decide(&waiting, &sent, NOW).unwrap_err();
    assert_eq!(told.code(), "ATTEMPT_ENDED");
    let other = Command::RecordBankPaid {
        attempt: 0,
        bank_payout_id: "po_other".into(),
    };
    let sent = at(State::Sent, Step::Bank);
    let told = decide(&sent, &other, NOW).unwrap_err();
    assert_eq!(told.code(), "ANOTHER_OBJECT");
}

#[test]
fn a_bank_that_takes_it_back_at_once_leaves_the_errand_to_be_run() {
    let paid = after(&at(State::Sent, Step::Bank), &bank_paid(), NOW);
    let returned = after(&paid, &bank_failed(0, "no_account"), NOW);
    assert_eq!(returned.state, State::Returned);
    assert_eq!(
        (returned.errand, returned.due_at),
        (Errand::Confirm, Some(NOW))
    );
}

#[test]
fn what_the_bank_returns_is_tried_again_when_the_code_passes_and_taken_back_when_not() {
    let paid = at(State::Paid, Step::Bank);
    let passing = decision(&paid, &bank_failed(0, "account_closed"), NOW);
    assert_eq!(
        passing.facts[0].key().to_string(),
        format!("attempt:{}:bank:0:returned", paid.payout_id)
    );
    assert_eq!(next_action(&passing.payout), Action::Begin(Step::Bank));
    let again = after(
        &passing.payout,
        &begin(Step::Bank, 1),
        NOW + Duration::minutes(5),
    );
    assert_eq!((again.state, again.step), (State::Sending, Step::Bank));

    let for_good = after(&paid, &bank_failed(0, "no_account"), NOW);
    assert_eq!(next_action(&for_good), Action::Begin(Step::Reversal));
    let back = after(&for_good, &begin(Step::Reversal, 0), NOW);
    assert_eq!((back.state, back.step), (State::Reversing, Step::Reversal));
}

#[test]
fn what_was_taken_back_before_the_bank_had_it_makes_the_bank_payout_smaller() {
    let sent = at(State::Sent, Step::Transfer);
    let told = decision(&sent, &reversal("trr_9", 1_000, None), NOW);
    assert!(!told.comeback.unwrap().after_paid);
    assert_eq!(
        (told.payout.state, told.payout.left()),
        (State::Sent, Amount::usd(1_500))
    );
    let again = decide(&told.payout, &reversal("trr_9", 1_000, None), NOW);
    assert_eq!(again, Ok(Outcome::AlreadyThere));

    let mut at_bank = at(State::Sent, Step::Bank);
    (at_bank.reversed, at_bank.reversals) = (Amount::usd(1_000), vec!["trr_9".into()]);
    let paid = decision(&at_bank, &bank_paid(), NOW);
    assert_eq!(paid.facts[0].signed_minor(), 1_500);
}

#[test]
fn a_transfer_that_is_taken_back_whole_before_the_bank_has_it_ends_the_payout() {
    let sent = at(State::Sent, Step::Transfer);
    let failed = after(&sent, &reversal("trr_9", 2_500, None), NOW);
    assert_eq!(
        (failed.state, failed.errand),
        (State::Failed, Errand::Release)
    );
    assert_eq!(failed.failure_code, "transfer_reversed");
}

#[test]
fn what_is_taken_back_after_the_bank_has_it_is_recorded_and_changes_nothing_else() {
    let paid = at(State::Paid, Step::Bank);
    let told = decision(&paid, &reversal("trr_9", 2_500, None), NOW);
    assert!(told.comeback.unwrap().after_paid);
    assert_eq!(told.payout.state, State::Paid);
    assert_eq!(
        told.payout.reason,
        "paid to the bank; $25.00 was taken back at Stripe afterwards"
    );
    // The bank sends it back after all: it is in the creator's balance already.
    let back = decision(&told.payout, &bank_failed(0, "account_closed"), NOW);
    assert!(back.facts.is_empty());
    assert_eq!(back.payout.state, State::Failed);
}

#[test]
fn more_than_was_sent_cannot_come_back() {
    let sent = at(State::Sent, Step::Transfer);
    let told = decide(&sent, &reversal("trr_9", 2_501, None), NOW).unwrap_err();
    assert_eq!(told.code(), "TOO_MUCH_REVERSED");
}

#[test]
fn an_account_that_is_enabled_again_ends_the_wait() {
    let sending = at(State::Sending, Step::Bank);
    let waiting = after(
        &sending,
        &refused(Step::Bank, 0, "payouts_not_allowed"),
        NOW,
    );
    assert_eq!(waiting.state, State::RetryWait);
    let due = after(&waiting, &Command::RetryNow, NOW);
    assert_eq!(due.next_retry_at, Some(NOW));
}
