//! What operators are shown of the books.

use ledger::Side;
use wire::earnings::v1::{
    AccountBalance, GetRevenueResponse, GetSolvencyResponse, ListAccountsResponse,
    ListObligationsResponse, ListPostingsResponse, Obligation, Posting, PostingEntry, RevenueLine,
};

use super::CURRENCY;
use crate::domain::solvency::Weighed;
use crate::store::{self, JournalEntry, JournalPosting, Obligations, Owed, Page};

pub fn solvency(weighed: &Weighed, cut: String) -> GetSolvencyResponse {
    GetSolvencyResponse {
        payments_minor: weighed.payments_minor,
        storage_minor: weighed.storage_minor,
        connected_minor: weighed.connected_minor,
        in_flight_minor: weighed.in_flight_minor,
        obligations_minor: weighed.obligations_minor,
        claims_minor: weighed.claims_minor,
        frozen_minor: weighed.frozen_minor,
        deferred_minor: weighed.deferred_minor,
        tax_minor: weighed.tax_minor,
        missing_minor: weighed.missing_minor(),
        required_minor: weighed.required_minor(),
        cut,
    }
}

pub fn obligations(owed: Obligations) -> ListObligationsResponse {
    ListObligationsResponse {
        obligations: owed.page.rows.into_iter().map(obligation).collect(),
        has_more: owed.page.has_more,
        sum: Some(obligation(owed.sum)),
        currency: CURRENCY.to_owned(),
    }
}

fn obligation(owed: Owed) -> Obligation {
    Obligation {
        total_minor: owed.total_minor(),
        creator_id: owed.creator_id,
        pending_gross_minor: owed.pending_gross_minor,
        pending_net_minor: owed.pending_net_minor,
        payable_minor: owed.payable_minor,
        reserved_minor: owed.reserved_minor,
        in_transit_minor: owed.in_transit_minor,
        frozen_net_minor: owed.frozen_net_minor,
        debt_minor: owed.debt_minor,
    }
}

pub fn revenue(lines: Vec<store::RevenueLine>) -> GetRevenueResponse {
    let signed = lines.iter().map(|line| match line.is_expense {
        true => line.minor.saturating_neg(),
        false => line.minor,
    });
    GetRevenueResponse {
        result_minor: signed.fold(0, i64::saturating_add),
        lines: lines
            .into_iter()
            .map(|line| RevenueLine {
                month: line.month.to_string(),
                source: line.source,
                amount_minor: line.minor,
            })
            .collect(),
        currency: CURRENCY.to_owned(),
    }
}

pub fn accounts(page: Page<store::AccountBalance>) -> ListAccountsResponse {
    let accounts = page.rows.into_iter().map(|account| AccountBalance {
        name: account.name,
        kind: account.kind,
        asset: account.asset,
        normal_side: account.side.as_str().to_owned(),
        amount_minor: account.minor,
    });
    ListAccountsResponse {
        accounts: accounts.collect(),
        has_more: page.has_more,
    }
}

pub fn postings(page: Page<JournalPosting>) -> ListPostingsResponse {
    ListPostingsResponse {
        postings: page.rows.into_iter().map(posting).collect(),
        has_more: page.has_more,
    }
}

fn posting(posting: JournalPosting) -> Posting {
    Posting {
        posting_id: posting.posting_id,
        fact_id: posting.key,
        kind: posting.kind,
        txn: posting.txn.unwrap_or_default(),
        program: posting.program.unwrap_or_default(),
        month: posting
            .month
            .map(|month| month.to_string())
            .unwrap_or_default(),
        occurred_at: Some(wire::timestamp(posting.occurred_at)),
        entries: posting.entries.into_iter().map(entry).collect(),
    }
}

fn entry(entry: JournalEntry) -> PostingEntry {
    let side = if entry.debit_minor < 0 {
        Side::Credit
    } else {
        Side::Debit
    };
    PostingEntry {
        account: entry.account,
        side: side.as_str().to_owned(),
        amount_minor: entry.debit_minor.saturating_abs(),
        asset: entry.asset,
    }
}
