//! What is told of the books.

use anyhow::Result;
use ledger::{AttemptStep, Balances, Rates, Solvency};
use money::{Asset, Balance, BasisPoints};
use time::macros::datetime;
use wire::earnings::v1::{
    CommitHoldRequest, GetCreatorEarningsRequest, GetSolvencyRequest, GetSolvencyResponse,
    HoldRequest, ListPayableRequest,
};

use crate::owed::all;
use crate::some::{Scene, balances, directed, funded, january, settled};

async fn solvency(scene: &Scene) -> Result<GetSolvencyResponse> {
    Ok(scene
        .client()?
        .get_solvency(GetSolvencyRequest {})
        .await?
        .into_inner())
}

/// What libs/ledger makes of the same accounts.
async fn reckoned(scene: &Scene) -> Result<Solvency> {
    let mut books = Balances::new();
    for (name, minor) in balances(&scene.bed).await? {
        books.set(
            ledger::Account::parse(&name)?,
            Balance::new(minor, Asset::Usd),
        )?;
    }
    Ok(Solvency::of(&books, rates()?)?)
}

/// As configured unless said otherwise.
pub fn rates() -> Result<Rates> {
    Ok(Rates {
        allocation_fee: BasisPoints::try_new(700)?,
        copies_share: BasisPoints::try_new(7_000)?,
    })
}

/// What is told of solvency, once it is known to be what the ledger's own rule says.
pub async fn agree(scene: &Scene) -> Result<GetSolvencyResponse> {
    let (told, wanted) = (solvency(scene).await?, reckoned(scene).await?);
    let assets = [
        told.payments_minor,
        told.storage_minor,
        told.connected_minor,
        told.in_flight_minor,
    ];
    assert_eq!(assets.iter().sum::<i64>(), wanted.assets.minor());
    assert_eq!(told.obligations_minor, wanted.obligations.minor());
    assert_eq!(told.claims_minor, wanted.claims.minor());
    assert_eq!(told.tax_minor, wanted.tax.minor());
    assert_eq!(told.missing_minor, wanted.missing()?.minor());
    let (_, sum) = all(scene, 1000).await?;
    assert_eq!(sum.total_minor, told.obligations_minor);
    Ok(told)
}

/// Goal: sums by kind, taken by the database, say the same as the rule for single accounts.
/// Method: lines of every size from one cent, so that every way to round is met, and some
/// below zero.
#[tokio::test]
async fn solvency_says_what_the_ledgers_own_rule_says() -> Result<()> {
    let scene = Scene::start().await?;
    let empty = solvency(&scene).await?;
    let cut = empty.cut.clone();
    assert_eq!(
        empty,
        GetSolvencyResponse {
            cut,
            ..GetSolvencyResponse::default()
        }
    );
    let mut facts = january();
    for n in 1..=120u32 {
        let subscriber = format!("s{n}");
        if n % 3 != 0 {
            facts.extend(funded(&subscriber, 1, i64::from(2 * n + n % 7)));
        }
        facts.push(directed(&subscriber, &format!("c{n}"), 1, 0, i64::from(n)));
        // Cash whose pool is not known yet, and pools whose cash is not posted yet.
        let [charge, funding] = funded(&format!("early{n}"), 1, i64::from(n % 5 + 1));
        facts.push(if n % 2 == 0 { charge } else { funding });
    }
    scene.post(&facts).await?;
    let open = agree(&scene).await?;
    assert!(open.missing_minor > 0, "{open:?}");
    Ok(())
}

#[tokio::test]
async fn money_on_its_way_out_is_owed_until_the_bank_has_it() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let before = agree(&scene).await?;
    assert_eq!(
        (before.obligations_minor, before.missing_minor),
        (9_301 + 1_395, 0)
    );
    let mut client = scene.client()?;
    let hold = HoldRequest {
        payout_id: "po_1".into(),
        creator_id: "alice".into(),
        amount_minor: 9_000,
        currency: "USD".into(),
    };
    client.hold(hold).await?;
    client
        .commit_hold(CommitHoldRequest {
            payout_id: "po_1".into(),
            attempt: 1,
        })
        .await?;
    scene
        .post(&[settled("po_1", AttemptStep::Transfer, 1, 9_000)])
        .await?;
    let under_way = agree(&scene).await?;
    assert_eq!(under_way.obligations_minor, before.obligations_minor);
    assert_eq!(under_way.connected_minor, 9_000);
    scene
        .post(&[settled("po_1", AttemptStep::Bank, 1, 9_000)])
        .await?;
    let paid = agree(&scene).await?;
    assert_eq!(paid.obligations_minor, before.obligations_minor - 9_000);
    assert_eq!(paid.connected_minor, 0);
    Ok(())
}

#[tokio::test]
async fn creators_with_payable_money_are_listed_in_pages_once_the_month_is_closed() -> Result<()> {
    let scene = Scene::start().await?;
    scene.post(&january()).await?;
    let mut client = scene.client()?;
    let mut page = async |after: &str, limit| {
        let after_creator_id = after.to_owned();
        let answer = client
            .list_payable(ListPayableRequest {
                after_creator_id,
                limit,
            })
            .await?;
        let payables = answer.into_inner().payables;
        anyhow::Ok(
            payables
                .into_iter()
                .map(|p| (p.creator_id, p.payable_minor))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(page("", 0).await?, []);
    scene.seal(&january()).await?;
    let (alice, bob) = (("alice".to_owned(), 9_301), ("bob".to_owned(), 1_395));
    assert_eq!(page("", 0).await?, [alice.clone(), bob.clone()]);
    assert_eq!(page("", 1).await?, [alice]);
    assert_eq!(page("alice", 1).await?, [bob]);
    assert_eq!(page("bob", 1).await?, []);
    assert!(page("", 1001).await.is_err());
    Ok(())
}

#[tokio::test]
async fn an_open_month_is_pending_and_one_that_is_over_is_locked() -> Result<()> {
    let scene = Scene::start().await?;
    scene.post(&january()).await?;
    let look = async || {
        let creator_id = "alice".to_owned();
        let mut client = scene.client()?;
        let answer = client
            .get_creator_earnings(GetCreatorEarningsRequest { creator_id })
            .await?;
        let earnings = answer.into_inner();
        anyhow::Ok((
            earnings.pending_minor,
            earnings.payable_minor,
            earnings.months[0].status.clone(),
        ))
    };
    assert_eq!(look().await?, (10_001, 0, "open".into()));
    scene.bed.clock.set(datetime!(2027-02-01 00:00 UTC));
    scene.service.settle().await;
    assert_eq!(look().await?, (10_001, 0, "locked".into()));
    let creator_id = "nobody".to_owned();
    let mut client = scene.client()?;
    let nobody = client
        .get_creator_earnings(GetCreatorEarningsRequest { creator_id })
        .await?;
    assert!(nobody.into_inner().months.is_empty());
    Ok(())
}
