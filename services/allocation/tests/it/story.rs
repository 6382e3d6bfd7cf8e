//! What tests tell the service, in the words of its neighbours, and what they read back.

use allocation::Allocation;
use anyhow::{Context, Result};
use kit::{Peer, Service};
use ledger::{Control, ControlTotals, Month};
use mailbox::Fact;
use money::Amount;
use sqlx::PgPool;
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use tonic::Status;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::allocation::v1::{
    AllocationChanged, AllocationTarget, CopyAllocationsRequest, FundingAttributed,
    GetAllocationsRequest, GetAllocationsResponse, GetMonthRequest, GetMonthResponse, MonthSealed,
    SetAllocationRequest, SetAllocationResponse, SetAllocationsRequest, SetAllocationsResponse,
};
use wire::billing::v1::{ChargeSettled, MonthCut, SubscriptionChanged};
use wire::facts;
use wire::payout::v1::CreatorRegistered;

/// One service on a bed of its own.
pub struct Story {
    pub bed: TestBed,
    pub service: TestService,
}

/// A charge of `cents` for `month`, no tax.
pub fn charge(id: &str, subscriber: &str, cents: u32, month: &str) -> ledger::ChargeSettled {
    let period_month: Month = month.parse().expect("a month");
    let settled_at = period_month.first_instant() + time::Duration::hours(5);
    ledger::ChargeSettled {
        charge: format!("ch_{id}").parse().expect("a charge"),
        txn: format!("txn_{id}").parse().expect("a transaction"),
        subscriber: subscriber.parse().expect("a subscriber"),
        program: ledger::Program::Allocation,
        gross: Amount::usd(cents),
        stripe_fee: Amount::usd(59),
        tax: Amount::usd(0),
        available_on: settled_at + time::Duration::days(2),
        period_month,
        settled_at,
    }
}

/// The charge as billing announces it.
pub fn settled(charge: &ledger::ChargeSettled) -> Fact {
    let fact_id = format!("charge:{}", charge.charge);
    let event = ChargeSettled::from(charge);
    Fact::new(
        fact_id,
        charge.charge.as_str(),
        1,
        charge.settled_at,
        &event,
    )
}

/// Billing's cut of a month that has these charges.
pub fn cut(month: &str, charges: &[&ledger::ChargeSettled]) -> Fact {
    let control = charges.iter().fold(Control::default(), |sum, charge| {
        let fact = ledger::Fact::try_new((*charge).clone()).expect("a charge of the books");
        sum.merge(Control::of(&fact)).expect("a small sum")
    });
    let event = MonthCut {
        month: month.to_owned(),
        charge_count: i64::try_from(control.count).expect("a small count"),
        gross_minor: control.sum_minor,
        digest: control.digest,
    };
    Fact::new(
        format!("cut:{month}"),
        month,
        1,
        OffsetDateTime::UNIX_EPOCH,
        &event,
    )
}

pub fn subscription(subscriber: &str, status: &str, version: i64) -> Fact {
    let event = SubscriptionChanged {
        subscription_id: format!("sub_{subscriber}"),
        subscriber_id: subscriber.to_owned(),
        program: "allocation".to_owned(),
        status: status.to_owned(),
        version,
        ..Default::default()
    };
    let fact_id = format!("subscription:sub_{subscriber}:{version}");
    Fact::new(
        fact_id,
        subscriber,
        version,
        OffsetDateTime::UNIX_EPOCH,
        &event,
    )
}

fn creator(id: &str) -> Fact {
    let event = CreatorRegistered {
        creator_id: id.into(),
        version: 1,
        ..Default::default()
    };
    Fact::new(
        format!("creator:{id}:1"),
        id,
        1,
        OffsetDateTime::UNIX_EPOCH,
        &event,
    )
}

pub fn set(subscriber: &str, creator: &str, cents: i64, month: &str) -> SetAllocationRequest {
    SetAllocationRequest {
        subscriber_id: subscriber.into(),
        program: "allocation".into(),
        creator_id: creator.into(),
        amount_minor: cents,
        month: month.into(),
        ..Default::default()
    }
}

pub fn all(subscriber: &str, targets: &[(&str, i64)], month: &str) -> SetAllocationsRequest {
    let target = |(creator, cents): &(&str, i64)| AllocationTarget {
        creator_id: (*creator).into(),
        amount_minor: *cents,
    };
    SetAllocationsRequest {
        subscriber_id: subscriber.into(),
        program: "allocation".into(),
        month: month.into(),
        targets: targets.iter().map(target).collect(),
        ..Default::default()
    }
}

pub fn copy(subscriber: &str, from_month: &str, scale: bool) -> CopyAllocationsRequest {
    CopyAllocationsRequest {
        subscriber_id: subscriber.into(),
        program: "allocation".into(),
        from_month: from_month.into(),
        scale,
        ..Default::default()
    }
}

/// What a pool directs: creator and cents, by creator.
pub fn shares(pool: &GetAllocationsResponse) -> Vec<(&str, i64)> {
    let shares = pool.allocations.iter();
    shares
        .map(|share| (share.creator_id.as_str(), share.amount_minor))
        .collect()
}

impl Story {
    /// Begins at `now`; alice and bob are creators.
    pub async fn begin(now: OffsetDateTime) -> Result<Self> {
        let bed = TestBed::start(now, &[Allocation::migrator()]).await?;
        let service = bed.service::<Allocation>(&[]).await?;
        let story = Self { bed, service };
        story.registered(&["alice", "bob"]).await?;
        Ok(story)
    }

    /// Every test ends with this. A service that is still opening connections when its database
    /// is dropped keeps the server waiting, and with it every other test.
    pub async fn end(self) -> Result<()> {
        self.service.stop().await;
        Ok(())
    }

    /// Payout announces creators; applied when this answers.
    pub async fn registered(&self, ids: &[&str]) -> Result<()> {
        let creators: Vec<Fact> = ids.iter().map(|id| creator(id)).collect();
        self.bed.publish("payout", &creators).await?;
        self.service.settle().await;
        Ok(())
    }

    /// Billing announces facts; applied when this answers.
    pub async fn billing(&self, facts: &[Fact]) -> Result<()> {
        self.bed.publish("billing", facts).await?;
        self.service.settle().await;
        Ok(())
    }

    /// Time passes, and what follows from it.
    pub async fn at(&self, now: OffsetDateTime) {
        self.bed.clock.set(now);
        self.service.settle().await;
    }

    pub fn client(&self) -> Result<AllocationServiceClient<Peer>> {
        Ok(AllocationServiceClient::new(self.service.peer()?))
    }

    pub async fn set(
        &self,
        subscriber: &str,
        creator: &str,
        cents: i64,
    ) -> Result<SetAllocationResponse, Status> {
        self.set_in("", subscriber, creator, cents).await
    }

    pub async fn set_in(
        &self,
        month: &str,
        subscriber: &str,
        creator: &str,
        cents: i64,
    ) -> Result<SetAllocationResponse, Status> {
        let mut client = self.client().expect("the gateway may call");
        let answer = client
            .set_allocation(set(subscriber, creator, cents, month))
            .await?;
        Ok(answer.into_inner())
    }

    pub async fn set_all(
        &self,
        subscriber: &str,
        targets: &[(&str, i64)],
    ) -> Result<SetAllocationsResponse, Status> {
        let mut client = self.client().expect("the gateway may call");
        let request = all(subscriber, targets, "");
        Ok(client.set_allocations(request).await?.into_inner())
    }

    pub async fn copy(
        &self,
        subscriber: &str,
        from_month: &str,
        scale: bool,
    ) -> Result<SetAllocationsResponse, Status> {
        let mut client = self.client().expect("the gateway may call");
        let request = copy(subscriber, from_month, scale);
        Ok(client.copy_allocations(request).await?.into_inner())
    }

    pub async fn pool(&self, subscriber: &str, month: &str) -> Result<GetAllocationsResponse> {
        let request = GetAllocationsRequest {
            subscriber_id: subscriber.into(),
            program: "allocation".into(),
            month: month.into(),
        };
        Ok(self.client()?.get_allocations(request).await?.into_inner())
    }

    pub async fn month(&self, month: &str) -> Result<GetMonthResponse> {
        let request = GetMonthRequest {
            month: month.into(),
        };
        Ok(self.client()?.get_month(request).await?.into_inner())
    }

    pub async fn owner(&self) -> Result<PgPool> {
        self.bed.db.owner().await
    }

    pub async fn funded(&self) -> Result<Vec<FundingAttributed>> {
        self.bed.announced("allocation").await
    }

    pub async fn changed(&self) -> Result<Vec<AllocationChanged>> {
        self.bed.announced("allocation").await
    }

    /// The one seal of a month.
    pub async fn seal(&self, month: &str) -> Result<MonthSealed> {
        let seals: Vec<MonthSealed> = self.bed.announced("allocation").await?;
        let mut seals = seals.into_iter().filter(|seal| seal.month == month);
        let seal = seals
            .next()
            .with_context(|| format!("{month} was not sealed"))?;
        anyhow::ensure!(seals.next().is_none(), "{month} was sealed twice");
        Ok(seal)
    }

    /// The control totals of all that was announced for a month.
    pub async fn announced_totals(&self, month: &str) -> Result<ControlTotals> {
        let mut totals = ControlTotals::new();
        for event in self
            .funded()
            .await?
            .iter()
            .filter(|event| event.month == month)
        {
            totals.add(&ledger::Fact::try_new(facts::funding_attributed(event)?)?)?;
        }
        for event in self
            .changed()
            .await?
            .iter()
            .filter(|event| event.month == month)
        {
            totals.add(&ledger::Fact::try_new(facts::allocation_changed(event)?)?)?;
        }
        Ok(totals)
    }
}

/// The control totals that a seal carries.
pub fn totals_of(seal: &MonthSealed) -> Result<ControlTotals> {
    let mut totals = ControlTotals::new();
    for total in &seal.totals {
        let control = Control {
            count: u64::try_from(total.count)?,
            sum_minor: total.sum_minor,
            digest: total.digest,
        };
        totals.add_control(total.program.parse()?, total.kind.parse()?, control)?;
    }
    Ok(totals)
}

/// The stable code and the figures of a refusal.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(
    answer: Result<T, Status>,
) -> (String, std::collections::HashMap<String, String>) {
    let status = answer.expect_err("it was not refused");
    kit::reason_of(&status).unwrap_or_else(|| panic!("no reason in {status:?}"))
}
