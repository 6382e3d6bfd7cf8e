//! Accounts and postings, as operators look them up.

use std::collections::BTreeMap;

use anyhow::Result;
use time::OffsetDateTime;
use time::macros::datetime;
use tonic::Status;
use wire::earnings::v1::{
    AccountBalance, ListAccountsRequest, ListAccountsResponse, ListPostingsRequest,
    ListPostingsResponse,
};

use crate::some::{FIRST_OF_FEBRUARY, IN_JANUARY, Scene, directed, january, topup};
use crate::stories::{january_over, why};

async fn accounts(
    scene: &Scene,
    asked: ListAccountsRequest,
) -> Result<ListAccountsResponse, Status> {
    let mut client = scene.client().expect("a client");
    Ok(client.list_accounts(asked).await?.into_inner())
}

async fn postings(
    scene: &Scene,
    asked: ListPostingsRequest,
) -> Result<ListPostingsResponse, Status> {
    let mut client = scene.client().expect("a client");
    Ok(client.list_postings(asked).await?.into_inner())
}

fn under(prefix: &str) -> ListAccountsRequest {
    ListAccountsRequest {
        name_prefix: prefix.into(),
        ..ListAccountsRequest::default()
    }
}

fn as_of(prefix: &str, at: OffsetDateTime) -> ListAccountsRequest {
    ListAccountsRequest {
        as_of: Some(wire::timestamp(at)),
        ..under(prefix)
    }
}

fn figures(page: &ListAccountsResponse) -> Vec<(&str, i64)> {
    let accounts = page.accounts.iter();
    accounts
        .map(|account| (account.name.as_str(), account.amount_minor))
        .collect()
}

/// Goal: pages of any size say what the entries say, of accounts with and without a kept balance,
/// now and as of now.
#[tokio::test]
async fn pages_of_accounts_say_what_the_entries_say() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let wanted = scene.balances().await?;
    for at in [None, Some(wire::timestamp(FIRST_OF_FEBRUARY))] {
        let (mut told, mut names) = (BTreeMap::new(), Vec::new());
        let mut asked = ListAccountsRequest {
            as_of: at,
            without_zero: true,
            limit: 2,
            ..ListAccountsRequest::default()
        };
        loop {
            let page = accounts(&scene, asked.clone()).await?;
            assert!(page.accounts.len() <= 2);
            for account in page.accounts {
                asked.after_name.clone_from(&account.name);
                names.push(account.name.clone());
                told.insert(account.name, account.amount_minor);
            }
            if !page.has_more {
                break;
            }
        }
        assert_eq!(told, wanted);
        assert!(names.is_sorted(), "{names:?}");
    }
    let every = accounts(&scene, under("")).await?;
    assert!(every.accounts.len() > wanted.len());
    let fees = accounts(&scene, under("revenue/fees")).await?;
    let fees_wanted = AccountBalance {
        name: "revenue/fees".into(),
        kind: "revenue_fees".into(),
        asset: "USD".into(),
        normal_side: "credit".into(),
        amount_minor: 805,
    };
    assert_eq!(fees.accounts, [fees_wanted]);
    Ok(())
}

#[tokio::test]
async fn a_prefix_means_its_own_signs_and_no_others() -> Result<()> {
    let scene = january_over().await?;
    for creator in ["a_b", "axb", "a-b", "A_b"] {
        scene.post(&[directed("ann", creator, 90, 0, 10)]).await?;
    }
    let page = accounts(&scene, under("creator/a_")).await?;
    assert_eq!(
        figures(&page),
        [("creator/a_b/pending/allocation/2027-01", 10)]
    );
    for nothing in ["creator/%", "creator/a\\_", "_", "zzz"] {
        let page = accounts(&scene, under(nothing)).await?;
        assert_eq!(figures(&page), [], "{nothing}");
    }
    for (asked, field) in [
        (under("creator/\0"), "name_prefix"),
        (under(&"x".repeat(513)), "name_prefix"),
        (
            ListAccountsRequest {
                after_name: "ä".into(),
                ..under("")
            },
            "after_name",
        ),
        (
            ListAccountsRequest {
                limit: 1_001,
                ..under("")
            },
            "limit",
        ),
    ] {
        let refused = accounts(&scene, asked).await.unwrap_err();
        let wanted = ("INVALID_ARGUMENT".to_owned(), field.to_owned());
        assert_eq!(why(&refused, "field"), wanted, "{}", refused.message());
    }
    Ok(())
}

/// Goal: an account as of a time counts what had happened by then, to the instant, and what
/// arrives later counts when it happened.
#[tokio::test]
async fn an_account_as_of_a_time_counts_what_had_happened_by_then() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let second = datetime!(2027-01-25 12:00 UTC);
    scene.post_at(IN_JANUARY, &[topup("txn_1", 100)]).await?;
    scene.post_at(second, &[topup("txn_2", 20)]).await?;
    let funds = async |at| {
        let page = accounts(&scene, as_of("equity/", at)).await?;
        anyhow::Ok(page.accounts[0].amount_minor)
    };
    let before = second - time::Duration::microseconds(1);
    assert_eq!(funds(IN_JANUARY - time::Duration::SECOND).await?, 0);
    assert_eq!((funds(before).await?, funds(second).await?), (100, 120));
    // It happened before and came after.
    scene.post_at(IN_JANUARY, &[topup("txn_3", 3)]).await?;
    assert_eq!((funds(before).await?, funds(second).await?), (103, 123));
    let mut bare = as_of("equity/", IN_JANUARY - time::Duration::SECOND);
    bare.without_zero = true;
    assert_eq!(figures(&accounts(&scene, bare).await?), []);
    Ok(())
}

#[tokio::test]
async fn postings_are_found_by_account_by_fact_and_by_balance_transaction() -> Result<()> {
    let scene = Scene::start().await?;
    scene.post(&january()).await?;
    let keys = |page: &ListPostingsResponse| {
        let postings = page.postings.iter();
        postings
            .map(|posting| posting.fact_id.clone())
            .collect::<Vec<_>>()
    };
    let mut by_account = ListPostingsRequest {
        account: "creator/bob/pending/allocation/2027-01".into(),
        limit: 1,
        ..ListPostingsRequest::default()
    };
    let newest = postings(&scene, by_account.clone()).await?;
    assert_eq!(
        (keys(&newest), newest.has_more),
        (vec!["alloc:ann:allocation:2027-01:3:bob".to_owned()], true)
    );
    by_account.before_posting_id = newest.postings[0].posting_id;
    let older = postings(&scene, by_account).await?;
    assert_eq!(
        (keys(&older), older.has_more),
        (vec!["alloc:ann:allocation:2027-01:2:bob".to_owned()], false)
    );

    let fact_id = "charge:ch_ann1".to_owned();
    let by_fact = ListPostingsRequest {
        fact_id,
        ..ListPostingsRequest::default()
    };
    let by_fact = postings(&scene, by_fact).await?;
    let txn = "txn_ann1".to_owned();
    let by_txn = ListPostingsRequest {
        txn,
        ..ListPostingsRequest::default()
    };
    assert_eq!(postings(&scene, by_txn).await?, by_fact);
    let charge = &by_fact.postings[0];
    assert_eq!(
        (
            charge.kind.as_str(),
            charge.txn.as_str(),
            charge.month.as_str()
        ),
        ("charge_settled", "txn_ann1", "")
    );
    assert_eq!(charge.occurred_at, Some(wire::timestamp(IN_JANUARY)));
    let legs = charge.entries.iter().map(|leg| {
        (
            leg.account.as_str(),
            leg.side.as_str(),
            leg.amount_minor,
            leg.asset.as_str(),
        )
    });
    assert_eq!(
        legs.collect::<Vec<_>>(),
        [
            ("stripe/payments", "debit", 9_941, "USD"),
            ("expense/stripe_fees", "debit", 59, "USD"),
            ("clearing/funding/ch_ann1", "credit", 10_000, "USD"),
        ]
    );
    assert_eq!(older.postings[0].month, "2027-01");

    let all = postings(&scene, ListPostingsRequest::default()).await?;
    assert_eq!((all.postings.len(), all.has_more), (10, true));
    let ids: Vec<i64> = all.postings.iter().map(|p| p.posting_id).collect();
    assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");
    let rest = ListPostingsRequest {
        before_posting_id: ids[9],
        ..ListPostingsRequest::default()
    };
    assert_eq!(postings(&scene, rest).await?.postings.len(), 2);
    Ok(())
}

#[tokio::test]
async fn postings_are_asked_for_in_one_way_and_few_at_a_time() -> Result<()> {
    let scene = Scene::start().await?;
    let base = ListPostingsRequest::default;
    for (asked, field) in [
        (
            ListPostingsRequest {
                fact_id: "charge:ch_1".into(),
                txn: "txn_1".into(),
                ..base()
            },
            "account",
        ),
        (
            ListPostingsRequest {
                account: "creator/bob/pocket".into(),
                ..base()
            },
            "account",
        ),
        (
            ListPostingsRequest {
                fact_id: "a b".into(),
                ..base()
            },
            "fact_id",
        ),
        (
            ListPostingsRequest {
                txn: "\0".into(),
                ..base()
            },
            "txn",
        ),
        (
            ListPostingsRequest {
                limit: 101,
                ..base()
            },
            "limit",
        ),
        (
            ListPostingsRequest {
                before_posting_id: -1,
                ..base()
            },
            "before_posting_id",
        ),
    ] {
        let refused = postings(&scene, asked).await.unwrap_err();
        let wanted = ("INVALID_ARGUMENT".to_owned(), field.to_owned());
        assert_eq!(why(&refused, "field"), wanted, "{}", refused.message());
    }
    let unknown = ListPostingsRequest {
        account: "creator/bob/debt".into(),
        ..base()
    };
    assert!(postings(&scene, unknown).await?.postings.is_empty());
    Ok(())
}
