//! Calls to a service of several replicas.

use std::collections::BTreeMap;

use anyhow::Result;
use kit::{Peer, Peers, Service};
use testkit::{TestBed, TestService};
use time::macros::datetime;
use tonic::Code;
use wire::kit::v1::SettleRequest;
use wire::kit::v1::kit_service_client::KitServiceClient;

use crate::echo::Echo;

/// A port that was free a moment ago and that nobody listens on.
async fn refusing() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    Ok(format!("http://{}", listener.local_addr()?))
}

fn among(bed: &TestBed, addresses: &[&str]) -> Result<Peer> {
    let addresses = BTreeMap::from([("notifier".to_owned(), addresses.join(","))]);
    let key = bed.keys.private("gateway").into();
    Ok(Peers::signed_as("gateway", key, addresses)?.connect("notifier")?)
}

async fn ask(peer: &Peer) -> Result<(), tonic::Status> {
    let mut client = KitServiceClient::new(peer.clone());
    client.settle(SettleRequest { clock: None }).await?;
    Ok(())
}

fn url(service: &TestService) -> String {
    format!("http://{}", service.address())
}

#[tokio::test]
async fn a_replica_that_refuses_connections_is_given_no_calls() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    let peer = among(
        &bed,
        &[&refusing().await?, &url(&service), &refusing().await?],
    )?;
    for call in 0..100 {
        let answered = ask(&peer).await;
        assert!(answered.is_ok(), "call {call}: {answered:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_no_replica_can_take_fails_and_is_not_kept_waiting() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let peer = among(&bed, &[&refusing().await?, &refusing().await?])?;
    let refused = ask(&peer).await.expect_err("nobody is there");
    assert_eq!(refused.code(), Code::Unavailable);
    Ok(())
}

#[tokio::test]
async fn when_one_of_two_replicas_goes_the_other_takes_all_calls() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let first = bed.service::<Echo>(&[]).await?;
    let second = bed.service::<Echo>(&[]).await?;
    let peer = among(&bed, &[&url(&first), &url(&second)])?;
    ask(&peer).await?;
    first.stop().await;
    testkit::eventually("calls to go to the other alone", || async {
        for _ in 0..20 {
            ask(&peer).await.ok()?;
        }
        Some(())
    })
    .await;
    Ok(())
}
