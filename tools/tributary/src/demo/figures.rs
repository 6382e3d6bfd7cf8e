//! Reads the statement's figures where their owners publish them.

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use time::OffsetDateTime;

use super::cast::{Cast, Creator};
use super::client::{Client, User, number, text};
use super::record::Record;
use super::statement::{Books, Carried, Cash, CreatorLines, Earned, MonthLines, Statement};

/// A charge as Stripe booked it.
struct Booked {
    month: String,
    amount_cents: i64,
    fee_cents: i64,
}

pub async fn read(client: &Client, cast: &Cast, record: &Record) -> Result<Statement> {
    let charges = charges(client).await?;
    let mut months = Vec::new();
    for name in &record.months {
        let state = client
            .get(User::FINANCE, &format!("/v1/admin/months/{name}"))
            .await?;
        months.push(month(cast, name, &state, &charges)?);
    }
    let creators = cast
        .creators
        .iter()
        .map(|creator| earnings(client, creator));
    Ok(Statement {
        months,
        creators: try_join_all(creators).await?,
        cash: cash(client, &charges).await?,
        books: books(client, &record.running).await?,
        refused: record.refused.clone(),
    })
}

async fn charges(client: &Client) -> Result<Vec<Booked>> {
    let listed = client
        .stripe_list("/v1/balance_transactions?type=charge")
        .await?;
    listed.iter().map(booked).collect()
}

fn booked(transaction: &Value) -> Result<Booked> {
    let at = OffsetDateTime::from_unix_timestamp(number(transaction, "/created")?)?;
    Ok(Booked {
        month: ledger::Month::of(at).to_string(),
        amount_cents: number(transaction, "/amount")?,
        fee_cents: number(transaction, "/fee")?,
    })
}

fn month(cast: &Cast, name: &str, state: &Value, charges: &[Booked]) -> Result<MonthLines> {
    let charged_cents = number(state, "/cash/gross_cents")?;
    let pools_cents = funded(state)?;
    let run = |figure: &str| number(state, &format!("/run/{figure}_cents"));
    let (planned, paid, failed) = (run("planned")?, run("paid")?, run("failed")?);
    Ok(MonthLines {
        month: name.to_owned(),
        charge_count: number(state, "/cash/charge_count")?,
        charged_cents,
        stripe_fees_cents: charges
            .iter()
            .filter(|one| one.month == name)
            .map(|one| one.fee_cents)
            .sum(),
        // What was charged and funds no pool is tax; the books' own figure is held against it.
        tax_cents: charged_cents - pools_cents,
        pools_cents,
        directed_cents: number(state, "/close/gross_cents")?,
        left_over_cents: number(state, "/close/unallocated_cents")?,
        fee_cents: number(state, "/close/fee_cents")?,
        net_cents: number(state, "/close/net_cents")?,
        planned_cents: planned,
        paid_cents: paid,
        pending_cents: planned - paid - failed,
        failed_cents: failed,
        carried: carried(cast, state)?,
    })
}

/// The sum of a closed month's fundings, as posted.
fn funded(state: &Value) -> Result<i64> {
    let totals = state["close"]["totals"].as_array().into_iter().flatten();
    let fundings = totals.filter(|total| total["kind"] == "funding_attributed");
    fundings.map(|total| number(total, "/posted_cents")).sum()
}

fn carried(cast: &Cast, state: &Value) -> Result<Vec<Carried>> {
    let listed = state["run"]["carried_over"]
        .as_array()
        .into_iter()
        .flatten();
    let mut carried = listed
        .map(|one| {
            let creator_id = text(one, "/creator_id")?.to_owned();
            Ok(Carried {
                name: cast.name_of(&creator_id).to_owned(),
                creator_id,
                cents: number(one, "/payable_cents")?,
                reason: text(one, "/reason")?.to_owned(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    carried.sort_by(|one, other| one.creator_id.cmp(&other.creator_id));
    Ok(carried)
}

async fn earnings(client: &Client, creator: &Creator) -> Result<CreatorLines> {
    let told = client
        .get(User::creator(&creator.id), "/v1/creators/me/earnings")
        .await?;
    let listed = told["months"].as_array().into_iter().flatten();
    let mut months = listed.map(earned).collect::<Result<Vec<_>>>()?;
    months.retain(|month| month.gross_cents != 0);
    months.sort_by(|one, other| one.month.cmp(&other.month));
    Ok(CreatorLines {
        creator_id: creator.id.clone(),
        name: creator.name.clone(),
        months,
        paid_cents: number(&told, "/paid_cents")?,
        payable_cents: number(&told, "/payable_cents")?,
        under_way_cents: number(&told, "/reserved_cents")? + number(&told, "/in_transit_cents")?,
        lifetime_net_cents: number(&told, "/lifetime_net_cents")?,
    })
}

fn earned(month: &Value) -> Result<Earned> {
    Ok(Earned {
        month: text(month, "/month")?.to_owned(),
        gross_cents: number(month, "/gross_cents")?,
        fee_cents: number(month, "/fee_cents")?,
        net_cents: number(month, "/net_cents")?,
    })
}

async fn cash(client: &Client, charges: &[Booked]) -> Result<Cash> {
    let topups = client.stripe_list("/v1/topups?status=succeeded").await?;
    let payouts = client
        .get_all(User::FINANCE, "/v1/payouts", "payout_id")
        .await?;
    let paid = payouts.iter().filter(|payout| payout["state"] == "paid");
    let balance = client.stripe_get("/v1/balance").await?;
    Ok(Cash {
        topups_cents: topups
            .iter()
            .map(|topup| number(topup, "/amount"))
            .sum::<Result<_>>()?,
        charged_cents: charges.iter().map(|charge| charge.amount_cents).sum(),
        stripe_fees_cents: charges.iter().map(|charge| charge.fee_cents).sum(),
        paid_cents: paid
            .map(|payout| number(payout, "/amount_cents"))
            .sum::<Result<_>>()?,
        available_cents: pot(&balance, "available")?,
        pending_cents: pot(&balance, "pending")?,
    })
}

fn pot(balance: &Value, name: &str) -> Result<i64> {
    let parts = balance[name].as_array().into_iter().flatten();
    parts.map(|part| number(part, "/amount")).sum()
}

async fn books(client: &Client, running: &str) -> Result<Books> {
    let books = client.get(User::FINANCE, "/v1/admin/solvency").await?;
    let month = client
        .get(User::FINANCE, &format!("/v1/admin/months/{running}"))
        .await?;
    let figure = |name: &str| number(&books, &format!("/{name}_cents"));
    Ok(Books {
        payments_cents: figure("payments")?,
        elsewhere_cents: figure("storage")? + figure("connected")? + figure("in_flight")?,
        obligations_cents: figure("obligations")?,
        claims_cents: figure("claims")?,
        frozen_and_deferred_cents: figure("frozen")? + figure("deferred")?,
        tax_cents: figure("tax")?,
        missing_cents: figure("missing")?,
        running_month: running.to_owned(),
        running_charged_cents: number(&month, "/cash/gross_cents")?,
    })
}
