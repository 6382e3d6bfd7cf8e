//! What a subscriber does with the pool of a month: a list of requests, drawn from the seed.

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

/// The requests of one subscriber in one month, in order, for a pool of `funded` cents.
pub fn requests(cast: &Cast, who: &Subscriber, month: &str, funded: i64) -> Vec<Request> {
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
    use std::collections::BTreeMap;

    use super::*;

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
