//! Between the contracts' messages and the domain.

use kit::{Error, Rejection};
use mailbox::Fact;
use time::OffsetDateTime;
use wire::ConvertError;
use wire::notifier::v1::{ListFeedRequest, ListFeedResponse, Notice, NoticeCreated};
use wire::payout::v1::PayoutChanged;

use crate::domain::{Draft, Payout};
use crate::store;

/// One page of a feed, as asked for.
pub struct FeedQuery {
    pub user_id: String,
    pub starting_after: Option<String>,
    pub limit: i64,
}

const LIMIT_DEFAULT: i32 = 10;
const LIMIT_MAX: i32 = 100;

/// # Errors
/// `Missing` or `Invalid` naming the field.
pub fn payout(message: PayoutChanged, changed_at: OffsetDateTime) -> Result<Payout, ConvertError> {
    for (field, text) in [
        ("payout_id", &message.payout_id),
        ("creator_id", &message.creator_id),
    ] {
        if text.is_empty() {
            return Err(ConvertError::Missing(field));
        }
    }
    Ok(Payout {
        amount: wire::amount("amount_minor", message.amount_minor, &message.currency)?,
        payout_id: message.payout_id,
        creator_id: message.creator_id,
        state: message.state,
        reason: message.reason,
        failure_code: message.failure_code,
        version: message.version,
        changed_at,
    })
}

pub fn created(notice_id: &str, draft: &Draft) -> Fact {
    let event = NoticeCreated {
        notice_id: notice_id.to_owned(),
        user_id: draft.user_id.clone(),
        kind: draft.kind.as_str().to_owned(),
    };
    Fact::new(
        format!("notice:{notice_id}"),
        notice_id,
        1,
        draft.created_at,
        &event,
    )
}

/// # Errors
/// `Invalid` naming the field.
pub fn feed_query(request: ListFeedRequest) -> Result<FeedQuery, Error> {
    if request.user_id.is_empty() {
        return Err(ConvertError::Missing("user_id").into());
    }
    let limit = if request.limit == 0 {
        LIMIT_DEFAULT
    } else {
        request.limit
    };
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(invalid("limit", "limit is 1 to 100"));
    }
    let starting_after = Some(request.starting_after).filter(|cursor| !cursor.is_empty());
    Ok(FeedQuery {
        user_id: request.user_id,
        starting_after,
        limit: i64::from(limit),
    })
}

/// Refuses an argument by its field.
pub fn invalid(field: &'static str, why: &str) -> Error {
    Error::Invalid(Rejection::new("INVALID_ARGUMENT", why).with("field", field))
}

pub fn feed(notices: Vec<store::Notice>, has_more: bool) -> ListFeedResponse {
    ListFeedResponse {
        notices: notices.into_iter().map(notice).collect(),
        has_more,
    }
}

fn notice(notice: store::Notice) -> Notice {
    Notice {
        notice_id: notice.notice_id,
        user_id: notice.user_id,
        kind: notice.kind,
        title: notice.title,
        body: notice.body,
        created_at: Some(wire::timestamp(notice.created_at)),
        subject_id: notice.subject_id,
    }
}
