//! What Stripe, the bank, and others with a login do.

use ledger::StripeId;
use money::Amount;

use super::world::{AtBank, Fate, World, refused};
use crate::domain::{Command, Doubt, Reversal, Step};

impl World {
    /// Stripe gets an order: it does it, refuses it, or nobody hears what it did.
    pub(super) fn order(&mut self, luck: u8) {
        let (step, attempt) = (self.payout.step, self.payout.attempt);
        let unknown = Command::RecordUnknown {
            step,
            attempt,
            doubt: Doubt::Open,
        };
        if step == Step::Reversal && luck % 6 != 2 {
            // Somebody else may have been first: Stripe knows how much is left.
            self.tell_reversals();
            if self.payout.has_ended() {
                return;
            }
        }
        match luck % 6 {
            0 | 1 => {
                self.make();
                self.tell_made();
            }
            2 => self.tell(refused(step, attempt, "processing_error")),
            3 => self.tell(refused(step, attempt, "no_account")),
            4 => {
                self.make();
                self.fate = Fate::Made;
                self.tell(unknown);
            }
            _ => {
                self.fate = Fate::Lost;
                self.tell(unknown);
            }
        }
    }

    fn make(&mut self) {
        let (attempt, left) = (self.payout.attempt, self.payout.left());
        match self.payout.step {
            Step::Transfer => self.transfers.push(attempt),
            Step::Bank => self.bank.push((attempt, left, AtBank::Pending)),
            Step::Reversal => self.reverse(left, Some(attempt)),
        }
    }

    fn reverse(&mut self, amount: Amount, attempt: Option<u32>) {
        let n = self.reversals.len();
        let reversal = Reversal {
            reversal: StripeId::try_new(&format!("trr_{n}")).unwrap(),
            txn: StripeId::try_new(&format!("txn_r{n}")).unwrap(),
            amount,
            attempt,
        };
        self.reversals.push((reversal, false));
    }

    pub(super) fn tell_made(&mut self) {
        let attempt = self.payout.attempt;
        match self.payout.step {
            Step::Transfer => self.tell(Command::RecordSent {
                attempt,
                transfer_id: "tr_1".into(),
                txn: StripeId::try_new("txn_t").unwrap(),
            }),
            Step::Bank => self.tell(Command::RecordBankSubmitted {
                attempt,
                bank_payout_id: format!("po_{attempt}"),
                arrival: self.now,
            }),
            Step::Reversal => self.tell_reversals(),
        }
    }

    pub(super) fn tell_reversals(&mut self) {
        for index in 0..self.reversals.len() {
            let (reversal, told) = self.reversals[index].clone();
            if !told {
                self.reversals[index].1 = true;
                self.tell(Command::RecordReversed(reversal));
            }
        }
    }

    /// Somebody with a login at Stripe takes back what is left of the transfer, or half of it.
    pub(super) fn somebody_reverses(&mut self, luck: u8) {
        let back: i64 = self.reversals.iter().map(|(it, _)| it.amount.minor()).sum();
        let left = self.payout.amount.minor() - back;
        let amount = if luck.is_multiple_of(2) {
            left
        } else {
            left / 2
        };
        if self.payout.transfer_id.is_some() && amount > 0 {
            self.reverse(Amount::try_new(amount, money::Asset::Usd).unwrap(), None);
        }
    }

    /// The bank pays or fails what it has, and may send back what it has paid.
    pub(super) fn bank_answers(&mut self, luck: u8) {
        let Some((attempt, _, status)) = self.bank.last_mut() else {
            return;
        };
        let good = luck.is_multiple_of(3);
        *status = match *status {
            AtBank::Pending if good => AtBank::Paid,
            AtBank::Pending => AtBank::Failed,
            AtBank::Paid if luck % 3 == 1 => AtBank::Failed,
            same @ (AtBank::Paid | AtBank::Failed) => same,
        };
        let (attempt, bank_payout_id) = (*attempt, format!("po_{attempt}"));
        let code = if luck.is_multiple_of(2) {
            "account_closed"
        } else {
            "no_account"
        }
        .to_owned();
        let is_paid = *status == AtBank::Paid;
        // An event may be faster than the answer to the order: the object is read back whole.
        self.tell(Command::RecordBankSubmitted {
            attempt,
            bank_payout_id: bank_payout_id.clone(),
            arrival: self.now,
        });
        self.tell(if is_paid {
            Command::RecordBankPaid {
                attempt,
                bank_payout_id,
            }
        } else {
            Command::RecordBankFailed {
                attempt,
                bank_payout_id,
                code,
            }
        });
    }
}
