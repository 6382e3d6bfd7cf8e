//! The registry and onboarding.

use anyhow::Result;
use tonic::Code;
use wire::payout::v1 as proto;

use crate::front::Fault;
use crate::world::{World, client, creator, onboarding};

#[tokio::test]
async fn a_put_that_changes_nothing_keeps_the_version_and_announces_nothing() -> Result<()> {
    let world = World::start().await?;
    let service = world.service().await?;
    let mut client = client(&service)?;
    let mut request = creator("alice");
    request.created_at = Some(wire::timestamp(crate::world::START));
    for _ in 0..3 {
        assert_eq!(
            client
                .put_creator(request.clone())
                .await?
                .into_inner()
                .version,
            1
        );
    }
    request.display_name = "Alice".into();
    let changed = client.put_creator(request).await?.into_inner();
    assert_eq!(
        (changed.version, changed.display_name.as_str()),
        (2, "Alice")
    );
    service.settle().await;
    let told = world
        .bed
        .announced::<proto::CreatorRegistered>("payout")
        .await?;
    let versions: Vec<i64> = told.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn strangers_are_unknown_and_bad_ids_are_refused_by_the_name_of_the_field() -> Result<()> {
    let world = World::start().await?;
    let service = world.service().await?;
    let mut client = client(&service)?;
    let request = proto::GetCreatorRequest {
        creator_id: "nobody".into(),
    };
    let unknown = client.get_creator(request).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(kit::reason_of(&unknown).unwrap().0, "CREATOR_UNKNOWN");
    let unknown = client
        .start_onboarding(onboarding("nobody"))
        .await
        .unwrap_err();
    assert_eq!(kit::reason_of(&unknown).unwrap().0, "CREATOR_UNKNOWN");
    let bad = client.put_creator(creator("a:b")).await.unwrap_err();
    assert_eq!(kit::reason_of(&bad).unwrap().1["field"], "creator_id");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn onboarding_started_again_after_a_lost_reply_makes_one_account() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    let mut client = client(&service)?;
    client.put_creator(creator("alice")).await?;
    let ask = || proto::GetAccountRequest {
        creator_id: "alice".into(),
    };
    assert_eq!(client.get_account(ask()).await?.into_inner().status, "none");
    world.front.fail_next("/v1/accounts", Fault::LoseReply);
    let lost = client
        .start_onboarding(onboarding("alice"))
        .await
        .unwrap_err();
    assert_eq!(lost.code(), Code::Unavailable);

    let account_id = world.creator(&service, "alice", None).await?;
    assert_eq!(world.list("/v1/accounts", None).await?.len(), 1);
    assert_eq!(
        world.front.keys("/v1/accounts"),
        ["account:alice", "account:alice"]
    );
    service.settle().await;
    let told = world
        .bed
        .announced::<proto::AccountChanged>("payout")
        .await?;
    let statuses: Vec<&str> = told.iter().map(|event| event.status.as_str()).collect();
    assert_eq!(statuses, ["pending", "pending", "verified"]);
    assert!(told.iter().all(|event| event.account_id == account_id));
    service.stop().await;
    Ok(())
}
