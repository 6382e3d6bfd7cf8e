//! The story, in acts: who does what, in which order.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::stream::{self, TryStreamExt};
use ledger::Month;
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::cast::Cast;
use super::client::{Client, User, text};
use super::progress::{Phase, Progress};
use super::record::Record;

/// Requests under way at once.
const IN_FLIGHT: usize = 16;
const PAUSE: Duration = Duration::from_millis(20);
/// How long a condition may take to come true that no step of the clock is needed for.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Story {
    pub client: Arc<Client>,
    pub cast: Cast,
    pub progress: Progress,
    record: Mutex<Record>,
}

impl Story {
    pub fn new(client: Arc<Client>, cast: Cast, progress: Progress) -> Self {
        Self {
            client,
            cast,
            progress,
            record: Mutex::default(),
        }
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays all acts; afterwards the books are at rest.
    ///
    /// # Errors
    /// What nobody can go on from. Smaller troubles are in the record.
    pub async fn play(&self, months: usize) -> Result<()> {
        self.top_up().await?;
        self.register_creators().await?;
        self.onboard_creators().await?;
        self.subscribe().await?;
        let mut month = Month::of(self.now().await?);
        for index in 0..months {
            self.see_funded(index, month).await?;
            if index == 0 {
                self.change_plans(month).await?;
            }
            self.direct(index, month).await?;
            if index == 0 {
                self.be_refused().await?;
                self.arrange_troubles().await?;
                self.note_bankless(month);
            }
            self.close(month).await?;
            if index == 0 {
                self.catch_up(month.next()).await?;
            }
            self.pay(month).await?;
            if index == 0 {
                self.see_troubles(month).await?;
                self.mend_banks().await?;
            }
            self.record().months.push(month.to_string());
            month = month.next();
        }
        self.record().running = month.to_string();
        Ok(())
    }

    /// The phases that [`Story::play`] goes through, each with about how many steps it has.
    pub fn phases(subscribers: u64, creators: u64, months: usize) -> Vec<(String, u64)> {
        let mut phases = vec![
            ("creators".to_owned(), creators),
            ("onboarding".to_owned(), 2 * creators),
            ("subscriptions".to_owned(), 2 * subscribers),
        ];
        let mut month = Month::from_i32(FIRST_MONTH).ok();
        for _ in 0..months {
            let Some(now) = month else { break };
            phases.push((format!("funding {now}"), subscribers));
            if now.to_i32() == FIRST_MONTH {
                phases.push((format!("changes {now}"), subscribers / 6));
            }
            phases.push((format!("directing {now}"), subscribers));
            phases.push((format!("closing {now}"), 5 * subscribers));
            if now.to_i32() == FIRST_MONTH {
                phases.push((format!("renewals {}", now.next()), subscribers / 40));
            }
            phases.push((format!("payouts {now}"), 3 * creators));
            month = Some(now.next());
        }
        phases
    }

    pub async fn now(&self) -> Result<OffsetDateTime> {
        let clock = self.client.get(User::ADMIN, "/v1/sandbox/clock").await?;
        Ok(OffsetDateTime::parse(text(&clock, "/now")?, &Rfc3339)?)
    }

    /// Moves business time, by way of every timer before it, and waits until all are at rest.
    pub async fn advance_to(&self, to: OffsetDateTime) -> Result<()> {
        let body = json!({ "advance_to": to.format(&Rfc3339)? });
        let asked = self
            .client
            .write(User::ADMIN, Method::POST, "/v1/sandbox/clock", &body, None);
        asked.await?.ok().map(drop)
    }

    /// Waits until nobody has anything left to do at the present instant.
    pub async fn rest(&self) -> Result<()> {
        let now = self.now().await?;
        self.advance_to(now).await
    }

    /// Counts the sandbox's records as steps of a phase while `work` is under way.
    pub async fn watched<T>(&self, phase: &Phase<'_>, work: impl Future<Output = T>) -> T {
        let first = self.client.activity().await.unwrap_or_default();
        let watch = async {
            loop {
                if let Some(now) = self.client.activity().await {
                    phase.step_to(now.saturating_sub(first));
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            done = work => done,
            never = watch => { let never: Infallible = never; match never {} }
        }
    }
}

/// 2027-01, as [`Month::from_i32`] takes it.
const FIRST_MONTH: i32 = 202_701;

/// Does something for each item, a bounded number at a time.
pub async fn each<T, W>(items: impl IntoIterator<Item = T>, work: impl Fn(T) -> W) -> Result<()>
where
    W: Future<Output = Result<()>>,
{
    let items = stream::iter(items.into_iter().map(anyhow::Ok));
    items.try_for_each_concurrent(IN_FLIGHT, work).await
}

/// Asks until `look` has an answer, or says what was seen last.
pub async fn eventually<T, W>(what: &str, look: impl Fn() -> W) -> Result<T>
where
    W: Future<Output = Result<std::result::Result<T, Value>>>,
{
    let began = Instant::now();
    loop {
        let seen = look()
            .await
            .with_context(|| format!("waiting until {what}"))?;
        match seen {
            Ok(found) => return Ok(found),
            Err(last) if began.elapsed() > PATIENCE => {
                bail!(
                    "it did not come true within {} s that {what}: {last}",
                    PATIENCE.as_secs()
                )
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
