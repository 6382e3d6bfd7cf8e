//! The close on demand: the scheduler's own turns, taken one after another.

use kit::{Error, Rejection};
use ledger::Month;
use time::OffsetDateTime;

use super::{Turned, Usecases, raced};
use crate::domain::month::{Closing, MonthReport, MonthState};

/// Differences that a refusal's sentence repeats; its figures list them all.
const SAID_MAX: usize = 3;

impl Usecases {
    /// Closes a sealed month now, and before it every older one that is sealed; a month that is
    /// closed is answered again. Whoever else is closing is waited for, turn by turn.
    ///
    /// # Errors
    /// `MONTH_NOT_SEALED` with `waits_for`; `MONTH_STOPPED` with the month that does not add up
    /// and its `differences`, one a line.
    pub async fn close_month(&self, month: Month) -> Result<MonthReport, Error> {
        loop {
            match self.month_state(month).await? {
                None => return Err(not_sealed(month, self.clock.now())),
                Some(MonthState::Closed) => return self.month(month).await,
                Some(MonthState::Sealed | MonthState::Closing | MonthState::Stopped) => {}
            }
            let turned = raced(|| self.turn_after_others()).await?;
            if let Turned::Waiting {
                closing,
                differences,
                ..
            } = turned
            {
                return Err(stopped(month, &closing, &differences));
            }
        }
    }

    async fn month_state(&self, month: Month) -> Result<Option<MonthState>, Error> {
        let mut tx = self.store.begin().await?;
        let found = self.store.find_month_in_tx(&mut tx, month).await?;
        tx.commit().await?;
        Ok(found.map(|(state, _)| state))
    }

    async fn turn_after_others(&self) -> Result<Turned, Error> {
        let mut tx = self.store.begin().await?;
        self.store.lock_close_in_tx(&mut tx).await?;
        let turned = self.turn_in_tx(&mut tx).await?;
        tx.commit().await?;
        Ok(turned)
    }
}

/// A month is sealed by allocation, once it is over and all that pays for it has arrived.
fn not_sealed(month: Month, now: OffsetDateTime) -> Error {
    let end = month.next().first_instant();
    let (waits_for, why) = if now < end {
        let (date, last) = (end.date(), now.date());
        ("month_end", format!("it ends on {date}, and it is {last}"))
    } else {
        let why = "it is over, and allocation has not announced its seal".to_owned();
        ("seal", why)
    };
    let rejection = Rejection::new(
        "MONTH_NOT_SEALED",
        format!("{month} cannot be closed before it is sealed: {why}"),
    );
    Error::Rejected(rejection.with("month", month).with("waits_for", waits_for))
}

fn stopped(month: Month, closing: &Closing, differences: &[String]) -> Error {
    let at = closing.month;
    let said: Vec<&str> = differences
        .iter()
        .take(SAID_MAX)
        .map(String::as_str)
        .collect();
    let more = differences.len().saturating_sub(said.len());
    let more = if more == 0 {
        String::new()
    } else {
        format!("; and {more} more")
    };
    let said = said.join("; ");
    let message = if at == month {
        format!("{month} does not add up: {said}{more}")
    } else {
        format!("{month} comes after {at}, which does not add up: {said}{more}")
    };
    let rejection = Rejection::new("MONTH_STOPPED", message);
    Error::Rejected(
        rejection
            .with("month", at)
            .with("state", closing.state.as_str())
            .with("differences", differences.join("\n")),
    )
}
