//! Revenue and expenses by month.

use anyhow::Result;
use ledger::{BalanceTransactionKind, BalanceTransactionObserved, Fact};
use money::{Asset, Balance};
use time::macros::datetime;
use wire::earnings::v1::{GetRevenueRequest, GetRevenueResponse};

use crate::some::{JANUARY, Scene, fact, id};
use crate::stories::{FEBRUARY, MARCH, late, why};

async fn revenue(scene: &Scene, from: &str, to: &str) -> Result<GetRevenueResponse, tonic::Status> {
    let mut client = scene.client().expect("a client");
    let (from_month, to_month) = (from.to_owned(), to.to_owned());
    let asked = GetRevenueRequest {
        from_month,
        to_month,
    };
    Ok(client.get_revenue(asked).await?.into_inner())
}

fn said(revenue: &GetRevenueResponse) -> Vec<(&str, &str, i64)> {
    let lines = revenue.lines.iter();
    lines
        .map(|line| (line.month.as_str(), line.source.as_str(), line.amount_minor))
        .collect()
}

fn stripe_fee(txn: &str, minor: i64) -> Fact {
    let kind = BalanceTransactionKind::Fee;
    let amount = Balance::new(minor, Asset::Usd);
    fact(BalanceTransactionObserved {
        txn: id(txn),
        kind,
        amount,
    })
}

/// January is closed on the 1st of February and February on the 1st of March; a fee of Stripe's
/// in the last second of February is February's, one in the next is March's.
#[tokio::test]
async fn a_close_counts_in_its_month_and_all_else_when_it_happened() -> Result<()> {
    let scene = Scene::two_months_closed().await?;
    let last = datetime!(2027-02-28 23:59:59.999 UTC);
    scene.post_at(last, &[stripe_fee("txn_fee1", -200)]).await?;
    let next = datetime!(2027-03-01 00:00 UTC);
    scene.post_at(next, &[stripe_fee("txn_fee2", 50)]).await?;
    let freed = datetime!(2027-03-10 00:00 UTC);
    scene
        .post_own(freed, vec![late("alice", "dp_1", MARCH, 1_001)])
        .await?;
    let told = revenue(&scene, "", "").await?;
    let (fees, rests) = ("revenue/fees", "revenue/unallocated");
    let stripe = "expense/stripe_fees";
    let wanted = [
        (JANUARY, stripe, 4 * 59),
        (JANUARY, fees, 805),
        (JANUARY, rests, 4_499),
        (FEBRUARY, stripe, 200),
        (FEBRUARY, fees, 350),
        (FEBRUARY, rests, 1_000),
        (MARCH, stripe, -50),
        (MARCH, fees, 70),
    ];
    assert_eq!(said(&told), wanted);
    assert_eq!(
        told.result_minor,
        805 + 4_499 + 350 + 1_000 + 70 - 4 * 59 - 200 + 50
    );
    let one = revenue(&scene, FEBRUARY, FEBRUARY).await?;
    assert_eq!(
        (said(&one), one.result_minor),
        (wanted[3..6].to_vec(), 1_150)
    );
    assert_eq!(said(&revenue(&scene, FEBRUARY, "").await?), wanted[3..]);
    assert_eq!(said(&revenue(&scene, "", JANUARY).await?), wanted[..3]);
    Ok(())
}

#[tokio::test]
async fn months_that_are_no_range_are_refused_by_name() -> Result<()> {
    let scene = Scene::start().await?;
    for (from, to, field) in [
        ("2027-1", "", "from_month"),
        ("", "2027-13", "to_month"),
        (FEBRUARY, JANUARY, "to_month"),
    ] {
        let refused = revenue(&scene, from, to).await.unwrap_err();
        let wanted = ("INVALID_ARGUMENT".to_owned(), field.to_owned());
        assert_eq!(why(&refused, "field"), wanted);
    }
    assert!(revenue(&scene, "", "").await?.lines.is_empty());
    Ok(())
}
