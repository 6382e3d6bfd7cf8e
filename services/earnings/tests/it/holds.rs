//! Holds: idempotent, oldest month first, one winner of every race.

use anyhow::Result;
use kit::reason_of;
use ledger::AttemptStep;
use wire::earnings::v1::{
    CommitHoldRequest, GetCreatorEarningsRequest, HoldRequest, ReleaseHoldRequest,
};

use testkit::eventually;

use crate::some::{JANUARY, Scene, publish, refused, settled};

/// What alice has payable when January is closed: 100.01 less 7 %.
const ALICE: i64 = 9_301;

fn order(payout: &str, minor: i64) -> HoldRequest {
    HoldRequest {
        payout_id: payout.into(),
        creator_id: "alice".into(),
        amount_minor: minor,
        currency: "USD".into(),
    }
}

fn commit(payout: &str, attempt: i32) -> CommitHoldRequest {
    CommitHoldRequest {
        payout_id: payout.into(),
        attempt,
    }
}

fn release(payout: &str) -> ReleaseHoldRequest {
    ReleaseHoldRequest {
        payout_id: payout.into(),
    }
}

fn code(status: &tonic::Status) -> String {
    reason_of(status).map(|(code, _)| code).unwrap_or_default()
}

async fn payable(scene: &Scene) -> Result<i64> {
    let name = format!("creator/alice/payable/allocation/{JANUARY}");
    Ok(scene
        .balances()
        .await?
        .get(&name)
        .copied()
        .unwrap_or_default())
}

#[tokio::test]
async fn a_hold_is_placed_once_however_often_it_is_asked_for() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    for _ in 0..3 {
        let held = client.hold(order("po_1", 9_000)).await?.into_inner();
        assert_eq!(held.state, "held");
        let snapshot = held.snapshot.expect("a snapshot");
        assert_eq!(snapshot.lifetime_net_minor, ALICE);
        assert_eq!(snapshot.income_30d_minor, ALICE);
        assert!(snapshot.first_payout);
    }
    assert_eq!(payable(&scene).await?, ALICE - 9_000);
    let differs = client.hold(order("po_1", 8_000)).await.unwrap_err();
    assert_eq!(code(&differs), "HOLD_DIFFERS");
    let too_much = client.hold(order("po_2", 302)).await.unwrap_err();
    let (code, figures) = reason_of(&too_much).expect("a refusal");
    assert_eq!(
        (code.as_str(), figures["payable_minor"].as_str()),
        ("INSUFFICIENT_BALANCE", "301")
    );
    assert_eq!(payable(&scene).await?, 301);
    Ok(())
}

#[tokio::test]
async fn two_holds_at_once_never_take_the_same_cent() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut racers = Vec::new();
    for n in 0..10 {
        let mut client = scene.client()?;
        racers.push(kit::spawn(async move {
            client.hold(order(&format!("po_{n}"), 3_000)).await
        }));
    }
    let mut held = 0;
    for racer in racers {
        match racer.await? {
            Ok(_) => held += 1,
            Err(status) => assert_eq!(code(&status), "INSUFFICIENT_BALANCE"),
        }
    }
    assert_eq!((held, payable(&scene).await?), (3, ALICE - 9_000));
    Ok(())
}

/// Goal: orders that share a transaction are answered each by itself.
/// Method: orders of several creators at once, each payout asked for twice, among them one of
/// another amount, one of nobody, and more than alice has.
#[tokio::test]
async fn holds_that_are_placed_together_are_answered_each_by_itself() -> Result<()> {
    let scene = Scene::january_closed().await?;
    scene.client()?.hold(order("po_0", 1_301)).await?;
    let mut orders = vec![order("po_0", 7), order("po_x", 5), order("po_bob", 1_395)];
    orders[1].creator_id = "nobody".into();
    orders[2].creator_id = "bob".into();
    orders.extend((1..=9).flat_map(|n| {
        [
            order(&format!("po_{n}"), 1_000),
            order(&format!("po_{n}"), 1_000),
        ]
    }));
    let mut racers = Vec::new();
    for order in orders {
        let mut client = scene.client()?;
        racers.push(kit::spawn(async move {
            (order.payout_id.clone(), client.hold(order).await)
        }));
    }
    let (mut held, mut refused) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await? {
            (payout, Ok(_)) => held.push(payout),
            (_, Err(status)) => refused.push(code(&status)),
        }
    }
    refused.sort();
    let broke = "INSUFFICIENT_BALANCE";
    assert_eq!(refused, ["HOLD_DIFFERS", broke, broke, broke]);
    held.sort();
    assert_eq!(
        (
            held.len(),
            held.iter().filter(|payout| *payout == "po_bob").count()
        ),
        (17, 1)
    );
    assert_eq!(payable(&scene).await?, 0);
    assert_eq!(scene.count("select count(*) from earnings.hold").await?, 10);
    Ok(())
}

#[tokio::test]
async fn of_two_that_end_a_hold_at_once_exactly_one_wins() -> Result<()> {
    let scene = Scene::january_closed().await?;
    for n in 0..20 {
        let payout = format!("po_{n}");
        scene.client()?.hold(order(&payout, 100)).await?;
        let (mut one, mut other) = (scene.client()?, scene.client()?);
        let (committing, releasing) = (commit(&payout, 1), release(&payout));
        let committed = kit::spawn(async move { one.commit_hold(committing).await });
        let released = kit::spawn(async move { other.release_hold(releasing).await });
        let lost = match (committed.await?, released.await?) {
            (Ok(_), Err(lost)) => ("HOLD_COMMITTED", lost),
            (Err(lost), Ok(_)) => ("HOLD_RELEASED", lost),
            both => panic!("{both:?}"),
        };
        assert_eq!(code(&lost.1), lost.0);
        let balances = scene.balances().await?;
        assert_eq!(
            balances.get(&format!("creator/alice/reserved/{payout}")),
            None
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_attempt_is_committed_again_and_a_final_one_gives_the_money_back() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    client.hold(order("po_1", 9_000)).await?;
    for _ in 0..2 {
        assert_eq!(
            client
                .commit_hold(commit("po_1", 1))
                .await?
                .into_inner()
                .state,
            "committed"
        );
    }
    // The second attempt is not committed while the first may still succeed.
    let early = client.commit_hold(commit("po_1", 2)).await.unwrap_err();
    assert_eq!(early.code(), tonic::Code::Unavailable);
    let first = refused("po_1", 1, 9_000, false);
    scene.post(std::slice::from_ref(&first)).await?;
    assert_eq!(
        scene.balances().await?["creator/alice/reserved/po_1"],
        9_000
    );
    client.commit_hold(commit("po_1", 2)).await?;
    // The first refusal comes again while the second attempt is on its way.
    scene.post(&[first]).await?;
    assert_eq!(scene.balances().await?["clearing/payout/po_1"], 9_000);
    scene.post(&[refused("po_1", 2, 9_000, true)]).await?;
    assert_eq!(payable(&scene).await?, ALICE);
    assert_eq!(
        client
            .release_hold(release("po_1"))
            .await?
            .into_inner()
            .state,
        "released"
    );
    let lost = client.commit_hold(commit("po_1", 3)).await.unwrap_err();
    assert_eq!(code(&lost), "HOLD_RELEASED");
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}

/// Goal: a commit that was under way for long does not say "go" for an attempt that has ended.
#[tokio::test]
async fn an_attempt_that_has_ended_is_not_committed_again() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    client.hold(order("po_1", 9_000)).await?;
    client.commit_hold(commit("po_1", 0)).await?;
    scene.post(&[refused("po_1", 0, 9_000, false)]).await?;
    let late = client.commit_hold(commit("po_1", 0)).await.unwrap_err();
    assert_eq!(code(&late), "HOLD_ATTEMPT_ENDED");
    client.commit_hold(commit("po_1", 1)).await?;
    let late = client.commit_hold(commit("po_1", 0)).await.unwrap_err();
    assert_eq!(code(&late), "HOLD_ATTEMPT_ENDED");
    scene.post(&[refused("po_1", 1, 9_000, true)]).await?;
    let late = client.commit_hold(commit("po_1", 1)).await.unwrap_err();
    assert_eq!(code(&late), "HOLD_RELEASED");
    assert_eq!(payable(&scene).await?, ALICE);
    Ok(())
}

/// Goal: a final refusal and the release that follows it may overtake one another.
#[tokio::test]
async fn a_refusal_and_a_release_at_once_give_the_money_back_once() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    for n in 0..10 {
        let payout = format!("po_{n}");
        client.hold(order(&payout, 9_000)).await?;
        client.commit_hold(commit(&payout, 0)).await?;
        publish(&scene.bed, &[refused(&payout, 0, 9_000, true)]).await?;
        eventually("the hold to be released", async || {
            let mut client = scene.client().ok()?;
            match client.release_hold(release(&payout)).await {
                Ok(answer) => {
                    assert_eq!(answer.into_inner().state, "released");
                    Some(())
                }
                Err(early) => {
                    assert_eq!(code(&early), "HOLD_COMMITTED");
                    None
                }
            }
        })
        .await;
        assert_eq!(payable(&scene).await?, ALICE);
    }
    scene.service.settle().await;
    let left = scene.balances().await?;
    assert!(left.keys().all(|name| !name.contains("po_")), "{left:?}");
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}

/// Goal: a payout that was replaced by a smaller one leaves nothing behind, whatever was asked
/// twice because a reply was lost.
#[tokio::test]
async fn a_capped_payout_ends_with_clean_books() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    for _ in 0..2 {
        client.hold(order("po_1", ALICE)).await?;
    }
    for _ in 0..2 {
        client.release_hold(release("po_1")).await?;
    }
    for _ in 0..2 {
        client.hold(order("po_2", 6_000)).await?;
    }
    for _ in 0..2 {
        client.commit_hold(commit("po_2", 0)).await?;
    }
    // The bank is told of before the transfer.
    let bank = settled("po_2", AttemptStep::Bank, 0, 6_000);
    let transfer = settled("po_2", AttemptStep::Transfer, 0, 6_000);
    scene.post(&[bank.clone(), transfer, bank]).await?;
    let left = scene.balances().await?;
    let under_way = |name: &&String| name.contains("po_") || name.contains("connected");
    assert_eq!(left.keys().find(under_way), None);
    assert_eq!(payable(&scene).await?, ALICE - 6_000);
    let asked = GetCreatorEarningsRequest {
        creator_id: "alice".into(),
    };
    let told = client.get_creator_earnings(asked).await?.into_inner();
    assert_eq!(
        (told.paid_minor, told.payable_minor),
        (6_000, ALICE - 6_000)
    );
    assert_eq!((told.reserved_minor, told.in_transit_minor), (0, 0));
    assert_eq!(told.months[0].status, "payable");
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_what_was_never_committed_is_set_aside() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    client.hold(order("po_1", 9_000)).await?;
    scene
        .post(&[refused("po_1", 1, 9_000, true), refused("po_2", 1, 5, true)])
        .await?;
    assert_eq!(
        scene.dead_letters().await?,
        ["attempt 1 of po_1 was not committed", "po_2 has no hold"]
    );
    assert_eq!(
        scene.balances().await?["creator/alice/reserved/po_1"],
        9_000
    );
    let unknown = client.release_hold(release("po_2")).await.unwrap_err();
    assert_eq!(
        (unknown.code(), code(&unknown)),
        (tonic::Code::NotFound, "HOLD_UNKNOWN".into())
    );
    Ok(())
}

#[tokio::test]
async fn a_creator_sees_the_money_of_a_payout_where_it_is() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let mut client = scene.client()?;
    let look = async || {
        let creator_id = "alice".to_owned();
        let mut client = scene.client()?;
        let answer = client
            .get_creator_earnings(GetCreatorEarningsRequest { creator_id })
            .await?;
        let earnings = answer.into_inner();
        assert_eq!(
            (earnings.lifetime_net_minor, earnings.months.len()),
            (ALICE, 1)
        );
        let [reserved, transit, paid] = [
            earnings.reserved_minor,
            earnings.in_transit_minor,
            earnings.paid_minor,
        ];
        let status = earnings.months[0].status.clone();
        anyhow::Ok((earnings.payable_minor, reserved, transit, paid, status))
    };
    assert_eq!(look().await?, (ALICE, 0, 0, 0, "payable".into()));
    client.hold(order("po_1", ALICE)).await?;
    assert_eq!(look().await?, (0, ALICE, 0, 0, "in_payout".into()));
    client.commit_hold(commit("po_1", 1)).await?;
    scene
        .post(&[settled("po_1", AttemptStep::Transfer, 1, ALICE)])
        .await?;
    assert_eq!(look().await?, (0, 0, ALICE, 0, "in_payout".into()));
    scene
        .post(&[settled("po_1", AttemptStep::Bank, 1, ALICE)])
        .await?;
    assert_eq!(look().await?, (0, 0, 0, ALICE, "paid".into()));
    Ok(())
}
