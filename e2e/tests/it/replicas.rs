//! Two processes of each service share the work, and come to the same books.

use std::collections::BTreeMap;
use std::path::Path;

use kit::{Peer, Peers};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use wire::kit::v1::SettleRequest;
use wire::kit::v1::kit_service_client::KitServiceClient;

use crate::books::env_of;
use crate::place::{CROWD, Place, run};

/// Those with consumers or workers; the gateway has neither.
pub const AT_WORK: [&str; 8] = [
    "billing",
    "allocation",
    "earnings",
    "payout",
    "fraud-limits",
    "balance-monitor",
    "webhook-ingest",
    "notifier",
];

/// What the books say in all, whatever the order of their postings and the ids of Stripe's: count
/// and sums by kind of fact and kind of account.
async fn books(dir: &Path) -> Vec<(String, String, i64, i64)> {
    let url = &env_of(dir)["AUDITOR_DATABASE_URL"];
    let mut connection = PgConnection::connect(url).await.expect("the books");
    sqlx::query_as(
        "select p.kind, a.kind, count(*), sum(e.amount_minor)::bigint
         from earnings.posting p
         join earnings.entry e on e.posting_id = p.posting_id
         join earnings.account a on a.account_id = e.account_id
         group by 1, 2 order by 1, 2",
    )
    .fetch_all(&mut connection)
    .await
    .expect("they can be read")
}

/// What each process has done since it started, by service.
async fn activities(dir: &Path) -> BTreeMap<&'static str, Vec<u64>> {
    let (ready, state) = (
        json(&dir.join("run/ready.json")),
        json(&dir.join("state.json")),
    );
    let address = |name: &str| ready["urls"][name].as_str().map(str::to_owned);
    let mut addresses: BTreeMap<String, String> = BTreeMap::new();
    for service in AT_WORK {
        let both = [address(service), address(&format!("{service}-2"))];
        let both = both.map(|url| url.expect("two processes"));
        addresses.insert(service.replace('-', "_"), both.join(","));
    }
    let key = state["token_keys"]["gateway"].as_str().expect("a key");
    let peers = Peers::signed_as("gateway", key.to_owned().into(), addresses).expect("peers");
    let mut done = BTreeMap::new();
    for service in AT_WORK {
        let mut counts = Vec::new();
        for peer in peers.connect_each(service).expect("two addresses") {
            counts.push(activity(peer).await);
        }
        done.insert(service, counts);
    }
    done
}

async fn activity(peer: Peer) -> u64 {
    let mut client = KitServiceClient::new(peer);
    let settled = client.settle(SettleRequest { clock: None }).await;
    settled.expect("it answers").into_inner().activity
}

fn json(path: &Path) -> Value {
    let text = std::fs::read(path).expect("a file of the instance");
    serde_json::from_slice(&text).expect("it is JSON")
}

#[tokio::test]
async fn two_replicas_of_each_service_both_work_and_the_books_are_those_of_one() {
    let place = Place::of("e2e-replicas");
    let one = place.demo(&CROWD, &["--keep"]);
    let books_of_one = books(&place.dir).await;
    let two = place.demo(&CROWD, &["--keep", "--replicas", "2"]);

    assert_eq!(one["statement"], two["statement"]);
    assert_eq!(books_of_one, books(&place.dir).await);
    let done = activities(&place.dir).await;
    for (service, counts) in &done {
        // So small a month has a handful of payouts to be weighed: one process may get them all.
        let is_busy = *service != "fraud-limits";
        let shared = counts.iter().all(|count| *count > 0);
        assert!(shared || !is_busy, "{service}: {counts:?}");
    }
    let examined = run(&place.dir, "doctor", &["--json"]);
    assert!(
        examined.status.success(),
        "{}",
        String::from_utf8_lossy(&examined.stdout)
    );
}
