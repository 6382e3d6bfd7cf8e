//! Setting the money aside: the hold in the books, then the limits.

use kit::{Error, reason_of};
use money::Amount;
use wire::earnings::v1::{CreatorSnapshot, HoldRequest};
use wire::fraud_limits::v1::{ReserveRequest, ReserveResponse};

use super::Usecases;
use crate::domain::{Command, Payout};

/// The code of a payout that the books do not have the money for.
pub(super) const NOT_THERE: &str = "INSUFFICIENT_BALANCE";

impl Usecases {
    /// Holds the money, then asks the limits with what the hold tells of the creator.
    pub(super) async fn reserve(&self, payout: &Payout) -> Result<(), Error> {
        let request = HoldRequest {
            payout_id: payout.payout_id.to_string(),
            creator_id: payout.creator_id.to_string(),
            amount_minor: payout.amount.minor(),
            currency: payout.amount.asset().code().to_owned(),
        };
        let held = match self.earnings.clone().hold(request).await {
            Ok(held) => held.into_inner(),
            Err(status) => match reason_of(&status) {
                Some((code, figures)) if code == NOT_THERE => {
                    let payable = figures.get("payable_minor");
                    let payable = payable.and_then(|minor| minor.parse().ok());
                    return self.take_less(payout, payable.unwrap_or_default()).await;
                }
                Some(_) | None => return Err(status.into()),
            },
        };
        if held.state != "held" {
            return Err(Error::bug(format!(
                "the hold of a planned payout is {}",
                held.state
            )));
        }
        let answer = self
            .ask_limits(payout, held.snapshot.unwrap_or_default())
            .await?;
        self.take_answer(payout, &answer).await
    }

    /// Something else was faster: a run pays what is left, and nobody else is paid less than asked.
    async fn take_less(&self, payout: &Payout, payable_minor: i64) -> Result<(), Error> {
        let reason = "there is less to pay than was planned";
        let smaller = self.instead(payout, payable_minor);
        self.replace(payout, reason, NOT_THERE, smaller).await
    }

    /// What a run may pay in place of a payout that is too large.
    fn instead(&self, payout: &Payout, allowed_minor: i64) -> Option<Amount> {
        let allowed = Amount::try_new(allowed_minor, payout.amount.asset()).ok()?;
        let worth_it = allowed >= self.payout_min && allowed < payout.amount;
        Some(allowed).filter(|_| worth_it && payout.month.is_some())
    }

    async fn ask_limits(
        &self,
        payout: &Payout,
        snapshot: CreatorSnapshot,
    ) -> Result<ReserveResponse, Error> {
        let request = ReserveRequest {
            payout_id: payout.payout_id.to_string(),
            creator_id: payout.creator_id.to_string(),
            amount_minor: payout.amount.minor(),
            currency: payout.amount.asset().code().to_owned(),
            scheduled: payout.month.is_some(),
            lifetime_net_minor: snapshot.lifetime_net_minor,
            first_payout: snapshot.first_payout,
        };
        Ok(self.limits.clone().reserve(request).await?.into_inner())
    }

    /// Scheduled payouts are capped where others are refused.
    async fn take_answer(&self, payout: &Payout, answer: &ReserveResponse) -> Result<(), Error> {
        if answer.requires_approval {
            let reason = "it needs an approval, which cannot be given yet";
            return self.cancel(payout, reason, "REQUIRES_APPROVAL").await;
        }
        if answer.allowed {
            let payout_id = payout.payout_id.as_str();
            return self.tell(payout_id, &Command::RecordReserved, "").await;
        }
        let smaller = self.instead(payout, answer.allowed_minor);
        self.replace(payout, &answer.reason, &answer.code, smaller)
            .await
    }

    pub(super) async fn cancel(
        &self,
        payout: &Payout,
        reason: &str,
        code: &str,
    ) -> Result<(), Error> {
        self.replace(payout, reason, code, None).await
    }

    async fn replace(
        &self,
        payout: &Payout,
        reason: &str,
        code: &str,
        replacement: Option<Amount>,
    ) -> Result<(), Error> {
        let command = Command::Cancel {
            reason: reason.to_owned(),
            code: code.to_owned(),
            replacement,
        };
        self.tell(payout.payout_id.as_str(), &command, "").await
    }
}
