//! `verify` is believed because it can fail: each invariant is broken once, on a copy of real books
//! and of Stripe's side of them, and `verify` names it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::books::{Books, Found};

/// What `verify` ends with when an invariant does not hold.
const BROKEN: Option<i32> = Some(7);

/// Sees that `verify` fails and that `invariant` is broken by something that says `part`.
#[track_caller]
fn assert_named(found: &Found, invariant: &str, part: &str) {
    let findings = found.broken_by(invariant);
    assert_eq!(found.code, BROKEN, "{}", found.report);
    assert!(
        findings.iter().any(|finding| finding.contains(part)),
        "{invariant} must be broken by {part:?}; broken are {:?}, it by {findings:?}",
        found.broken()
    );
}

/// An account of money that a creator may be paid.
async fn payable(books: &mut Books) -> String {
    let name = "select name from earnings.account where kind = 'creator_payable' limit 1";
    books.text(name).await
}

#[tokio::test]
async fn real_books_that_nobody_touched_hold_even_strictly() {
    let books = Books::copy().await;
    let found = books.verify(&["--strict"]);
    assert_eq!(found.broken(), Vec::<&str>::new(), "{}", found.report);
    assert_eq!(found.code, Some(0));
}

#[tokio::test]
async fn an_altered_entry_breaks_1() {
    let mut books = Books::copy().await;
    books
        .sql(
            "update earnings.entry set amount_minor = amount_minor + 1
             where posting_id = (select posting_id from earnings.posting
                                 where kind = 'funding_attributed' limit 1) and line = 1",
        )
        .await;
    assert_named(&books.verify(&[]), "1", "posting funding:");
}

#[tokio::test]
async fn money_of_one_creator_booked_as_anothers_breaks_2_though_the_sums_are_right() {
    let mut books = Books::copy().await;
    let creators = "select creator_id from payout.account where account_id is not null
                    order by creator_id";
    let [one, other] = [0, 1].map(|at| format!("{creators} limit 1 offset {at}"));
    let (one, other) = (books.text(&one).await, books.text(&other).await);
    let accounts = [&one, &other].map(|creator| format!("stripe/connected/{creator}"));
    let legs = [(accounts[0].as_str(), 500), (accounts[1].as_str(), -500)];
    books.post("made:up", None, &legs).await;
    let found = books.verify(&[]);
    assert_named(&found, "2", &accounts[0]);
    assert_named(&found, "2", &accounts[1]);
}

#[tokio::test]
async fn an_obligation_that_nothing_covers_breaks_3a() {
    let mut books = Books::copy().await;
    let owed = payable(&mut books).await;
    let legs = [
        ("expense/losses", 900_000_000),
        (owed.as_str(), -900_000_000),
    ];
    books.post("made:up", None, &legs).await;
    assert_named(&books.verify(&[]), "3a", "is missing");
}

#[tokio::test]
async fn a_shortfall_that_is_alerted_to_the_cent_does_not_break_3a_and_one_cent_off_does() {
    let mut books = Books::copy().await;
    let owed = payable(&mut books).await;
    let legs = [
        ("expense/losses", 900_000_000),
        (owed.as_str(), -900_000_000),
    ];
    books.post("made:up", None, &legs).await;
    let missing = books.verify(&[]).broken_by("3a").concat();
    let cents: String = missing.chars().filter(char::is_ascii_digit).collect();
    let alert = |cents: &str| {
        format!(
            "delete from balance_monitor.alert;
             insert into balance_monitor.alert
               (alert_id, kind, subject, severity, title, detail, data, status, raised_at)
             values ('a', 'obligations_uncovered', '', 'critical', 't', 'd',
                     '{{\"shortfall_minor\": {cents}}}', 'open', '2027-02-01T00:00:00Z')"
        )
    };
    books.sql(&alert(&cents)).await;
    assert_eq!(books.verify(&[]).broken_by("3a"), Vec::<String>::new());
    assert_named(&books.verify(&["--strict"]), "3a", "is missing");
    books.sql(&alert("1")).await;
    assert_named(&books.verify(&[]), "3a", "is missing");
}

#[tokio::test]
async fn a_floor_that_was_lowered_at_stripe_breaks_3b() {
    let books = Books::copy().await;
    let minimum = "payments[payouts][minimum_balance_by_currency][usd]";
    books
        .stripe
        .post("/v1/balance_settings", &[(minimum, "1")])
        .await;
    assert_named(&books.verify(&[]), "3b", "Stripe keeps at least $0.01");
}

#[tokio::test]
async fn a_schedule_by_which_stripe_pays_out_itself_breaks_3b() {
    let books = Books::copy().await;
    let interval = "payments[payouts][schedule][interval]";
    books
        .stripe
        .post("/v1/balance_settings", &[(interval, "daily")])
        .await;
    assert_named(&books.verify(&[]), "3b", "is daily, not manual");
}

#[tokio::test]
async fn a_floor_that_was_set_for_less_than_its_cut_required_breaks_3b() {
    let mut books = Books::copy().await;
    books
        .sql(
            "update payout.platform_floor set required_minor = required_minor - 1
             where platform_floor_id = (select max(platform_floor_id) from payout.platform_floor)",
        )
        .await;
    assert_named(&books.verify(&[]), "3b", "the floor was set for");
}

#[tokio::test]
async fn a_floor_account_below_zero_breaks_4() {
    let mut books = Books::copy().await;
    let owed = payable(&mut books).await;
    let legs = [(owed.as_str(), 90_000_000), ("expense/losses", -90_000_000)];
    books.post("made:up", None, &legs).await;
    assert_named(&books.verify(&[]), "4", &owed);
}

#[tokio::test]
async fn a_settling_account_that_keeps_money_after_its_months_close_breaks_4() {
    let mut books = Books::copy().await;
    let pool = "select name from earnings.account a join earnings.month m on m.month = a.month
                where kind = 'subscriber_unallocated' and state = 'closed' limit 1";
    let pool = books.text(pool).await;
    let legs = [("expense/losses", 5), (pool.as_str(), -5)];
    books.post("made:up", None, &legs).await;
    assert_named(&books.verify(&[]), "4", "though its month is closed");
}

#[tokio::test]
async fn a_clearing_account_left_open_past_its_deadline_breaks_5() {
    let mut books = Books::copy().await;
    let legs = [("clearing/payout/po_lost", 500), ("expense/losses", -500)];
    books.post("made:up", None, &legs).await;
    assert_named(&books.verify(&[]), "5", "clearing/payout/po_lost");
}

#[tokio::test]
async fn suspense_breaks_5_with_the_balance_transaction_its_type_and_its_amount() {
    let mut books = Books::copy().await;
    let charge = "select charge_id from billing.charge order by charge_id limit 1";
    let charge = books.text(charge).await;
    let fields = [("charge", charge.as_str()), ("amount", "123")];
    let refund = books.stripe.post("/v1/refunds", &fields).await;
    let txn = refund["balance_transaction"]
        .as_str()
        .expect("its evidence");
    let suspense = format!("suspense/stripe/{txn}");
    let legs = [(suspense.as_str(), 123), ("stripe/payments", -123)];
    books.post(&format!("txn:{txn}"), Some(txn), &legs).await;
    let found = books.verify(&[]);
    let (id, said) = (refund["id"].as_str().expect("its id"), "refund of");
    assert_named(&found, "5", &format!("{txn}, {said} {id}, -$1.23"));
    assert_eq!(found.broken_by("6"), Vec::<String>::new(), "it is posted");
}

#[tokio::test]
async fn a_dropped_posting_breaks_6() {
    let mut books = Books::copy().await;
    let key = "select key_text from earnings.posting where kind = 'charge_settled' limit 1";
    let key = books.text(key).await;
    books
        .sql(&format!(
            "delete from earnings.entry where posting_id =
               (select posting_id from earnings.posting where key_text = '{key}');
             delete from earnings.posting where key_text = '{key}'"
        ))
        .await;
    let found = books.verify(&[]);
    assert_named(&found, "6", "has no posting");
    let charge = key.trim_start_matches("charge:");
    assert_named(&found, "6", &format!("charge {charge} is not in the books"));
}

#[tokio::test]
async fn a_transfer_that_was_doubled_at_stripe_breaks_7() {
    let mut books = Books::copy().await;
    let paid = "from payout.payout where state = 'paid' order by payout_id limit 1";
    let payout = books.text(&format!("select payout_id {paid}")).await;
    let account = books.text(&format!("select account_id {paid}")).await;
    let amount = books.number(&format!("select amount_minor {paid}")).await;
    books
        .stripe
        .post(
            "/v1/transfers",
            &[
                ("amount", &amount.to_string()),
                ("currency", "usd"),
                ("destination", &account),
                ("transfer_group", &payout),
            ],
        )
        .await;
    assert_named(&books.verify(&[]), "7", &format!("payout {payout} to"));
    assert_named(&books.verify(&[]), "7", "has 2 transfers");
}

#[tokio::test]
async fn a_changed_line_of_a_manifest_breaks_8() {
    let mut books = Books::copy().await;
    books
        .sql("update earnings.manifest set text = replace(text, '|creator|', '|creator|x')")
        .await;
    assert_named(
        &books.verify(&["--month", "2027-01"]),
        "8",
        "the manifest has v1|creator|x",
    );
}

#[tokio::test]
async fn a_changed_line_among_those_that_are_kept_one_by_one_breaks_8() {
    let mut books = Books::copy().await;
    books
        .sql("update earnings.manifest_line set text = text || '0' where line = 1")
        .await;
    let found = books.verify(&[]);
    assert_named(&found, "8", "the list of lines has v1|");
    assert_named(&found, "8", "the list of lines lacks v1|");
}

#[tokio::test]
async fn a_creators_figures_that_differ_from_the_close_break_8() {
    let mut books = Books::copy().await;
    books
        .sql(
            "update earnings.creator_month set gross_minor = gross_minor + 1,
                    net_minor = net_minor + 1",
        )
        .await;
    assert_named(&books.verify(&[]), "8", "what creators are shown has");
}

#[tokio::test]
async fn a_months_own_figures_that_differ_from_the_close_break_8() {
    let mut books = Books::copy().await;
    books
        .sql("update earnings.month set net_minor = net_minor - 1")
        .await;
    assert_named(&books.verify(&[]), "8", "the month's row says net");
}

#[tokio::test]
async fn an_api_that_tells_another_figure_breaks_8() {
    let mut books = Books::copy().await;
    let close = "select json_build_object('manifest_root', root, 'gross_cents', gross_minor,
                   'fee_cents', fee_minor, 'net_cents', net_minor, 'creator_count', creator_count,
                   'unallocated_cents', unallocated_minor)::text
                 from earnings.month where state = 'closed'";
    let close: Value = serde_json::from_str(&books.text(close).await).expect("JSON");
    let manifest = books.text("select text from earnings.manifest").await;
    let gateway = serve_month(close.clone(), &manifest);
    books.settings(&[("GATEWAY_URL", &gateway), ("AUTH_HS256_SECRET", "any")]);
    assert_eq!(books.verify(&[]).broken_by("8"), Vec::<String>::new());

    let mut other = close;
    other["net_cents"] = json!(other["net_cents"].as_i64().expect("cents") + 1);
    let gateway = serve_month(other, &manifest.replacen("|creator|", "|creator|x", 1));
    books.settings(&[("GATEWAY_URL", &gateway)]);
    let found = books.verify(&[]);
    assert_named(&found, "8", "the API says net");
    assert_named(&found, "8", "the API's lines has v1|creator|x");
}

/// A gateway that tells what it is given of any month, and the lines of a manifest.
fn serve_month(close: Value, manifest: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let line = |(at, text): (usize, &str)| {
        let parts: Vec<&str> = text.split('|').collect();
        let number = |at: usize| parts.get(at).and_then(|part| part.parse::<i64>().ok());
        match parts.get(1) {
            Some(&"creator") => json!({
                "line": at, "text": text, "creator_id": parts[2], "program": parts[3],
                "gross_cents": number(4), "fee_cents": number(5), "net_cents": number(6),
            }),
            _ => json!({
                "line": at, "text": text, "creator_id": null, "program": parts[2],
                "unallocated_cents": number(3),
            }),
        }
    };
    let lines: Vec<Value> = manifest.lines().enumerate().skip(1).map(line).collect();
    let month = json!({ "close": close }).to_string();
    let lines = json!({ "data": lines, "has_more": false }).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a caller");
            let mut request = BufReader::new(stream.try_clone().expect("both ways")).lines();
            let first = request.next().and_then(Result::ok).unwrap_or_default();
            while request
                .next()
                .and_then(Result::ok)
                .is_some_and(|line| !line.is_empty())
            {}
            let body = if first.contains("/lines") {
                &lines
            } else {
                &month
            };
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_changed_root_breaks_9() {
    let mut books = Books::copy().await;
    books
        .sql("update earnings.month set root = repeat('0', 64) where state = 'closed'")
        .await;
    assert_named(&books.verify(&[]), "9", "closed as 0000");
}

#[tokio::test]
async fn a_changed_seal_breaks_9() {
    let mut books = Books::copy().await;
    books
        .sql("update earnings.seal_total set digest = digest + 1")
        .await;
    assert_named(&books.verify(&[]), "9", "2027-01: sealed");
}

#[tokio::test]
async fn an_acknowledged_write_without_its_effect_breaks_10() {
    let mut books = Books::copy().await;
    books
        .sql(
            "insert into gateway.acknowledged (request_id, principal, method, route, effect)
             values ('r', 'p', 'PUT', '/', 'creator:nobody:1'),
                    ('s', 'p', 'PUT', '/', 'alloc:nobody:allocation:2027-01:1:ada')",
        )
        .await;
    let found = books.verify(&[]);
    assert_named(&found, "10", "creator:nobody:1 (r)");
    assert_named(
        &found,
        "10",
        "alloc:nobody:allocation:2027-01:1:ada was acknowledged",
    );
}

#[tokio::test]
async fn a_delivered_event_without_its_row_breaks_10() {
    let mut books = Books::copy().await;
    let event = "select event_id from webhook_ingest.stripe_event order by event_id limit 1";
    let event = books.text(event).await;
    books
        .sql(&format!(
            "delete from webhook_ingest.stripe_event where event_id = '{event}'"
        ))
        .await;
    assert_named(&books.verify(&[]), "10", &format!("{event} was delivered"));
}

#[tokio::test]
async fn a_month_that_is_not_closed_cannot_be_verified_as_one() {
    let books = Books::copy().await;
    assert_named(
        &books.verify(&["--month", "2027-07"]),
        "8",
        "2027-07 is not closed",
    );
}
