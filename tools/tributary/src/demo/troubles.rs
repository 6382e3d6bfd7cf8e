//! What goes wrong on the way to creators: a lost reply, a refusal that passes, a bank account that
//! does not exist.

use anyhow::{Result, ensure};
use ledger::Month;
use reqwest::Method;
use serde_json::{Value, json};

use super::cast::{Creator, Onboarding, Trouble};
use super::client::{User, number, text};
use super::opening::BANK;
use super::story::Story;

/// Stripe's test bank account that does not exist.
pub const BANK_GONE: [(&str, &str); 2] = [
    ("account_number", "000111111116"),
    ("routing_number", "110000000"),
];

impl Story {
    /// Arranges with Stripe what will go wrong with the first payouts.
    pub(super) async fn arrange_troubles(&self) -> Result<()> {
        let rules: Vec<Value> = self
            .cast
            .creators
            .iter()
            .filter_map(|creator| self.rule(creator))
            .collect();
        if rules.is_empty() {
            return Ok(());
        }
        self.client
            .sandbox(Method::POST, "faults", &json!({ "rules": rules }))
            .await
            .map(drop)
    }

    fn rule(&self, creator: &Creator) -> Option<Value> {
        let record = self.record();
        let account = record.accounts.get(&creator.id)?;
        let seed = self.cast.seed;
        match creator.trouble {
            Trouble::ReplyLost => Some(json!({
                "kind": "reset_after", "seed": seed, "times": 1,
                "match": { "method": "POST", "path": "/v1/transfers", "body": { "destination": account } },
            })),
            Trouble::RefusedOnce => Some(json!({
                "kind": "refuse_call", "code": "insufficient_funds", "seed": seed, "times": 1,
                "match": { "method": "POST", "path": "/v1/payouts", "account": account },
            })),
            Trouble::BankGone | Trouble::Nothing => None,
        }
    }

    /// Whose bank does not take the money of this month.
    pub(super) fn note_bankless(&self, month: Month) {
        let gone = |creator: &&Creator| {
            creator.trouble == Trouble::BankGone && creator.onboarding == Onboarding::Completes
        };
        let mut record = self.record();
        for creator in self.cast.creators.iter().filter(gone) {
            let key = (month.to_string(), creator.id.clone());
            record.bankless.insert(key);
        }
    }

    /// What was arranged has happened, and has been got over.
    pub(super) async fn see_troubles(&self, month: Month) -> Result<()> {
        for creator in &self.cast.creators {
            let told = self.payout_of(month, creator).await?;
            let Some(told) = told else { continue };
            let (wanted, retries) = match creator.trouble {
                Trouble::Nothing | Trouble::ReplyLost => ("paid", 0),
                Trouble::RefusedOnce => ("paid", 1),
                Trouble::BankGone => ("failed", 0),
            };
            if told["state"] != wanted || number(&told, "/retry_count")? != retries {
                let trouble = format!(
                    "the payout of {} must be {wanted} after {retries} retries: {told}",
                    creator.name
                );
                self.record().troubles.push(trouble);
            }
        }
        Ok(())
    }

    async fn payout_of(&self, month: Month, creator: &Creator) -> Result<Option<Value>> {
        let mine = User::creator(&creator.id);
        let payouts = self
            .client
            .get_all(mine, "/v1/payouts", "payout_id")
            .await?;
        let of_month = |payout: &Value| payout["month"] == month.to_string();
        Ok(payouts.into_iter().find(of_month))
    }

    /// Those whose bank account did not exist name another.
    pub(super) async fn mend_banks(&self) -> Result<()> {
        for creator in &self.cast.creators {
            if creator.trouble != Trouble::BankGone || creator.onboarding != Onboarding::Completes {
                continue;
            }
            let (user, body) = (User::creator(&creator.id), json!({}));
            let asked =
                self.client
                    .write(user, Method::POST, "/v1/creators/me/connect", &body, None);
            let link = asked.await?.ok()?;
            let status = self.client.submit(text(&link, "/url")?, &BANK).await?;
            ensure!(
                status == 303,
                "the page of {} answered {status}",
                creator.id
            );
        }
        self.rest().await
    }
}
