//! What this service announces, as messages.

use ledger::FactBody;
use mailbox::Fact;
use time::OffsetDateTime;
use wire::payout::v1 as proto;

use crate::convert::month_text;
use crate::domain::{Account, Comeback, Creator, Payout};

pub fn creator_registered(creator: &Creator, now: OffsetDateTime) -> Fact {
    let event = proto::CreatorRegistered {
        creator_id: creator.creator_id.clone(),
        display_name: creator.display_name.clone(),
        created_at: Some(wire::timestamp(creator.created_at)),
        version: creator.version,
    };
    let fact_id = format!("creator:{}:{}", creator.creator_id, creator.version);
    Fact::new(fact_id, &creator.creator_id, creator.version, now, &event)
}

pub fn account_changed(account: &Account, now: OffsetDateTime) -> Fact {
    let event = proto::AccountChanged {
        creator_id: account.creator_id.clone(),
        account_id: account.account_id.clone().unwrap_or_default(),
        status: account.status().as_str().to_owned(),
        payouts_enabled: account.payouts_enabled,
        version: account.version,
    };
    let fact_id = format!("account:{}:{}", account.creator_id, account.version);
    Fact::new(fact_id, &account.creator_id, account.version, now, &event)
}

pub fn payout_changed(payout: &Payout, now: OffsetDateTime) -> Fact {
    let event = proto::PayoutChanged {
        payout_id: payout.payout_id.to_string(),
        creator_id: payout.creator_id.to_string(),
        amount_minor: payout.amount.minor(),
        currency: payout.amount.asset().code().to_owned(),
        state: payout.state.as_str().to_owned(),
        step: payout.step.to_string(),
        reason: payout.reason.clone(),
        failure_code: payout.failure_code.clone(),
        expected_arrival_at: payout.expected_arrival_at.map(wire::timestamp),
        version: payout.version,
        month: month_text(payout),
    };
    let fact_id = format!("payout:{}:{}", payout.payout_id, payout.version);
    Fact::new(
        fact_id,
        payout.payout_id.as_str(),
        payout.version,
        now,
        &event,
    )
}

/// A fact for the books as it travels; `None` for kinds that are not ours to announce.
pub fn for_the_books(fact: &ledger::Fact, payout: &Payout, now: OffsetDateTime) -> Option<Fact> {
    let (fact_id, about, version) = (
        fact.key().to_string(),
        payout.payout_id.as_str(),
        payout.version,
    );
    if let FactBody::AttemptSettled(settled) = fact.body() {
        let event = proto::AttemptSettled::from(settled);
        return Some(Fact::new(fact_id, about, version, now, &event));
    }
    if let FactBody::AttemptRefused(refused) = fact.body() {
        let mut event = proto::AttemptRefused::from(refused);
        event.failure_code = payout.failure_code.clone();
        return Some(Fact::new(fact_id, about, version, now, &event));
    }
    if let FactBody::AttemptReturned(returned) = fact.body() {
        let mut event = proto::AttemptReturned::from(returned);
        event.failure_code = payout.failure_code.clone();
        return Some(Fact::new(fact_id, about, version, now, &event));
    }
    None
}

/// What came back, as far as it is known here: the books add the months.
pub fn came_back(comeback: &Comeback, payout: &Payout, now: OffsetDateTime) -> Fact {
    let reversed = wire::facts::Reversed {
        payout: payout.payout_id.clone(),
        creator: payout.creator_id.clone(),
        reversal: comeback.reversal.clone(),
        txn: comeback.txn.clone(),
        amount: comeback.amount,
        after_paid: comeback.after_paid,
    };
    let event = proto::TransferReversed::from(&reversed);
    let about = payout.payout_id.as_str();
    Fact::new(reversed.fact_id(), about, payout.version, now, &event)
}
