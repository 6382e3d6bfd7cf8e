//! Runs every worked example of docs/money-rules.md against the rules themselves.

use ledger::{
    Account, AllocationChanged, AttemptRefused, AttemptSettled, BalanceTransactionObserved,
    ChargeSettled, ControlTotals, CreatorClosed, CreatorLine, Fact, FactBody, FactKind,
    FundingAttributed, HoldCommitted, HoldPart, HoldPlaced, HoldReleased, LedgerError, Manifest,
    Month, Obligations, Program, Rates, Solvency, SubscriberClosed, fold, owner_of, plan_hold,
};
use money::{Amount, BasisPoints};
use time::OffsetDateTime;

use crate::some::bps;
use crate::transcript::{Block, Said, blocks};

const PAGE: &str = include_str!("../../../../docs/money-rules.md");
const FENCE: &str = "```books";

type Answer = Result<Vec<String>, LedgerError>;

#[test]
fn every_example_of_the_money_rules_is_true() {
    let wrong: Vec<String> = blocks(PAGE, FENCE).iter().flat_map(disagreements).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_fact_has_an_example() {
    let blocks = blocks(PAGE, FENCE);
    let said = |word: &str| {
        blocks
            .iter()
            .flat_map(|b| &b.steps)
            .any(|step| step.said.word == word)
    };
    let kinds = FactKind::ALL.iter().map(|kind| kind.as_str());
    let questions = [
        "split",
        "fee",
        "plan_hold",
        "solvency",
        "obligations",
        "manifest",
        "control",
    ];
    for word in kinds.chain(questions) {
        assert!(said(word), "the page has no example of {word}");
    }
}

#[test]
fn an_example_that_is_off_by_a_cent_is_found() {
    let page = "```books\n> fee gross=$10.01 bps=700\nnet $9.30, fee $0.71\n```\n";
    let found = disagreements(&blocks(page, FENCE)[0]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("net $9.31, fee $0.70"), "{}", found[0]);
}

/// What a block says that the rules do not; each block starts with empty books.
fn disagreements(block: &Block) -> Vec<String> {
    assert!(
        !block.steps.is_empty(),
        "the block at line {} says nothing",
        block.at
    );
    let mut books = Books::default();
    let mut wrong = Vec::new();
    for step in &block.steps {
        let answer = books.answer(&step.said);
        let answer = answer.unwrap_or_else(|refusal| vec![format!("refused: {refusal}")]);
        if answer != step.answer {
            let (claimed, found) = (step.answer.join("\n  "), answer.join("\n  "));
            wrong.push(format!(
                "line {}\nclaims:\n  {claimed}\nfound:\n  {found}",
                step.at
            ));
        }
    }
    wrong
}

#[derive(Default)]
struct Books {
    facts: Vec<Fact>,
}

impl Books {
    fn answer(&mut self, said: &Said) -> Answer {
        match said.word.as_str() {
            "split" => split(said),
            "fee" => fee(said),
            "plan_hold" => plan(said),
            "account" => account(said),
            "owner" => Ok(vec![owner_of(said.text("type")).as_str().to_owned()]),
            "balances" => self.balances(),
            "obligations" => self.obligations(said),
            "solvency" => self.solvency(said),
            "manifest" => self.manifest(said),
            "control" => self.control(),
            "canonical" => self.canonical(),
            kind => self.post(body(kind.parse()?, said)),
        }
    }

    fn post(&mut self, body: FactBody) -> Answer {
        let fact = Fact::try_new(body)?;
        let key = format!("key {}", fact.key());
        let entries = fact.posting().entries().iter().map(ToString::to_string);
        let answer = [key].into_iter().chain(entries).collect();
        self.facts.push(fact);
        Ok(answer)
    }

    fn folded(&self) -> Result<ledger::Balances, LedgerError> {
        fold(self.facts.iter().map(Fact::posting))
    }

    fn balances(&self) -> Answer {
        let balances = self.folded()?;
        let lines = balances.iter();
        lines
            .map(|line| line.map(|(account, b)| format!("{} {b}", account.name())))
            .collect()
    }

    fn obligations(&self, said: &Said) -> Answer {
        let owed = Obligations::of(&self.folded()?, rates(said))?;
        let Obligations {
            pending_net,
            payable,
            reserved,
            in_payout,
            frozen_net,
        } = owed;
        Ok(vec![
            format!("pending net of fee {pending_net}"),
            format!("payable {payable}"),
            format!("reserved {reserved}"),
            format!("in payout {in_payout}"),
            format!("frozen net of fee {frozen_net}"),
            format!("together {}", owed.total()?),
        ])
    }

    fn solvency(&self, said: &Said) -> Answer {
        let solvency = Solvency::of(&self.folded()?, rates(said))?;
        let Solvency {
            assets,
            obligations,
            claims,
            frozen,
            deferred,
            tax,
        } = solvency;
        Ok(vec![
            format!("assets {assets}"),
            format!("obligations {obligations}"),
            format!("claims {claims}"),
            format!("frozen {frozen}"),
            format!("deferred {deferred}"),
            format!("tax {tax}"),
            format!("missing {}", solvency.missing()?),
        ])
    }

    fn manifest(&self, said: &Said) -> Answer {
        let mut manifest = Manifest::new(said.get("month"));
        for fact in &self.facts {
            if let FactBody::CreatorClosed(closed) = fact.body() {
                manifest.add_creator(CreatorLine::try_from(closed)?)?;
            }
            if let FactBody::SubscriberClosed(closed) = fact.body() {
                manifest.add_rest(closed.program, closed.rest)?;
            }
        }
        let text = manifest.text();
        let root = format!("root {}", manifest.root());
        Ok(text.lines().map(str::to_owned).chain([root]).collect())
    }

    fn control(&self) -> Answer {
        let mut totals = ControlTotals::new();
        self.facts.iter().try_for_each(|fact| totals.add(fact))?;
        Ok(totals.canonical().lines().map(str::to_owned).collect())
    }

    fn canonical(&self) -> Answer {
        let fact = self.facts.last().expect("a fact comes first");
        Ok(vec![
            fact.canonical(),
            format!("digest {:016x}", fact.digest64()),
        ])
    }
}

fn rates(said: &Said) -> Rates {
    Rates {
        allocation_fee: bps(said.get("fee")),
        copies_share: bps(7_000),
    }
}

fn split(said: &Said) -> Answer {
    let weights = said
        .text("weights")
        .split(':')
        .map(|w| w.parse().expect("a weight"));
    let shares = said.usd("amount").split(&weights.collect::<Vec<_>>())?;
    Ok(vec![
        shares
            .iter()
            .map(Amount::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    ])
}

fn fee(said: &Said) -> Answer {
    let fee = money::split_fee(said.usd("gross"), BasisPoints::try_new(said.get("bps"))?)?;
    Ok(vec![format!("net {}, fee {}", fee.net, fee.fee)])
}

fn plan(said: &Said) -> Answer {
    let plan = plan_hold(&said.lines("payable"), said.usd("wanted"))?;
    let parts = plan.parts.iter();
    let parts = parts.map(|part| format!("{} {} {}", part.month, part.program, part.amount));
    Ok(parts.chain([format!("rest {}", plan.rest)]).collect())
}

fn account(said: &Said) -> Answer {
    let account = Account::parse(said.text("name"))?;
    let (kind, side) = (account.kind().as_str(), account.normal().as_str());
    let class = format!("{:?}", account.class()).to_lowercase();
    Ok(vec![format!(
        "{kind}: grows by {side}, {class}, counted in {}",
        account.asset()
    )])
}

fn body(kind: FactKind, said: &Said) -> FactBody {
    match kind {
        FactKind::ChargeSettled => charge(said).into(),
        FactKind::FundingAttributed | FactKind::AllocationChanged => attribution(kind, said),
        FactKind::AttemptSettled | FactKind::AttemptRefused => attempt(kind, said),
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
    let part = |(program, month, amount)| HoldPart {
        program,
        month,
        amount,
    };
    let parts = said.lines("parts").into_iter().map(part).collect();
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
