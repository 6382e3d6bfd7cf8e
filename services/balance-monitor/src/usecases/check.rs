//! Comparing Stripe's balance with the books.

use kit::Error;
use wire::earnings::v1::GetSolvencyRequest;

use super::Usecases;
use crate::convert;
use crate::domain::{Kind, Reading, agreement, coverage};
use crate::store::Snapshot;

impl Usecases {
    /// Takes a snapshot and judges it. Of two checks at once, the one that began later judges.
    ///
    /// # Errors
    /// The database's, Stripe's, earnings'.
    pub(super) async fn check(&self) -> Result<Snapshot, Error> {
        // Before anything is read: what is recorded or checked after this is newer than we are.
        let ticket = self.store.take_ticket().await?;
        let reading = self.read().await?;
        let now = self.clock.now();
        let snapshot = Snapshot::new(kit::ids::fresh("snap"), now, &reading);

        let mut tx = self.store.begin().await?;
        self.store.lock_checks_in_tx(&mut tx).await?;
        let is_newest = self
            .store
            .save_snapshot_in_tx(&mut tx, &snapshot, ticket, &reading)
            .await?;
        if is_newest {
            let run = self.store.get_run_in_tx(&mut tx).await?;
            let covered = coverage(&reading).map_err(|error| Error::Bug(Box::new(error)))?;
            self.judge_in_tx(&mut tx, Kind::ObligationsUncovered, &covered)
                .await?;
            let agreed = agreement(&reading, run, self.every);
            self.judge_in_tx(&mut tx, Kind::BalanceDiffers, &agreed)
                .await?;
        }
        tx.commit().await?;
        Ok(snapshot)
    }

    async fn read(&self) -> Result<Reading, Error> {
        let mut earnings = self.earnings.clone();
        let books = async {
            Ok(earnings
                .get_solvency(GetSolvencyRequest {})
                .await?
                .into_inner())
        };
        let (balance, books) = tokio::try_join!(self.ask_balance(), books)?;
        Reading::try_new(convert::held(&balance), convert::books(&books))
            .map_err(|error| Error::Bug(Box::new(error)))
    }
}
