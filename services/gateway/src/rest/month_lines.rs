//! A closed month's manifest, line by line.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wire::earnings::v1::ListMonthLinesRequest;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;

use crate::Gate;
use crate::answer::{List, said};
use crate::body::{Part, Query};
use crate::input::{self, PageQuery};
use crate::problem::Problem;

/// One line of a month's manifest: a creator's, or a program's left-over.
#[derive(Serialize, ToSchema)]
pub struct MonthLine {
    /// Its number.
    #[schema(example = 1)]
    pub line: i64,
    /// The creator's id; null for a program's left-over.
    pub creator_id: Option<String>,
    /// The program.
    pub program: String,
    /// Before the fee.
    pub gross_cents: i64,
    /// The platform's part.
    pub fee_cents: i64,
    /// The creator's part.
    pub net_cents: i64,
    /// Of a program's left-over: what nobody allocated.
    pub unallocated_cents: i64,
    /// The text that is hashed.
    #[schema(example = "alice allocation 4000 280 3720")]
    pub text: String,
}

/// The lines of a closed month's manifest, in its order.
#[utoipa::path(get, path = "/v1/admin/months/{month}/lines", tag = "months",
    params(("month" = String, Path, description = "The month", example = "2027-01"), PageQuery),
    responses((status = 200, description = "A page of lines", body = List<MonthLine>)),
    security(("bearer" = ["admin", "finance"])),
    extensions(("x-problems" = json!(["month_unknown", "month_not_closed"]))))]
pub async fn lines(
    State(gate): State<Gate>,
    Part(month): Part,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<MonthLine>>, Problem> {
    let (page, after_line) = page.numbered()?;
    let question = ListMonthLinesRequest {
        month: input::month_of_path(&month)?,
        after_line,
        limit: page.limit,
    };
    let mut client = EarningsServiceClient::new(gate.earnings.clone());
    let answer = client.list_month_lines(question).await?.into_inner();
    let lines = answer.lines.into_iter().map(|line| MonthLine {
        line: line.line,
        creator_id: said(line.creator_id),
        program: line.program,
        gross_cents: line.gross_minor,
        fee_cents: line.fee_minor,
        net_cents: line.net_minor,
        unallocated_cents: line.unallocated_minor,
        text: line.text,
    });
    let number = |one: &MonthLine| one.line.to_string();
    Ok(Json(List::cut(lines.collect(), answer.has_more, number)))
}
