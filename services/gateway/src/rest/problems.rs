//! The kinds of problems that this interface answers, as pages of their own.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::List;
use crate::body::{Part, Query};
use crate::input::PageQuery;
use crate::problem::{Kind, Problem, catalogue};

/// A kind of problem.
#[derive(Serialize, ToSchema)]
pub struct ProblemKind {
    /// Always `problem_kind`.
    pub object: &'static str,
    /// The URI that stands in a problem's `type`.
    #[serde(rename = "type")]
    #[schema(example = "/v1/problems/month_locked")]
    pub kind: String,
    /// Stable; part of the contract.
    #[schema(example = "month_locked")]
    pub code: &'static str,
    /// The HTTP status that it comes with.
    #[schema(example = 409)]
    pub status: u16,
    /// The kind in words.
    #[schema(example = "The month is locked")]
    pub title: &'static str,
    /// When it happens and what to do about it.
    #[schema(example = "Allocations of a month can be changed until its end.")]
    pub meaning: &'static str,
}

impl From<Kind> for ProblemKind {
    fn from(kind: Kind) -> Self {
        Self {
            object: "problem_kind",
            kind: format!("/v1/problems/{}", kind.code),
            code: kind.code,
            status: kind.status.as_u16(),
            title: kind.title,
            meaning: kind.meaning,
        }
    }
}

/// All kinds of problems.
///
/// In the order of their codes. Needs no token.
#[utoipa::path(get, path = "/v1/problems", tag = "problems", params(PageQuery),
    responses((status = 200, description = "A page of kinds", body = List<ProblemKind>)),
    security(()))]
pub async fn list(Query(query): Query<PageQuery>) -> Result<Json<List<ProblemKind>>, Problem> {
    let page = query.page_of_short()?;
    let mut kinds: Vec<ProblemKind> = catalogue::ALL
        .iter()
        .map(|kind| ProblemKind::from(*kind))
        .collect();
    kinds.sort_by_key(|kind| kind.code);
    Ok(Json(List::page_of(kinds, &page, |kind| {
        kind.code.to_owned()
    })))
}

/// One kind of problem.
///
/// What a problem's `type` leads to. Needs no token.
#[utoipa::path(get, path = "/v1/problems/{code}", tag = "problems",
    params(("code" = String, Path, description = "A problem's code", example = "month_locked")),
    responses((status = 200, description = "The kind", body = ProblemKind)),
    security(()),
    extensions(("x-problems" = json!(["problem_unknown"]))))]
pub async fn one(Part(code): Part) -> Result<Json<ProblemKind>, Problem> {
    let detail = "there is no kind of problem with this code";
    let kind = catalogue::find(&code);
    let kind = kind.ok_or_else(|| Problem::new(catalogue::PROBLEM_UNKNOWN, detail))?;
    Ok(Json(kind.into()))
}
