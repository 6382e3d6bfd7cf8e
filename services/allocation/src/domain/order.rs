//! What a subscriber asks for, where, and under which name, so that it is carried out once.

use ledger::Month;
use sha2::{Digest, Sha256};

use super::{Ask, Target, Wish};

/// One request. Sent again, it is the same one if its key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub ask: Ask,
    /// `None` directs the month that is open.
    pub month: Option<Month>,
    /// The name that its subscriber gave it; `None` when each sending is meant as a new one.
    pub key: Option<String>,
}

impl Order {
    /// What must be the same for two requests to be the same: all but the key.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        let Ask {
            subscriber,
            program,
            wish,
        } = &self.ask;
        let mut hasher = Sha256::new();
        let mut word = |text: &str| {
            // Its length before it, so that none runs into the next.
            hasher.update(text.len().to_be_bytes());
            hasher.update(text);
        };
        word(subscriber.as_str());
        word(program.as_str());
        word(&named(self.month));
        words_of(wish, &mut word);
        hasher.finalize().to_vec()
    }
}

fn words_of(wish: &Wish, word: &mut impl FnMut(&str)) {
    let of_target = |target: &Target, word: &mut dyn FnMut(&str)| {
        word(target.creator.as_str());
        word(&target.to.minor().to_string());
    };
    match wish {
        Wish::One(target) => {
            word("one");
            of_target(target, word);
        }
        Wish::All(targets) => {
            word("all");
            targets.iter().for_each(|target| of_target(target, word));
        }
        Wish::Copy { from, scale } => {
            word("copy");
            word(&named(*from));
            word(&scale.to_string());
        }
    }
}

fn named(month: Option<Month>) -> String {
    month.map(|month| month.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use money::Amount;

    use super::*;

    fn order(wish: Wish) -> Order {
        Order {
            ask: Ask {
                subscriber: "sam".parse().unwrap(),
                program: ledger::Program::Allocation,
                wish,
            },
            month: None,
            key: None,
        }
    }

    fn target(creator: &str, cents: u32) -> Target {
        Target {
            creator: creator.parse().unwrap(),
            to: Amount::usd(cents),
        }
    }

    #[test]
    fn requests_that_ask_for_something_else_differ_and_a_key_asks_for_nothing() {
        let one = || order(Wish::One(target("alice", 300)));
        let month: Option<Month> = Some("2027-01".parse().unwrap());
        let copy = |from, scale| order(Wish::Copy { from, scale });
        let different = [
            one(),
            order(Wish::One(target("alice", 301))),
            order(Wish::One(target("bob", 300))),
            order(Wish::All(vec![])),
            order(Wish::All(vec![target("alice", 300)])),
            order(Wish::All(vec![target("alice", 300), target("bob", 1)])),
            copy(None, false),
            copy(None, true),
            copy(month, true),
            Order { month, ..one() },
        ];
        let mut hashes: Vec<Vec<u8>> = different.iter().map(Order::hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), different.len());
        let key = Some("k1".to_owned());
        assert_eq!(Order { key, ..one() }.hash(), one().hash());
    }
}
