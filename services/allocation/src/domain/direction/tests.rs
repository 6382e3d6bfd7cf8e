use proptest::prelude::*;

use super::*;
use crate::domain::pool::shares;

fn target(creator: &str, cents: u32) -> Target {
    Target {
        creator: creator.parse().unwrap(),
        to: Amount::usd(cents),
    }
}

fn wish(wish: Wish) -> Ask {
    Ask {
        subscriber: "sam".parse().unwrap(),
        program: Program::Allocation,
        wish,
    }
}

fn one(creator: &str, cents: u32) -> Ask {
    wish(Wish::One(target(creator, cents)))
}

fn all(given: &[(&str, u32)]) -> Ask {
    let targets = given.iter().map(|(creator, cents)| target(creator, *cents));
    wish(Wish::All(targets.collect()))
}

fn copy(scale: bool) -> Ask {
    wish(Wish::Copy { from: None, scale })
}

fn december(given: &[(&str, u32)]) -> Option<Earlier> {
    let month = "2026-12".parse().unwrap();
    let shares = shares(given);
    Some(Earlier { month, shares })
}

/// January is open, $10.00 are funded and $4.00 directed, $1.00 of it to alice.
fn january() -> Situation {
    Situation {
        month: "2027-01".parse().unwrap(),
        standing: Standing::Open,
        open: "2027-01".parse().unwrap(),
        unknown: None,
        subscribed: Subscribed::Live,
        pool: Pool::try_new(Amount::usd(1_000), Amount::usd(400), 2).unwrap(),
        shares: shares(&[("alice", 100), ("bob", 300)]),
        earlier: december(&[]),
    }
}

fn moved(ask: &Ask, at: &Situation) -> Vec<String> {
    let direction = decide(ask, at).unwrap().expect("something changes");
    let moves = direction.moves.iter();
    moves
        .map(|m| format!("{} {} {}", m.creator, m.from, m.to))
        .collect()
}

#[test]
fn what_is_refused_tells_what_is_left() {
    let refused = decide(&one("alice", 701), &january()).unwrap_err();
    let (left, funded) = (Amount::usd(600), Amount::usd(1_000));
    let (asked, now) = (Amount::usd(701), Amount::usd(100));
    assert_eq!(
        refused,
        Refusal::InsufficientFunds {
            asked,
            left,
            funded,
            now
        }
    );
    assert_eq!(
        refused.to_string(),
        "$7.01 is more than can be set: $6.00 of $10.00 are left, beside $1.00 now"
    );
    assert_eq!(moved(&one("alice", 700), &january()), ["alice $1.00 $7.00"]);
}

#[test]
fn a_set_that_is_too_much_tells_what_it_needs_and_what_is_there() {
    let refused = decide(&all(&[("alice", 701), ("carol", 300)]), &january()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the allocations add up to $10.01, and $10.00 are there"
    );
    let fits = moved(&all(&[("alice", 700), ("carol", 300)]), &january());
    let expected = ["alice $1.00 $7.00", "bob $3.00 $0.00", "carol $0.00 $3.00"];
    assert_eq!(fits, expected);
}

#[test]
fn an_empty_set_takes_everything_back() {
    let expected = ["alice $1.00 $0.00", "bob $3.00 $0.00"];
    assert_eq!(moved(&all(&[]), &january()), expected);
    assert_eq!(moved(&all(&[("bob", 0)]), &january()), expected);
}

/// Method: everything is wrong at once, and is put right from the first refusal to the last.
#[test]
fn of_several_reasons_the_first_in_order_is_given() {
    let mut at = Situation {
        standing: Standing::Locked,
        unknown: Some("alice".parse().unwrap()),
        subscribed: Subscribed::PastDue,
        pool: Pool::empty(),
        shares: Shares::new(),
        ..january()
    };
    for asks in [one("sam", 1), all(&[("alice", 1), ("sam", 1)])] {
        let refused = decide(&asks, &at);
        assert!(matches!(refused, Err(Refusal::SelfAllocation(_))));
    }
    let ask = all(&[("alice", 1)]);
    let refused = decide(&ask, &at);
    assert!(matches!(refused, Err(Refusal::MonthLocked { .. })));
    at.standing = Standing::Future;
    let refused = decide(&ask, &at);
    assert!(matches!(refused, Err(Refusal::MonthNotOpen { .. })));
    at.standing = Standing::Open;
    let refused = decide(&ask, &at);
    assert!(matches!(refused, Err(Refusal::CreatorUnknown(_))));
    at.unknown = None;
    let refused = decide(&ask, &at);
    assert!(matches!(refused, Err(Refusal::SubscriptionPastDue(_))));
    at.subscribed = Subscribed::No;
    let refused = decide(&ask, &at);
    assert!(matches!(refused, Err(Refusal::SubscriptionRequired(_))));
    at.subscribed = Subscribed::Live;
    let refused = decide(&copy(true), &at);
    assert!(matches!(refused, Err(Refusal::NothingToCopy { .. })));
    let refused = decide(&ask, &at);
    assert!(matches!(refused, Err(Refusal::SumTooLarge { .. })));
    let refused = decide(&one("alice", 1), &at);
    assert!(matches!(refused, Err(Refusal::InsufficientFunds { .. })));
    at = january();
    assert!(decide(&ask, &at).unwrap().is_some());
}

/// Every pair of what is known of the subscription and what the pool holds.
#[test]
fn who_may_direct_money() {
    let may = |subscribed, pool| {
        let shares = Shares::new();
        let at = Situation {
            subscribed,
            pool,
            shares,
            ..january()
        };
        match decide(&one("alice", 100), &at) {
            Ok(_) => "yes",
            Err(Refusal::SubscriptionPastDue(_)) => "past due",
            Err(Refusal::SubscriptionRequired(_)) => "required",
            Err(Refusal::SumTooLarge { .. } | Refusal::InsufficientFunds { .. }) => "no funds",
            Err(other) => panic!("{other}"),
        }
    };
    let funded = Pool::try_new(Amount::usd(1_000), Amount::usd(0), 0).unwrap();
    let pools = |subscribed| (may(subscribed, funded), may(subscribed, Pool::empty()));
    assert_eq!(pools(Subscribed::Live), ("yes", "no funds"));
    assert_eq!(pools(Subscribed::PastDue), ("past due", "past due"));
    assert_eq!(pools(Subscribed::Suspended), ("required", "required"));
    assert_eq!(pools(Subscribed::No), ("yes", "required"));
}

#[test]
fn the_same_again_changes_nothing() {
    assert_eq!(decide(&one("alice", 100), &january()), Ok(None));
    let same = all(&[("bob", 300), ("alice", 100), ("carol", 0)]);
    assert_eq!(decide(&same, &january()), Ok(None));
}

#[test]
fn a_copy_takes_the_place_of_what_is_there() {
    let at = Situation {
        earlier: december(&[("bob", 300), ("carol", 700)]),
        ..january()
    };
    let expected = ["alice $1.00 $0.00", "carol $0.00 $7.00"];
    assert_eq!(moved(&copy(false), &at), expected);
    assert_eq!(moved(&copy(true), &at), expected);
}

#[test]
fn a_copy_that_does_not_fit_is_refused_or_scaled() {
    let at = Situation {
        earlier: december(&[("alice", 1_000), ("bob", 1_000)]),
        ..january()
    };
    let refused = decide(&copy(false), &at);
    let (needed, funded) = (Amount::usd(2_000), Amount::usd(1_000));
    assert_eq!(refused, Err(Refusal::SumTooLarge { needed, funded }));
    let expected = ["alice $1.00 $5.00", "bob $3.00 $5.00"];
    assert_eq!(moved(&copy(true), &at), expected);
}

#[test]
fn into_an_empty_pool_nothing_is_scaled() {
    let at = Situation {
        earlier: december(&[("alice", 1_000)]),
        pool: Pool::empty(),
        shares: Shares::new(),
        ..january()
    };
    for scale in [false, true] {
        let refused = decide(&copy(scale), &at);
        assert!(matches!(refused, Err(Refusal::SumTooLarge { .. })));
    }
}

const CREATORS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn some_shares() -> impl Strategy<Value = Vec<(&'static str, u32)>> {
    let share = (prop::sample::select(&CREATORS[..]), 0u32..1_500);
    prop::collection::btree_map(share.0, share.1, 0..5).prop_map(|all| all.into_iter().collect())
}

fn some_ask() -> impl Strategy<Value = (Ask, Option<Earlier>)> {
    let single = (prop::sample::select(&CREATORS[..]), 0u32..3_000);
    let none = || december(&[]);
    prop_oneof![
        single.prop_map(move |(creator, cents)| (one(creator, cents), none())),
        some_shares().prop_map(move |given| (all(&given), none())),
        (some_shares(), any::<bool>()).prop_map(|(mut given, scale)| {
            // What a month ended with has nobody with zero.
            given.retain(|(_, cents)| *cents > 0);
            (copy(scale), december(&given))
        }),
    ]
}

proptest! {
    /// Method: apply what is accepted, skip what is refused, and fold the moves, which are the
    /// facts, beside the pool.
    #[test]
    fn whatever_is_asked_the_moves_add_up_to_the_pool(
        funded in 0u32..5_000,
        asks in prop::collection::vec(some_ask(), 0..40),
    ) {
        let pool = Pool::try_new(Amount::usd(funded), Amount::usd(0), 0).unwrap();
        let shares = Shares::new();
        let mut at = Situation { pool, shares, ..january() };
        for (ask, earlier) in asks {
            at.earlier = earlier;
            let before = at.pool;
            match decide(&ask, &at) {
                Ok(Some(direction)) => {
                    prop_assert_eq!(direction.pool.version(), before.version() + 1);
                    prop_assert!(!direction.moves.is_empty());
                    at.pool = direction.pool;
                    for moved in direction.moves {
                        let was = at.shares.remove(&moved.creator);
                        prop_assert_eq!(was.unwrap_or(Amount::usd(0)), moved.from);
                        prop_assert_ne!(moved.from, moved.to);
                        if !moved.to.is_zero() {
                            at.shares.insert(moved.creator, moved.to);
                        }
                    }
                }
                Ok(None) => {}
                Err(Refusal::NothingToCopy { .. }) => {
                    prop_assert!(at.earlier.as_ref().unwrap().shares.is_empty());
                }
                Err(Refusal::SumTooLarge { needed, .. }) => prop_assert!(needed > before.funded()),
                Err(Refusal::InsufficientFunds { asked, left, now, .. }) => {
                    prop_assert!(asked > left.checked_add(now).unwrap());
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
            let allocated = Amount::checked_sum(money::Asset::Usd, at.shares.values().copied());
            prop_assert_eq!(at.pool.allocated(), allocated.unwrap());
            let whole = at.pool.left().checked_add(at.pool.allocated()).unwrap();
            prop_assert_eq!(whole, Amount::usd(funded));
        }
    }

    /// A scaled copy gives out the whole pool when it does not reach, in order of creators.
    #[test]
    fn a_scaled_copy_spends_all_or_copies_all(funded in 1u32..5_000, given in some_shares()) {
        let given: Vec<_> = given.into_iter().filter(|(_, cents)| *cents > 0).collect();
        prop_assume!(!given.is_empty());
        let sum: u32 = given.iter().map(|(_, cents)| cents).sum();
        let pool = Pool::try_new(Amount::usd(funded), Amount::usd(0), 0).unwrap();
        let (shares, earlier) = (Shares::new(), december(&given));
        let at = Situation { pool, shares, earlier, ..january() };
        let direction = decide(&copy(true), &at).unwrap().unwrap();
        prop_assert_eq!(direction.pool.allocated(), Amount::usd(sum.min(funded)));
    }
}
