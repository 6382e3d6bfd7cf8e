//! What is read of an event, and how little it takes.

use serde_json::json;
use stripe::webhook::{EventHead, EventUnreadable};

fn head(event: serde_json::Value) -> EventHead {
    EventHead::parse(event.to_string().as_bytes()).unwrap()
}

#[test]
fn an_event_on_a_connected_account_names_it() {
    let head = head(json!({
        "id": "evt_1", "object": "event", "type": "payout.failed", "created": 1_793_491_200,
        "livemode": true, "account": "acct_1", "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "po_1", "object": "payout", "of_tomorrow": []}}
    }));
    let expected = EventHead {
        id: "evt_1".to_owned(),
        kind: "payout.failed".to_owned(),
        created: time::OffsetDateTime::from_unix_timestamp(1_793_491_200).unwrap(),
        livemode: true,
        account: Some("acct_1".to_owned()),
        api_version: Some("2026-10-28.endive".to_owned()),
        object_id: Some("po_1".to_owned()),
        object_kind: Some("payout".to_owned()),
    };
    assert_eq!(head, expected);
}

#[test]
fn old_new_and_unknown_kinds_are_all_read() {
    for kind in ["transfer.paid", "transfer.failed", "a.kind.of.tomorrow"] {
        let head = head(json!({"id": "evt_1", "type": kind, "created": 1, "api_version": null}));
        assert_eq!(
            (head.kind.as_str(), head.account, head.object_id),
            (kind, None, None)
        );
        assert!(!head.livemode);
    }
}

#[test]
fn a_balance_has_a_kind_but_no_id() {
    let head = head(json!({
        "id": "evt_1", "type": "balance.available", "created": 1,
        "data": {"object": {"object": "balance"}}
    }));
    assert_eq!(
        (head.object_kind.as_deref(), head.object_id),
        (Some("balance"), None)
    );
}

#[test]
fn a_thin_event_is_read_by_its_related_object() {
    let head = head(json!({
        "id": "evt_2", "object": "v2.core.event", "created": "2026-11-01T00:00:00.000Z",
        "type": "v2.money_management.outbound_payment.posted", "livemode": false, "context": "",
        "related_object": {"id": "obp_1", "type": "v2.money_management.outbound_payment"}
    }));
    assert_eq!(head.created.unix_timestamp(), 1_793_491_200);
    assert_eq!(
        (head.object_id.as_deref(), head.account),
        (Some("obp_1"), None)
    );
}

#[test]
fn what_is_no_event_is_said_to_be_none() {
    for body in [
        "",
        "{}",
        "[]",
        r#"{"id":"evt_1","type":"x"}"#,
        "{\"id\":\"evt_1\",\"typ",
    ] {
        assert_eq!(
            EventHead::parse(body.as_bytes()),
            Err(EventUnreadable),
            "{body}"
        );
    }
}
