//! Who takes part, drawn from the seed: creators with their readiness to be paid, subscribers
//! with a plan, a day to join and a card.

use super::lots::Lots;

/// How far a creator gets at Stripe's onboarding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onboarding {
    Completes,
    /// Opens the page and never fills it in.
    StopsHalfway,
    NeverStarts,
}

/// What goes wrong on the way of a creator's first payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Nothing,
    /// Stripe's answer to the transfer never arrives.
    ReplyLost,
    /// The bank refuses once, for a reason that passes.
    RefusedOnce,
    /// The account does not exist; the creator names another one in the month after.
    BankGone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    pub id: String,
    pub name: String,
    pub onboarding: Onboarding,
    pub trouble: Trouble,
}

/// What a subscriber wants to pay a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A plan of this price, in cents.
    Plan(i64),
    /// The plan whose price the subscriber chooses, at this one.
    Own(i64),
}

/// What becomes of a subscription in its first month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    Stays,
    /// A dearer plan, at once.
    Upgrades(Wish),
    /// A cheaper plan, from the next month.
    Downgrades(Wish),
    /// Ends with the month.
    Leaves,
    /// Wants to leave, and thinks better of it.
    Returns,
    /// The card fails at the renewal; the invoice is paid by hand.
    FallsBehind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    pub id: String,
    pub wish: Wish,
    pub course: Course,
    /// The day of the first month on which the subscriber joins, from 0.
    pub joins: usize,
    /// Tries a card first that is declined.
    pub declined_first: bool,
    /// Gives a little to the creator who is to stay below the least payout.
    pub patron_of_last: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    pub seed: u64,
    /// In the order of their popularity; the last one has two patrons alone.
    pub creators: Vec<Creator>,
    pub subscribers: Vec<Subscriber>,
}

/// On how many days of the first month subscribers join.
pub const JOINING_DAYS: usize = 3;
/// The prices of plans, with how many of a hundred choose each; the others choose their own.
const PRICES: [(i64, usize); 4] = [(500, 30), (1_000, 35), (2_000, 20), (5_000, 7)];

const FIRST_NAMES: [&str; 20] = [
    "Ada", "Bruno", "Chidi", "Dina", "Emeka", "Freya", "Goran", "Hana", "Iris", "Jonas", "Kavya",
    "Luca", "Mira", "Noor", "Otto", "Priya", "Quinn", "Rosa", "Sven", "Tala",
];
const LAST_NAMES: [&str; 7] = [
    "Abel", "Brandt", "Castro", "Dufour", "Eriksen", "Farouk", "Gruber",
];

impl Cast {
    pub fn of(seed: u64, subscribers: usize, creators: usize) -> Self {
        let creators: Vec<Creator> = (0..creators).map(|rank| creator(rank, creators)).collect();
        let mut subscribers: Vec<Subscriber> = (0..subscribers)
            .map(|index| subscriber(seed, index))
            .collect();
        // One creator subscribes too: one user, two roles.
        if let (Some(first), Some(creator)) = (subscribers.first_mut(), creators.first()) {
            first.id.clone_from(&creator.id);
        }
        Self {
            seed,
            creators,
            subscribers,
        }
    }

    /// Those whose subscription goes on in the story's month of this number, from 0.
    pub fn live(&self, index: usize) -> impl Iterator<Item = &Subscriber> {
        let ended = move |one: &&Subscriber| index == 0 || one.course != Course::Leaves;
        self.subscribers.iter().filter(ended)
    }

    pub fn name_of<'a>(&'a self, creator_id: &'a str) -> &'a str {
        let found = self
            .creators
            .iter()
            .find(|creator| creator.id == creator_id);
        found.map_or(creator_id, |creator| &creator.name)
    }
}

fn creator(rank: usize, count: usize) -> Creator {
    // Popular ones, so that it is not the least payout that keeps their money.
    let onboarding = match rank {
        1 => Onboarding::StopsHalfway,
        4 if count >= 10 => Onboarding::NeverStarts,
        _ => Onboarding::Completes,
    };
    let (round, place) = (rank / FIRST_NAMES.len(), rank % FIRST_NAMES.len());
    let first = FIRST_NAMES.get(place).copied().unwrap_or_default();
    let last = LAST_NAMES
        .get((round + place) % LAST_NAMES.len())
        .copied()
        .unwrap_or_default();
    let again = round / LAST_NAMES.len();
    let name = if again == 0 {
        format!("{first} {last}")
    } else {
        format!("{first} {last} {again}")
    };
    Creator {
        id: format!("creator_{rank:03}"),
        name,
        onboarding,
        trouble: match rank {
            2 => Trouble::ReplyLost,
            3 if count >= 10 => Trouble::RefusedOnce,
            5 if count >= 10 => Trouble::BankGone,
            _ => Trouble::Nothing,
        },
    }
}

fn subscriber(seed: u64, index: usize) -> Subscriber {
    let id = format!("fan_{index:04}");
    let mut lots = Lots::of(seed, &format!("who:{id}"));
    let wish = wish(&mut lots);
    Subscriber {
        wish,
        course: course(index, wish, lots.below(100)),
        joins: lots.below(JOINING_DAYS),
        // Always somebody, whatever the lots say.
        declined_first: index == 3 || lots.chance(4),
        patron_of_last: index == 2 || index == 5,
        id,
    }
}

/// Always somebody of each kind, whatever the lots say; most people stay.
fn course(index: usize, wish: Wish, lot: usize) -> Course {
    match (index, lot) {
        (4, _) => upgrade(wish),
        (6, _) => downgrade(wish),
        (7, _) => Course::Leaves,
        (8, _) => Course::FallsBehind,
        (9, _) => Course::Returns,
        (0..=9, _) => Course::Stays,
        (_, 0..5) => upgrade(wish),
        (_, 5..9) => downgrade(wish),
        (_, 9..14) => Course::Leaves,
        (_, 14..17) => Course::FallsBehind,
        (_, 17..19) => Course::Returns,
        _ => Course::Stays,
    }
}

fn upgrade(wish: Wish) -> Course {
    Course::Upgrades(match wish {
        Wish::Plan(500) => Wish::Plan(1_000),
        Wish::Plan(1_000) => Wish::Plan(2_000),
        Wish::Plan(2_000) => Wish::Plan(5_000),
        Wish::Plan(price) | Wish::Own(price) => Wish::Own(price + 1_500),
    })
}

/// Nothing is cheaper than the cheapest plan: who has it takes a dearer one instead.
fn downgrade(wish: Wish) -> Course {
    match wish {
        Wish::Plan(5_000) => Course::Downgrades(Wish::Plan(2_000)),
        Wish::Plan(2_000) => Course::Downgrades(Wish::Own(1_250)),
        Wish::Plan(1_000) | Wish::Own(_) => Course::Downgrades(Wish::Plan(500)),
        Wish::Plan(_) => upgrade(wish),
    }
}

fn wish(lots: &mut Lots) -> Wish {
    let mut lot = lots.below(100);
    for (price, share) in PRICES {
        if lot < share {
            return Wish::Plan(price);
        }
        lot -= share;
    }
    Wish::Own(lots.between(700, 4_200))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_casts_the_same_people_and_another_seed_others() {
        assert_eq!(Cast::of(1, 200, 20), Cast::of(1, 200, 20));
        assert_ne!(
            Cast::of(1, 200, 20).subscribers,
            Cast::of(2, 200, 20).subscribers
        );
    }

    #[test]
    fn every_cast_has_somebody_for_each_part_of_the_story() {
        for (subscribers, creators) in [(10, 4), (30, 6), (200, 20)] {
            let cast = Cast::of(7, subscribers, creators);
            let unfinished = |one: &&Creator| one.onboarding != Onboarding::Completes;
            let count = cast.creators.iter().filter(unfinished).count();
            assert_eq!(count, if creators >= 10 { 2 } else { 1 });
            assert!(cast.subscribers.iter().any(|one| one.declined_first));
            assert!(cast.subscribers.iter().any(|one| one.patron_of_last));
            let has = |wanted: fn(&Course) -> bool| {
                cast.subscribers.iter().any(|one| wanted(&one.course))
            };
            assert!(has(|course| matches!(course, Course::Upgrades(_))));
            assert!(has(|course| *course == Course::Leaves));
            assert!(has(|course| *course == Course::FallsBehind));
            assert!(has(|course| *course == Course::Returns));
            assert_eq!(cast.subscribers[0].id, cast.creators[0].id);
        }
    }

    #[test]
    fn names_and_ids_of_creators_differ() {
        let cast = Cast::of(1, 10, 300);
        let names: BTreeSet<&str> = cast.creators.iter().map(|one| one.name.as_str()).collect();
        let ids: BTreeSet<&str> = cast.creators.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((names.len(), ids.len()), (300, 300));
    }
}
