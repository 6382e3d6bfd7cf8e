//! Stripe's own list of events: how what a lost webhook would have said is found.

use serde::Deserialize;
use serde_json::Value;
use stripe_client_core::StripeRequest;
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};
use time::OffsetDateTime;

use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Cursor, Page};
use crate::webhook::EventHead;

/// Which events to list. Stripe keeps them for about 30 days.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// The connected account; the platform if absent.
    pub account: Option<String>,
    /// From this second on.
    pub created_from: Option<OffsetDateTime>,
    /// Before this second.
    pub created_before: Option<OffsetDateTime>,
    pub cursor: Cursor,
    /// 1 to 100; Stripe gives 10 if absent.
    pub limit: Option<i64>,
}

/// An event as a webhook would have brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    pub head: EventHead,
    /// The whole event as JSON, equal in content to a webhook's body, though not in its bytes.
    pub body: String,
}

#[derive(Deserialize)]
struct EventsAnswer {
    data: Vec<Value>,
    #[serde(default)]
    has_more: bool,
}

impl Stripe {
    /// One page of events, newest first.
    pub async fn list_events(&self, query: &EventQuery) -> Result<Page<ListedEvent>, Failure> {
        let mut list = ListEvent::new().created(query.range());
        if let Some(limit) = query.limit {
            list = list.limit(limit);
        }
        list = match &query.cursor {
            Cursor::Newest => list,
            Cursor::OlderThan(id) => list.starting_after(id),
            Cursor::NewerThan(id) => list.ending_before(id),
        };
        let answer: EventsAnswer = self.ask(list.build(), query.account.as_deref()).await?;
        let items = answer.data.iter().map(listed).collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            has_more: answer.has_more,
        })
    }
}

impl EventQuery {
    fn range(&self) -> RangeQueryTs {
        RangeQueryTs::Bounds(RangeBoundsTs {
            gte: self.created_from.map(OffsetDateTime::unix_timestamp),
            lt: self.created_before.map(OffsetDateTime::unix_timestamp),
            ..Default::default()
        })
    }
}

fn listed(event: &Value) -> Result<ListedEvent, Failure> {
    let body = event.to_string();
    let head = EventHead::parse(body.as_bytes()).map_err(|_| Failure::unreadable(None))?;
    Ok(ListedEvent { head, body })
}
