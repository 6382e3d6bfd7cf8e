use money::{Amount, Asset, Balance, BasisPoints, MoneyError};
use proptest::prelude::*;

#[test]
fn an_amount_is_never_negative() {
    assert_eq!(Amount::try_new(-1, Asset::Usd), Err(MoneyError::Negative));
    let (one, two) = (Amount::usd(1), Amount::usd(2));
    assert_eq!(one.checked_sub(two), Err(MoneyError::Negative));
    assert_eq!(two.checked_sub(one), Ok(one));
}

#[test]
fn an_amount_beyond_a_bigint_is_refused() {
    let most = Amount::try_new(i64::MAX, Asset::Usd).expect("the largest there is");
    assert_eq!(most.checked_add(Amount::usd(1)), Err(MoneyError::Overflow));
    assert_eq!(
        Amount::checked_sum(Asset::Usd, [most, most]),
        Err(MoneyError::Overflow)
    );
}

#[test]
fn two_assets_never_meet() {
    let (dollars, tokens) = (Amount::usd(5), Amount::tokens(5));
    let mismatch = Err(MoneyError::AssetMismatch {
        left: Asset::Usd,
        right: Asset::Token,
    });
    assert_eq!(dollars.checked_add(tokens), mismatch);
    assert_eq!(dollars.checked_sub(tokens), mismatch);
    assert_eq!(dollars.min(tokens), mismatch);
    assert_eq!(Amount::checked_sum(Asset::Usd, [tokens]), mismatch);
    assert_eq!(dollars.partial_cmp(&tokens), None);
    assert!(Balance::from(dollars).checked_add(tokens.into()).is_err());
}

#[test]
fn a_different_asset_is_told_before_an_overflow() {
    let most = Amount::try_new(i64::MAX, Asset::Usd).expect("the largest there is");
    let refusal = most.checked_add(Amount::tokens(1));
    assert!(matches!(refusal, Err(MoneyError::AssetMismatch { .. })));
}

#[test]
fn literals_hold_every_u32() {
    assert_eq!(Amount::usd(0), Amount::zero(Asset::Usd));
    assert_eq!(Amount::usd(u32::MAX).minor(), i64::from(u32::MAX));
    assert_eq!(Amount::usd(0x0102_0304).minor(), 0x0102_0304);
}

#[test]
fn money_is_shown_as_people_write_it() {
    let shown = |minor, asset| Balance::new(minor, asset).to_string();
    assert_eq!(Amount::usd(1234).to_string(), "$12.34");
    assert_eq!(Amount::usd(5).to_string(), "$0.05");
    assert_eq!(Amount::tokens(5).to_string(), "5 tokens");
    assert_eq!(Amount::tokens(1).to_string(), "1 token");
    assert_eq!(shown(-10, Asset::Usd), "-$0.10");
    assert_eq!(shown(i64::MIN, Asset::Usd), "-$92233720368547758.08");
}

#[test]
fn stripes_lower_case_usd_is_the_same_asset() {
    assert_eq!("usd".parse(), Ok(Asset::Usd));
    assert_eq!("USD".parse(), Ok(Asset::Usd));
    assert_eq!("TOKEN".parse(), Ok(Asset::Token));
    for other in ["", "Usd", "token", "eur"] {
        assert!(
            other.parse::<Asset>().is_err(),
            "{other:?} was read as an asset"
        );
    }
    assert!(
        Asset::ALL
            .iter()
            .all(|asset| asset.code().parse() == Ok(*asset))
    );
}

#[test]
fn a_rate_is_at_most_the_whole() {
    assert_eq!(BasisPoints::try_new(10_000), Ok(BasisPoints::WHOLE));
    let refusal = Err(MoneyError::BasisPointsOutOfRange { bps: 10_001 });
    assert_eq!(BasisPoints::try_new(10_001), refusal);
    assert!(BasisPoints::try_new(u32::MAX).is_err());
    assert_eq!(
        BasisPoints::try_new(700).map(|bps| bps.complement().get()),
        Ok(9_300)
    );
}

#[test]
fn the_lowest_balance_has_no_magnitude() {
    assert_eq!(
        Balance::new(i64::MIN, Asset::Usd).magnitude(),
        Err(MoneyError::Overflow)
    );
    assert_eq!(Balance::new(-3, Asset::Usd).magnitude(), Ok(Amount::usd(3)));
    assert_eq!(
        Balance::new(-3, Asset::Usd).to_amount(),
        Err(MoneyError::Negative)
    );
}

proptest! {
    #[test]
    fn what_is_added_can_be_taken_away(a in 0..=i64::MAX, b in 0..=i64::MAX) {
        let amount = |minor| Amount::try_new(minor, Asset::Usd);
        let (a, b) = (amount(a)?, amount(b)?);
        match a.checked_add(b) {
            Ok(both) => prop_assert_eq!(both.checked_sub(b), Ok(a)),
            Err(refusal) => {
                prop_assert_eq!(refusal, MoneyError::Overflow);
                prop_assert!(a.minor().checked_add(b.minor()).is_none());
            }
        }
    }

    #[test]
    fn the_smaller_of_two_amounts_is_neither_above_the_other(a in 0..=i64::MAX, b in 0..=i64::MAX) {
        let (a, b) = (Amount::try_new(a, Asset::Usd)?, Amount::try_new(b, Asset::Usd)?);
        let least = a.min(b)?;
        prop_assert!(least <= a && least <= b && (least == a || least == b));
    }
}
