//! What the demonstration itself did and was told: the one witness beside the system and Stripe.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Answer;
use super::wishes::Given;

#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Closed months, in order: `2027-01`.
    pub months: Vec<String>,
    /// The month that the story ends in.
    pub running: String,
    pub topup_cents: i64,
    /// Connected accounts by creator, as `connect` answered them.
    pub accounts: BTreeMap<String, String>,
    /// Who completed the onboarding page.
    pub onboarded: BTreeSet<String>,
    /// The last amount that was accepted, by month, subscriber and creator.
    pub accepted: BTreeMap<(String, String, String), i64>,
    /// Creators whose bank does not exist in that month.
    pub bankless: BTreeSet<(String, String)>,
    /// Refusals that the story asked for, by code.
    pub refused: BTreeMap<String, u64>,
    /// What did not go as it must; any of it fails the demonstration.
    pub troubles: Vec<String>,
}

impl Record {
    /// Notes a refusal that had to come.
    pub fn expect(&mut self, what: &str, answer: &Answer, status: u16, code: &str) {
        if answer.status == status && answer.code() == code {
            *self.refused.entry(code.to_owned()).or_default() += 1;
            return;
        }
        let (got, said) = (answer.status, &answer.body);
        self.troubles.push(format!(
            "{what} must answer {status} {code}, and answered {got}: {said}"
        ));
    }

    pub fn accept(&mut self, month: &str, subscriber: &str, creator: &str, cents: i64) {
        let key = (month.to_owned(), subscriber.to_owned(), creator.to_owned());
        self.accepted.insert(key, cents);
    }

    /// A whole set was accepted, in place of what was there.
    pub fn replace(&mut self, month: &str, subscriber: &str, given: &Given) {
        for creator in self.given(month, subscriber).into_keys() {
            self.accept(month, subscriber, &creator, 0);
        }
        for (creator, cents) in given {
            self.accept(month, subscriber, creator, *cents);
        }
    }

    /// What a subscriber's month has come to.
    pub fn given(&self, month: &str, subscriber: &str) -> Given {
        let key = |creator: &str| (month.to_owned(), subscriber.to_owned(), creator.to_owned());
        let of_both = self.accepted.range(key("")..);
        of_both
            .take_while(|((m, s, _), _)| m == month && s == subscriber)
            .filter(|(_, cents)| **cents > 0)
            .map(|((_, _, creator), cents)| (creator.clone(), *cents))
            .collect()
    }
}
