//! The way of a cent, in stages. Each stage leaves its money on an account, and the next one takes
//! it from there: the accounts between two stages lead down to the bank, and up to the charge.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Serialize;

use super::Name;
use super::store::{Attempt, Books, Charge, Fact, Payout, Wanted, accounts, references};

struct StageKind {
    name: &'static str,
    /// Kinds of facts.
    facts: &'static [&'static str],
    /// Kinds of the accounts between this stage and the next.
    down: &'static [&'static str],
}

const STAGES: [StageKind; 6] = [
    StageKind {
        name: "charge",
        facts: &["charge_settled"],
        down: &["clearing_funding"],
    },
    StageKind {
        name: "funding",
        facts: &["funding_attributed"],
        down: &["subscriber_unallocated"],
    },
    StageKind {
        name: "allocations",
        facts: &["allocation_changed", "subscriber_closed"],
        down: &["creator_pending"],
    },
    StageKind {
        name: "close",
        facts: &["creator_closed", "late_earning"],
        down: &["creator_payable"],
    },
    StageKind {
        name: "hold",
        facts: &["hold_placed", "hold_released", "transfer_reversed"],
        down: &["creator_reserved"],
    },
    StageKind {
        name: "attempts and bank",
        facts: &[
            "hold_committed",
            "attempt_settled",
            "attempt_refused",
            "attempt_returned",
            "transfer_reversed",
        ],
        down: &[],
    },
];
const ALLOCATIONS: usize = 2;
const CLOSE: usize = 3;
const HOLD: usize = 4;
const BANK: usize = 5;

/// Everything that was found, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Trace {
    pub charges: Vec<Charge>,
    pub payouts: Vec<Payout>,
    pub attempts: Vec<Attempt>,
    pub stages: Vec<Stage>,
}

#[derive(Debug, Serialize)]
pub struct Stage {
    pub stage: &'static str,
    pub facts: Vec<Fact>,
}

/// The facts found so far, by stage.
#[derive(Default)]
struct Way {
    stages: [Vec<Fact>; 6],
    /// Facts that belong to no stage.
    other: Vec<Fact>,
    payouts: BTreeSet<String>,
}

/// The whole way through what is named; `None` if nothing is known by that name.
pub async fn from(books: &mut Books, name: &Name) -> Result<Option<Trace>> {
    let mut way = Way::default();
    match name {
        Name::Charge(id) | Name::Invoice(id) => {
            let charges = books.charges(std::slice::from_ref(id)).await?;
            // A charge may be in the books though billing's row is not to be read.
            let ids = charges.iter().map(|charge| charge.charge_id.as_str());
            let keys = ids.chain([id.as_str()]).map(|id| format!("charge:{id}"));
            way.start(books, Wanted::keys(keys)).await?;
        }
        Name::Transfer(id) | Name::Payout(id) => {
            let payouts = books.payouts(std::slice::from_ref(id)).await?;
            way.payouts = payouts.into_iter().map(|one| one.payout_id).collect();
            if way.payouts.is_empty() {
                return Ok(None);
            }
            way.payouts_postings(books).await?;
            way.up(books, HOLD).await?;
        }
        Name::Transaction(id) => {
            let txns = vec![id.clone()];
            let wanted = Wanted {
                txns,
                ..Wanted::default()
            };
            way.start(books, wanted).await?;
        }
        Name::Posting(key) => way.start(books, Wanted::keys([key.clone()])).await?,
        Name::CreatorMonth(creator, month) => {
            let names = books.accounts_of(creator, month.to_i32()).await?;
            for stage in [ALLOCATIONS, CLOSE] {
                way.touching(books, stage, names.clone()).await?;
            }
            way.up(books, ALLOCATIONS).await?;
            way.down(books, CLOSE).await?;
        }
    }
    way.told(books).await
}

impl Wanted {
    fn keys(keys: impl IntoIterator<Item = String>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Way {
    /// From single postings, both ways.
    async fn start(&mut self, books: &mut Books, wanted: Wanted) -> Result<()> {
        for fact in books.facts(&wanted).await? {
            let of_kind = |stage: &StageKind| stage.facts.contains(&fact.kind.as_str());
            match STAGES.iter().rposition(of_kind) {
                Some(BANK) => {
                    self.payouts.extend(payout_of(&fact));
                    self.payouts_postings(books).await?;
                    self.up(books, HOLD).await?;
                }
                Some(stage) => {
                    self.add(stage, vec![fact]);
                    self.up(books, stage).await?;
                    self.down(books, stage).await?;
                }
                None => self.other.push(fact),
            }
        }
        Ok(())
    }

    /// From a stage to the bank.
    async fn down(&mut self, books: &mut Books, from: usize) -> Result<()> {
        for stage in from..HOLD {
            let names = self.between(stage, stage);
            self.touching(books, stage + 1, names).await?;
        }
        let held = references(&self.stages[HOLD], &["creator_reserved"]);
        self.payouts.extend(held);
        self.payouts_postings(books).await
    }

    /// From a stage to the charges.
    async fn up(&mut self, books: &mut Books, from: usize) -> Result<()> {
        for stage in (0..from).rev() {
            let names = self.between(stage, stage + 1);
            self.touching(books, stage, names).await?;
        }
        // What was left over at the close is no way of this money.
        if from > ALLOCATIONS {
            self.stages[ALLOCATIONS].retain(|fact| fact.kind == "allocation_changed");
        }
        Ok(())
    }

    /// The accounts between `stage` and the next, as far as the facts of `seen` name them.
    fn between(&self, stage: usize, seen: usize) -> Vec<String> {
        accounts(&self.stages[seen], STAGES[stage].down)
    }

    async fn touching(
        &mut self,
        books: &mut Books,
        stage: usize,
        accounts: Vec<String>,
    ) -> Result<()> {
        let kinds = STAGES[stage].facts.iter();
        let wanted = Wanted {
            accounts,
            kinds: kinds.map(|kind| (*kind).to_owned()).collect(),
            ..Wanted::default()
        };
        let facts = books.facts(&wanted).await?;
        self.add(stage, facts);
        Ok(())
    }

    /// All postings of the payouts: those that name them, and those of their attempts.
    async fn payouts_postings(&mut self, books: &mut Books) -> Result<()> {
        let ids: Vec<String> = self.payouts.iter().cloned().collect();
        let mut wanted = Wanted::default();
        for payout in books.payouts(&ids).await? {
            let (creator, id) = (&payout.creator_id, &payout.payout_id);
            wanted
                .accounts
                .push(format!("creator/{creator}/reserved/{id}"));
            wanted.accounts.push(format!("clearing/payout/{id}"));
        }
        for one in books.attempts(&ids).await? {
            let start = format!("attempt:{}:{}:{}", one.payout_id, one.step, one.attempt);
            let ends = ["settled", "refused", "returned"];
            wanted.keys.extend(ends.map(|end| format!("{start}:{end}")));
            let reversal = one.object_id.filter(|_| one.step == "reversal");
            wanted
                .keys
                .extend(reversal.map(|id| format!("reversal:{id}")));
        }
        for fact in books.facts(&wanted).await? {
            let at_hold = ["hold_placed", "hold_released"].contains(&fact.kind.as_str());
            self.add(if at_hold { HOLD } else { BANK }, vec![fact]);
        }
        Ok(())
    }

    fn add(&mut self, stage: usize, facts: Vec<Fact>) {
        let known: BTreeSet<i64> = self.stages.iter().flatten().map(|f| f.posting_id).collect();
        let new = facts
            .into_iter()
            .filter(|fact| !known.contains(&fact.posting_id));
        self.stages[stage].extend(new);
    }

    async fn told(self, books: &mut Books) -> Result<Option<Trace>> {
        let charges = references(&self.stages[0], &["clearing_funding"]);
        let payouts: Vec<String> = self.payouts.into_iter().collect();
        let facts = self.stages.into_iter();
        let stages = STAGES.iter().zip(facts).map(|(kind, facts)| Stage {
            stage: kind.name,
            facts,
        });
        let other = Stage {
            stage: "other facts",
            facts: self.other,
        };
        let mut stages: Vec<Stage> = stages.chain([other]).collect();
        stages.retain(|stage| !stage.facts.is_empty());
        for stage in &mut stages {
            stage.facts.sort_by_key(|fact| (fact.at, fact.posting_id));
        }
        let trace = Trace {
            charges: books.charges(&charges).await?,
            attempts: books.attempts(&payouts).await?,
            payouts: books.payouts(&payouts).await?,
            stages,
        };
        let nothing = trace.stages.is_empty() && trace.payouts.is_empty();
        Ok((!nothing).then_some(trace))
    }
}

/// `attempt:{payout}:…`, `commit:{payout}:…`; of a reversal, its account says it.
fn payout_of(fact: &Fact) -> Vec<String> {
    let named = references(
        std::slice::from_ref(fact),
        &["creator_reserved", "clearing_payout"],
    );
    if !named.is_empty() {
        return named;
    }
    let second = fact.key.split(':').nth(1);
    second.map(str::to_owned).into_iter().collect()
}
