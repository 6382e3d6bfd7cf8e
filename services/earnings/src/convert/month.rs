//! Months: control totals, figures, lines.

use kit::Error;
use ledger::ControlTotals;
use wire::earnings::v1::{GetMonthResponse, ListMonthLinesResponse, MonthLine, TotalCheck};

use super::CURRENCY;
use crate::domain::month::MonthReport;
use crate::store::{ManifestLine, Page};

pub fn month_response(report: &MonthReport) -> GetMonthResponse {
    let mut response = GetMonthResponse {
        month: report.month.to_string(),
        state: report.state.to_owned(),
        totals: totals(&report.sealed, &report.posted),
        ..GetMonthResponse::default()
    };
    if let Some(closed) = &report.closed {
        response.closed_at = Some(wire::timestamp(closed.at));
        response.manifest_root = closed.root.clone();
        response.gross_minor = closed.gross_minor;
        response.fee_minor = closed.fee_minor;
        response.net_minor = closed.net_minor;
        response.unallocated_minor = closed.unallocated_minor;
        response.creator_count = closed.creator_count;
    }
    response
}

/// One line per program and kind that either side knows.
fn totals(sealed: &ControlTotals, posted: &ControlTotals) -> Vec<TotalCheck> {
    let keys: std::collections::BTreeSet<_> = sealed
        .iter()
        .chain(posted.iter())
        .map(|(program, kind, _)| (program, kind))
        .collect();
    let checks = keys.into_iter().map(|(program, kind)| {
        let (sealed, posted) = (sealed.get(program, kind), posted.get(program, kind));
        TotalCheck {
            program: program.to_string(),
            kind: kind.to_string(),
            sealed_count: i64::try_from(sealed.count).unwrap_or(i64::MAX),
            sealed_sum_minor: sealed.sum_minor,
            posted_count: i64::try_from(posted.count).unwrap_or(i64::MAX),
            posted_sum_minor: posted.sum_minor,
            digest_equal: sealed.digest == posted.digest,
        }
    });
    checks.collect()
}

/// # Errors
/// `Bug` for a line that no manifest of ours has.
pub fn month_lines(page: Page<ManifestLine>) -> Result<ListMonthLinesResponse, Error> {
    let has_more = page.has_more;
    let lines = page.rows.into_iter().map(month_line);
    Ok(ListMonthLinesResponse {
        lines: lines.collect::<Result<_, _>>()?,
        has_more,
        currency: CURRENCY.to_owned(),
    })
}

/// `v1|creator|alice|allocation|1001|70|931` or `v1|rest|allocation|350`.
fn month_line(line: ManifestLine) -> Result<MonthLine, Error> {
    let unreadable = || Error::bug(format!("line {} of a manifest: {}", line.line, line.text));
    let minor = |text: &str| text.parse::<i64>().map_err(|_| unreadable());
    let fields: Vec<&str> = line.text.split('|').collect();
    let mut message = MonthLine {
        line: line.line,
        text: line.text.clone(),
        ..MonthLine::default()
    };
    match fields.as_slice() {
        ["v1", "creator", creator, program, gross, fee, net] => {
            message.creator_id = (*creator).to_owned();
            message.program = (*program).to_owned();
            message.gross_minor = minor(gross)?;
            message.fee_minor = minor(fee)?;
            message.net_minor = minor(net)?;
        }
        ["v1", "rest", program, rest] => {
            message.program = (*program).to_owned();
            message.unallocated_minor = minor(rest)?;
        }
        _ => return Err(unreadable()),
    }
    Ok(message)
}
