//! Longer stories in few words: two closed months, payouts of any creator, facts of the books' own.

use anyhow::Result;
use earnings::{Books, Occurred, Outcome, Store};
use kit::reason_of;
use ledger::{
    AttemptReturned, AttemptSettled, AttemptStep, Fact, HoldPart, LateEarning, Program,
    TransferReversed,
};
use money::BasisPoints;
use time::OffsetDateTime;
use time::macros::datetime;
use wire::earnings::v1::{
    CommitHoldRequest, GetCreatorEarningsRequest, GetCreatorEarningsResponse,
    GetCreatorMonthRequest, GetCreatorMonthResponse, HoldRequest,
};

use crate::some::{
    FIRST_OF_FEBRUARY, JANUARY, Scene, directed_in, fact, funded_in, id, january, message, month,
    publish_seal_of, totals, usd,
};

pub const FEBRUARY: &str = "2027-02";
pub const MARCH: &str = "2027-03";
pub const FIRST_OF_MARCH: OffsetDateTime = datetime!(2027-03-01 00:00 UTC);

/// What alice has payable of January: 100.01 less 7 %.
pub const ALICE: i64 = 9_301;

/// 20.00 for alice and 30.00 for bob, and 10.00 left over.
pub fn february() -> Vec<Fact> {
    let mut facts = funded_in(FEBRUARY, "ann", 2, 6_000).to_vec();
    facts.push(directed_in(FEBRUARY, "ann", "alice", 1, (0, 2_000)));
    facts.push(directed_in(FEBRUARY, "ann", "bob", 2, (0, 3_000)));
    facts
}

impl Scene {
    /// January and February, closed on the first of March.
    pub async fn two_months_closed() -> Result<Self> {
        let scene = Self::january_closed().await?;
        scene.post(&february()).await?;
        scene.bed.clock.set(FIRST_OF_MARCH);
        scene.seal_of(FEBRUARY, &february()).await?;
        assert_eq!(scene.month_of(FEBRUARY).await?.state, "closed");
        Ok(scene)
    }

    pub async fn seal_of(&self, of: &str, facts: &[Fact]) -> Result<()> {
        publish_seal_of(&self.bed, of, &totals(facts)).await?;
        self.service.settle().await;
        Ok(())
    }

    /// As [`Scene::post`], of facts that happened at some time.
    pub async fn post_at(&self, at: OffsetDateTime, facts: &[Fact]) -> Result<()> {
        for fact in facts {
            let (stream, mut message) = message(fact);
            message.occurred_at = at;
            self.bed.publish(stream, &[message]).await?;
        }
        self.service.settle().await;
        Ok(())
    }

    /// Posts what nobody announces.
    pub async fn post_own(&self, at: OffsetDateTime, facts: Vec<Fact>) -> Result<Vec<Outcome>> {
        let pool = self.bed.db.owner().await?;
        let books = Books::new(Store::new(pool.clone()));
        let facts: Vec<_> = facts
            .into_iter()
            .map(|fact| Occurred { fact, at })
            .collect();
        let mut tx = pool.begin().await?;
        let outcomes = books.post_in_tx(&mut tx, &facts).await?;
        tx.commit().await?;
        Ok(outcomes)
    }

    /// Holds and commits a payout's first attempt.
    pub async fn send(&self, payout: &str, creator: &str, minor: i64) -> Result<()> {
        self.hold(payout, creator, minor).await?;
        let (payout_id, attempt) = (payout.to_owned(), 1);
        let asked = CommitHoldRequest { payout_id, attempt };
        self.client()?.commit_hold(asked).await?;
        Ok(())
    }

    pub async fn hold(&self, payout: &str, creator: &str, minor: i64) -> Result<()> {
        let asked = HoldRequest {
            payout_id: payout.into(),
            creator_id: creator.into(),
            amount_minor: minor,
            currency: "USD".into(),
        };
        self.client()?.hold(asked).await?;
        Ok(())
    }

    pub async fn earnings(&self, creator: &str) -> Result<GetCreatorEarningsResponse> {
        let creator_id = creator.to_owned();
        let asked = GetCreatorEarningsRequest { creator_id };
        let answer = self.client()?.get_creator_earnings(asked).await?;
        Ok(answer.into_inner())
    }

    pub async fn creator_month(&self, creator: &str, of: &str) -> Result<GetCreatorMonthResponse> {
        let (creator_id, month) = (creator.to_owned(), of.to_owned());
        let asked = GetCreatorMonthRequest { creator_id, month };
        Ok(self.client()?.get_creator_month(asked).await?.into_inner())
    }
}

pub fn settled_of(payout: &str, creator: &str, step: AttemptStep, n: u32, minor: i64) -> Fact {
    fact(AttemptSettled {
        payout: id(payout),
        creator: id(creator),
        step,
        attempt: n,
        amount: usd(minor),
        txn: (step == AttemptStep::Transfer).then(|| id(&format!("txn_{payout}_{n}"))),
    })
}

pub fn returned(payout: &str, creator: &str, attempt: u32, minor: i64) -> Fact {
    fact(AttemptReturned {
        payout: id(payout),
        creator: id(creator),
        attempt,
        amount: usd(minor),
    })
}

/// As it is announced: of its parts only the sum is said.
pub fn reversed(payout: &str, creator: &str, n: u32, minor: i64, after_paid: bool) -> Fact {
    let part = HoldPart {
        program: Program::Allocation,
        month: month(JANUARY),
        amount: usd(minor),
    };
    fact(TransferReversed {
        payout: id(payout),
        creator: id(creator),
        reversal: id(&format!("trr_{payout}_{n}")),
        txn: id(&format!("txn_back_{payout}_{n}")),
        after_paid,
        parts: vec![part],
    })
}

/// Money of January that a dispute has let go, paid with `with`.
pub fn late(creator: &str, cause: &str, with: &str, gross: i64) -> Fact {
    fact(LateEarning {
        cause: id(cause),
        creator: id(creator),
        program: Program::Allocation,
        origin_month: month(JANUARY),
        month: month(with),
        gross: usd(gross),
        bps: BasisPoints::try_new(700).expect("less than the whole"),
    })
}

/// A refusal's code and one of its figures.
pub fn why(status: &tonic::Status, figure: &str) -> (String, String) {
    let (code, figures) = reason_of(status).expect("a reason");
    (code, figures.get(figure).cloned().unwrap_or_default())
}

/// A scene whose January is open: what is sealed later is `january()`.
pub async fn january_over() -> Result<Scene> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    scene.post(&january()).await?;
    Ok(scene)
}
