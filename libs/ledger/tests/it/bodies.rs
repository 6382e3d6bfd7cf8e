//! Facts from the words of an example.

use ledger::{
    AllocationChanged, AttemptRefused, AttemptReturned, AttemptSettled, BalanceTransactionObserved,
    ChargeSettled, CreatorClosed, FactBody, FactKind, FundingAttributed, HoldCommitted, HoldPart,
    HoldPlaced, HoldReleased, LateEarning, Month, Program, SubscriberClosed, TransferReversed,
};
use time::OffsetDateTime;

use crate::some::bps;
use crate::transcript::Said;

pub fn body(kind: FactKind, said: &Said) -> FactBody {
    match kind {
        FactKind::ChargeSettled => charge(said).into(),
        FactKind::FundingAttributed | FactKind::AllocationChanged => attribution(kind, said),
        FactKind::AttemptSettled | FactKind::AttemptRefused => attempt(kind, said),
        FactKind::AttemptReturned => returned(said).into(),
        FactKind::TransferReversed => reversed(said).into(),
        FactKind::LateEarning => late(said).into(),
        FactKind::BalanceTransactionObserved => BalanceTransactionObserved {
            txn: said.get("txn"),
            kind: said.get("kind"),
            amount: said.signed("amount"),
        }
        .into(),
        FactKind::HoldPlaced | FactKind::HoldReleased | FactKind::HoldCommitted => hold(kind, said),
        FactKind::CreatorClosed | FactKind::SubscriberClosed => close(kind, said),
    }
}

fn charge(said: &Said) -> ChargeSettled {
    ChargeSettled {
        charge: said.get("charge"),
        txn: said.get("txn"),
        subscriber: said.get("subscriber"),
        program: said.get("program"),
        gross: said.usd("gross"),
        stripe_fee: said.usd("stripe_fee"),
        tax: said.usd("tax"),
        available_on: instant(said, "available_on"),
        period_month: said.get("period_month"),
        settled_at: instant(said, "settled_at"),
    }
}

fn attribution(kind: FactKind, said: &Said) -> FactBody {
    let (subscriber, program, month) = (
        said.get("subscriber"),
        said.get::<Program>("program"),
        said.get::<Month>("month"),
    );
    if kind == FactKind::FundingAttributed {
        let (charge, amount) = (said.get("charge"), said.usd("amount"));
        return FundingAttributed {
            charge,
            subscriber,
            program,
            month,
            amount,
        }
        .into();
    }
    let (creator, version) = (said.get("creator"), said.get("version"));
    let (from, to) = (said.usd("from"), said.usd("to"));
    AllocationChanged {
        subscriber,
        creator,
        program,
        month,
        version,
        from,
        to,
    }
    .into()
}

fn attempt(kind: FactKind, said: &Said) -> FactBody {
    let (payout, creator, step) = (said.get("payout"), said.get("creator"), said.get("step"));
    let (attempt, amount) = (said.get("attempt"), said.usd("amount"));
    if kind == FactKind::AttemptSettled {
        let txn = said.find("txn").map(|_| said.get("txn"));
        return AttemptSettled {
            payout,
            creator,
            step,
            attempt,
            amount,
            txn,
        }
        .into();
    }
    let is_final = said.get("final");
    AttemptRefused {
        payout,
        creator,
        step,
        attempt,
        amount,
        is_final,
    }
    .into()
}

fn returned(said: &Said) -> AttemptReturned {
    AttemptReturned {
        payout: said.get("payout"),
        creator: said.get("creator"),
        attempt: said.get("attempt"),
        amount: said.usd("amount"),
    }
}

fn reversed(said: &Said) -> TransferReversed {
    TransferReversed {
        payout: said.get("payout"),
        creator: said.get("creator"),
        reversal: said.get("reversal"),
        txn: said.get("txn"),
        after_paid: said.get("after_paid"),
        parts: parts(said, "parts"),
    }
}

fn late(said: &Said) -> LateEarning {
    LateEarning {
        cause: said.get("cause"),
        creator: said.get("creator"),
        program: said.get("program"),
        origin_month: said.get("origin_month"),
        month: said.get("month"),
        gross: said.usd("gross"),
        bps: bps(said.get("bps")),
    }
}

pub fn parts(said: &Said, name: &str) -> Vec<HoldPart> {
    let part = |(program, month, amount)| HoldPart {
        program,
        month,
        amount,
    };
    said.lines(name).into_iter().map(part).collect()
}

fn hold(kind: FactKind, said: &Said) -> FactBody {
    let (payout, creator, n) = (said.get("payout"), said.get("creator"), said.get("n"));
    if kind == FactKind::HoldCommitted {
        let amount = said.usd("amount");
        return HoldCommitted {
            payout,
            creator,
            n,
            amount,
        }
        .into();
    }
    let parts = parts(said, "parts");
    if kind == FactKind::HoldPlaced {
        return HoldPlaced {
            payout,
            creator,
            n,
            parts,
        }
        .into();
    }
    HoldReleased {
        payout,
        creator,
        n,
        parts,
    }
    .into()
}

fn close(kind: FactKind, said: &Said) -> FactBody {
    let (month, program) = (said.get("month"), said.get("program"));
    if kind == FactKind::SubscriberClosed {
        let (subscriber, rest) = (said.get("subscriber"), said.usd("rest"));
        return SubscriberClosed {
            month,
            program,
            subscriber,
            rest,
        }
        .into();
    }
    let (creator, gross) = (said.get("creator"), said.usd("gross"));
    CreatorClosed {
        month,
        program,
        creator,
        gross,
        bps: bps(said.get("bps")),
    }
    .into()
}

fn instant(said: &Said, name: &str) -> OffsetDateTime {
    let format = &time::format_description::well_known::Rfc3339;
    OffsetDateTime::parse(said.text(name), format).expect("a time like 2027-01-01T00:00:00Z")
}
