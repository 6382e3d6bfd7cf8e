//! The way of a payout at the bank: under way at midnight, there two business days after it was
//! made, and sometimes back again.

use serde_json::{Value, json};

use crate::banks::{FAILURE_CODES, RETURN_CODE, failure_message};
use crate::clock::add_business_days;
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World, id_of};

/// Business days after which a bank that returns money does so.
const RETURN_DAYS: u32 = 2;
/// Business days within which a bank may return money that it took.
const RETURN_MAX: u32 = 5;

impl World {
    fn payout_of(&self, id: &str) -> Option<(String, Value)> {
        let owner = self.owner_of(id).to_owned();
        let payout = self.find(&owner, "payout", id)?.clone();
        Some((owner, payout))
    }

    /// Midnight: the day's payouts go to the banks, and can be cancelled no more.
    pub fn submit_payout(&mut self, id: &str) {
        let pending = self.payout_of(id);
        let Some((owner, _)) = pending.filter(|(_, payout)| payout["status"] == "pending") else {
            return;
        };
        let payout = self.edit(id, |payout| payout["status"] = json!("in_transit"));
        let before = json!({ "status": "pending" });
        self.emit_change(&owner, "payout.updated", &payout, Some(before));
    }

    /// The day has come: the bank takes a payout, or sends it back.
    pub fn arrive_payout(&mut self, id: &str) {
        let Some((owner, payout)) = self.payout_of(id) else {
            return;
        };
        let bank = payout["destination"].as_str().unwrap_or_default();
        let told = self.bank_failure(bank).map(str::to_owned);
        match told.or_else(|| self.bank_fault(&owner, &payout)) {
            Some(code) => {
                self.fail_payout(&owner, &payout, &code);
            }
            None => self.pay_payout(&owner, &payout),
        }
    }

    fn pay_payout(&mut self, owner: &str, payout: &Value) {
        let id = id_of(payout);
        let paid = self.edit(id, |payout| {
            payout["status"] = json!("paid");
            payout["trace_id"] = json!({ "status": "supported", "value": "SBX000001" });
        });
        self.emit(owner, "payout.paid", &paid);
        let bank = payout["destination"].as_str().unwrap_or_default();
        if self.bank_returns(bank) {
            let back_at = add_business_days(self.now, RETURN_DAYS);
            self.set_timer("bounce", id, back_at);
        }
    }

    /// A bank that took a payout sends it back by itself.
    pub fn bounce_payout(&mut self, id: &str) {
        let paid = self.payout_of(id);
        if let Some((owner, payout)) = paid.filter(|(_, payout)| payout["status"] == "paid") {
            self.fail_payout(&owner, &payout, RETURN_CODE);
        }
    }

    /// A bank sends a payout back because a test says so, on its way or after it was paid.
    ///
    /// # Errors
    /// When the payout is neither, or was paid more than five business days ago.
    pub fn send_back(&mut self, id: &str, code: &str) -> Answer {
        let payout = self.payout_of(id);
        let (owner, payout) = payout.ok_or_else(|| Refusal::no_such("payout", "id", id))?;
        let code = FAILURE_CODES.iter().find(|known| **known == code);
        let code = code.ok_or_else(|| {
            let known = FAILURE_CODES.join(", ");
            Refusal::invalid("code", format!("Invalid code: must be one of {known}"))
        })?;
        let arrival = payout["arrival_date"].as_i64().unwrap_or(0);
        let in_time = self.now <= add_business_days(arrival, RETURN_MAX);
        match payout["status"].as_str() {
            Some("in_transit") => {}
            Some("paid") if in_time => {}
            status => {
                let status = status.unwrap_or_default();
                let message = format!(
                    "A bank sends back what is in transit, or was paid at most {RETURN_MAX} \
                     business days ago; this payout is {status}."
                );
                return Err(Refusal::said(message));
            }
        }
        Ok(self.fail_payout(&owner, &payout, code))
    }

    fn fail_payout(&mut self, owner: &str, payout: &Value, code: &str) -> Value {
        let id = id_of(payout);
        for job in ["submit", "arrive", "bounce"] {
            self.drop_timer(job, id);
        }
        let back = self.return_payout(owner, payout, "payout_failure");
        let failed = self.edit(id, |payout| {
            payout["status"] = json!("failed");
            payout["failure_balance_transaction"] = json!(back);
            payout["failure_code"] = json!(code);
            payout["failure_message"] = json!(failure_message(code));
        });
        self.emit(owner, "payout.failed", &failed);
        if owner != PLATFORM {
            self.disable_bank(owner, payout["destination"].as_str().unwrap_or_default());
        }
        failed
    }

    /// Stripe stops payouts to a bank that sent one back, until the owner names another.
    fn disable_bank(&mut self, owner: &str, bank: &str) {
        if self.find(owner, "bank_account", bank).is_none() {
            return;
        }
        self.with_account(owner, |world| {
            let errored = world.edit(bank, |bank| bank["status"] = json!("errored"));
            world.show_banks(owner);
            world.emit(owner, "account.external_account.updated", &errored);
        });
    }
}
