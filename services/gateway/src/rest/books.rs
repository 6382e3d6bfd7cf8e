//! The books, as the operator reads them: obligations, revenue, accounts, postings.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::earnings::v1::{
    GetRevenueRequest, ListAccountsRequest, ListObligationsRequest, ListPostingsRequest,
};

use crate::Gate;
use crate::answer::{List, instant_text, said};
use crate::body::Query;
use crate::input::{self, PageQuery, given};
use crate::problem::{Fault, Faults, Problem};

/// What is owed to one creator.
#[derive(Serialize, ToSchema)]
pub struct Obligation {
    /// The creator's id; null in the sum over all.
    pub creator_id: Option<String>,
    /// Allocated in months that are not closed, before the fee.
    pub pending_gross_cents: i64,
    /// The creator's part of it.
    pub pending_net_cents: i64,
    /// Free to be paid.
    pub payable_cents: i64,
    /// Held for payouts that are being prepared.
    pub reserved_cents: i64,
    /// Committed and not known to have left.
    pub in_transit_cents: i64,
    /// Frozen by disputes, net.
    pub frozen_net_cents: i64,
    /// To be recovered; not taken off the total.
    pub debt_cents: i64,
    /// What must be covered.
    pub total_cents: i64,
}

impl From<wire::earnings::v1::Obligation> for Obligation {
    fn from(one: wire::earnings::v1::Obligation) -> Self {
        Self {
            creator_id: said(one.creator_id),
            pending_gross_cents: one.pending_gross_minor,
            pending_net_cents: one.pending_net_minor,
            payable_cents: one.payable_minor,
            reserved_cents: one.reserved_minor,
            in_transit_cents: one.in_transit_minor,
            frozen_net_cents: one.frozen_net_minor,
            debt_cents: one.debt_minor,
            total_cents: one.total_minor,
        }
    }
}

/// A page of obligations, and the sum over all creators.
#[derive(Serialize, ToSchema)]
pub struct Obligations {
    /// The page.
    #[serde(flatten)]
    pub list: List<Obligation>,
    /// Over all creators, not over the page.
    pub sum: Obligation,
    /// Always USD.
    pub currency: String,
}

/// What is owed, by creator, in the order of their ids.
#[utoipa::path(get, path = "/v1/admin/obligations", tag = "books", params(PageQuery),
    responses((status = 200, description = "A page of obligations", body = Obligations)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn obligations(
    State(gate): State<Gate>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Obligations>, Problem> {
    let page = page.page()?;
    let question = ListObligationsRequest {
        after_creator_id: page.starting_after,
        limit: page.limit,
    };
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.list_obligations(question).await?.into_inner();
    let all = answer
        .obligations
        .into_iter()
        .map(Obligation::from)
        .collect();
    let id = |one: &Obligation| one.creator_id.clone().unwrap_or_default();
    Ok(Json(Obligations {
        list: List::cut(all, answer.has_more, id),
        sum: answer.sum.unwrap_or_default().into(),
        currency: answer.currency,
    }))
}

/// Which months; both are included.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevenueQuery {
    /// The first month; the first of all unless told.
    #[param(example = "2027-01")]
    from: Option<String>,
    /// The last month; the last of all unless told.
    #[param(example = "2027-03")]
    to: Option<String>,
}

/// One source in one month.
#[derive(Serialize, ToSchema)]
pub struct RevenueLine {
    /// The month.
    pub month: String,
    /// The account: revenue/fees, revenue/unallocated, expense/stripe_fees, …
    #[schema(example = "revenue/fees")]
    pub source: String,
    /// Income of a revenue account, cost of an expense account.
    pub amount_cents: i64,
}

/// A page of revenue, and the result over all.
#[derive(Serialize, ToSchema)]
pub struct Revenue {
    /// The page.
    #[serde(flatten)]
    pub list: List<RevenueLine>,
    /// Revenue less expenses, over all lines and not over the page.
    pub result_cents: i64,
    /// Always USD.
    pub currency: String,
}

/// Revenue and expenses, by month and source.
#[utoipa::path(get, path = "/v1/admin/revenue", tag = "books", params(RevenueQuery, PageQuery),
    responses((status = 200, description = "A page of revenue", body = Revenue)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn revenue(
    State(gate): State<Gate>,
    Query(query): Query<RevenueQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Revenue>, Problem> {
    let mut faults = Faults::default();
    let page = faults.take(page.page_of_short());
    let month =
        |field, text: &Option<String>| given(text.as_deref(), |text| input::month(field, text));
    let question = GetRevenueRequest {
        from_month: faults.take(month("from", &query.from)),
        to_month: faults.take(month("to", &query.to)),
    };
    faults.none()?;
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.get_revenue(question).await?.into_inner();
    let lines = answer.lines.into_iter().map(|line| RevenueLine {
        month: line.month,
        source: line.source,
        amount_cents: line.amount_minor,
    });
    let name = |line: &RevenueLine| format!("{}:{}", line.month, line.source);
    Ok(Json(Revenue {
        list: List::page_of(lines.collect(), &page, name),
        result_cents: answer.result_minor,
        currency: answer.currency,
    }))
}

/// Which accounts, as of when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountsQuery {
    /// Names that begin so.
    #[param(example = "revenue/")]
    prefix: Option<String>,
    /// Counts what happened up to this instant of business time; now, unless told.
    #[param(example = "2027-02-01T00:00:00Z")]
    as_of: Option<String>,
    /// Leaves out accounts that stand at zero.
    #[param(value_type = Option<bool>, example = true)]
    without_zero: Option<String>,
}

/// One account, counted from the side on which it grows.
#[derive(Serialize, ToSchema)]
pub struct AccountBalance {
    /// Its name.
    #[schema(example = "revenue/fees")]
    pub name: String,
    /// asset, liability, revenue, expense, …
    #[schema(example = "revenue")]
    pub kind: String,
    /// USD or TOKEN.
    pub asset: String,
    /// debit or credit.
    #[schema(example = "credit")]
    pub normal_side: String,
    /// In cents of USD, or in whole tokens.
    pub amount_cents: i64,
}

/// Accounts and their balances, by name.
#[utoipa::path(get, path = "/v1/admin/accounts", tag = "books", params(AccountsQuery, PageQuery),
    responses((status = 200, description = "A page of accounts", body = List<AccountBalance>)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn accounts(
    State(gate): State<Gate>,
    Query(query): Query<AccountsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<AccountBalance>>, Problem> {
    let mut faults = Faults::default();
    let page = faults.take(page.page());
    let instant = |text: &str| input::instant("as_of", text).map(Some);
    let flag = |text: &str| input::flag("without_zero", text);
    let as_of = faults.take(given(query.as_of.as_deref(), instant));
    let question = ListAccountsRequest {
        name_prefix: faults.take(name("prefix", query.prefix.as_deref())),
        as_of: as_of.map(wire::timestamp),
        without_zero: faults.take(given(query.without_zero.as_deref(), flag)),
        after_name: page.starting_after,
        limit: page.limit,
    };
    faults.none()?;
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.list_accounts(question).await?.into_inner();
    let accounts = answer.accounts.into_iter().map(|account| AccountBalance {
        name: account.name,
        kind: account.kind,
        asset: account.asset,
        normal_side: account.normal_side,
        amount_cents: account.amount_minor,
    });
    let id = |one: &AccountBalance| one.name.clone();
    Ok(Json(List::cut(accounts.collect(), answer.has_more, id)))
}

/// Which postings: all, or by one of the three.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PostingsQuery {
    /// With an entry on this account.
    #[param(example = "revenue/fees")]
    account: Option<String>,
    /// Of this fact.
    #[param(example = "seal:2027-01")]
    fact_id: Option<String>,
    /// With this balance transaction of Stripe as evidence.
    #[param(example = "txn_1A2b3C")]
    txn: Option<String>,
}

/// One leg of a posting.
#[derive(Serialize, ToSchema)]
pub struct PostingEntry {
    /// The account's name.
    #[schema(example = "revenue/fees")]
    pub account: String,
    /// debit or credit.
    #[schema(example = "credit")]
    pub side: String,
    /// Never negative; in cents of USD, or in whole tokens.
    pub amount_cents: i64,
    /// USD or TOKEN.
    pub asset: String,
}

/// One posting: its debits equal its credits in each asset.
#[derive(Serialize, ToSchema)]
pub struct Posting {
    /// Its number.
    #[schema(example = 42)]
    pub posting_id: i64,
    /// The fact that was posted.
    #[schema(example = "alloc:u1:allocation:2027-01:3:alice")]
    pub fact_id: String,
    /// The kind of fact.
    #[schema(example = "allocation_changed")]
    pub kind: String,
    /// The balance transaction of Stripe that is its evidence.
    #[schema(example = "txn_1A2b3C")]
    pub txn: Option<String>,
    /// The program, of a fact that has one.
    pub program: Option<String>,
    /// The month, of a fact that has one.
    pub month: Option<String>,
    /// When it happened.
    pub occurred_at: Option<String>,
    /// Its legs.
    pub entries: Vec<PostingEntry>,
}

/// Postings with their entries, newest first.
#[utoipa::path(get, path = "/v1/admin/postings", tag = "books", params(PostingsQuery, PageQuery),
    responses((status = 200, description = "A page of postings", body = List<Posting>)),
    security(("bearer" = ["admin", "finance"])))]
pub async fn postings(
    State(gate): State<Gate>,
    Query(query): Query<PostingsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<Posting>>, Problem> {
    let mut faults = Faults::default();
    let (page, before_posting_id) = faults.take(page.numbered());
    let question = ListPostingsRequest {
        account: faults.take(name("account", query.account.as_deref())),
        fact_id: faults.take(name("fact_id", query.fact_id.as_deref())),
        txn: faults.take(name("txn", query.txn.as_deref())),
        before_posting_id,
        limit: page.limit,
    };
    faults.take(one_at_most(&question));
    faults.none()?;
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.list_postings(question).await?.into_inner();
    let postings = answer.postings.into_iter().map(Posting::from).collect();
    let number = |one: &Posting| one.posting_id.to_string();
    Ok(Json(List::cut(postings, answer.has_more, number)))
}

fn one_at_most(question: &ListPostingsRequest) -> Result<(), Fault> {
    let asked = [
        ("account", &question.account),
        ("fact_id", &question.fact_id),
        ("txn", &question.txn),
    ];
    let mut asked = asked.iter().filter(|(_, text)| !text.is_empty());
    asked.next();
    asked.next().map_or(Ok(()), |(second, _)| {
        Err(Fault::invalid(
            *second,
            "ask by one of account, fact_id and txn",
        ))
    })
}

fn name(field: &str, text: Option<&str>) -> Result<String, Fault> {
    given(text, |text| input::name(field, text))
}

impl From<wire::earnings::v1::Posting> for Posting {
    fn from(posting: wire::earnings::v1::Posting) -> Self {
        let entries = posting.entries.into_iter().map(|entry| PostingEntry {
            account: entry.account,
            side: entry.side,
            amount_cents: entry.amount_minor,
            asset: entry.asset,
        });
        Self {
            posting_id: posting.posting_id,
            fact_id: posting.fact_id,
            kind: posting.kind,
            txn: said(posting.txn),
            program: said(posting.program),
            month: said(posting.month),
            occurred_at: instant_text(posting.occurred_at),
            entries: entries.collect(),
        }
    }
}
