//! The opening: the operator's own money, creators and their bank accounts.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::cast::{Creator, Onboarding, Trouble};
use super::client::{User, text};
use super::progress::Phase;
use super::story::{Story, each, eventually};
use super::troubles::BANK_GONE;
use crate::say::dollars;

/// The operator puts in so much, and a dollar for each subscriber: on small plans the card fee is
/// more than the platform's part, and creators are paid in full all the same.
const TOPUP_CENTS: i64 = 100_000;
const TOPUP_CENTS_EACH: i64 = 100;

/// Stripe's test bank account whose payouts arrive.
pub const BANK: [(&str, &str); 2] = [
    ("account_number", "000123456789"),
    ("routing_number", "110000000"),
];
const SEE_OTHER: u16 = 303;

impl Story {
    pub(super) async fn top_up(&self) -> Result<()> {
        let phase = self.progress.phase("top-up");
        let each = i64::try_from(self.cast.subscribers.len())? * TOPUP_CENTS_EACH;
        let cents = TOPUP_CENTS + each;
        let fields = [
            ("amount", cents.to_string()),
            ("currency", "usd".to_owned()),
        ];
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.client
            .stripe_post("/v1/topups", &fields, "demo-topup")
            .await?;
        self.record().topup_cents = cents;
        phase
            .end(&format!("{} from the operator", dollars(cents)))
            .await;
        Ok(())
    }

    pub(super) async fn register_creators(&self) -> Result<()> {
        let phase = self.progress.phase("creators");
        each(&self.cast.creators, |creator| {
            self.register(&phase, creator)
        })
        .await?;
        phase
            .end(&format!("{} registered", self.cast.creators.len()))
            .await;
        Ok(())
    }

    async fn register(&self, phase: &Phase<'_>, creator: &Creator) -> Result<()> {
        phase.step();
        let path = format!("/v1/admin/creators/{}", creator.id);
        // Accounts older than a month: what is new on the site is limited more narrowly.
        let body = json!({
            "display_name": creator.name, "email": format!("{}@example.com", creator.id),
            "created_at": "2026-06-01T00:00:00Z",
        });
        self.client
            .write(User::ADMIN, Method::PUT, &path, &body, None)
            .await?
            .ok()
            .map(drop)
    }

    pub(super) async fn onboard_creators(&self) -> Result<()> {
        let phase = self.progress.phase("onboarding");
        each(&self.cast.creators, |creator| self.onboard(&phase, creator)).await?;
        self.rest().await?;
        each(&self.cast.creators, |creator| self.see_account(creator)).await?;
        let done = self.record().onboarded.len();
        let left = self.cast.creators.len() - done;
        phase
            .end(&format!("{done} bank accounts, {left} left unfinished"))
            .await;
        Ok(())
    }

    async fn onboard(&self, phase: &Phase<'_>, creator: &Creator) -> Result<()> {
        if creator.onboarding == Onboarding::NeverStarts {
            return Ok(());
        }
        phase.step();
        let (user, body) = (User::creator(&creator.id), json!({}));
        let asked = self
            .client
            .write(user, Method::POST, "/v1/creators/me/connect", &body, None);
        let link = asked.await?.ok()?;
        let account = text(&link, "/account_id")?.to_owned();
        self.record().accounts.insert(creator.id.clone(), account);
        if creator.onboarding == Onboarding::Completes {
            phase.step();
            let status = self
                .client
                .submit(text(&link, "/url")?, bank(creator))
                .await?;
            ensure!(
                status == SEE_OTHER,
                "the onboarding page of {} answered {status}",
                creator.id
            );
            self.record().onboarded.insert(creator.id.clone());
        }
        Ok(())
    }

    /// Waits until the account's state is known: verified for those who completed.
    async fn see_account(&self, creator: &Creator) -> Result<()> {
        let completed = creator.onboarding == Onboarding::Completes;
        let what = format!(
            "{}'s account is {}verified",
            creator.name,
            if completed { "" } else { "not " }
        );
        eventually(&what, || async {
            let path = "/v1/creators/me/account";
            let account = self.client.get(User::creator(&creator.id), path).await?;
            let verified = account["status"] == "verified";
            Ok(if verified == completed {
                Ok(())
            } else {
                Err(account)
            })
        })
        .await
    }
}

fn bank(creator: &Creator) -> &'static [(&'static str, &'static str)] {
    match creator.trouble {
        Trouble::BankGone => &BANK_GONE,
        Trouble::Nothing | Trouble::ReplyLost | Trouble::RefusedOnce => &BANK,
    }
}
