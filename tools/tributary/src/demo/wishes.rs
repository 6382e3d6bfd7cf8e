//! What a subscriber does with the pool of a month: a list of requests, drawn from the seed.

use std::collections::BTreeMap;

use super::cast::{Cast, Subscriber};
use super::lots::Lots;

/// One `PUT` of an allocation, and what must become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub creator_id: String,
    pub cents: i64,
    /// False for the one that asks for more than is left, and must be refused.
    pub fits: bool,
}

/// What each creator gets of one subscriber in one month.
pub type Given = BTreeMap<String, i64>;

/// One write, and what must become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    One(Request),
    /// All allocations at once. One that does not fit must be refused as a whole.
    Whole {
        targets: Given,
        fits: bool,
    },
    /// The allocations of the month before, shared out in proportion if `scale`; `becomes` is
    /// none where they do not fit and must be refused.
    Copy {
        scale: bool,
        becomes: Option<Given>,
    },
}

/// What one subscriber does in one month, in order, for a pool of `funded` cents; `before` is what
/// the month before ended with.
pub fn acts(cast: &Cast, who: &Subscriber, month: &str, funded: i64, before: &Given) -> Vec<Act> {
    let mut lots = Lots::of(cast.seed, &format!("manner:{}:{month}", who.id));
    if !before.is_empty() && lots.chance(50) {
        return copy(before, funded);
    }
    let requests = requests(cast, who, month, funded);
    if lots.chance(20) {
        return requests.into_iter().map(Act::One).collect();
    }
    let (mut targets, mut acts) = (Given::new(), Vec::new());
    for request in requests {
        if request.fits {
            targets.insert(request.creator_id, request.cents);
        } else {
            let mut too_much = targets.clone();
            too_much.insert(request.creator_id, request.cents);
            let (targets, fits) = (too_much, false);
            acts.push(Act::Whole { targets, fits });
        }
    }
    if !targets.is_empty() {
        let fits = true;
        acts.push(Act::Whole { targets, fits });
    }
    acts
}

fn copy(before: &Given, funded: i64) -> Vec<Act> {
    let copied = |scale, becomes| Act::Copy { scale, becomes };
    if before.values().sum::<i64>() <= funded {
        return vec![copied(false, Some(before.clone()))];
    }
    let shared = shared(before, funded);
    vec![copied(false, None), copied(true, Some(shared))]
}

/// `funded` in the proportions of `before`: whole cents, what is left over to those who lack most,
/// of equals to the first by id. Arithmetic of its own on purpose.
fn shared(before: &Given, funded: i64) -> Given {
    let whole: i64 = before.values().sum();
    let mut parts: Vec<(&String, i64, i64)> = before
        .iter()
        .map(|(id, cents)| (id, funded * cents / whole, funded * cents % whole))
        .collect();
    let given: i64 = parts.iter().map(|(_, cents, _)| cents).sum();
    parts.sort_by_key(|(_, _, rest)| std::cmp::Reverse(*rest));
    let left = usize::try_from(funded - given).unwrap_or_default();
    let parts = parts.into_iter().enumerate();
    parts
        .map(|(place, (id, cents, _))| (id.clone(), cents + i64::from(place < left)))
        .filter(|(_, cents)| *cents > 0)
        .collect()
}

/// The requests of one subscriber in one month, in order, for a pool of `funded` cents.
fn requests(cast: &Cast, who: &Subscriber, month: &str, funded: i64) -> Vec<Request> {
    let lots = Lots::of(cast.seed, &format!("wishes:{}:{month}", who.id));
    let mut script = Script {
        lots,
        funded,
        given: Vec::new(),
        requests: Vec::new(),
    };
    if who.patron_of_last {
        let last = cast.creators.last().map(|creator| creator.id.clone());
        script.give(last.unwrap_or_default(), PATRONAGE.min(funded));
    }
    if script.lots.chance(6) && !who.patron_of_last {
        return Vec::new();
    }
    script.first_thoughts(&favourites(cast, who, &mut script.lots.clone()));
    script.second_thoughts();
    if script.lots.chance(8) {
        script.too_much();
    }
    script.requests
}

/// What a patron gives to the last creator a month; two of them stay far below the least payout.
const PATRONAGE: i64 = 75;
const FAVOURITES_MAX: usize = 6;

/// One to six creators, popular ones more often; nobody chooses oneself or the last.
fn favourites(cast: &Cast, who: &Subscriber, lots: &mut Lots) -> Vec<String> {
    let open = cast.creators.len().saturating_sub(1);
    let wanted = 1 + lots.below(FAVOURITES_MAX.min(open));
    let mut chosen: Vec<String> = Vec::new();
    for _ in 0..4 * wanted {
        let Some(creator) = cast.creators.get(lots.skewed(open)) else {
            break;
        };
        if chosen.len() < wanted && creator.id != who.id && !chosen.contains(&creator.id) {
            chosen.push(creator.id.clone());
        }
    }
    chosen
}

struct Script {
    lots: Lots,
    funded: i64,
    given: Vec<(String, i64)>,
    requests: Vec<Request>,
}

impl Script {
    fn left(&self) -> i64 {
        self.funded - self.given.iter().map(|(_, cents)| cents).sum::<i64>()
    }

    /// Sets what a creator gets; what asks for nothing new is not sent.
    fn give(&mut self, creator_id: String, cents: i64) {
        let known = self
            .given
            .iter_mut()
            .find(|(given, _)| *given == creator_id);
        match known {
            Some((_, now)) if *now == cents => return,
            Some((_, now)) => *now = cents,
            None if cents == 0 => return,
            None => self.given.push((creator_id.clone(), cents)),
        }
        self.requests.push(Request {
            creator_id,
            cents,
            fits: true,
        });
    }

    /// 60 to 100 per cent of the pool, divided by weights.
    fn first_thoughts(&mut self, favourites: &[String]) {
        let share = if self.lots.chance(40) {
            100
        } else {
            self.lots.between(60, 99)
        };
        let budget = (self.funded * share / 100).min(self.left());
        let weights: Vec<i64> = favourites.iter().map(|_| self.lots.between(1, 9)).collect();
        let whole = weights.iter().sum::<i64>().max(1);
        let mut rest = budget;
        for (place, (creator, weight)) in favourites.iter().zip(&weights).enumerate() {
            let part = if place + 1 == favourites.len() {
                rest
            } else {
                budget * weight / whole
            };
            rest -= part;
            self.give(creator.clone(), part);
        }
    }

    /// One in three changes a mind: more, less, or nothing for somebody.
    fn second_thoughts(&mut self) {
        let place = self.lots.below(self.given.len());
        let Some((creator_id, now)) = self.given.get(place).cloned() else {
            return;
        };
        if !self.lots.chance(33) || now == PATRONAGE {
            return;
        }
        let changed = match self.lots.below(3) {
            0 => now + self.left().min(now),
            1 => now / 2,
            _ => 0,
        };
        self.give(creator_id, changed);
    }

    fn too_much(&mut self) {
        let Some((creator_id, now)) = self.given.first().cloned() else {
            return;
        };
        let cents = now + self.left() + self.lots.between(1, 5_000);
        self.requests.push(Request {
            creator_id,
            cents,
            fits: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(parts: &[(&str, i64)]) -> Given {
        let parts = parts.iter().map(|(id, cents)| ((*id).to_owned(), *cents));
        parts.collect()
    }

    #[test]
    fn a_copy_that_does_not_fit_is_refused_and_then_shared_out() {
        let before = given(&[("a", 500), ("b", 500), ("c", 1)]);
        let shares = given(&[("a", 50), ("b", 49)]);
        let acts = copy(&before, 99);
        assert_eq!(
            acts,
            [
                Act::Copy {
                    scale: false,
                    becomes: None
                },
                Act::Copy {
                    scale: true,
                    becomes: Some(shares)
                }
            ]
        );
        let fits = copy(&before, 1_001);
        assert_eq!(
            fits,
            [Act::Copy {
                scale: false,
                becomes: Some(before)
            }]
        );
    }

    #[test]
    fn a_crowd_sets_one_by_one_all_at_once_and_by_copy() {
        let cast = Cast::of(1, 200, 20);
        let before = given(&[("creator_000", 700)]);
        let all: Vec<Act> = cast
            .subscribers
            .iter()
            .flat_map(|who| acts(&cast, who, "2027-02", 600, &before))
            .collect();
        let has = |wanted: fn(&Act) -> bool| all.iter().any(wanted);
        assert!(has(|act| matches!(act, Act::One(_))));
        assert!(has(|act| matches!(act, Act::Whole { fits: true, .. })));
        assert!(has(|act| matches!(act, Act::Whole { fits: false, .. })));
        assert!(has(|act| matches!(act, Act::Copy { scale: true, .. })));
        for act in all {
            if let Act::Whole { targets, fits } = act {
                assert_eq!(targets.values().sum::<i64>() <= 600, fits, "{targets:?}");
            }
        }
    }

    fn all(seed: u64, funded: i64) -> Vec<Vec<Request>> {
        let cast = Cast::of(seed, 200, 20);
        let of = |who: &Subscriber| requests(&cast, who, "2027-01", funded);
        cast.subscribers.iter().map(of).collect()
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_another_seed_another() {
        assert_eq!(all(1, 1_000), all(1, 1_000));
        assert_ne!(all(1, 1_000), all(2, 1_000));
    }

    #[test]
    fn what_should_fit_fits_and_what_should_not_does_not() {
        for funded in [0, 1, 99, 484, 1_000, 5_000] {
            for script in all(3, funded) {
                let mut given: BTreeMap<String, i64> = BTreeMap::new();
                for request in script {
                    let before = given.get(&request.creator_id).copied().unwrap_or(0);
                    let others = given.values().sum::<i64>() - before;
                    assert_eq!(
                        others + request.cents <= funded,
                        request.fits,
                        "{request:?}"
                    );
                    if request.fits {
                        given.insert(request.creator_id, request.cents);
                    }
                }
            }
        }
    }

    #[test]
    fn nobody_gives_to_oneself_and_only_patrons_give_to_the_last() {
        let cast = Cast::of(5, 300, 8);
        for who in &cast.subscribers {
            for request in requests(&cast, who, "2027-02", 2_000) {
                assert_ne!(request.creator_id, who.id);
                assert!(who.patron_of_last || request.creator_id != cast.creators[7].id);
            }
        }
    }

    #[test]
    fn a_crowd_has_some_who_give_nothing_some_who_lower_and_some_who_ask_too_much() {
        let crowd = all(1, 1_000);
        assert!(crowd.iter().any(Vec::is_empty));
        assert!(crowd.iter().flatten().any(|request| !request.fits));
        assert!(crowd.iter().flatten().any(|request| request.cents == 0));
    }
}
