//! Between the domain and the contract's messages.

use ledger::Month;
use mailbox::Fact;
use time::OffsetDateTime;
use wire::webhook_ingest::v1::{GetStatisticsResponse, MonthIngested, StripeEvent};

use crate::domain::Event;
use crate::store::{Cut, Statistics};

/// A longer body stays out of the message: the bus carries a mebibyte at most, and a fact that
/// it refuses would hold up all that come after it.
const ANNOUNCED_BODY_MAX: usize = 256 * 1024;

/// The fact of one stored event.
pub fn event_fact(event: &Event, counts_from: OffsetDateTime) -> Fact {
    let body = if event.body.len() > ANNOUNCED_BODY_MAX {
        Vec::new()
    } else {
        event.body.clone()
    };
    let message = StripeEvent {
        event_id: event.event_id.clone(),
        r#type: event.kind.clone(),
        created: Some(wire::timestamp(event.created_at)),
        account: event.account.clone(),
        livemode: event.livemode,
        api_version: event.api_version.clone(),
        object_id: event.object_id.clone(),
        object_kind: event.object_kind.clone(),
        body,
        counts_from: Some(wire::timestamp(counts_from)),
    };
    Fact::new(
        &event.event_id,
        &event.event_id,
        1,
        event.created_at,
        &message,
    )
}

/// The fact of one month that is complete.
pub fn month_fact(cut: &Cut, now: OffsetDateTime) -> Fact {
    let Cut {
        month,
        event_count,
        digest,
    } = cut;
    let message = MonthIngested {
        month: month.to_string(),
        event_count: *event_count,
        digest: *digest,
    };
    Fact::new(
        format!("ingested:{month}:1"),
        aggregate(*month),
        1,
        now,
        &message,
    )
}

fn aggregate(month: Month) -> String {
    format!("month:{month}")
}

pub fn statistics(statistics: Statistics) -> GetStatisticsResponse {
    GetStatisticsResponse {
        stored_count: statistics.stored,
        duplicate_count: statistics.duplicate,
        refused_count: statistics.refused,
    }
}
