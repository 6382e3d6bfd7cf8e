//! Alerts are raised once, kept up to date and resolved by themselves.

use anyhow::Result;
use mailbox::Fact;
use wire::balance_monitor::v1::{AlertRaised, AlertResolved};
use wire::earnings::v1::{BooksUnbalanced, GetSolvencyResponse, MonthClosed};

use crate::world::{START, World};

fn owing(obligations_minor: i64) -> GetSolvencyResponse {
    let payments_minor = 10_000;
    let missing_minor = (obligations_minor + 500 - payments_minor).max(0);
    let claims_minor = 500;
    GetSolvencyResponse {
        payments_minor,
        obligations_minor,
        claims_minor,
        missing_minor,
        ..Default::default()
    }
}

#[tokio::test]
async fn missing_obligations_raise_one_alert_with_the_exact_amount_until_they_are_covered()
-> Result<()> {
    let world = World::start().await?;
    world.say(owing(10_734));
    assert_eq!(world.check().await?.missing_minor, 1_234);
    let first = world.alerts("open").await?;
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(
        (first[0].kind.as_str(), first[0].severity.as_str()),
        ("obligations_uncovered", "critical")
    );
    assert!(
        first[0].detail.contains("$12.34 is missing"),
        "{}",
        first[0].detail
    );

    world.say(owing(10_735));
    world.check().await?;
    let second = world.alerts("open").await?;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].alert_id, first[0].alert_id);
    assert!(
        second[0].detail.contains("$12.35 is missing"),
        "{}",
        second[0].detail
    );
    assert_eq!(shortfall(&world).await?, 1_235);

    world.say(owing(9_500));
    assert_eq!(world.check().await?.missing_minor, 0);
    assert_eq!(world.alerts("open").await?, []);
    let resolved = world.alerts("resolved").await?;
    assert_eq!(resolved[0].alert_id, first[0].alert_id);
    assert_eq!(resolved[0].resolved_at, Some(wire::timestamp(START)));

    world.say(owing(9_501));
    world.check().await?;
    let raised = world.announced::<AlertRaised>().await?;
    assert_eq!(raised.len(), 2, "{raised:?}");
    assert_ne!(raised[1].alert_id, raised[0].alert_id);
    assert_eq!(world.announced::<AlertResolved>().await?.len(), 1);
    world.service.stop().await;
    Ok(())
}

async fn shortfall(world: &World) -> Result<i64> {
    let owner = world.bed.db.owner().await?;
    let query = "select (data ->> 'shortfall_minor')::bigint from balance_monitor.alert
                 where status = 'open'";
    Ok(sqlx::query_scalar(query).fetch_one(&owner).await?)
}

#[tokio::test]
async fn a_month_that_cannot_be_closed_is_critical_until_it_is_closed() -> Result<()> {
    let world = World::start().await?;
    for (month, number) in [("2027-01", 1), ("2027-01", 2), ("2026-12", 1)] {
        world
            .bed
            .publish("earnings", &[unbalanced(month, number)])
            .await?;
    }
    world.service.settle().await;
    let open = world.alerts("open").await?;
    assert_eq!(open.len(), 2, "{open:?}");
    assert!(
        open.iter()
            .all(|one| one.kind == "books_unbalanced" && one.severity == "critical")
    );
    assert!(
        open.iter()
            .any(|one| one.detail.contains("2027-01: allocation charges: 3 for 4"))
    );

    world
        .bed
        .publish("earnings", &[closed("2027-01"), closed("2026-11")])
        .await?;
    world.service.settle().await;
    // News of a trouble that is over is no trouble.
    world
        .bed
        .publish("earnings", &[unbalanced("2026-11", 1)])
        .await?;
    world.service.settle().await;
    let open = world.alerts("open").await?;
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].detail.starts_with("2026-12"), "{}", open[0].detail);
    world.service.stop().await;
    Ok(())
}

fn unbalanced(month: &str, number: i32) -> Fact {
    let event = BooksUnbalanced {
        month: month.into(),
        differences: vec!["allocation charges: 3 for 4".into()],
    };
    Fact::new(
        format!("unbalanced:{month}:{number}"),
        month,
        1,
        START,
        &event,
    )
}

fn closed(month: &str) -> Fact {
    let event = MonthClosed {
        month: month.into(),
        ..Default::default()
    };
    Fact::new(format!("closed:{month}"), month, 1, START, &event)
}

#[tokio::test]
async fn a_status_that_does_not_exist_is_refused() -> Result<()> {
    let world = World::start().await?;
    let refused = world.alerts("closed").await.unwrap_err();
    let status = refused.downcast_ref::<tonic::Status>().expect("a status");
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    world.service.stop().await;
    Ok(())
}
