//! Creators' and operators' routes pass on what they were asked, and show what they were answered.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use wire::{allocation, earnings, payout};

use crate::bench::Bench;
use crate::fake::Fake;

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// 2027-02-01.
const FEBRUARY: i64 = 1_801_440_000;

#[tokio::test]
async fn earnings_show_balance_late_money_and_why_some_carries_over() -> Result<()> {
    use earnings::v1::{GetCreatorEarningsRequest, GetCreatorEarningsResponse, LateEarning};
    use payout::v1::{CarriedOver, GetCarryOverRequest};
    let fake = Fake::default();
    fake.on(
        "EarningsService/GetCreatorEarnings",
        |question: GetCreatorEarningsRequest| GetCreatorEarningsResponse {
            creator_id: question.creator_id,
            payable_minor: 2000,
            reserved_minor: 180,
            lifetime_net_minor: 9000,
            late: vec![LateEarning {
                month: "2027-02".into(),
                origin_month: "2027-01".into(),
                net_minor: 93,
                ..Default::default()
            }],
            ..Default::default()
        },
    );
    let bench = Bench::over(&fake).await?;
    // Whoever was never registered has earnings all the same.
    fake.try_on("PayoutService/GetCarryOver", |_: GetCarryOverRequest| {
        let unknown = kit::Rejection::new("CREATOR_UNKNOWN", "no");
        Err::<CarriedOver, _>(kit::Error::NotFound(unknown))
    });
    let reply = bench.get("creator", "/v1/creators/me/earnings").await?;
    assert_eq!(
        (reply.status, &reply.body["carry_over"]),
        (200, &json!(null)),
        "{}",
        reply.body
    );
    fake.on("PayoutService/GetCarryOver", |_: GetCarryOverRequest| {
        CarriedOver {
            payable_minor: 2000,
            reason: "below $25.00 by $5.00".into(),
            expected_on: at(FEBRUARY),
            month: "2027-01".into(),
            ..Default::default()
        }
    });
    let reply = bench
        .get("finance", "/v1/admin/creators/alice/earnings")
        .await?;
    let body = &reply.body;
    assert_eq!(
        (&body["creator_id"], &body["balance_cents"]),
        (&json!("alice"), &json!(2180))
    );
    assert_eq!(
        (&body["lifetime_cents"], &body["lifetime_net_cents"]),
        (&json!(9000), &json!(9000))
    );
    assert_eq!(body["late_earnings"][0]["origin_month"], "2027-01");
    assert_eq!(body["carry_over"]["reason"], "below $25.00 by $5.00");
    assert_eq!(body["carry_over"]["expected_on"], "2027-02-01T00:00:00Z");
    fake.refuse("PayoutService/GetCreator", "CREATOR_UNKNOWN");
    let unknown = bench
        .get("finance", "/v1/admin/creators/nobody/earnings")
        .await?;
    assert_eq!(unknown.problem(), (404, "creator_unknown"));
    Ok(())
}

#[tokio::test]
async fn only_an_admin_sees_a_creators_email_and_account() -> Result<()> {
    use payout::v1::{Account, Creator, GetAccountRequest, GetCreatorRequest};
    let fake = Fake::default();
    fake.on("PayoutService/GetCreator", |question: GetCreatorRequest| {
        Creator {
            creator_id: question.creator_id,
            display_name: "Alice".into(),
            email: "alice@example.com".into(),
            ..Default::default()
        }
    });
    fake.on("PayoutService/GetAccount", |_: GetAccountRequest| Account {
        account_id: "acct_1".into(),
        ..Default::default()
    });
    let bench = Bench::over(&fake).await?;
    for role in ["subscriber", "creator", "finance"] {
        let text = bench
            .get(role, "/v1/creators/alice")
            .await?
            .body
            .to_string();
        assert!(
            text.contains("Alice") && !text.contains('@') && !text.contains("acct"),
            "{text}"
        );
    }
    let seen = bench.get("admin", "/v1/creators/alice").await?.body;
    assert_eq!(seen["email"], "alice@example.com");
    assert_eq!(seen["account"]["account_id"], "acct_1");
    Ok(())
}

#[tokio::test]
async fn a_month_says_how_far_it_is_and_what_differs() -> Result<()> {
    use earnings::v1::{CloseMonthRequest, GetMonthRequest, GetMonthResponse, TotalCheck};
    let fake = Fake::default();
    fake.on(
        "AllocationService/GetMonth",
        |question: allocation::v1::GetMonthRequest| {
            let state = if question.month == "2027-02" {
                "locked"
            } else {
                "sealed"
            };
            allocation::v1::GetMonthResponse {
                state: state.into(),
                ..Default::default()
            }
        },
    );
    fake.on("EarningsService/GetMonth", |question: GetMonthRequest| {
        let total = TotalCheck {
            program: "allocation".into(),
            kind: "charge_settled".into(),
            sealed_count: 10,
            sealed_sum_minor: 1000,
            posted_count: 9,
            posted_sum_minor: 900,
            digest_equal: false,
        };
        let state = if question.month == "2027-02" {
            "open"
        } else {
            "stopped"
        };
        GetMonthResponse {
            state: state.into(),
            totals: vec![total],
            ..Default::default()
        }
    });
    let bench = Bench::over(&fake).await?;
    let stopped = bench.get("finance", "/v1/admin/months/2027-01").await?.body;
    assert_eq!(stopped["state"], "stopped");
    let differs =
        "allocation charge_settled: 10 facts of 1000 cents were sealed, 9 of 900 are posted";
    assert_eq!(stopped["close"]["differs"], json!([differs]));
    let locked = bench.get("finance", "/v1/admin/months/2027-02").await?.body;
    assert_eq!(
        (&locked["state"], &locked["close"]["differs"]),
        (&json!("locked"), &json!([]))
    );
    let path = "/v1/admin/months/2027-01/close";
    let closed = bench
        .write("finance", Method::POST, path, &json!({}))
        .await?;
    assert_eq!(
        (closed.status, &closed.body["object"]),
        (200, &json!("month"))
    );
    let asked = fake.asked::<CloseMonthRequest>("EarningsService/CloseMonth");
    assert_eq!(asked[0].month, "2027-01");
    fake.refuse("EarningsService/CloseMonth", "MONTH_NOT_SEALED");
    let refused = bench
        .write("finance", Method::POST, path, &json!({}))
        .await?;
    assert_eq!(refused.problem(), (409, "month_not_sealed"));
    Ok(())
}

#[tokio::test]
async fn the_books_are_asked_as_the_operator_asks() -> Result<()> {
    use earnings::v1::{
        GetRevenueRequest, GetRevenueResponse, ListAccountsRequest, ListMonthLinesRequest,
        ListMonthLinesResponse, ListObligationsRequest, ListObligationsResponse,
        ListPostingsRequest, ListPostingsResponse, MonthLine, Obligation, Posting, RevenueLine,
    };
    let fake = Fake::default();
    let posting = Posting {
        posting_id: 41,
        ..Default::default()
    };
    fake.on(
        "EarningsService/ListPostings",
        move |_: ListPostingsRequest| ListPostingsResponse {
            postings: vec![posting.clone()],
            has_more: true,
        },
    );
    fake.on(
        "EarningsService/ListObligations",
        |_: ListObligationsRequest| ListObligationsResponse {
            sum: Some(Obligation {
                total_minor: 7,
                ..Default::default()
            }),
            ..Default::default()
        },
    );
    fake.on(
        "EarningsService/ListMonthLines",
        |_: ListMonthLinesRequest| ListMonthLinesResponse {
            lines: vec![MonthLine {
                line: 5,
                ..Default::default()
            }],
            has_more: true,
            ..Default::default()
        },
    );
    fake.on("EarningsService/GetRevenue", |_: GetRevenueRequest| {
        let line = |month: &str, source: &str| RevenueLine {
            month: month.into(),
            source: source.into(),
            amount_minor: 1,
        };
        GetRevenueResponse {
            lines: vec![
                line("2027-01", "revenue/fees"),
                line("2027-02", "revenue/fees"),
            ],
            result_minor: 2,
            ..Default::default()
        }
    });
    let bench = Bench::over(&fake).await?;
    let page = bench
        .get(
            "finance",
            "/v1/admin/postings?account=revenue/fees&starting_after=50",
        )
        .await?;
    assert_eq!(page.body["next_cursor"], "41", "{}", page.body);
    let asked = &fake.asked::<ListPostingsRequest>("EarningsService/ListPostings")[0];
    assert_eq!(
        (asked.account.as_str(), asked.before_posting_id, asked.limit),
        ("revenue/fees", 50, 10)
    );
    let page = bench
        .get("finance", "/v1/admin/obligations?starting_after=alice")
        .await?;
    assert_eq!(
        (&page.body["sum"]["total_cents"], &page.body["object"]),
        (&json!(7), &json!("list"))
    );
    let lines = "/v1/admin/months/2027-01/lines?starting_after=4&limit=1";
    assert_eq!(bench.get("finance", lines).await?.body["next_cursor"], "5");
    let first = bench
        .get("finance", "/v1/admin/revenue?from=2027-01&limit=1")
        .await?
        .body;
    assert_eq!(
        (&first["next_cursor"], &first["result_cents"]),
        (&json!("2027-01:revenue/fees"), &json!(2))
    );
    let next = "/v1/admin/revenue?limit=1&starting_after=2027-01:revenue/fees";
    assert_eq!(
        bench.get("finance", next).await?.body["data"][0]["month"],
        "2027-02"
    );
    let path = "/v1/admin/accounts?prefix=revenue/&as_of=2027-02-01T00:00:00Z&without_zero=true";
    assert_eq!(bench.get("finance", path).await?.status, 200);
    let asked = &fake.asked::<ListAccountsRequest>("EarningsService/ListAccounts")[0];
    assert_eq!(
        (asked.name_prefix.as_str(), asked.as_of, asked.without_zero),
        ("revenue/", at(FEBRUARY), true)
    );
    Ok(())
}

#[tokio::test]
async fn a_payout_shows_why_it_waits_and_when_it_is_tried_again() -> Result<()> {
    use payout::v1::{GetPayoutRequest, Payout};
    let fake = Fake::default();
    fake.on("PayoutService/GetPayout", |_: GetPayoutRequest| Payout {
        creator_id: "u1".into(),
        state: "retry_wait".into(),
        reason: "the bank refused it; it is tried again".into(),
        failure_code: "account_closed".into(),
        retry_count: 2,
        next_retry_at: at(FEBRUARY),
        expected_arrival_at: at(FEBRUARY),
        ..Default::default()
    });
    let bench = Bench::over(&fake).await?;
    let body = bench.get("creator", "/v1/payouts/po_1").await?.body;
    assert_eq!(body["reason"], "the bank refused it; it is tried again");
    assert_eq!(
        (&body["failure_code"], &body["retry_count"]),
        (&json!("account_closed"), &json!(2))
    );
    assert_eq!(body["next_retry_at"], "2027-02-01T00:00:00Z");
    assert_eq!(body["expected_arrival_at"], "2027-02-01T00:00:00Z");
    Ok(())
}
