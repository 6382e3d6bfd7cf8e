use ledger::{CreatorLine, LedgerError, Manifest, Program};
use proptest::prelude::*;

use crate::some::{bps, id, month, pooled, usd};

fn line(creator: &str, program: Program, gross: i64) -> CreatorLine {
    let fee = money::split_fee(usd(gross), bps(700)).expect("splits");
    CreatorLine {
        creator: id(creator),
        program,
        gross: usd(gross),
        fee: fee.fee,
        net: fee.net,
    }
}

fn manifest(lines: &[CreatorLine], rests: &[(Program, i64)]) -> Manifest {
    let mut manifest = Manifest::new(month("2027-01"));
    for line in lines {
        manifest
            .add_creator(line.clone())
            .expect("a new line that adds up");
    }
    for (program, rest) in rests {
        manifest.add_rest(*program, usd(*rest)).expect("fits");
    }
    manifest
}

#[test]
fn lines_stand_in_c_order() {
    let names = ["b", "a-b", "a", "Z", "a_b", "a0"];
    let lines: Vec<_> = names
        .iter()
        .map(|name| line(name, Program::Copies, 10))
        .collect();
    let manifest = manifest(&lines, &[]);
    let creators: Vec<_> = manifest
        .creators()
        .map(|line| line.creator.as_str())
        .collect();
    assert_eq!(creators, ["Z", "a", "a-b", "a0", "a_b", "b"]);
}

#[test]
fn a_creators_programs_stand_together() {
    let lines = [
        line("b", Program::Allocation, 10),
        line("a", Program::Copies, 10),
    ];
    let manifest = manifest(&lines, &[]);
    let creators: Vec<_> = manifest
        .creators()
        .map(|line| line.creator.as_str())
        .collect();
    assert_eq!(creators, ["a", "b"]);
}

#[test]
fn a_creator_has_one_line_per_program() {
    let mut manifest = manifest(&[line("bob", Program::Allocation, 10)], &[]);
    let again = manifest.add_creator(line("bob", Program::Allocation, 10));
    assert!(matches!(again, Err(LedgerError::LineTwice { .. })));
    assert!(
        manifest
            .add_creator(line("bob", Program::Copies, 10))
            .is_ok()
    );
}

#[test]
fn a_line_that_does_not_add_up_is_refused() {
    let mut uneven = line("bob", Program::Allocation, 1001);
    uneven.fee = usd(71);
    let refusal = Manifest::new(month("2027-01")).add_creator(uneven);
    assert!(matches!(refusal, Err(LedgerError::LineUneven { .. })));
}

#[test]
fn a_cent_more_is_another_root() {
    let lines = [line("bob", Program::Allocation, 1001)];
    let (one, other) = (
        manifest(&lines, &[(Program::Allocation, 5)]),
        manifest(&lines, &[(Program::Allocation, 6)]),
    );
    assert_ne!(one.root(), other.root());
    assert_ne!(one.root(), Manifest::new(month("2027-02")).root());
}

proptest! {
    #[test]
    fn the_same_lines_in_any_order_are_the_same_bytes(
        (one, other) in prop::collection::btree_map(
            ("[A-Za-z0-9_-]{1,8}", pooled()), 1..=1_000_000i64, 0..30,
        ).prop_flat_map(|lines| {
            let lines: Vec<_> = lines.into_iter()
                .map(|((creator, program), gross)| line(&creator, program, gross))
                .collect();
            (Just(lines.clone()), Just(lines).prop_shuffle())
        }),
    ) {
        let (allocation, copies) = ((Program::Allocation, 200), (Program::Copies, 300));
        let (one, other) = (manifest(&one, &[allocation, copies]), manifest(&other, &[copies, allocation]));
        prop_assert_eq!(one.text(), other.text());
        prop_assert_eq!(one.root(), other.root());
    }
}
