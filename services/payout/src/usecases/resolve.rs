//! Leaving `unknown`: by the same order again, or by looking, never by assuming.

use std::time::Duration;

use kit::Error;
use time::OffsetDateTime;

use super::Usecases;
use super::saga::Progress;
use crate::domain::{
    Command, Doubt, LOST, OUT_OF_REACH, Payout, Remedy, State, Step, believed_from, remedy,
};
use crate::lease::kept;
use crate::store::Attempt;

/// What a look-up found.
pub(super) enum Look {
    Found(Command),
    Absent,
    /// The connected account does not let us look, and the platform's own calls go on.
    OutOfReach,
    /// Something that was not asked for, or more than one.
    Odd,
}

/// How long somebody who asks for a payout waits for its doubt to be cleared up.
const ON_THE_WAY: Duration = Duration::from_secs(2);

impl Usecases {
    /// Clears up an unknown outcome for somebody who asks, if that is quick and nobody is at it. A
    /// caller who goes away does not stop it.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn resolve_on_the_way(&self, payout: Payout) -> Result<Payout, Error> {
        let payout_id = payout.payout_id.to_string();
        let word = State::Unknown.as_str();
        if payout.state != State::Unknown || !self.store.lease_payout(&payout_id, word).await? {
            return Ok(payout);
        }
        let usecases = self.clone();
        let asked = payout_id.clone();
        let resolving = kit::spawn(async move { usecases.resolve_leased(&asked).await });
        // Late is as good as never for whoever asks; the outcome is written all the same.
        let _ = tokio::time::timeout(ON_THE_WAY, resolving).await;
        Ok(self.store.find_payout(&payout_id).await?.unwrap_or(payout))
    }

    async fn resolve_leased(&self, payout_id: &str) {
        let keep = || self.store.extend_lease(payout_id);
        let resolved = kept(self.resolve_once(payout_id), keep).await;
        let given_back = match resolved {
            Ok(false) => self.store.end_lease(payout_id).await,
            // Whoever asks often does not make Stripe be asked often.
            Ok(true) | Err(_) => self.store.wait_for_stripe(payout_id).await,
        };
        if let Err(error) = given_back {
            tracing::warn!(payout.id = payout_id, %error, "payout not given back");
        }
    }

    /// Answers whether the outcome is still unknown.
    async fn resolve_once(&self, payout_id: &str) -> Result<bool, Error> {
        let is_unknown = |payout: &Payout| payout.state == State::Unknown;
        let Some(payout) = self.store.find_payout(payout_id).await?.filter(is_unknown) else {
            return Ok(false);
        };
        self.resolve(&payout, self.clock.now()).await?;
        let after = self.store.find_payout(payout_id).await?;
        Ok(after.is_some_and(|after| is_unknown(&after)))
    }

    pub(super) async fn resolve(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let attempt = self.store.get_attempt(payout).await?;
        match remedy(attempt.doubt, attempt.first_sent_at, now) {
            Remedy::SendAgain => self.send_again(payout, &attempt).await,
            Remedy::LookUp { absent_from } => {
                self.look_up(payout, &attempt, Some(absent_from), now).await
            }
            Remedy::LookOnly => self.look_up(payout, &attempt, None, now).await,
        }
    }

    async fn send_again(&self, payout: &Payout, attempt: &Attempt) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        match self.order(payout, attempt).await? {
            None => Ok(Progress::Unanswered),
            Some(Command::RecordUnknown {
                step,
                attempt,
                doubt,
            }) => {
                self.store
                    .doubt_attempt(payout_id, step, attempt, doubt)
                    .await?;
                Ok(if doubt == Doubt::Open {
                    Progress::Unanswered
                } else {
                    Progress::Moved
                })
            }
            Some(command) => self.take_answer_of_stripe(payout, command).await,
        }
    }

    /// Only an absence that is proven permits another order.
    async fn look_up(
        &self,
        payout: &Payout,
        attempt: &Attempt,
        absent_from: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        match self.look(payout, attempt).await? {
            None => Ok(Progress::Moved),
            Some(Look::Found(Command::RecordUnknown { .. })) => Ok(Progress::Unanswered),
            Some(Look::Found(command)) => {
                self.tell(payout_id, &command, "").await?;
                Ok(Progress::Moved)
            }
            Some(Look::Absent) => self.take_absence(payout, absent_from, now).await,
            // Nobody can say. A reversal takes the money back if the bank does not have it.
            Some(Look::OutOfReach) if absent_from.is_some() => {
                self.take_refusal(payout, OUT_OF_REACH).await
            }
            Some(Look::OutOfReach | Look::Odd) => self.lay_aside(payout).await,
        }
    }

    /// Believed when the key is dead and a look some time before saw nothing either.
    async fn take_absence(
        &self,
        payout: &Payout,
        absent_from: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        let since = self.store.note_absence(payout, now).await?;
        let believed = absent_from.map(|absent_from| believed_from(absent_from, since));
        if believed.is_some_and(|believed| now >= believed) {
            tracing::warn!(payout.id = payout_id, step = %payout.step, "an order never arrived");
            return self.take_refusal(payout, LOST).await;
        }
        self.store.wait(payout_id, payout.version, believed).await?;
        Ok(Progress::Moved)
    }

    async fn take_refusal(&self, payout: &Payout, code: &str) -> Result<Progress, Error> {
        let refused = Command::RecordRefused {
            step: payout.step,
            attempt: payout.attempt,
            code: code.to_owned(),
        };
        self.take_answer_of_stripe(payout, refused).await
    }

    /// Until somebody has looked, or an event says more.
    pub(super) async fn lay_aside(&self, payout: &Payout) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        tracing::error!(payout.id = payout_id, step = %payout.step, "Stripe has something else: \
            nothing is sent until somebody has looked");
        self.store.wait(payout_id, payout.version, None).await?;
        Ok(Progress::Moved)
    }

    /// None when the payout has moved by what was seen.
    async fn look(&self, payout: &Payout, attempt: &Attempt) -> Result<Option<Look>, Error> {
        match payout.step {
            Step::Transfer => Ok(Some(self.look_for_transfer(payout).await?)),
            Step::Bank => Ok(Some(self.look_for_bank_payout(payout, attempt).await?)),
            Step::Reversal => {
                let any = self.read_reversals(payout, "").await?;
                Ok((!any).then_some(Look::Absent))
            }
        }
    }
}
