use ledger::{CreatorId, LedgerError, Month, Program, StripeId};
use proptest::prelude::*;
use time::macros::{date, datetime};

use crate::some::{any_month, month};

#[test]
fn a_month_is_written_year_first() {
    assert_eq!(month("2027-01").to_string(), "2027-01");
    assert_eq!(month("2027-01").to_i32(), 202_701);
    for text in [
        "2027-1",
        "2027-00",
        "2027-13",
        "0000-01",
        "27-01",
        "+027-01",
        "2027-01-01",
        "",
    ] {
        assert!(
            text.parse::<Month>().is_err(),
            "{text:?} was read as a month"
        );
    }
    for number in [0, 1, 202_700, 202_713, -202_701, i32::MAX, i32::MIN] {
        assert!(
            Month::from_i32(number).is_err(),
            "{number} was read as a month"
        );
    }
}

#[test]
fn an_instant_belongs_to_its_month_in_utc() {
    assert_eq!(
        Month::of(datetime!(2027-01-31 23:59:59.999 UTC)),
        month("2027-01")
    );
    assert_eq!(Month::of(datetime!(2027-02-01 00:00 UTC)), month("2027-02"));
    assert_eq!(Month::of(datetime!(2027-02-01 00:30 +1)), month("2027-01"));
    assert_eq!(Month::of(datetime!(2027-01-31 23:30 -1)), month("2027-02"));
    assert_eq!(Month::from_date(date!(2027 - 12 - 31)), month("2027-12"));
}

#[test]
fn december_is_followed_by_january() {
    assert_eq!(month("2027-12").next(), month("2028-01"));
    assert_eq!(month("2028-01").prev(), month("2027-12"));
    assert_eq!(month("9999-12").next(), month("9999-12"));
    assert_eq!(month("0001-01").prev(), month("0001-01"));
}

proptest! {
    #[test]
    fn a_month_is_read_back_from_text_number_and_first_instant(month in any_month()) {
        prop_assert_eq!(month.to_string().parse(), Ok(month));
        prop_assert_eq!(Month::from_i32(month.to_i32()), Ok(month));
        prop_assert_eq!(Month::of(month.first_instant()), month);
    }

    #[test]
    fn months_are_ordered_by_time(a in any_month(), b in any_month()) {
        prop_assert_eq!(a.cmp(&b), a.first_instant().cmp(&b.first_instant()));
        prop_assert_eq!(a.cmp(&b), a.to_i32().cmp(&b.to_i32()));
        prop_assert!(a.next() > a || a.to_i32() == 999_912);
    }
}

#[test]
fn an_id_holds_nothing_that_could_be_read_twice() {
    for text in ["", "a/b", "a:b", "a|b", "a b", "é", &"x".repeat(65)] {
        assert!(
            CreatorId::try_new(text).is_err(),
            "{text:?} was taken for an id"
        );
    }
    assert!(CreatorId::try_new(&"x".repeat(64)).is_ok());
    assert!(StripeId::try_new(&"x".repeat(255)).is_ok());
    assert!(StripeId::try_new("ch-1").is_err());
    assert_ne!(CreatorId::try_new("Ann"), CreatorId::try_new("ann"));
}

#[test]
fn a_refused_id_is_told_what_would_do() {
    let refusal = CreatorId::try_new("a/b").expect_err("a slash").to_string();
    assert_eq!(
        refusal,
        "creator id \"a/b\" is not 1 to 64 characters of A-Z a-z 0-9 _ -"
    );
}

#[test]
fn programs_are_ordered_as_their_names_are() {
    assert!(Program::ALL.is_sorted_by_key(|program| program.as_str()));
    assert!(
        Program::ALL
            .iter()
            .all(|program| program.as_str().parse() == Ok(*program))
    );
    let unknown = LedgerError::ProgramUnknown {
        text: "tips".to_owned(),
    };
    assert_eq!("tips".parse::<Program>(), Err(unknown));
}
