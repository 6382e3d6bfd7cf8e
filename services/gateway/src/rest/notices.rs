//! Notices: what happened to a user's payouts.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wire::notifier::v1::ListFeedRequest;
use wire::notifier::v1::notifier_service_client::NotifierServiceClient;

use crate::Gate;
use crate::answer::{List, instant_text};
use crate::auth::Principal;
use crate::body::Query;
use crate::input::PageQuery;
use crate::problem::Problem;

/// Something that the user should know.
#[derive(Serialize, ToSchema)]
pub struct Notice {
    /// The notice's id.
    #[schema(example = "nt_01m05v1nke8g5r0xhqyx8fn2ak")]
    pub notice_id: String,
    /// payout_sent, payout_completed, payout_failed, …
    #[schema(example = "payout_sent")]
    pub kind: String,
    /// A few words.
    #[schema(example = "Your payout is on its way")]
    pub title: String,
    /// A sentence or two.
    #[schema(example = "$37.20 was sent to your bank.")]
    pub body: String,
    /// What it is about.
    #[schema(example = "po_01m05v1nke8g5r0xhqyx8fn2ak")]
    pub subject_id: String,
    /// When it was written.
    pub created_at: Option<String>,
}

/// What happened to the user's payouts, newest first.
#[utoipa::path(get, path = "/v1/notices", tag = "creators", params(PageQuery),
    responses((status = 200, description = "A page of notices", body = List<Notice>)),
    security(("bearer" = [])))]
pub async fn notices(
    State(gate): State<Gate>,
    principal: Principal,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<Notice>>, Problem> {
    let page = page.page()?;
    let question = ListFeedRequest {
        user_id: principal.sub,
        starting_after: page.starting_after,
        limit: page.limit,
    };
    let mut client = NotifierServiceClient::new(gate.notifier.clone());
    let answer = client.list_feed(question).await?.into_inner();
    let notices = answer.notices.into_iter().map(|notice| Notice {
        notice_id: notice.notice_id,
        kind: notice.kind,
        title: notice.title,
        body: notice.body,
        subject_id: notice.subject_id,
        created_at: instant_text(notice.created_at),
    });
    let id = |one: &Notice| one.notice_id.clone();
    Ok(Json(List::cut(notices.collect(), answer.has_more, id)))
}
