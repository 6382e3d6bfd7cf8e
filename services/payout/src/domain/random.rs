//! Whatever happens in whatever order, money is sent once and is never nowhere.
//!
//! A payout is driven by random bytes through a Stripe that refuses, loses replies, swallows
//! orders, fails at the bank before and after it was paid, and lets others reverse. What is told is
//! true, but late, twice and out of order. The books are kept beside it from what was announced.

mod stripe;
mod world;

use proptest::prelude::*;

use self::world::World;
use super::State;

/// Enough turns for three retries at each step, a day's wait and a bank that answers.
const TURNS_MAX: usize = 80;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn money_is_sent_once_and_is_payable_or_on_its_way_or_paid(chances in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut world = World::new();
        for chance in chances {
            world.happen(chance);
            world.check();
        }
        // From here on the world is kind, and the payout must come to an end.
        let mut turns = 0;
        while !world.is_over() {
            world.kind_turn();
            world.check();
            turns += 1;
            prop_assert!(turns < TURNS_MAX, "no end: {:?}", world.payout);
        }
        world.check_the_end();
    }
}

#[test]
fn the_random_worlds_come_to_every_end() {
    let mut ends = std::collections::BTreeSet::new();
    let mut seed = 7_u32;
    for _ in 0..2_000 {
        let mut world = World::new();
        for _ in 0..40 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            world.happen(seed.to_be_bytes()[0]);
            ends.insert(world.payout.state.as_str());
        }
    }
    let reachable = State::ALL
        .iter()
        .filter(|state| ![State::PendingApproval, State::Rejected].contains(*state));
    for state in reachable {
        assert!(
            ends.contains(state.as_str()),
            "{} was never seen",
            state.as_str()
        );
    }
}
