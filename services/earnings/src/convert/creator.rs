//! What creators are shown.

use ledger::{CreatorId, Month, Program};
use time::OffsetDateTime;
use wire::earnings::v1::{
    GetCreatorEarningsResponse, GetCreatorMonthResponse, LateEarning, MonthEarnings, Payable,
    PayoutShare,
};

use super::CURRENCY;
use crate::domain::history::{History, Late, Line, Place};
use crate::store;

pub fn payable(payable: store::Payable) -> Payable {
    let store::Payable {
        creator_id,
        payable_minor,
    } = payable;
    Payable {
        creator_id,
        payable_minor,
        currency: CURRENCY.to_owned(),
    }
}

/// Everything, newest month first.
pub fn earnings(
    creator: &CreatorId,
    history: &History,
    now: OffsetDateTime,
) -> GetCreatorEarningsResponse {
    let newest_first = history.lines.iter().rev();
    let months = newest_first.map(|(key, line)| month_earnings(history, *key, line, now));
    GetCreatorEarningsResponse {
        creator_id: creator.to_string(),
        currency: CURRENCY.to_owned(),
        pending_minor: history.sum(|line: &Line| line.pending_minor),
        payable_minor: history.sum(|line: &Line| line.payable_minor),
        reserved_minor: history.reserved_minor,
        in_transit_minor: history.placed(Place::InTransit),
        paid_minor: history.placed(Place::Paid),
        lifetime_net_minor: history.lifetime_minor(),
        months: months.collect(),
        late: history.late.iter().map(late).collect(),
        frozen_minor: history.sum(|line: &Line| line.frozen_minor),
        debt_minor: history.debt_minor,
    }
}

/// One month of the same; late earnings are those that are paid with it.
pub fn creator_month(
    creator: &CreatorId,
    month: Month,
    history: &History,
    now: OffsetDateTime,
) -> GetCreatorMonthResponse {
    let lines = history.lines.iter().filter(|((of, _), _)| *of == month);
    let shares = history.shares.iter().filter(|share| share.month == month);
    let paid_with = history.late.iter().filter(|late| late.month == month);
    GetCreatorMonthResponse {
        creator_id: creator.to_string(),
        currency: CURRENCY.to_owned(),
        month: month.to_string(),
        programs: lines
            .map(|(key, line)| month_earnings(history, *key, line, now))
            .collect(),
        payouts: shares
            .map(|share| PayoutShare {
                payout_id: share.payout_id.clone(),
                program: share.program.to_string(),
                amount_minor: share.minor,
            })
            .collect(),
        late: paid_with.map(late).collect(),
    }
}

fn month_earnings(
    history: &History,
    (month, program): (Month, Program),
    line: &Line,
    now: OffsetDateTime,
) -> MonthEarnings {
    MonthEarnings {
        month: month.to_string(),
        program: program.to_string(),
        pending_minor: line.pending_minor,
        gross_minor: line.gross_minor,
        fee_minor: line.fee_minor,
        net_minor: line.net_minor,
        payable_minor: line.payable_minor,
        status: history.status(month, line, now).as_str().to_owned(),
    }
}

fn late(late: &Late) -> LateEarning {
    LateEarning {
        month: late.month.to_string(),
        origin_month: late.origin_month.to_string(),
        program: late.program.to_string(),
        gross_minor: late.gross_minor,
        fee_minor: late.gross_minor.saturating_sub(late.net_minor),
        net_minor: late.net_minor,
        cause: late.cause.clone(),
        posted_at: Some(wire::timestamp(late.at)),
    }
}
