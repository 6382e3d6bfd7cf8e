//! What handlers answer: lists in one shape, and writes with what they promise.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::input::Page;

/// A page of things.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct List<T> {
    /// Always `list`.
    pub object: &'static str,
    /// The entries, in the order that the route names.
    pub data: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
    /// Give it as starting_after for the next page; null on the last.
    #[schema(example = json!(null))]
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page that a service cut. `cursor` names an entry.
    pub fn cut(data: Vec<T>, has_more: bool, cursor: impl Fn(&T) -> String) -> Self {
        let last = data.last().filter(|_| has_more);
        Self {
            object: "list",
            next_cursor: last.map(cursor),
            data,
            has_more,
        }
    }

    /// A page of a list that is short enough to be had whole.
    pub fn page_of(all: Vec<T>, page: &Page, cursor: impl Fn(&T) -> String) -> Self {
        let begin = if page.starting_after.is_empty() {
            0
        } else {
            let known = all
                .iter()
                .position(|one| cursor(one) == page.starting_after);
            known.map_or(all.len(), |at| at + 1)
        };
        let limit = usize::try_from(page.limit).unwrap_or(0);
        let has_more = all.len() > begin + limit;
        let data = all.into_iter().skip(begin).take(limit).collect();
        Self::cut(data, has_more, cursor)
    }
}

/// The answer to a write that was done, and the keys under which its effects can be shown.
pub struct Done<T> {
    answer: T,
    location: Option<String>,
    effects: Effects,
}

/// Keys of effects, kept before the answer leaves. A write that changed nothing promises nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects(pub Vec<String>);

impl<T: Serialize> Done<T> {
    /// 200.
    pub fn new(answer: T, effects: impl IntoIterator<Item = String>) -> Self {
        Self {
            answer,
            location: None,
            effects: Effects(effects.into_iter().filter(|key| !key.is_empty()).collect()),
        }
    }

    /// 201, and where the thing that was made is found.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }
}

impl<T: Serialize> IntoResponse for Done<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.answer).into_response();
        response.extensions_mut().insert(self.effects);
        let location = self
            .location
            .and_then(|location| HeaderValue::try_from(location).ok());
        if let Some(location) = location {
            *response.status_mut() = StatusCode::CREATED;
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// An instant as RFC 3339 in UTC, or nothing when absent or out of range.
pub fn instant_text(value: Option<prost_types::Timestamp>) -> Option<String> {
    text_of(wire::instant("instant", value).ok()?)
}

/// An instant as RFC 3339.
pub fn text_of(instant: OffsetDateTime) -> Option<String> {
    instant
        .format(&time::format_description::well_known::Rfc3339)
        .ok()
}

/// A text that says something.
pub fn said(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_whole_list_meet_without_gap_or_overlap() {
        let all: Vec<String> = (0..7).map(|n| format!("id{n}")).collect();
        let mut page = Page {
            limit: 3,
            starting_after: String::new(),
        };
        let mut seen = Vec::new();
        loop {
            let list = List::page_of(all.clone(), &page, Clone::clone);
            assert_eq!(list.has_more, list.next_cursor.is_some());
            seen.extend(list.data);
            match list.next_cursor {
                Some(cursor) => page.starting_after = cursor,
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_cursor_that_is_not_in_the_list_is_behind_its_end() {
        let page = Page {
            limit: 3,
            starting_after: "gone".into(),
        };
        let list = List::page_of(vec!["a".to_owned()], &page, Clone::clone);
        assert!(list.data.is_empty() && !list.has_more);
    }
}
