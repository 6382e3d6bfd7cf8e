//! What came back of a transfer, whoever took it back.

use kit::Error;

use super::Usecases;
use crate::domain::{Command, Payout};
use crate::orders::{error_of, reversal_of};

impl Usecases {
    /// Reads a transfer's reversals and records those that are not known yet, oldest first; answers
    /// whether there were any.
    ///
    /// # Errors
    /// Stripe's or the database's; `Unavailable` while one is not booked.
    pub(super) async fn read_reversals(
        &self,
        payout: &Payout,
        event_id: &str,
    ) -> Result<bool, Error> {
        let Some(transfer_id) = &payout.transfer_id else {
            return Ok(false);
        };
        let found = self.stripe.find_reversals(transfer_id).await;
        let mut any = false;
        for made in found.map_err(error_of)?.iter().rev() {
            if payout.reversals.contains(&made.id) {
                continue;
            }
            let reversal = reversal_of(payout, made)?.ok_or_else(|| {
                Error::unavailable(format!("Stripe has not booked reversal {} yet", made.id))
            })?;
            let command = Command::RecordReversed(reversal);
            self.tell(payout.payout_id.as_str(), &command, event_id)
                .await?;
            any = true;
        }
        Ok(any)
    }
}
