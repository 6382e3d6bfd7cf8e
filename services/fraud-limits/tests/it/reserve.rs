//! Reserving, confirming, releasing.

use anyhow::Result;
use fraud_limits::FraudLimits;
use kit::Service;
use testkit::TestBed;
use time::macros::datetime;
use wire::fraud_limits::v1::fraud_limits_service_client::FraudLimitsServiceClient;
use wire::fraud_limits::v1::{ConfirmRequest, PayoutBlocked, ReleaseRequest, ReserveRequest};

fn payout(id: &str, amount_minor: i64) -> ReserveRequest {
    ReserveRequest {
        payout_id: id.into(),
        creator_id: "alice".into(),
        amount_minor,
        currency: "USD".into(),
        scheduled: true,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_payout_above_the_limit_is_refused_and_told_once() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);

    assert!(
        client
            .reserve(payout("po_1", 1_000_000))
            .await?
            .into_inner()
            .allowed
    );
    for _ in 0..2 {
        let refused = client
            .reserve(payout("po_2", 1_000_001))
            .await?
            .into_inner();
        assert!(!refused.allowed);
        assert_eq!(
            (refused.code.as_str(), refused.allowed_minor),
            ("EXCEEDS_SINGLE_LIMIT", 1_000_000)
        );
    }
    service.settle().await;
    assert_eq!(
        bed.announced::<PayoutBlocked>(service.schema())
            .await?
            .len(),
        1
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reservation_is_made_once_however_often_it_is_asked_for() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    for _ in 0..3 {
        assert!(
            client
                .reserve(payout("po_1", 2_500))
                .await?
                .into_inner()
                .allowed
        );
    }
    client
        .release(ReleaseRequest {
            payout_id: "po_1".into(),
        })
        .await?;
    client
        .release(ReleaseRequest {
            payout_id: "po_1".into(),
        })
        .await?;
    let owner = bed.db.owner().await?;
    let states: Vec<String> = sqlx::query_scalar("select state from fraud_limits.reservation")
        .fetch_all(&owner)
        .await?;
    assert_eq!(states, ["released"]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn bad_input_is_refused_by_the_name_of_the_field() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    let refused = client.reserve(payout("po_1", -1)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(
        refused.message().contains("amount_minor"),
        "{}",
        refused.message()
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_payout_of_nothing_is_refused_by_the_name_of_the_field() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    let refused = client.reserve(payout("po_1", 0)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
    assert!(
        refused.message().contains("amount_minor"),
        "{}",
        refused.message()
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reservation_of_a_payout_that_went_out_stays_as_it_is() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    assert!(
        client
            .reserve(payout("po_1", 2_500))
            .await?
            .into_inner()
            .allowed
    );
    client
        .confirm(ConfirmRequest {
            payout_id: "po_1".into(),
        })
        .await?;
    let refused = client.reserve(payout("po_1", 2_600)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Aborted, "{refused}");
    let owner = bed.db.owner().await?;
    let kept: (String, i64) =
        sqlx::query_as("select state, amount_minor from fraud_limits.reservation")
            .fetch_one(&owner)
            .await?;
    assert_eq!(kept, ("confirmed".to_owned(), 2_500));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reservation_that_was_given_back_is_not_made_again_by_a_late_request() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    client.reserve(payout("po_1", 2_500)).await?;
    let given_back = ReleaseRequest {
        payout_id: "po_1".into(),
    };
    client.release(given_back).await?;
    let refused = client.reserve(payout("po_1", 2_500)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Aborted, "{refused}");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_requested_payout_is_refused_whole_where_a_scheduled_one_is_told_the_most() -> Result<()>
{
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    for (scheduled, allowed_minor) in [(true, 1_000_000), (false, 0)] {
        let request = ReserveRequest {
            scheduled,
            ..payout(&format!("po_{scheduled}"), 1_000_001)
        };
        let answer = client.reserve(request).await?.into_inner();
        assert!(!answer.allowed);
        assert_eq!(
            (answer.code.as_str(), answer.allowed_minor),
            ("EXCEEDS_SINGLE_LIMIT", allowed_minor)
        );
        assert_eq!(answer.reason, "over the limit of $10,000.00 for one payout");
    }
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_payout_that_came_back_after_it_went_out_no_longer_counts() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-02-01 00:00 UTC), &[FraudLimits::migrator()]).await?;
    let service = bed.service::<FraudLimits>(&[]).await?;
    let mut client = FraudLimitsServiceClient::new(service.peer()?);
    client.reserve(payout("po_1", 2_500)).await?;
    let payout_id = "po_1".to_owned();
    let (confirm, release) = (
        ConfirmRequest {
            payout_id: payout_id.clone(),
        },
        ReleaseRequest { payout_id },
    );
    client.confirm(confirm.clone()).await?;
    client.release(release).await?;
    // Told late, or twice.
    client.confirm(confirm).await?;
    let owner = bed.db.owner().await?;
    let state: String = sqlx::query_scalar("select state from fraud_limits.reservation")
        .fetch_one(&owner)
        .await?;
    assert_eq!(state, "released");
    service.stop().await;
    Ok(())
}
