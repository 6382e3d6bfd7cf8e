//! A payout that a creator asks for.

use std::time::Duration;

use kit::{Error, Rejection};
use ledger::CreatorId;
use money::{Amount, Asset};
use wire::earnings::v1::GetCreatorEarningsRequest;

use super::Usecases;
use super::reserve::NOT_THERE;
use crate::domain::{Asked, Payout, State, requested_id};

/// What is asked for. Same creator and key, same payout.
#[derive(Debug, Clone)]
pub struct Request {
    pub creator_id: CreatorId,
    pub key: String,
    /// All that is payable, if absent.
    pub amount: Option<Amount>,
}

/// How long an answer waits for the first steps. The payout goes on without it.
const PATIENCE: Duration = Duration::from_secs(8);

/// What refuses a payout after it was written down: codes of the limits, and our own.
const CODES: [&str; 12] = [
    "EXCEEDS_SINGLE_LIMIT",
    "EXCEEDS_NEW_ACCOUNT_LIMIT",
    "EXCEEDS_DAILY_COUNT",
    "EXCEEDS_DAILY_AMOUNT",
    "EXCEEDS_MONTHLY_AMOUNT",
    "TOO_SOON",
    "REQUIRES_ADMIN_APPROVAL",
    "REQUIRES_APPROVAL",
    "ACCOUNT_NOT_VERIFIED",
    "HOLD_LOST",
    NOT_THERE,
    "PAYOUT_CANCELED",
];

impl Usecases {
    /// Writes the payout down, takes it through its first steps, and answers where it stands.
    ///
    /// # Errors
    /// `NotFound` `CREATOR_UNKNOWN`; `Rejected` `BELOW_MINIMUM` (min_minor), `ACCOUNT_NOT_VERIFIED`,
    /// `INSUFFICIENT_BALANCE` (left_minor), `FUNDS_SETTLING` (available_minor, expected_on when
    /// known), and what the limits refuse with.
    pub async fn request_payout(&self, request: Request) -> Result<Payout, Error> {
        let payout_id = requested_id(&request.creator_id, &request.key);
        let payout_id = payout_id.as_str();
        // Replay before rules: what was asked before is answered, whatever is payable today.
        if self.store.find_payout(payout_id).await?.is_none() {
            let asked = self.check(request).await?;
            if self.plan_request(asked).await? {
                self.take_first_steps(payout_id).await;
            }
        }
        let payout = self.get_payout(payout_id).await?;
        if payout.state == State::Canceled {
            return Err(self.refusal(&payout).await);
        }
        Ok(payout)
    }

    async fn check(&self, request: Request) -> Result<Asked, Error> {
        let least = self.request_min;
        if request.amount.is_some_and(|amount| amount < least) {
            return Err(below(least, None));
        }
        let creator_id = request.creator_id;
        let account = self.get_account(creator_id.as_str()).await?;
        if let Some(obstacle) = account.obstacle() {
            let message = format!("the bank account is not verified: {obstacle}");
            return Err(Error::Rejected(Rejection::new(
                "ACCOUNT_NOT_VERIFIED",
                message,
            )));
        }
        let payable = self.payable(creator_id.as_str()).await?;
        let amount = request.amount.unwrap_or(payable);
        if amount < least {
            return Err(below(least, Some(payable)));
        }
        if amount > payable {
            return Err(not_there(payable));
        }
        self.check_funds(amount).await?;
        Ok(Asked {
            creator_id,
            key: request.key,
            amount,
            account_id: account.account_id.unwrap_or_default(),
        })
    }

    /// What the books say may be paid, less what is planned and has no hold yet.
    pub(super) async fn payable(&self, creator_id: &str) -> Result<Amount, Error> {
        let request = GetCreatorEarningsRequest {
            creator_id: creator_id.to_owned(),
        };
        let earnings = self.earnings.clone().get_creator_earnings(request).await?;
        let unheld = self.store.unheld_minor(&[creator_id.to_owned()]).await?;
        let unheld = unheld.get(creator_id).copied().unwrap_or_default();
        let left = earnings.into_inner().payable_minor.saturating_sub(unheld);
        Amount::try_new(left.max(0), Asset::Usd).map_err(|error| Error::Bug(Box::new(error)))
    }

    async fn check_funds(&self, amount: Amount) -> Result<(), Error> {
        let funds = self.funds().await?;
        let Ok(short) = amount.checked_sub(funds) else {
            return Ok(());
        };
        if short.is_zero() {
            return Ok(());
        }
        let expected_on = self.settling().await?.expected_on(short.minor());
        let when = expected_on.map_or_else(
            || "ask again later".to_owned(),
            |on| format!("expected on {}", on.date()),
        );
        let message = format!("charges that would pay {amount} are still settling: {when}");
        let refusal =
            Rejection::new("FUNDS_SETTLING", message).with("available_minor", funds.minor());
        Err(Error::Rejected(match expected_on {
            Some(on) => refusal.with("expected_on", on.date()),
            None => refusal,
        }))
    }

    /// Written and taken in hand at once, so that no loop is faster. Answers whether it is new.
    async fn plan_request(&self, asked: Asked) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let fresh = self
            .plan_in_tx(&mut tx, vec![Payout::requested(asked, now)], now)
            .await?;
        for payout in &fresh {
            self.store
                .lease_in_tx(&mut tx, payout.payout_id.as_str())
                .await?;
        }
        tx.commit().await?;
        Ok(!fresh.is_empty())
    }

    /// In a task of its own: a caller who goes away does not stop money in mid-air.
    async fn take_first_steps(&self, payout_id: &str) {
        let (usecases, payout_id) = (self.clone(), payout_id.to_owned());
        let steps = kit::spawn(async move { usecases.advance(&payout_id).await });
        if tokio::time::timeout(PATIENCE, steps).await.is_err() {
            tracing::info!("a payout that was asked for takes its time");
        }
    }

    async fn refusal(&self, payout: &Payout) -> Error {
        let known = CODES.iter().find(|code| **code == payout.failure_code);
        let code = known.copied().unwrap_or("PAYOUT_CANCELED");
        if code == NOT_THERE
            && let Ok(left) = self.payable(payout.creator_id.as_str()).await
        {
            return not_there(left);
        }
        let refusal = Rejection::new(code, payout.reason.clone());
        Error::Rejected(refusal.with("payout_id", &payout.payout_id))
    }
}

fn below(least: Amount, payable: Option<Amount>) -> Error {
    let message = match payable {
        None => format!("the least that can be asked for is {least}"),
        Some(payable) => {
            format!("the least that can be asked for is {least}, and {payable} may be paid now")
        }
    };
    Error::Rejected(Rejection::new("BELOW_MINIMUM", message).with("min_minor", least.minor()))
}

fn not_there(payable: Amount) -> Error {
    let message = format!("{payable} may be paid now");
    Error::Rejected(Rejection::new(NOT_THERE, message).with("left_minor", payable.minor()))
}
