//! What is told late: payouts from before something was announced, and errands that overlap.

use anyhow::{Context, Result};
use serde_json::json;
use testkit::eventually;
use wire::payout::v1 as proto;

use crate::reversal::{account, heard, paid, reversed, stands};

/// The part of the second migration that is about payouts that had come back.
fn of_returned() -> Result<Vec<&'static str>> {
    let migration = include_str!("../../../../migrations/payout/0002_extend_payout.sql");
    let (_, rest) = migration
        .split_once("-- A payout that came back after it was paid")
        .context("the migration speaks of them")?;
    let (part, _) = rest.split_once("\n\n").context("and of more")?;
    let (_, statements) = part.split_once("\nupdate").context("an update")?;
    let (update, insert) = statements.split_once("insert").context("an insert")?;
    let whole = [format!("update{update}"), format!("insert{insert}")];
    Ok(whole.map(|text| &*text.leak()).to_vec())
}

/// Goal: a payout that came back before returns were announced is announced by the new version.
/// Method: the row as the old version left it, then the migration's own statements over it.
#[tokio::test]
async fn a_payout_that_had_come_back_before_returns_were_announced_is_announced() -> Result<()> {
    let (mut world, service, payout) = paid(None).await?;
    service.stop().await;
    let path = format!("payouts/{}/fail", payout.bank_payout_id);
    world
        .command(&path, json!({ "code": "no_account" }))
        .await?;
    let owner = world.bed.db.owner().await?;
    let old = "update payout.payout set state = 'returned', failure_code = 'no_account',
                      reason = 'the bank sent it back (no_account)'";
    assert_eq!(sqlx::query(old).execute(&owner).await?.rows_affected(), 1);
    for statement in of_returned()? {
        let done = sqlx::query(statement).execute(&owner).await?;
        assert_eq!(done.rows_affected(), 1, "{statement}");
    }
    let service = world.service().await?;
    // No event is delivered: the row of the migration is all that there is.
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"), "{payout:?}");
    let returned = world
        .bed
        .announced::<proto::AttemptReturned>("payout")
        .await?;
    assert_eq!(returned.len(), 1);
    assert_eq!((returned[0].attempt, returned[0].amount_minor), (0, 5_000));
    assert_eq!(reversed(&world).await?.len(), 1);
    heard(&mut world, &service).await?;
    service.stop().await;
    Ok(())
}

/// Goal: an errand that was given while another was being run is run too.
/// Method: the limits are slow to hear that it went out; meanwhile all of it comes back.
#[tokio::test]
async fn an_errand_that_is_given_while_another_is_run_is_not_lost() -> Result<()> {
    let (mut world, service) = crate::reversal::ready(None).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let other = json!({ "amount": 9_000, "account": account(&world) });
    world.command("adjustment", other).await?;
    let slow = world.others.hold_confirms().await;
    world.advance(crate::reversal::ARRIVAL).await?;
    world.deliver().await?;
    let payout = eventually("the limits to be told", || async {
        let told = world.others.books.lock().unwrap().told.len();
        let payout = world.payout(&service).await.ok()?;
        (told == 1 && payout.state == "paid").then_some(payout)
    })
    .await;
    let path = format!("/v1/transfers/{}/reversals", payout.transfer_id);
    world.call(&path, &[("amount", "5000")]).await?;
    let path = format!("payouts/{}/fail", payout.bank_payout_id);
    world.deliver().await?;
    eventually("the reversal to be counted", || async {
        let payout = world.payout(&service).await.ok()?;
        (payout.reversed_minor == 5_000).then_some(())
    })
    .await;
    world
        .command(&path, json!({ "code": "no_account" }))
        .await?;
    world.deliver().await?;
    eventually("the payout to be over", || async {
        let payout = world.payout(&service).await.ok()?;
        (payout.state == "failed").then_some(())
    })
    .await;
    drop(slow);
    service.settle().await;
    let id = payout.payout_id;
    let told = world.others.books.lock().unwrap().told.clone();
    assert_eq!(told, [format!("confirm {id}"), format!("release {id}")]);
    service.stop().await;
    Ok(())
}
