//! Problems: each kind has a page, and no refusal of a service is without its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use reqwest::Method;

use crate::bench::{Bench, read};
use crate::fake::Fake;

/// Who answers the gateway.
const SERVICES: [&str; 6] = [
    "billing",
    "allocation",
    "earnings",
    "payout",
    "balance-monitor",
    "notifier",
];
/// Refusals that services give to one another, or write into a payout's history; none leaves by
/// an answer to the gateway.
const INSIDE: &[&str] = &[
    "ALREADY_SENDING",
    "ANOTHER_OBJECT",
    "ATTEMPT_ENDED",
    "HOLD_ATTEMPT_ENDED",
    "HOLD_BROKEN",
    "HOLD_COMMITTED",
    "HOLD_DIFFERS",
    "HOLD_RELEASED",
    "HOLD_UNKNOWN",
    "NOT_UNDER_WAY",
    "NO_FACT",
    "TOO_EARLY",
    "TOO_MUCH_REVERSED",
];

async fn kinds(bench: &Bench) -> Result<BTreeMap<String, u64>> {
    let mut kinds = BTreeMap::new();
    let mut path = "/v1/problems?limit=20".to_owned();
    loop {
        let page = read(bench.request(Method::GET, &path)?).await?;
        for kind in page.body["data"].as_array().expect("kinds") {
            let code = kind["code"].as_str().expect("a code").to_owned();
            assert!(
                kinds
                    .insert(code, kind["status"].as_u64().expect("a status"))
                    .is_none()
            );
        }
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/problems?limit=20&starting_after={cursor}"),
            None => return Ok(kinds),
        }
    }
}

#[tokio::test]
async fn a_problems_type_leads_to_a_page_about_its_kind() -> Result<()> {
    let bench = Bench::start().await?;
    for (code, status) in kinds(&bench).await? {
        let page = read(bench.request(Method::GET, &format!("/v1/problems/{code}"))?).await?;
        assert_eq!(
            (page.status, page.body["status"].as_u64()),
            (200, Some(status)),
            "{code}"
        );
        assert_eq!(page.body["type"], format!("/v1/problems/{code}"));
    }
    let problem = bench.get("creator", "/v1/payouts?limit=0").await?;
    let kind = problem.body["type"].as_str().expect("a type").to_owned();
    let page = read(bench.request(Method::GET, &kind)?).await?;
    assert_eq!(
        (page.status, &page.body["title"]),
        (200, &problem.body["title"])
    );
    let none = read(bench.request(Method::GET, "/v1/problems/no_such")?).await?;
    assert_eq!(none.problem(), (404, "problem_unknown"));
    Ok(())
}

#[tokio::test]
async fn each_refusal_has_the_status_that_callers_were_promised() -> Result<()> {
    let fake = Fake::default();
    let bench = Bench::over(&fake).await?;
    let promised: [(&'static str, u16); 25] = [
        ("SUBSCRIPTION_PAST_DUE", 403),
        ("SUBSCRIPTION_REQUIRED", 403),
        ("PAYMENT_REQUIRED", 402),
        ("ALREADY_SUBSCRIBED", 409),
        ("PROMOTION_UNKNOWN", 422),
        ("PROGRAM_REQUIRED", 400),
        ("PROGRAM_UNKNOWN", 404),
        ("NOTHING_TO_COPY", 422),
        ("MONTH_LOCKED", 409),
        ("MONTH_NOT_OPEN", 409),
        ("MONTH_NOT_SEALED", 409),
        ("MONTH_STOPPED", 409),
        ("MONTH_UNKNOWN", 404),
        ("INSUFFICIENT_FUNDS", 422),
        ("INSUFFICIENT_BALANCE", 422),
        ("BELOW_MINIMUM", 422),
        ("ACCOUNT_NOT_VERIFIED", 409),
        ("FUNDS_SETTLING", 409),
        ("EXCEEDS_SINGLE_LIMIT", 422),
        ("AMOUNT_OUT_OF_BOUNDS", 422),
        ("PLAN_UNKNOWN", 422),
        ("CREATOR_UNKNOWN", 404),
        ("SELF_ALLOCATION", 422),
        ("STRIPE_REFUSED", 422),
        ("IDEMPOTENCY_KEY_REUSED", 422),
    ];
    for (code, status) in promised {
        fake.refuse("NotifierService/ListFeed", code);
        let reply = bench.get("creator", "/v1/notices").await?;
        assert_eq!(reply.problem(), (status, code.to_lowercase().as_str()));
    }
    fake.refuse("NotifierService/ListFeed", "INVALID_ARGUMENT");
    assert_eq!(
        bench.get("creator", "/v1/notices").await?.problem(),
        (400, "invalid_request")
    );
    Ok(())
}

#[tokio::test]
async fn every_kind_of_problem_stands_at_a_route_that_can_answer_it() -> Result<()> {
    let bench = Bench::start().await?;
    let operations = crate::document::operations(&bench).await?;
    let listed: BTreeSet<String> = operations
        .iter()
        .filter_map(|(_, _, operation)| operation["x-problems"].as_array())
        .flatten()
        .filter_map(|code| Some(code.as_str()?.to_owned()))
        .collect();
    // Where there is no route, none can list them.
    let nowhere = ["route_unknown", "method_not_allowed"];
    for code in kinds(&bench).await?.keys() {
        let known = listed.contains(code) || nowhere.contains(&code.as_str());
        assert!(known, "no route lists {code}");
    }
    Ok(())
}

#[tokio::test]
async fn no_refusal_that_a_service_writes_is_missing_in_the_catalogue() -> Result<()> {
    let bench = Bench::start().await?;
    let kinds = kinds(&bench).await?;
    let mut missing = BTreeSet::new();
    for service in SERVICES {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(service)
            .join("src");
        for code in codes_below(&sources)? {
            let known = kinds.contains_key(&code.to_lowercase()) || code == "INVALID_ARGUMENT";
            if !known && !INSIDE.contains(&code.as_str()) {
                missing.insert(format!("{service}: {code}"));
            }
        }
    }
    assert!(missing.is_empty(), "no kind of problem for {missing:?}");
    Ok(())
}

/// Literals in capitals with an underline, which is how refusals are written and little else is.
fn codes_below(folder: &Path) -> Result<BTreeSet<String>> {
    let mut codes = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            codes.extend(codes_below(&path)?);
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        codes.extend(
            text.split('"')
                .filter(|word| is_code(word))
                .map(ToOwned::to_owned),
        );
    }
    Ok(codes)
}

fn is_code(word: &str) -> bool {
    let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_place = ["CARGO_", "DATABASE_", "OUT_DIR", "LEGACY_"];
    word.contains('_')
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(capital)
        && !is_place.iter().any(|place| word.starts_with(place))
}
