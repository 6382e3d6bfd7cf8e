//! Payouts become notices; a feed shows one user's.

use anyhow::Result;
use kit::Service;
use mailbox::Fact;
use notifier::Notifier;
use testkit::{TestBed, TestService, eventually};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use wire::notifier::v1::notifier_service_client::NotifierServiceClient;
use wire::notifier::v1::{ListFeedRequest, Notice, NoticeCreated};
use wire::payout::v1::PayoutChanged;

const START: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

/// The states of a payout's life, by version.
const LIFE: [&str; 7] = [
    "planned", "reserved", "sending", "sent", "sending", "sent", "paid",
];

fn version(payout: &str, creator: &str, version: i64, state: &str) -> Fact {
    let event = PayoutChanged {
        payout_id: payout.into(),
        creator_id: creator.into(),
        amount_minor: 2_505,
        currency: "USD".into(),
        state: state.into(),
        reason: if state == "failed" {
            "refused (no_account)".into()
        } else {
            String::new()
        },
        version,
        ..Default::default()
    };
    let at = START + Duration::minutes(version);
    Fact::new(
        format!("payout:{payout}:{version}"),
        payout,
        version,
        at,
        &event,
    )
}

fn life(payout: &str, creator: &str) -> Vec<Fact> {
    (1..)
        .zip(LIFE)
        .map(|(number, state)| version(payout, creator, number, state))
        .collect()
}

async fn feed(
    service: &TestService,
    user: &str,
    after: &str,
    limit: i32,
) -> Result<(Vec<Notice>, bool)> {
    let request = ListFeedRequest {
        user_id: user.into(),
        starting_after: after.into(),
        limit,
    };
    let page = NotifierServiceClient::new(service.peer()?)
        .list_feed(request)
        .await?
        .into_inner();
    Ok((page.notices, page.has_more))
}

fn kinds(notices: &[Notice]) -> Vec<&str> {
    notices.iter().map(|notice| notice.kind.as_str()).collect()
}

async fn bed() -> Result<(TestBed, TestService)> {
    let bed = TestBed::start(START, &[Notifier::migrator()]).await?;
    let service = bed.service::<Notifier>(&[]).await?;
    Ok((bed, service))
}

/// Goal: whatever the bus does, a creator is told each thing once.
/// Method: one payout's versions forward, another's backward one by one, and both again.
#[tokio::test]
async fn a_payouts_versions_in_any_order_and_twice_make_one_notice_of_each_kind() -> Result<()> {
    let (bed, service) = bed().await?;
    bed.publish("payout", &life("po_1", "alice")).await?;
    for fact in life("po_2", "bob").into_iter().rev() {
        bed.publish("payout", &[fact]).await?;
    }
    service.settle().await;
    bed.publish(
        "payout",
        &[life("po_2", "bob"), life("po_1", "alice")].concat(),
    )
    .await?;
    service.settle().await;

    for user in ["alice", "bob"] {
        let (notices, has_more) = feed(&service, user, "", 0).await?;
        assert_eq!(
            kinds(&notices),
            ["payout_completed", "payout_sent"],
            "{user}"
        );
        assert!(!has_more);
        assert_eq!(notices[0].title, "Payout completed");
        assert_eq!(
            notices[0].body,
            "Your payout of $25.05 has been sent to your bank account."
        );
        assert_eq!(notices[1].title, "Payout on its way");
    }
    let announced = bed.announced::<NoticeCreated>(service.schema()).await?;
    assert_eq!(announced.len(), 4, "{announced:?}");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn two_replicas_tell_a_thing_once() -> Result<()> {
    let (bed, one) = bed().await?;
    let other = bed.service::<Notifier>(&[]).await?;
    for _ in 0..5 {
        for fact in life("po_1", "alice") {
            bed.publish("payout", &[fact]).await?;
        }
    }
    one.settle().await;
    other.settle().await;
    assert_eq!(
        kinds(&feed(&one, "alice", "", 0).await?.0),
        ["payout_completed", "payout_sent"]
    );
    assert_eq!(bed.announced::<NoticeCreated>(one.schema()).await?.len(), 2);
    one.stop().await;
    other.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_user_sees_nothing_of_another_not_even_by_a_cursor() -> Result<()> {
    let (bed, service) = bed().await?;
    let failed = version("po_2", "bob", 4, "failed");
    bed.publish("payout", &[life("po_1", "alice"), vec![failed]].concat())
        .await?;
    service.settle().await;

    let (alices, _) = feed(&service, "alice", "", 0).await?;
    assert!(
        alices
            .iter()
            .all(|notice| notice.user_id == "alice" && notice.subject_id == "po_1")
    );
    let (bobs, _) = feed(&service, "bob", "", 0).await?;
    assert_eq!(kinds(&bobs), ["payout_failed"]);
    assert!(
        bobs[0].body.ends_with("refused (no_account)."),
        "{}",
        bobs[0].body
    );
    assert_eq!(feed(&service, "carol", "", 0).await?.0, []);

    let cursor = alices[0].notice_id.as_str();
    let refused = feed(&service, "bob", cursor, 0).await.unwrap_err();
    let status = refused.downcast_ref::<tonic::Status>().expect("a status");
    let (code, figures) = kit::reason_of(status).expect("a reason");
    assert_eq!(
        (code.as_str(), figures["field"].as_str()),
        ("INVALID_ARGUMENT", "starting_after")
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_feed_is_paged_newest_first_without_gap_or_repetition() -> Result<()> {
    let (bed, service) = bed().await?;
    let facts: Vec<Fact> = (1..=7)
        .map(|number| version(&format!("po_{number}"), "alice", number, "paid"))
        .collect();
    bed.publish("payout", &facts).await?;
    service.settle().await;

    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let (notices, has_more) = feed(&service, "alice", &after, 3).await?;
        seen.extend(notices.iter().map(|notice| notice.subject_id.clone()));
        after = notices
            .last()
            .expect("a page is never empty here")
            .notice_id
            .clone();
        if !has_more {
            break;
        }
    }
    assert_eq!(
        seen,
        ["po_7", "po_6", "po_5", "po_4", "po_3", "po_2", "po_1"]
    );
    assert!(feed(&service, "alice", "", 101).await.is_err());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_version_that_makes_no_sense_is_set_aside_and_its_neighbours_are_told() -> Result<()> {
    let (bed, service) = bed().await?;
    let mut facts = life("po_1", "alice");
    let nameless = PayoutChanged {
        payout_id: "po_9".into(),
        state: "paid".into(),
        ..Default::default()
    };
    facts.push(Fact::new("payout:po_9:1", "po_9", 1, START, &nameless));
    bed.publish("payout", &facts).await?;
    service.settle().await;
    assert_eq!(feed(&service, "alice", "", 0).await?.0.len(), 2);
    let owner = bed.db.owner().await?;
    let set_aside = eventually("a dead letter", || async {
        let reason: Option<String> = sqlx::query_scalar("select reason from notifier.dead_letter")
            .fetch_optional(&owner)
            .await
            .ok()?;
        reason
    })
    .await;
    assert_eq!(set_aside, "creator_id is missing");
    service.stop().await;
    Ok(())
}
