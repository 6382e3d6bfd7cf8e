//! Money neither appears nor disappears, whatever is done in whatever order.

use std::path::Path;

use serde_json::Value;

use crate::support::{Sandbox, at, id};

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.roll(all.len())])
    }
}

struct Story {
    sandbox: Sandbox,
    dice: Dice,
    accounts: Vec<String>,
    transfers: Vec<String>,
    payouts: Vec<(String, String)>,
    now: i64,
    /// What came in from outside, less what Stripe took.
    inflow: i64,
}

impl Story {
    async fn begin(data: &Path, seed: u64) -> Self {
        let sandbox = Sandbox::start(data).await;
        let mut accounts = Vec::new();
        for bank in ["000123456789", "000111111116", "000555555559"] {
            accounts.push(sandbox.creator(bank).await);
        }
        sandbox.top_up("3000").await;
        let now = at("2027-01-01T00:00:00Z");
        Self {
            sandbox,
            dice: Dice(seed),
            accounts,
            transfers: Vec::new(),
            payouts: Vec::new(),
            now,
            inflow: 3000,
        }
    }

    fn amount(&mut self) -> String {
        (1 + self.dice.roll(500)).to_string()
    }

    /// Does something; what the state does not allow is refused, and that is fine.
    async fn call(&self, path: &str, form: &[(&str, &str)], who: &str) -> Option<Value> {
        let who = [("stripe-account", who)];
        let headers = if who[0].1.is_empty() {
            &[][..]
        } else {
            &who[..]
        };
        let answer = self.sandbox.send("POST", path, form, headers).await;
        assert!(
            [200, 400].contains(&answer.status),
            "{path}: {}",
            answer.body
        );
        (answer.status == 200).then_some(answer.body)
    }

    async fn step(&mut self) {
        let account = self.dice.pick(&self.accounts.clone()).unwrap().clone();
        let amount = self.amount();
        match self.dice.roll(14) {
            0 | 1 => self.bring_in(&amount).await,
            2..=4 => self.transfer(&account, &amount).await,
            5 | 6 => self.reverse(&amount).await,
            7 | 8 => self.pay_out(&account, &amount).await,
            9 => self.meddle().await,
            10 => self.repair(&account).await,
            11 => self.schedule(&account, &amount).await,
            _ => self.pass_time().await,
        }
    }

    async fn bring_in(&mut self, amount: &str) {
        let (path, sign) = [
            ("/v1/topups", 1),
            ("/v1/topups", 1),
            ("/_sandbox/fee", -1),
            ("/_sandbox/adjustment", 1),
        ][self.dice.roll(4)];
        let form = [("amount", amount), ("currency", "usd")];
        let form = if path.starts_with("/v1") {
            &form[..]
        } else {
            &form[..1]
        };
        if self.call(path, form, "").await.is_some() {
            self.inflow += sign * amount.parse::<i64>().unwrap();
        }
    }

    async fn transfer(&mut self, account: &str, amount: &str) {
        let form = [
            ("amount", amount),
            ("currency", "usd"),
            ("destination", account),
        ];
        let made = self.call("/v1/transfers", &form, "").await;
        self.transfers.extend(made.iter().map(id));
    }

    async fn reverse(&mut self, amount: &str) {
        if let Some(transfer) = self.dice.pick(&self.transfers).cloned() {
            let path = format!("/v1/transfers/{transfer}/reversals");
            self.call(&path, &[("amount", amount)], "").await;
        }
    }

    async fn pay_out(&mut self, account: &str, amount: &str) {
        let owner = if self.dice.roll(4) == 0 { "" } else { account };
        let form = [("amount", amount), ("currency", "usd")];
        let made = self.call("/v1/payouts", &form, owner).await;
        self.payouts
            .extend(made.iter().map(|payout| (owner.to_owned(), id(payout))));
    }

    async fn meddle(&mut self) {
        if let Some((owner, payout)) = self.dice.pick(&self.payouts).cloned() {
            self.call(&format!("/v1/payouts/{payout}/cancel"), &[], &owner)
                .await;
            self.call(&format!("/_sandbox/payouts/{payout}/fail"), &[], "")
                .await;
        }
    }

    async fn repair(&mut self, account: &str) {
        let what = ["restrict", "restore", "complete", "complete"][self.dice.roll(4)];
        let form = [("disabled_reason", "under_review")];
        let form = if what == "restrict" { &form[..] } else { &[] };
        self.call(&format!("/_sandbox/accounts/{account}/{what}"), form, "")
            .await;
    }

    async fn schedule(&mut self, account: &str, minimum: &str) {
        let interval = ["daily", "manual"][self.dice.roll(2)];
        let form = [
            ("payments[payouts][schedule][interval]", interval),
            (
                "payments[payouts][minimum_balance_by_currency][usd]",
                minimum,
            ),
        ];
        let owner = if self.dice.roll(2) == 0 { "" } else { account };
        self.call("/v1/balance_settings", &form, owner).await;
    }

    async fn pass_time(&mut self) {
        self.now += i64::try_from(self.dice.roll(40)).unwrap() * 3600;
        self.sandbox
            .advance(&stripe_sandbox::clock::show(self.now))
            .await;
    }

    async fn all(&self, path: &str, who: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all
                .last()
                .map(|last| format!("&starting_after={}", id(last)));
            let path = format!("{path}?limit=100{}", after.unwrap_or_default());
            let headers = [("stripe-account", who)];
            let headers = if who.is_empty() {
                &[][..]
            } else {
                &headers[..]
            };
            let page = self.sandbox.send("GET", &path, &[], headers).await.body;
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                return all;
            }
        }
    }

    async fn balance(&self, who: &str) -> i64 {
        let headers = [("stripe-account", who)];
        let headers = if who.is_empty() {
            &[][..]
        } else {
            &headers[..]
        };
        let balance = self
            .sandbox
            .send("GET", "/v1/balance", &[], headers)
            .await
            .body;
        let part = |name: &str| balance[name][0]["amount"].as_i64().unwrap();
        part("available") + part("pending")
    }

    async fn check(&self) {
        let (mut held, mut left) = (0, 0);
        for owner in std::iter::once("").chain(self.accounts.iter().map(String::as_str)) {
            let rows = self.all("/v1/balance_transactions", owner).await;
            let sum: i64 = rows.iter().filter_map(|row| row["net"].as_i64()).sum();
            let balance = self.balance(owner).await;
            assert_eq!(sum, balance, "balance transactions of '{owner}'");
            held += balance;
            for payout in self.all("/v1/payouts", owner).await {
                let gone = !["failed", "canceled"].contains(&payout["status"].as_str().unwrap());
                left += payout["amount"].as_i64().filter(|_| gone).unwrap_or(0);
            }
        }
        assert_eq!(
            held,
            self.inflow - left,
            "what came in, less what reached a bank"
        );
        for transfer in self.all("/v1/transfers", "").await {
            let reversals = self
                .all(&format!("/v1/transfers/{}/reversals", id(&transfer)), "")
                .await;
            let sum: i64 = reversals
                .iter()
                .filter_map(|each| each["amount"].as_i64())
                .sum();
            assert_eq!(transfer["amount_reversed"], sum);
            assert_eq!(transfer["reversed"], transfer["amount"] == sum);
        }
    }
}

#[tokio::test]
async fn every_balance_is_the_sum_of_its_transactions_after_any_sequence_of_operations() {
    let mut done = (0, 0);
    for seed in 1..=6 {
        let data = tempfile::tempdir().unwrap();
        let mut story = Story::begin(data.path(), seed).await;
        for step in 1..=90 {
            story.step().await;
            if step % 30 == 0 {
                story.check().await;
                // What a kill leaves on disk is the same world.
                story.sandbox.kill().await;
                story.sandbox = Sandbox::start(data.path()).await;
                story.check().await;
            }
        }
        done.0 += story.transfers.len();
        done.1 += story.payouts.len();
    }
    assert!(done.0 > 40 && done.1 > 20, "too little was done: {done:?}");
}
