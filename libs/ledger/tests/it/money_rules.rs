//! Runs every worked example of docs/money-rules.md against the rules themselves.

use ledger::{
    Account, ControlTotals, CreatorLine, Fact, FactBody, FactKind, LedgerError, Manifest,
    Obligations, Rates, Solvency, fold, owner_of, plan_hold, plan_return,
};
use money::{Amount, BasisPoints};

use crate::bodies::{body, parts};
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
            "plan_return" => plan_back(said),
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

fn plan_back(said: &Said) -> Answer {
    let back = plan_return(
        &parts(said, "held"),
        said.usd("returned"),
        said.usd("amount"),
    )?;
    let back = back.iter();
    Ok(back
        .map(|part| format!("{} {} {}", part.month, part.program, part.amount))
        .collect())
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
