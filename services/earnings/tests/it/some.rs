//! A story's facts in few words, and a bed that earnings runs on.

use std::collections::BTreeMap;

use anyhow::Result;
use earnings::Earnings;
use kit::{Peer, Service};
use ledger::{
    AllocationChanged, AttemptRefused, AttemptSettled, AttemptStep, BalanceTransactionKind,
    BalanceTransactionObserved, ChargeSettled, ControlTotals, Fact, FactBody, FundingAttributed,
    Month, Program,
};
use money::{Amount, Asset, Balance};
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use time::macros::datetime;
use wire::allocation::v1::{ControlTotal, MonthSealed};
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;

pub const JANUARY: &str = "2027-01";
pub const IN_JANUARY: OffsetDateTime = datetime!(2027-01-20 00:00 UTC);
pub const FIRST_OF_FEBRUARY: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

pub fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a well-formed id")
}

pub fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

pub fn usd(minor: i64) -> Amount {
    Amount::try_new(minor, Asset::Usd).expect("not negative")
}

pub fn fact(body: impl Into<FactBody>) -> Fact {
    Fact::try_new(body).expect("a valid fact")
}

/// A charge and its attribution to January's pool.
pub fn funded(subscriber: &str, number: u32, gross: i64) -> [Fact; 2] {
    funded_in(JANUARY, subscriber, number, gross)
}

/// The same for any month.
pub fn funded_in(of: &str, subscriber: &str, number: u32, gross: i64) -> [Fact; 2] {
    let charge: ledger::StripeId = id(&format!("ch_{subscriber}{number}"));
    let settled = ChargeSettled {
        charge: charge.clone(),
        txn: id(&format!("txn_{subscriber}{number}")),
        subscriber: id(subscriber),
        program: Program::Allocation,
        gross: usd(gross),
        stripe_fee: usd(59),
        tax: usd(0),
        available_on: IN_JANUARY,
        period_month: month(of),
        settled_at: IN_JANUARY,
    };
    let attributed = FundingAttributed {
        charge,
        subscriber: id(subscriber),
        program: Program::Allocation,
        month: month(of),
        amount: usd(gross),
    };
    [fact(settled), fact(attributed)]
}

pub fn directed(subscriber: &str, creator: &str, version: u64, from: i64, to: i64) -> Fact {
    directed_in(JANUARY, subscriber, creator, version, (from, to))
}

pub fn directed_in(
    of: &str,
    subscriber: &str,
    creator: &str,
    version: u64,
    (from, to): (i64, i64),
) -> Fact {
    fact(AllocationChanged {
        subscriber: id(subscriber),
        creator: id(creator),
        program: Program::Allocation,
        month: month(of),
        version,
        from: usd(from),
        to: usd(to),
    })
}

/// Two subscribers, three creators, one that is taken back from, and something left over.
pub fn january() -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(funded("ann", 1, 10_000));
    facts.extend(funded("ben", 1, 5_000));
    facts.extend(funded("cal", 1, 1_000));
    facts.push(directed("ann", "alice", 1, 0, 6_001));
    facts.push(directed("ann", "bob", 2, 0, 2_000));
    facts.push(directed("ann", "bob", 3, 2_000, 1_500));
    facts.push(directed("ben", "alice", 1, 0, 4_000));
    facts.push(directed("ben", "carol", 2, 0, 300));
    facts.push(directed("ben", "carol", 3, 300, 0));
    facts
}

pub fn settled(payout: &str, step: AttemptStep, attempt: u32, minor: i64) -> Fact {
    fact(AttemptSettled {
        payout: id(payout),
        creator: id("alice"),
        step,
        attempt,
        amount: usd(minor),
        txn: (step == AttemptStep::Transfer).then(|| id(&format!("txn_{payout}_{attempt}"))),
    })
}

pub fn refused(payout: &str, attempt: u32, minor: i64, is_final: bool) -> Fact {
    let (payout, creator) = (id(payout), id("alice"));
    let (step, amount) = (AttemptStep::Transfer, usd(minor));
    fact(AttemptRefused {
        payout,
        creator,
        step,
        attempt,
        amount,
        is_final,
    })
}

pub fn topup(txn: &str, minor: i64) -> Fact {
    let (kind, amount) = (
        BalanceTransactionKind::Topup,
        Balance::new(minor, Asset::Usd),
    );
    fact(BalanceTransactionObserved {
        txn: id(txn),
        kind,
        amount,
    })
}

/// What a month's seal says of a set of facts.
pub fn totals(facts: &[Fact]) -> ControlTotals {
    let mut totals = ControlTotals::new();
    for fact in facts.iter().filter(|fact| fact.month().is_some()) {
        totals.add(fact).expect("few facts");
    }
    totals
}

/// A service on a bed of its own.
pub struct Scene {
    pub bed: TestBed,
    pub service: TestService,
}

impl Scene {
    pub async fn start() -> Result<Self> {
        Self::start_at(IN_JANUARY, &[]).await
    }

    pub async fn start_at(now: OffsetDateTime, settings: &[(&str, &str)]) -> Result<Self> {
        let bed = TestBed::start(now, &[Earnings::migrator()]).await?;
        let service = bed.service::<Earnings>(settings).await?;
        Ok(Self { bed, service })
    }

    pub fn client(&self) -> Result<EarningsServiceClient<Peer>> {
        Ok(EarningsServiceClient::new(self.service.peer()?))
    }

    pub async fn post(&self, facts: &[Fact]) -> Result<()> {
        publish(&self.bed, facts).await?;
        self.service.settle().await;
        Ok(())
    }

    pub async fn seal(&self, facts: &[Fact]) -> Result<()> {
        publish_seal(&self.bed, &totals(facts)).await?;
        self.service.settle().await;
        Ok(())
    }

    /// January, closed on the first of February.
    pub async fn january_closed() -> Result<Self> {
        let scene = Self::start_at(FIRST_OF_FEBRUARY, &[]).await?;
        scene.post(&january()).await?;
        scene.seal(&january()).await?;
        assert_eq!(scene.month_state().await?, "closed");
        Ok(scene)
    }

    pub async fn month_state(&self) -> Result<String> {
        Ok(self.month().await?.state)
    }

    pub async fn month(&self) -> Result<wire::earnings::v1::GetMonthResponse> {
        self.month_of(JANUARY).await
    }

    pub async fn month_of(&self, of: &str) -> Result<wire::earnings::v1::GetMonthResponse> {
        let month = of.to_owned();
        let request = wire::earnings::v1::GetMonthRequest { month };
        Ok(self.client()?.get_month(request).await?.into_inner())
    }

    pub async fn count(&self, query: &'static str) -> Result<i64> {
        let owner = self.bed.db.owner().await?;
        let count = sqlx::query_scalar(query).fetch_one(&owner).await?;
        owner.close().await;
        Ok(count)
    }

    pub async fn dead_letters(&self) -> Result<Vec<String>> {
        let owner = self.bed.db.owner().await?;
        let reasons = sqlx::query_scalar("select reason from earnings.dead_letter order by 1");
        Ok(reasons.fetch_all(&owner).await?)
    }

    /// Every balance other than zero from its account's own side, by name, taken from entries;
    /// and the balance that is kept must say the same.
    pub async fn balances(&self) -> Result<BTreeMap<String, i64>> {
        balances(&self.bed).await
    }
}

pub async fn balances(bed: &TestBed) -> Result<BTreeMap<String, i64>> {
    let owner = bed.db.owner().await?;
    let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
        "select a.name, coalesce(sum(e.amount_minor), 0)::bigint, min(b.amount_minor)
         from earnings.account a
         left join earnings.entry e on e.account_id = a.account_id
         left join earnings.balance b on b.account_id = a.account_id
         group by a.account_id, a.name",
    )
    .fetch_all(&owner)
    .await?;
    let mut balances = BTreeMap::new();
    for (name, debits, kept) in rows {
        let account = ledger::Account::parse(&name)?;
        let own = if account.normal() == ledger::Side::Debit {
            debits
        } else {
            -debits
        };
        assert_eq!(kept.is_none(), account.is_platform(), "{name}");
        assert_eq!(kept.unwrap_or(own), own, "{name}");
        if own != 0 {
            balances.insert(name, own);
        }
    }
    Ok(balances)
}

/// What libs/ledger makes of the same facts.
pub fn folded(facts: &[Fact]) -> BTreeMap<String, i64> {
    let folded = ledger::fold(facts.iter().map(Fact::posting)).expect("few facts");
    let lines = folded.iter().map(|line| line.expect("small"));
    lines
        .map(|(account, balance)| (account.name(), balance.minor()))
        .collect()
}

/// Publishes facts on the streams of those who announce them.
pub async fn publish(bed: &TestBed, facts: &[Fact]) -> Result<()> {
    let mut by_stream: BTreeMap<&str, Vec<mailbox::Fact>> = BTreeMap::new();
    for fact in facts {
        let (stream, message) = message(fact);
        by_stream.entry(stream).or_default().push(message);
    }
    for (stream, facts) in by_stream {
        bed.publish(stream, &facts).await?;
    }
    Ok(())
}

pub fn message(fact: &Fact) -> (&'static str, mailbox::Fact) {
    let key = fact.key().as_str();
    match fact.body() {
        FactBody::ChargeSettled(body) => (
            "billing",
            wrap::<wire::billing::v1::ChargeSettled>(key, &body.into()),
        ),
        FactBody::FundingAttributed(body) => (
            "allocation",
            wrap::<wire::allocation::v1::FundingAttributed>(key, &body.into()),
        ),
        FactBody::AllocationChanged(body) => (
            "allocation",
            wrap::<wire::allocation::v1::AllocationChanged>(key, &body.into()),
        ),
        FactBody::AttemptSettled(body) => (
            "payout",
            wrap::<wire::payout::v1::AttemptSettled>(key, &body.into()),
        ),
        FactBody::AttemptRefused(body) => (
            "payout",
            wrap::<wire::payout::v1::AttemptRefused>(key, &body.into()),
        ),
        FactBody::AttemptReturned(body) => (
            "payout",
            wrap::<wire::payout::v1::AttemptReturned>(key, &body.into()),
        ),
        // The months are not announced: the books find them.
        FactBody::TransferReversed(body) => {
            let parts = body.parts.iter().map(|part| part.amount);
            let reversed = wire::facts::Reversed {
                payout: body.payout.clone(),
                creator: body.creator.clone(),
                reversal: body.reversal.clone(),
                txn: body.txn.clone(),
                amount: Amount::checked_sum(Asset::Usd, parts).expect("few parts"),
                after_paid: body.after_paid,
            };
            let event = wire::payout::v1::TransferReversed::from(&reversed);
            ("payout", wrap(key, &event))
        }
        FactBody::BalanceTransactionObserved(body) => {
            let (txn, currency) = (body.txn.to_string(), "USD".to_owned());
            let (r#type, net_minor) = (body.kind.to_string(), body.amount.minor());
            let event = wire::balance_monitor::v1::BalanceTransactionObserved {
                txn,
                r#type,
                net_minor,
                currency,
            };
            ("balance_monitor", wrap(key, &event))
        }
        FactBody::HoldPlaced(_)
        | FactBody::HoldReleased(_)
        | FactBody::HoldCommitted(_)
        | FactBody::CreatorClosed(_)
        | FactBody::SubscriberClosed(_)
        | FactBody::LateEarning(_) => panic!("{fact:?} is earnings' own"),
    }
}

fn wrap<E: wire::Event>(key: &str, event: &E) -> mailbox::Fact {
    mailbox::Fact::new(key, "a", 1, IN_JANUARY, event)
}

pub async fn publish_seal(bed: &TestBed, totals: &ControlTotals) -> Result<()> {
    publish_seal_of(bed, JANUARY, totals).await
}

pub async fn publish_seal_of(bed: &TestBed, of: &str, totals: &ControlTotals) -> Result<()> {
    let totals = totals.iter().map(|(program, kind, control)| ControlTotal {
        program: program.to_string(),
        kind: kind.to_string(),
        count: i64::try_from(control.count).expect("few facts"),
        sum_minor: control.sum_minor,
        digest: control.digest,
    });
    let event = MonthSealed {
        month: of.to_owned(),
        totals: totals.collect(),
    };
    let (key, at) = (format!("seal:{of}"), month(of).next().first_instant());
    let fact = mailbox::Fact::new(key, of, 1, at, &event);
    bed.publish("allocation", &[fact]).await
}
