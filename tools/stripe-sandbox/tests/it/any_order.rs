//! Whatever is done in whatever order, no cent appears or gets lost.

use serde_json::Value;

use crate::subscriber::{BAD_CARD, CARD, QUICK_CARD, cents, item};
use crate::support::{Sandbox, id};

/// A row of numbers that looks like chance and is the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.below(all.len())])
    }
}

const CARDS: &[&str] = &[
    CARD,
    QUICK_CARD,
    "4000000000000259",
    "4000000000001976",
    "4000000000005126",
    "4000000000007726",
];

struct Story {
    sandbox: Sandbox,
    chance: Chance,
    prices: Vec<String>,
    extras: Vec<(String, String)>,
    now: i64,
}

impl Story {
    async fn new(data: &std::path::Path, seed: u64) -> Self {
        let sandbox = Sandbox::start(data).await;
        let mut prices = Vec::new();
        for amount in ["500", "999", "2000", "5000"] {
            prices.push(sandbox.price(amount).await);
        }
        let half = sandbox
            .post(
                "/v1/coupons",
                &[("percent_off", "33.3"), ("duration", "forever")],
            )
            .await;
        let form = [
            ("amount_off", "700"),
            ("currency", "usd"),
            ("duration", "once"),
        ];
        let off = sandbox.post("/v1/coupons", &form).await;
        let rate = [
            ("display_name", "Tax"),
            ("percentage", "8.875"),
            ("inclusive", "false"),
        ];
        let rate = sandbox.post("/v1/tax_rates", &rate).await;
        let extras = vec![
            ("discounts[0][coupon]".to_owned(), id(&half)),
            ("discounts[0][coupon]".to_owned(), id(&off)),
            (
                "subscription_data[default_tax_rates][0]".to_owned(),
                id(&rate),
            ),
            (
                "subscription_data[trial_period_days]".to_owned(),
                "5".to_owned(),
            ),
        ];
        let now = crate::support::at(crate::support::START);
        Self {
            sandbox,
            chance: Chance(seed),
            prices,
            extras,
            now,
        }
    }

    async fn step(&mut self) {
        match self.chance.below(11) {
            0 | 1 => self.subscribe().await,
            2..=4 => self.change().await,
            5 => self.refund().await,
            6 => self.dispute().await,
            7 => self.answer().await,
            8 => self.spoil_card().await,
            9 => self.settle_invoice().await,
            _ => self.wait().await,
        }
    }

    async fn subscribe(&mut self) {
        let price = self.chance.of(&self.prices).unwrap().clone();
        let extra = self.chance.of(&self.extras).unwrap().clone();
        let card = *self.chance.of(CARDS).unwrap();
        let more = [(extra.0.as_str(), extra.1.as_str())];
        let with = self.chance.below(2);
        self.sandbox.subscribe(&price, &more[..with], card).await;
    }

    async fn pick(&mut self, path: &str) -> Option<Value> {
        let all = self.sandbox.list(path).await;
        self.chance.of(&all).cloned()
    }

    /// Sends what may be refused or declined, but never break.
    async fn attempt(&self, path: &str, form: &[(&str, &str)]) {
        let answer = self.sandbox.send("POST", path, form, &[]).await;
        assert!(
            [200, 400, 402].contains(&answer.status),
            "{path}: {}",
            answer.body
        );
    }

    async fn change(&mut self) {
        let Some(subscription) = self.pick("/v1/subscriptions?limit=100").await else {
            return;
        };
        let price = self.chance.of(&self.prices).unwrap().clone();
        let behaviour = *self
            .chance
            .of(&["always_invoice", "create_prorations", "none"])
            .unwrap();
        let strict = *self
            .chance
            .of(&["error_if_incomplete", "allow_incomplete"])
            .unwrap();
        let (own, path) = (
            item(&subscription),
            format!("/v1/subscriptions/{}", id(&subscription)),
        );
        let form = [
            ("items[0][id]", own.as_str()),
            ("items[0][price]", &price),
            ("proration_behavior", behaviour),
            ("payment_behavior", strict),
        ];
        self.attempt(&path, &form).await;
    }

    async fn refund(&mut self) {
        if let Some(charge) = self.pick("/v1/charges?limit=100").await {
            let amount = (self.chance.below(600) + 1).to_string();
            self.attempt(
                "/v1/refunds",
                &[("charge", &id(&charge)), ("amount", &amount)],
            )
            .await;
        }
    }

    async fn dispute(&mut self) {
        if let Some(charge) = self.pick("/v1/charges?limit=100").await {
            let inquiry = ["true", "false"][self.chance.below(2)];
            let path = format!("/_sandbox/charges/{}/dispute", id(&charge));
            self.attempt(&path, &[("inquiry", inquiry)]).await;
        }
    }

    async fn answer(&mut self) {
        if let Some(dispute) = self.pick("/v1/disputes?limit=100").await {
            let words = [
                "winning_evidence",
                "losing_evidence",
                "escalate_inquiry_evidence",
            ];
            let words = words[self.chance.below(3)];
            let path = format!("/v1/disputes/{}", id(&dispute));
            self.attempt(&path, &[("evidence[uncategorized_text]", words)])
                .await;
        }
    }

    async fn spoil_card(&mut self) {
        if let Some(subscription) = self.pick("/v1/subscriptions?limit=100").await {
            let card = [BAD_CARD, CARD][self.chance.below(2)];
            self.sandbox.charge_to(&subscription, card).await;
        }
    }

    async fn settle_invoice(&mut self) {
        if let Some(invoice) = self.pick("/v1/invoices?status=open&limit=100").await {
            let action = ["void", "mark_uncollectible", "pay"][self.chance.below(3)];
            self.attempt(&format!("/v1/invoices/{}/{action}", id(&invoice)), &[])
                .await;
        }
    }

    async fn wait(&mut self) {
        let hours = i64::try_from(self.chance.below(24 * 20)).unwrap();
        self.now += hours * 3600;
        self.sandbox
            .advance(&stripe_sandbox::clock::show(self.now))
            .await;
    }

    /// The rules that hold at every moment; looking at all of it takes longer than a step.
    async fn check(&self) {
        let (balance, sum) = self.sandbox.books().await;
        assert_eq!(balance, sum);
        for charge in self.sandbox.list("/v1/charges?limit=100").await {
            let refunded = cents(&charge, "amount_refunded");
            assert!((0..=cents(&charge, "amount")).contains(&refunded));
        }
        for invoice in self
            .sandbox
            .list("/v1/invoices?limit=100&expand[]=data.payments")
            .await
        {
            check_invoice(&invoice);
        }
    }
}

/// An invoice is the sum of its lines, and was paid by what its payments say.
fn check_invoice(invoice: &Value) {
    let sum = |list: &Value, name: &str| -> i64 {
        list.as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it[name].as_i64())
            .sum()
    };
    let on_top: i64 = invoice["total_taxes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|tax| tax["tax_behavior"] == "exclusive")
        .map(|tax| cents(tax, "amount"))
        .sum();
    assert_eq!(
        sum(&invoice["lines"]["data"], "amount"),
        cents(invoice, "subtotal")
    );
    let discount = sum(&invoice["total_discount_amounts"], "amount");
    assert_eq!(
        cents(invoice, "subtotal") - discount + on_top,
        cents(invoice, "total")
    );
    let moved = cents(invoice, "ending_balance") - cents(invoice, "starting_balance");
    assert_eq!(
        cents(invoice, "total") - moved,
        cents(invoice, "amount_due")
    );
    assert_eq!(
        sum(&invoice["payments"]["data"], "amount_paid"),
        cents(invoice, "amount_paid")
    );
}

/// How much of each kind a story has led to: refunds, disputes, changes invoiced at once.
async fn counts(sandbox: &Sandbox) -> [usize; 3] {
    let invoices = sandbox.list("/v1/invoices?limit=100").await;
    let changes = invoices
        .iter()
        .filter(|invoice| invoice["billing_reason"] == "subscription_update");
    let changes = changes.count();
    let count = async |path: &str| sandbox.list(path).await.len();
    [
        count("/v1/refunds?limit=100").await,
        count("/v1/disputes?limit=100").await,
        changes,
    ]
}

#[tokio::test]
async fn the_balance_is_the_sum_of_its_transactions_after_any_sequence() {
    let mut done = [0; 3];
    for seed in [1, 2, 3] {
        let data = tempfile::tempdir().unwrap();
        let mut story = Story::new(data.path(), seed).await;
        for step in 0..60 {
            story.step().await;
            if step % 4 == 0 {
                story.check().await;
            }
        }
        let before = story.sandbox.books().await;
        let events = story.sandbox.events().await;
        story.sandbox.kill().await;
        story.sandbox = Sandbox::start(data.path()).await;
        let after = (story.sandbox.books().await, story.sandbox.events().await);
        assert_eq!(after, (before, events));
        story.check().await;
        for (sum, count) in done.iter_mut().zip(counts(&story.sandbox).await) {
            *sum += count;
        }
    }
    assert!(
        done.iter().all(|count| *count >= 5),
        "too little was done: {done:?}"
    );
}
