//! The close, in turns. Each turn is one transaction that leaves the month's row saying where
//! the next begins, so that a crash anywhere costs one turn and changes no figure.

use kit::Error;
use ledger::{ControlTotals, CreatorClosed, CreatorLine, Fact, Manifest, SubscriberClosed};
use mailbox::Fact as Announcement;
use money::{Amount, Asset};
use sqlx::PgConnection;
use wire::earnings::v1::{BooksUnbalanced, MonthClosed};

use super::Usecases;
use crate::domain::batch::Occurred;
use crate::domain::difference::sentences;
use crate::domain::month::{Closed, Closing, MonthState, Step};

/// What a turn of the close has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turned {
    /// No month is sealed and unclosed, or another replica is closing it.
    Nothing,
    /// There is more to do.
    Progress,
    /// The oldest sealed month does not add up, or not yet: by `posted` it can be told whether
    /// anything has arrived since the last look.
    Waiting {
        closing: Closing,
        posted: ControlTotals,
        differences: Vec<String>,
    },
}

/// Accounts named when a month that was closed is not at zero.
const UNSETTLED_NAMED_MAX: i64 = 20;

impl Usecases {
    /// Does one portion of the oldest unclosed month.
    ///
    /// # Errors
    /// The database's; `Bug` when the books refuse a line.
    pub async fn close_turn(&self) -> Result<Turned, Error> {
        let mut tx = self.store.begin().await?;
        if !self.store.try_lock_close_in_tx(&mut tx).await? {
            return Ok(Turned::Nothing);
        }
        let turned = self.turn_in_tx(&mut tx).await?;
        tx.commit().await?;
        Ok(turned)
    }

    /// The same under the close's lock, however the caller came by it.
    pub(super) async fn turn_in_tx(&self, tx: &mut PgConnection) -> Result<Turned, Error> {
        let Some(closing) = self.store.find_unclosed_in_tx(tx).await? else {
            return Ok(Turned::Nothing);
        };
        match closing.step {
            Step::Compare => self.compare_in_tx(tx, closing).await,
            Step::Creators => self.close_creators_in_tx(tx, closing).await,
            Step::Subscribers => self.close_subscribers_in_tx(tx, closing).await,
            Step::Manifest => self.finish_in_tx(tx, closing).await,
        }
    }

    /// Stops a month that does not add up and says so, once; it goes on when it adds up.
    ///
    /// # Errors
    /// The database's.
    pub async fn announce_unbalanced(
        &self,
        closing: &Closing,
        differences: Vec<String>,
    ) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        if !self.store.try_lock_close_in_tx(&mut tx).await? {
            return Ok(());
        }
        // Another replica may have been first, or the month may have gone on.
        let found = self.store.find_unclosed_in_tx(&mut tx).await?;
        let Some(mut stopped) = found.filter(|found| found == closing) else {
            return Ok(());
        };
        stopped.state = MonthState::Stopped;
        stopped.unbalanced_count = stopped.unbalanced_count.saturating_add(1);
        self.store.update_closing_in_tx(&mut tx, &stopped).await?;
        let (month, count) = (stopped.month.to_string(), stopped.unbalanced_count);
        tracing::error!(
            month,
            ?differences,
            "the books of a sealed month do not add up"
        );
        let event = BooksUnbalanced {
            month: month.clone(),
            differences,
        };
        let fact_id = format!("unbalanced:{month}:{count}");
        let fact = Announcement::new(fact_id, &month, i64::from(count), self.clock.now(), &event);
        self.outbox.enqueue_in_tx(&mut tx, &[fact]).await?;
        Ok(tx.commit().await?)
    }

    async fn compare_in_tx(
        &self,
        tx: &mut PgConnection,
        mut closing: Closing,
    ) -> Result<Turned, Error> {
        // First the lock and then the count, so that nothing is posted unseen between them.
        self.store.lock_month_in_tx(tx, closing.month).await?;
        let sealed = self.store.sealed_totals_in_tx(tx, closing.month).await?;
        let posted = self.store.posted_totals_in_tx(tx, closing.month).await?;
        let differences = sealed.compare(&posted);
        if !differences.is_empty() {
            let differences = sentences(&differences);
            return Ok(Turned::Waiting {
                closing,
                posted,
                differences,
            });
        }
        closing.fee = Some(self.rates.allocation_fee);
        closing.enter(Step::Creators);
        self.store.update_closing_in_tx(tx, &closing).await?;
        Ok(Turned::Progress)
    }

    async fn close_creators_in_tx(
        &self,
        tx: &mut PgConnection,
        mut closing: Closing,
    ) -> Result<Turned, Error> {
        let (now, month, after) = (self.clock.now(), closing.month, closing.after_account_id);
        let bps = closing.fee.unwrap_or(self.rates.allocation_fee);
        let open = self
            .store
            .creators_to_close_in_tx(tx, month, after, self.lines_per_turn);
        let open = open.await?;
        let Some(last) = open.last().map(|line| line.account_id) else {
            closing.enter(Step::Subscribers);
            self.store.update_closing_in_tx(tx, &closing).await?;
            return Ok(Turned::Progress);
        };
        let (mut facts, mut lines) = (Vec::new(), Vec::new());
        for line in open {
            let (program, creator, gross) = (line.program, line.owner, line.amount);
            let closed = CreatorClosed {
                month,
                program,
                creator,
                gross,
                bps,
            };
            lines.push(CreatorLine::try_from(&closed).map_err(fault)?);
            facts.push(Occurred {
                fact: Fact::try_new(closed).map_err(fault)?,
                at: now,
            });
        }
        self.must_post_in_tx(tx, &facts).await?;
        self.store
            .insert_creator_months_in_tx(tx, month, &lines, now)
            .await?;
        closing.after_account_id = last;
        self.store.update_closing_in_tx(tx, &closing).await?;
        Ok(Turned::Progress)
    }

    async fn close_subscribers_in_tx(
        &self,
        tx: &mut PgConnection,
        mut closing: Closing,
    ) -> Result<Turned, Error> {
        let (now, month, after) = (self.clock.now(), closing.month, closing.after_account_id);
        let open = self
            .store
            .subscribers_to_close_in_tx(tx, month, after, self.lines_per_turn);
        let open = open.await?;
        let Some(last) = open.last().map(|line| line.account_id) else {
            closing.enter(Step::Manifest);
            self.store.update_closing_in_tx(tx, &closing).await?;
            return Ok(Turned::Progress);
        };
        let mut facts = Vec::new();
        let mut rests = Manifest::new(month);
        for line in open {
            let (program, subscriber, rest) = (line.program, line.owner, line.amount);
            rests.add_rest(program, rest).map_err(fault)?;
            let closed = SubscriberClosed {
                month,
                program,
                subscriber,
                rest,
            };
            facts.push(Occurred {
                fact: Fact::try_new(closed).map_err(fault)?,
                at: now,
            });
        }
        self.must_post_in_tx(tx, &facts).await?;
        for (program, rest) in rests.rests() {
            self.store.add_rest_in_tx(tx, month, program, rest).await?;
        }
        closing.after_account_id = last;
        self.store.update_closing_in_tx(tx, &closing).await?;
        Ok(Turned::Progress)
    }

    /// Writes the manifest and closes the month, if nothing of it is left anywhere.
    async fn finish_in_tx(&self, tx: &mut PgConnection, closing: Closing) -> Result<Turned, Error> {
        let month = closing.month;
        let unsettled = self
            .store
            .unsettled_in_tx(tx, month, UNSETTLED_NAMED_MAX)
            .await?;
        if !unsettled.is_empty() {
            let posted = self.store.posted_totals_in_tx(tx, month).await?;
            let left = |(name, minor): (String, i64)| format!("{name} is at {minor}, not at zero");
            let differences = unsettled.into_iter().map(left).collect();
            return Ok(Turned::Waiting {
                closing,
                posted,
                differences,
            });
        }
        let manifest = self.manifest_in_tx(tx, &closing).await?;
        let closed = figures(&manifest, self.clock.now())?;
        self.store
            .close_month_in_tx(tx, month, &closed, &manifest.text())
            .await?;
        let name = month.to_string();
        let event = announcement(&name, &closed);
        let fact = Announcement::new(format!("closed:{name}"), &name, 1, closed.at, &event);
        self.outbox.enqueue_in_tx(tx, &[fact]).await?;
        tracing::info!(month = name, root = closed.root, "month closed");
        Ok(Turned::Progress)
    }

    async fn manifest_in_tx(
        &self,
        tx: &mut PgConnection,
        closing: &Closing,
    ) -> Result<Manifest, Error> {
        let mut manifest = Manifest::new(closing.month);
        for line in self.store.creator_lines_in_tx(tx, closing.month).await? {
            manifest.add_creator(line).map_err(fault)?;
        }
        for (program, rest) in self.store.rests_in_tx(tx, closing.month).await? {
            manifest.add_rest(program, rest).map_err(fault)?;
        }
        Ok(manifest)
    }
}

fn figures(manifest: &Manifest, at: time::OffsetDateTime) -> Result<Closed, Error> {
    let sum = |read: fn(&CreatorLine) -> Amount| {
        let sum = Amount::checked_sum(Asset::Usd, manifest.creators().map(read));
        sum.map(Amount::minor).map_err(fault)
    };
    let rests = manifest.rests().map(|(_, rest)| rest);
    // Lines are in the order of creators, so those of one creator stand together.
    let mut creators: Vec<_> = manifest.creators().map(|line| &line.creator).collect();
    creators.dedup();
    Ok(Closed {
        at,
        root: manifest.root(),
        gross_minor: sum(|line| line.gross)?,
        fee_minor: sum(|line| line.fee)?,
        net_minor: sum(|line| line.net)?,
        unallocated_minor: Amount::checked_sum(Asset::Usd, rests)
            .map_err(fault)?
            .minor(),
        creator_count: i32::try_from(creators.len()).map_err(fault)?,
    })
}

fn announcement(month: &str, closed: &Closed) -> MonthClosed {
    MonthClosed {
        month: month.to_owned(),
        manifest_root: closed.root.clone(),
        gross_minor: closed.gross_minor,
        fee_minor: closed.fee_minor,
        net_minor: closed.net_minor,
        unallocated_minor: closed.unallocated_minor,
        creator_count: closed.creator_count,
    }
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Bug(Box::new(error))
}
