//! Stripe, the bank and the books, as simple as they can be.

use std::collections::BTreeSet;

use ledger::{
    Account, Balances, FactBody, HoldCommitted, HoldPart, HoldPlaced, HoldReleased, Posting,
    Program, TransferReversed, fold,
};
use money::Amount;
use time::OffsetDateTime;

use crate::domain::matrix::{NOW, at};
use crate::domain::{
    Action, Comeback, Command, Errand, LOST, Outcome, Payout, Reversal, State, Step, decide,
    next_action,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtBank {
    Pending,
    Paid,
    Failed,
}

/// What became of an order that nobody has heard of yet.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    Made,
    Lost,
}

pub struct World {
    pub payout: Payout,
    pub(super) now: OffsetDateTime,
    postings: Vec<Posting>,
    told: Vec<Command>,
    /// Transfers that Stripe made, by attempt.
    pub(super) transfers: Vec<u32>,
    pub(super) bank: Vec<(u32, Amount, AtBank)>,
    pub(super) reversals: Vec<(Reversal, bool)>,
    /// Of the order that is unknown.
    pub(super) fate: Fate,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self {
            payout: at(State::Planned, Step::Transfer),
            now: NOW,
            postings: Vec::new(),
            told: Vec::new(),
            transfers: Vec::new(),
            bank: Vec::new(),
            reversals: Vec::new(),
            fate: Fate::Lost,
        };
        world.payout.due_at = Some(NOW);
        world
    }

    fn part(&self, amount: Amount) -> Vec<HoldPart> {
        vec![HoldPart {
            program: Program::Allocation,
            month: self.payout.month.unwrap(),
            amount,
        }]
    }

    pub(super) fn post(&mut self, body: impl Into<FactBody>) {
        let posting = ledger::Fact::try_new(body).unwrap().into_posting();
        let key = posting.key().clone();
        assert!(
            self.postings.iter().all(|known| *known.key() != key),
            "posted twice: {key}"
        );
        self.postings.push(posting);
    }

    /// Tells the payout something, and the books what it announces.
    pub(super) fn tell(&mut self, command: Command) {
        let Ok(Outcome::Moved(decision)) = decide(&self.payout, &command, self.now) else {
            return;
        };
        self.told.push(command);
        for fact in decision.facts {
            let is_final = matches!(fact.body(), FactBody::AttemptRefused(no) if no.is_final);
            self.post(fact.into_body());
            if is_final {
                self.release();
            }
        }
        if let Some(comeback) = decision.comeback {
            self.post_comeback(comeback);
        }
        self.payout = decision.payout;
    }

    fn post_comeback(&mut self, comeback: Comeback) {
        self.post(TransferReversed {
            payout: self.payout.payout_id.clone(),
            creator: self.payout.creator_id.clone(),
            reversal: comeback.reversal,
            txn: comeback.txn,
            after_paid: comeback.after_paid,
            parts: self.part(comeback.amount),
        });
    }

    fn release(&mut self) {
        self.post(HoldReleased {
            payout: self.payout.payout_id.clone(),
            creator: self.payout.creator_id.clone(),
            n: 0,
            parts: self.part(self.payout.amount),
        });
    }

    /// One thing happens, chosen by a byte.
    pub fn happen(&mut self, chance: u8) {
        match chance % 8 {
            0..=3 => self.work(chance / 8),
            4 => self.bank_answers(chance / 8),
            5 => self.somebody_reverses(chance / 8),
            6 => self.tell_reversals(),
            _ => self.replay(usize::from(chance / 8)),
        }
    }

    pub fn kind_turn(&mut self) {
        self.tell_reversals();
        self.work(0);
        self.bank_answers(0);
    }

    /// What was told once is told again: it moves nothing.
    fn replay(&mut self, nth: usize) {
        let Some(command) = self.told.get(nth).cloned() else {
            return;
        };
        let outcome = decide(&self.payout, &command, self.now);
        let moved = matches!(outcome, Ok(Outcome::Moved(_)));
        assert!(!moved, "{command:?} moved {:?} again", self.payout);
    }

    /// A worker's turn, with an answer of Stripe's chosen by `luck`; zero is good luck.
    fn work(&mut self, luck: u8) {
        if let Some(due) = self.payout.due_at {
            self.now = self.now.max(due);
        }
        let (step, attempt) = (self.payout.step, self.payout.attempt);
        match next_action(&self.payout) {
            Action::Reserve if luck % 8 == 7 => self.cancel(),
            Action::Reserve => self.reserve(),
            Action::Begin(Step::Transfer) if attempt == 0 && luck % 8 == 7 => {
                self.release();
                self.cancel();
            }
            Action::Begin(step) => {
                let here = step == self.payout.step;
                let attempt = if here { attempt } else { 0 };
                if step == Step::Reversal {
                    self.tell_reversals();
                }
                self.tell(Command::BeginAttempt { step, attempt });
            }
            Action::Transfer => {
                self.post(HoldCommitted {
                    payout: self.payout.payout_id.clone(),
                    creator: self.payout.creator_id.clone(),
                    n: attempt,
                    amount: self.payout.amount,
                });
                self.order(luck);
            }
            Action::PayBank | Action::Reverse => self.order(luck),
            Action::Resolve => match self.fate {
                Fate::Made => self.tell_made(),
                Fate::Lost => self.tell(refused(step, attempt, LOST)),
            },
            Action::ReadBank => self.bank_answers(luck),
            Action::Run(_) => self.run_errand(),
            Action::Rest => {}
        }
    }

    fn run_errand(&mut self) {
        let payout = &mut self.payout;
        payout.errand = Errand::None;
        payout.due_at = payout
            .next_retry_at
            .or(payout.due_at)
            .filter(|_| !payout.has_ended());
    }

    fn reserve(&mut self) {
        self.post(HoldPlaced {
            payout: self.payout.payout_id.clone(),
            creator: self.payout.creator_id.clone(),
            n: 0,
            parts: self.part(self.payout.amount),
        });
        self.tell(Command::RecordReserved);
    }

    fn cancel(&mut self) {
        self.tell(Command::Cancel {
            reason: "no".into(),
            code: String::new(),
            replacement: None,
        });
    }

    pub fn is_over(&self) -> bool {
        self.payout.has_ended() && self.reversals.iter().all(|(_, told)| *told)
    }

    fn balances(&self) -> Balances {
        fold(&self.postings).unwrap()
    }

    fn minor(&self, account: &Account) -> i64 {
        self.balances().balance(account).unwrap().minor()
    }

    /// What must be true at any moment.
    pub fn check(&self) {
        assert!(self.transfers.len() <= 1, "transferred twice");
        let live = self.bank.iter().filter(|(_, _, at)| *at != AtBank::Failed);
        assert!(live.count() <= 1, "the bank was paid twice");
        let Payout {
            payout_id,
            creator_id,
            ..
        } = &self.payout;
        let on_its_way = self.minor(&Account::clearing_payout(payout_id));
        assert!(on_its_way >= 0, "more left than was committed");
        let there = self.minor(&Account::stripe_connected(creator_id));
        assert!(there >= 0, "more left the connected account than came");
        let reserved = self.minor(&Account::reserved(creator_id, payout_id));
        assert!(reserved >= 0, "more left the hold than was in it");
    }

    /// What must be true at the end: nothing is on its way, and the books' Stripe is Stripe's.
    pub fn check_the_end(&self) {
        let payout = &self.payout;
        for account in [
            Account::clearing_payout(&payout.payout_id),
            Account::stripe_connected(&payout.creator_id),
        ] {
            assert_eq!(self.minor(&account), 0, "{} of {payout:?}", account.name());
        }
        let reserved = Account::reserved(&payout.creator_id, &payout.payout_id);
        assert_eq!(self.minor(&reserved), 0);
        let sent = i64::from(!self.transfers.is_empty()) * payout.amount.minor();
        let back: i64 = self.reversals.iter().map(|(it, _)| it.amount.minor()).sum();
        assert_eq!(self.minor(&Account::stripe_payments()), back - sent);
        let paid: BTreeSet<bool> = self
            .bank
            .iter()
            .map(|(_, _, at)| *at == AtBank::Paid)
            .collect();
        assert_eq!(
            paid.contains(&true),
            payout.state == State::Paid,
            "{payout:?}"
        );
    }
}

pub(super) fn refused(step: Step, attempt: u32, code: &str) -> Command {
    let code = code.to_owned();
    Command::RecordRefused {
        step,
        attempt,
        code,
    }
}
