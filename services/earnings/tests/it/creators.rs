//! What a creator is told.

use anyhow::Result;
use earnings::{Outcome, Refusal};
use ledger::AttemptStep::{Bank, Transfer};
use time::macros::datetime;
use wire::earnings::v1::MonthEarnings;

use crate::some::{JANUARY, Scene, month};
use crate::stories::{ALICE, FEBRUARY, FIRST_OF_MARCH, MARCH, late, settled_of};

fn statuses(months: &[MonthEarnings]) -> Vec<(&str, &str)> {
    let months = months.iter();
    months
        .map(|line| (line.month.as_str(), line.status.as_str()))
        .collect()
}

/// January's last cent goes into a payout before February's first.
#[tokio::test]
async fn a_month_is_carried_over_until_a_payout_takes_it() -> Result<()> {
    let scene = Scene::two_months_closed().await?;
    let told = scene.earnings("alice").await?;
    assert_eq!(
        statuses(&told.months),
        [(FEBRUARY, "payable"), (JANUARY, "carried_over")]
    );
    assert_eq!(
        (told.payable_minor, told.lifetime_net_minor),
        (11_161, 11_161)
    );

    scene.send("po_1", "alice", ALICE).await?;
    let told = scene.earnings("alice").await?;
    assert_eq!(
        statuses(&told.months),
        [(FEBRUARY, "payable"), (JANUARY, "in_payout")]
    );
    scene
        .post(&[
            settled_of("po_1", "alice", Transfer, 1, ALICE),
            settled_of("po_1", "alice", Bank, 1, ALICE),
        ])
        .await?;
    let told = scene.earnings("alice").await?;
    assert_eq!(
        statuses(&told.months),
        [(FEBRUARY, "payable"), (JANUARY, "paid")]
    );
    assert_eq!((told.paid_minor, told.payable_minor), (ALICE, 1_860));
    Ok(())
}

#[tokio::test]
async fn a_month_names_the_payouts_that_took_its_money() -> Result<()> {
    let scene = Scene::two_months_closed().await?;
    scene.hold("po_1", "alice", 9_000).await?;
    scene.hold("po_2", "alice", 1_000).await?;
    let taken = |answer: &wire::earnings::v1::GetCreatorMonthResponse| {
        let payouts = answer.payouts.iter();
        payouts
            .map(|share| (share.payout_id.clone(), share.amount_minor))
            .collect::<Vec<_>>()
    };
    let january = scene.creator_month("alice", JANUARY).await?;
    assert_eq!(
        taken(&january),
        [("po_1".into(), 9_000), ("po_2".into(), 301)]
    );
    let line = &january.programs[0];
    assert_eq!(
        (line.gross_minor, line.fee_minor, line.net_minor),
        (10_001, 700, ALICE)
    );
    assert_eq!((line.payable_minor, line.status.as_str()), (0, "in_payout"));
    let february = scene.creator_month("alice", FEBRUARY).await?;
    assert_eq!(taken(&february), [("po_2".into(), 699)]);
    let nothing = scene.creator_month("alice", MARCH).await?;
    assert!(nothing.programs.is_empty() && nothing.payouts.is_empty());
    Ok(())
}

/// Goal: a late earning is told by itself, is not payable before the month that it is paid with
/// is closed, and is then paid like any other money of that month.
#[tokio::test]
async fn a_late_earning_has_a_line_of_its_own_and_is_paid_with_the_open_month() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let at = datetime!(2027-02-10 09:30 UTC);
    let posted = scene
        .post_own(at, vec![late("alice", "dp_1", FEBRUARY, 1_001)])
        .await?;
    assert_eq!(posted, [Outcome::Posted]);
    let told = scene.earnings("alice").await?;
    let [line] = told.late.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (line.month.as_str(), line.origin_month.as_str()),
        (FEBRUARY, JANUARY)
    );
    assert_eq!(
        (line.gross_minor, line.fee_minor, line.net_minor),
        (1_001, 70, 931)
    );
    assert_eq!(
        (line.cause.as_str(), line.program.as_str()),
        ("dp_1", "allocation")
    );
    assert_eq!(line.posted_at, Some(wire::timestamp(at)));
    assert_eq!(
        (told.payable_minor, told.lifetime_net_minor),
        (ALICE, ALICE)
    );
    // January's own figures are as closed, and February lists what it will pay.
    let january = scene.creator_month("alice", JANUARY).await?;
    assert_eq!(
        (january.programs[0].net_minor, january.late.len()),
        (ALICE, 0)
    );
    assert_eq!(
        scene.creator_month("alice", FEBRUARY).await?.late,
        told.late
    );

    scene.bed.clock.set(FIRST_OF_MARCH);
    scene.seal_of(FEBRUARY, &[]).await?;
    assert_eq!(scene.month_of(FEBRUARY).await?.state, "closed");
    let told = scene.earnings("alice").await?;
    assert_eq!(
        (told.payable_minor, told.lifetime_net_minor),
        (ALICE + 931, ALICE + 931)
    );
    let february = &told.months[0];
    assert_eq!((february.net_minor, february.payable_minor), (0, 931));
    scene.hold("po_1", "alice", ALICE + 931).await?;
    Ok(())
}

#[tokio::test]
async fn a_late_earning_never_enters_a_closed_month() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let outcomes = scene
        .post_own(FIRST_OF_MARCH, vec![late("alice", "dp_1", JANUARY, 1_001)])
        .await?;
    let month = month(JANUARY);
    assert_eq!(outcomes, [Outcome::Refused(Refusal::MonthClosed { month })]);
    Ok(())
}

/// Goal: frozen money is told net of its fee, debts by themselves, and a month that has any
/// frozen says so before all else.
/// Method: what disputes will post is not a fact yet; the balances are set as they would be.
#[tokio::test]
async fn frozen_money_and_debts_are_told_by_themselves() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let owner = scene.bed.db.owner().await?;
    for (kind, month, name, minor) in [
        (
            "creator_frozen_gross",
            Some(202_702),
            "frozen_gross/allocation/2027-02",
            1_001,
        ),
        (
            "creator_frozen_net",
            Some(202_701),
            "frozen_net/allocation/2027-01",
            50,
        ),
        ("creator_debt", None, "debt", 75),
    ] {
        sqlx::query(
            "with made as (
                 insert into earnings.account
                     (kind, owner, program, month, asset, name, class, is_platform)
                 values ($1, 'alice', case when $2::integer is not null then 'allocation' end, $2,
                         'USD', 'creator/alice/' || $3, 'settles', false)
                 returning account_id)
             insert into earnings.balance select account_id, $4, false from made",
        )
        .bind(kind)
        .bind(month)
        .bind(name)
        .bind(i64::from(minor))
        .execute(&owner)
        .await?;
    }
    let told = scene.earnings("alice").await?;
    assert_eq!((told.frozen_minor, told.debt_minor), (931 + 50, 75));
    assert_eq!(
        statuses(&told.months),
        [(FEBRUARY, "frozen"), (JANUARY, "frozen")]
    );
    assert_eq!((told.payable_minor, told.reserved_minor), (ALICE, 0));
    Ok(())
}
