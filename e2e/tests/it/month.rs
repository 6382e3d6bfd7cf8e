//! A month of the platform, undisturbed and with services killed on the way.
//!
//! The demonstration itself checks every cent of its statement and fails when one is off. What
//! is added here is that the kills made no difference at all.

use serde_json::Value;

use crate::place::{CROWD, Place};

const KILLS: usize = 10;

fn digest(outcome: &Value) -> &str {
    outcome["statement_digest"].as_str().expect("a digest")
}

#[test]
fn a_month_with_ten_kills_ends_with_the_same_statement() {
    let place = Place::of("e2e-month");
    let calm = place.demo(&CROWD, &[]);
    let troubled = place.demo(&CROWD, &["--kills", &KILLS.to_string()]);
    assert_eq!(calm["kills"].as_array().map(Vec::len), Some(0));
    assert_eq!(troubled["kills"].as_array().map(Vec::len), Some(KILLS));
    assert_eq!(calm["statement"], troubled["statement"]);
    assert_eq!(digest(&calm), digest(&troubled));
}
