//! Payouts that creators ask for.

use anyhow::{Result, bail};
use kit::reason_of;
use testkit::TestService;
use time::Duration;
use tonic::Code;
use wire::payout::v1 as proto;

use crate::others::HoldState;
use crate::reversal::{on, ready};
use crate::world::{START, TRANSFERS, client, payouts};

fn asked(key: &str, amount_minor: i64) -> proto::RequestPayoutRequest {
    proto::RequestPayoutRequest {
        creator_id: "alice".into(),
        amount_minor,
        idempotency_key: key.into(),
    }
}

async fn ask(service: &TestService, key: &str, minor: i64) -> Result<proto::Payout> {
    let answer = client(service)?.request_payout(asked(key, minor)).await?;
    Ok(answer.into_inner())
}

/// The refusal's code, and one of its figures.
async fn refused(
    service: &TestService,
    request: proto::RequestPayoutRequest,
    figure: &str,
) -> Result<(String, String)> {
    let Err(status) = client(service)?.request_payout(request).await else {
        bail!("it was granted");
    };
    let Some((code, figures)) = reason_of(&status) else {
        return Err(status.into());
    };
    Ok((code, figures.get(figure).cloned().unwrap_or_default()))
}

#[tokio::test]
async fn a_creator_who_asks_twice_with_one_key_is_paid_once_all_that_is_payable() -> Result<()> {
    let (mut world, service) = ready(None).await?;
    let payout = ask(&service, "k1", 0).await?;
    // The first steps are taken at once.
    assert_eq!(
        (payout.state.as_str(), payout.step.as_str()),
        ("sent", "bank")
    );
    assert_eq!((payout.scheduled, payout.month.as_str()), (false, ""));
    assert_eq!(payout.amount_minor, 5_000);
    let again = ask(&service, "k1", 0).await?;
    assert_eq!(again.payout_id, payout.payout_id);
    let paid = on(&mut world, &service, START + Duration::days(3)).await?;
    assert_eq!(paid.state, "paid");
    assert_eq!(
        (world.done(TRANSFERS).await?, payouts(&service).await?.len()),
        (1, 1)
    );
    assert_eq!(world.others.hold_states(), [HoldState::Committed(0)]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_part_may_be_asked_for_and_the_rest_stays_payable() -> Result<()> {
    let (world, service) = ready(None).await?;
    assert_eq!(ask(&service, "k1", 2_500).await?.amount_minor, 2_500);
    assert_eq!(world.others.books.lock().unwrap().payable["alice"], 2_500);
    // Another key, another payout.
    assert_eq!(ask(&service, "k2", 2_500).await?.amount_minor, 2_500);
    // The limits know that nobody may be paid less than asked.
    let told = world.others.books.lock().unwrap().scheduled.clone();
    assert_eq!(told, [false, false]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn every_refusal_of_a_request_has_its_code_and_leaves_no_money_behind() -> Result<()> {
    let (world, service) = ready(None).await?;
    let answer = |code: &str, figure: &str| (code.to_owned(), figure.to_owned());
    assert_eq!(
        refused(&service, asked("k1", 2_499), "min_minor").await?,
        answer("BELOW_MINIMUM", "2500")
    );
    assert_eq!(
        refused(&service, asked("k2", 5_001), "left_minor").await?,
        answer("INSUFFICIENT_BALANCE", "5000")
    );
    assert_eq!(
        refused(&service, asked("k3", -1), "field").await?,
        answer("INVALID_ARGUMENT", "amount_minor")
    );
    assert_eq!(
        refused(&service, asked("", 0), "field").await?,
        answer("INVALID_ARGUMENT", "idempotency_key")
    );
    world.others.books.lock().unwrap().single_max = 4_000;
    for _ in 0..2 {
        // Not capped, and the same key hears the same.
        assert_eq!(
            refused(&service, asked("k4", 4_001), "").await?,
            answer("EXCEEDS_SINGLE_LIMIT", "")
        );
    }
    world.others.owe("alice", 2_000);
    assert_eq!(
        refused(&service, asked("k5", 0), "min_minor").await?,
        answer("BELOW_MINIMUM", "2500")
    );
    service.settle().await;
    assert_eq!(world.others.hold_states(), [HoldState::Released]);
    assert_eq!(world.done(TRANSFERS).await?, 0);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_creator_who_is_not_known_or_not_verified_is_told_what_is_missing() -> Result<()> {
    let (world, service) = ready(None).await?;
    let mut request = asked("k1", 0);
    request.creator_id = "bob".into();
    let stranger = client(&service)?.request_payout(request.clone()).await;
    assert_eq!(stranger.unwrap_err().code(), Code::NotFound);
    let bob = crate::world::creator("bob");
    client(&service)?.put_creator(bob).await?;
    world.others.owe("bob", 5_000);
    let status = client(&service)?.request_payout(request).await.unwrap_err();
    assert_eq!(
        status.message(),
        "the bank account is not verified: onboarding was not started"
    );
    let code = reason_of(&status).map(|(code, _)| code);
    assert_eq!(code.as_deref(), Some("ACCOUNT_NOT_VERIFIED"));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_creator_whose_money_is_still_settling_is_told_the_day() -> Result<()> {
    let (world, service) = ready(None).await?;
    world.others.owe("alice", 200_000);
    world.charge(150_000).await?;
    let answer = refused(&service, asked("k1", 0), "expected_on").await?;
    assert_eq!(
        answer,
        ("FUNDS_SETTLING".to_owned(), "2027-02-03".to_owned())
    );
    world.advance(START + Duration::days(2)).await?;
    assert_eq!(ask(&service, "k1", 0).await?.amount_minor, 200_000);
    service.stop().await;
    Ok(())
}

/// Goal: two requests at once for all that there is are not both paid.
#[tokio::test]
async fn of_two_requests_at_once_for_all_of_it_one_is_paid() -> Result<()> {
    let (world, service) = ready(None).await?;
    let (mut first, mut second) = (client(&service)?, client(&service)?);
    let (one, two) = tokio::join!(
        first.request_payout(asked("k1", 5_000)),
        second.request_payout(asked("k2", 5_000))
    );
    let granted = [&one, &two].iter().filter(|it| it.is_ok()).count();
    assert_eq!(granted, 1, "{one:?} {two:?}");
    let status = one.err().or(two.err()).expect("one of them");
    let code = reason_of(&status).map(|(code, _)| code);
    assert!(
        ["INSUFFICIENT_BALANCE", "BELOW_MINIMUM"].contains(&code.as_deref().unwrap_or_default()),
        "{status:?}"
    );
    service.settle().await;
    assert_eq!(world.done(TRANSFERS).await?, 1);
    service.stop().await;
    Ok(())
}
