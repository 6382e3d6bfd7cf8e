//! An operator's day beside a month that was played: closes, traces, looks after the machine, and
//! finds a refund that nobody accounts for yet.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::books::env_of;
use crate::place::{FEW, Place, run};
use crate::stripe::Stripe;

const PATIENCE: Duration = Duration::from_secs(60);

struct Operator {
    place: Place,
    stripe: Stripe,
}

impl Operator {
    fn ask(&self, command: &str, arguments: &[&str]) -> Output {
        run(&self.place.dir, command, arguments)
    }

    /// The answer in JSON of a command that must end with `code`.
    #[track_caller]
    fn told(&self, command: &str, arguments: &[&str], code: i32) -> Value {
        let output = self.ask(command, &[arguments, &["--json"]].concat());
        let [out, err] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
        assert_eq!(output.status.code(), Some(code), "{command}: {out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }

    fn closes_a_closed_month_again_and_not_one_that_runs(&self) {
        let closed = self.told("close", &["2027-01"], 0);
        assert_eq!(closed["state"], "closed");
        assert_eq!(closed["waits_for"], json!([]));
        assert_eq!(self.told("close", &["2027-01", "--wait"], 0), closed);
        let running = self.told("close", &["2027-02"], 8);
        let waits = running["waits_for"].as_array().expect("a list");
        assert!(
            waits[0]
                .as_str()
                .is_some_and(|why| why.contains("2027-03-01")),
            "{waits:?}"
        );
    }

    /// From a charge down, and from its payout up: both meet in the same close and hold.
    async fn traces_a_cent_both_ways(&self) {
        let charges = self.stripe.get("/v1/charges?limit=100").await;
        let ids = charges["data"].as_array().into_iter().flatten();
        let paid = ids.filter(|charge| charge["status"] == "succeeded");
        let mut seen = 0;
        for charge in paid {
            let id = charge["id"].as_str().expect("an id");
            let down = self.told("trace", &[id], 0);
            assert_eq!(down["charges"][0]["charge_id"], id);
            let Some(payout) = down["payouts"][0]["payout_id"].as_str() else {
                continue;
            };
            let invoice = down["charges"][0]["invoice_id"]
                .as_str()
                .expect("its invoice");
            assert_eq!(self.told("trace", &[invoice], 0), down);
            let up = self.told("trace", &[payout], 0);
            let bank = up["payouts"][0]["bank_payout_id"]
                .as_str()
                .expect("at the bank");
            let transfer = up["payouts"][0]["transfer_id"].as_str().expect("sent");
            assert_eq!(self.told("trace", &[bank], 0), up);
            assert_eq!(self.told("trace", &[transfer], 0), up);
            let origins = up["charges"].as_array().expect("charges");
            assert!(
                origins.iter().any(|one| one["charge_id"] == id),
                "{id}: {origins:?}"
            );
            for name in [
                "charge",
                "funding",
                "allocations",
                "close",
                "hold",
                "attempts and bank",
            ] {
                assert!(!facts(&down, name).is_empty(), "{id} lacks its {name}");
                assert!(!facts(&up, name).is_empty(), "{payout} lacks its {name}");
            }
            seen += 1;
            if seen == 3 {
                break;
            }
        }
        assert!(seen > 0, "no charge came to a bank");
    }

    fn traces_a_month_and_says_what_is_near_an_unknown_name(&self) {
        let month = self.told("trace", &["creator_000/2027-01"], 0);
        let close = facts(&month, "close");
        assert_eq!(close[0]["key"], "close:2027-01:allocation:creator_000");
        let by_key = self.told("trace", &["close:2027-01:allocation:creator_000"], 0);
        assert_eq!(facts(&by_key, "close"), close);
        let nobody = self.ask("trace", &["close:2027-01:allocation:creator_00"]);
        assert_eq!(nobody.status.code(), Some(10));
        let says = String::from_utf8_lossy(&nobody.stderr).into_owned();
        assert!(
            says.contains("Near it: close:2027-01:allocation:creator_000"),
            "{says}"
        );
        assert!(says.contains("a charge (ch_…"), "{says}");
    }

    /// An endpoint that lost an event is found, and mended by the next start.
    async fn finds_an_endpoint_that_asks_for_too_little(&mut self) {
        assert_eq!(self.told("doctor", &[], 0)["well"], true);
        let listed = self.stripe.get("/v1/webhook_endpoints?limit=100").await;
        let endpoint = listed["data"][0]["id"].as_str().expect("an endpoint");
        let path = format!("/v1/webhook_endpoints/{endpoint}");
        let form = [("enabled_events[]", "topup.succeeded")];
        self.stripe.post(&path, &form).await;
        let ill = self.told("doctor", &[], 11);
        let lines = ill["lines"].as_array().into_iter().flatten();
        let wrong: Vec<&Value> = lines.filter(|line| line["state"] == "wrong").collect();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!(wrong[0]["what"], "webhook endpoints");

        self.ask("down", &[]);
        let up = self.ask("up", &["--detach"]);
        assert!(
            up.status.success(),
            "{}",
            String::from_utf8_lossy(&up.stderr)
        );
        self.stripe = stripe_of(&self.place);
        self.told("doctor", &[], 0);
    }

    /// Nobody accounts for refunds yet: they are seen, not dropped.
    async fn finds_a_refund_in_suspense(&self) {
        let charges = self.stripe.get("/v1/charges?limit=1").await;
        let charge = charges["data"][0]["id"].as_str().expect("a charge");
        let form = [("charge", charge), ("amount", "123")];
        let refund = self.stripe.post("/v1/refunds", &form).await;
        let txn = refund["balance_transaction"]
            .as_str()
            .expect("its evidence");
        let began = Instant::now();
        let mut found = String::new();
        while !found.contains(&format!("suspense/stripe/{txn}")) {
            assert!(
                began.elapsed() < PATIENCE,
                "the refund is not in suspense: {found}"
            );
            found = String::from_utf8_lossy(&self.ask("verify", &[]).stdout).into_owned();
        }
        assert!(found.contains(&format!("{txn}, refund of")), "{found}");
        assert!(found.contains("-$1.23"), "{found}");
        assert_eq!(self.ask("verify", &[]).status.code(), Some(7));
    }
}

fn stripe_of(place: &Place) -> Stripe {
    let env = env_of(&place.dir);
    Stripe::at(&env["STRIPE_SANDBOX_URL"], &env["STRIPE_SECRET_KEY"])
}

fn facts<'t>(trace: &'t Value, stage: &str) -> &'t [Value] {
    let stages = trace["stages"].as_array().into_iter().flatten();
    let found = stages
        .filter(|one| one["stage"] == stage)
        .find_map(|one| one["facts"].as_array());
    found.map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn an_operator_closes_traces_examines_and_finds_a_refund_in_suspense() {
    let place = Place::of("e2e-operator");
    place.demo(&FEW, &["--keep"]);
    let stripe = stripe_of(&place);
    let mut operator = Operator { place, stripe };
    operator.closes_a_closed_month_again_and_not_one_that_runs();
    operator.traces_a_cent_both_ways().await;
    operator.traces_a_month_and_says_what_is_near_an_unknown_name();
    operator.finds_an_endpoint_that_asks_for_too_little().await;
    operator.finds_a_refund_in_suspense().await;
}
