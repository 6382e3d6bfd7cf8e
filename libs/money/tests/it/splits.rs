use money::{Amount, Asset, BasisPoints, Fee, MoneyError, split_fee};
use proptest::prelude::*;

fn usd(minor: i64) -> Amount {
    Amount::try_new(minor, Asset::Usd).expect("tests split what is not negative")
}

fn minors(amount: Amount, weights: &[u64]) -> Vec<i64> {
    let shares = amount.split(weights).expect("some weight is above zero");
    shares.into_iter().map(Amount::minor).collect()
}

#[test]
fn the_odd_cent_goes_to_the_largest_fraction_then_to_the_first() {
    assert_eq!(minors(usd(100), &[1, 1, 1]), [34, 33, 33]);
    assert_eq!(minors(usd(15), &[80, 8, 12]), [12, 1, 2]);
    assert_eq!(minors(usd(1001), &[9300, 700]), [931, 70]);
    assert_eq!(minors(usd(1), &[1, 1]), [1, 0]);
}

#[test]
fn nothing_is_divided_among_nobody() {
    assert_eq!(usd(5).split(&[]), Err(MoneyError::NoWeights));
    assert_eq!(usd(5).split(&[0, 0]), Err(MoneyError::NoWeights));
    assert_eq!(usd(0).split(&[]), Err(MoneyError::NoWeights));
    assert_eq!(usd(0).split(&[0]), Err(MoneyError::NoWeights));
}

#[test]
fn the_largest_amount_splits_by_the_largest_weights() {
    let shares = minors(usd(i64::MAX), &[u64::MAX, u64::MAX, u64::MAX]);
    assert_eq!(shares.iter().sum::<i64>(), i64::MAX);
    assert_eq!(
        shares,
        [
            3_074_457_345_618_258_603,
            3_074_457_345_618_258_602,
            3_074_457_345_618_258_602
        ]
    );
}

#[test]
fn seven_per_cent_of_ten_dollars_and_a_cent_is_seventy_cents() {
    let bps = BasisPoints::try_new(700).expect("a rate");
    let expected = Fee {
        net: Amount::usd(931),
        fee: Amount::usd(70),
    };
    assert_eq!(split_fee(Amount::usd(1001), bps), Ok(expected));
}

#[test]
fn half_a_cent_of_fee_goes_to_the_creator() {
    let half = BasisPoints::try_new(5_000).expect("a rate");
    let expected = Fee {
        net: Amount::usd(1),
        fee: Amount::usd(0),
    };
    assert_eq!(split_fee(Amount::usd(1), half), Ok(expected));
}

proptest! {
    #[test]
    fn a_split_never_creates_or_loses_a_minor_unit(
        minor in 0..=i64::MAX,
        weights in prop::collection::vec(prop_oneof![0..10u64, any::<u64>()], 1..40),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let shares = usd(minor).split(&weights)?;
        prop_assert_eq!(shares.len(), weights.len());
        prop_assert_eq!(Amount::checked_sum(Asset::Usd, shares)?, usd(minor));
    }

    #[test]
    fn no_share_is_a_whole_unit_off_its_exact_part(
        minor in 0..=i64::MAX,
        weights in prop::collection::vec(any::<u32>(), 1..20),
    ) {
        let total: i128 = weights.iter().copied().map(i128::from).sum();
        prop_assume!(total > 0);
        let wide: Vec<u64> = weights.iter().copied().map(u64::from).collect();
        for (weight, share) in weights.iter().zip(minors(usd(minor), &wide)) {
            let off = i128::from(share) * total - i128::from(minor) * i128::from(*weight);
            prop_assert!(off.abs() < total, "{} of weight {}", share, weight);
        }
    }

    #[test]
    fn a_weight_of_zero_gets_nothing(
        minor in 0..=i64::MAX,
        weights in prop::collection::vec(0..3u64, 1..20),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        for (weight, share) in weights.iter().zip(minors(usd(minor), &weights)) {
            prop_assert!(*weight > 0 || share == 0);
        }
    }

    #[test]
    fn of_equal_weights_the_earlier_never_gets_less(
        minor in 0..=i64::MAX,
        weights in prop::collection::vec(1..4u64, 2..20),
    ) {
        let shares = minors(usd(minor), &weights);
        for (early, weight) in weights.iter().enumerate() {
            for late in early + 1..weights.len() {
                prop_assert!(weights[late] != *weight || shares[early] >= shares[late]);
            }
        }
    }

    #[test]
    fn fee_and_net_are_the_gross(minor in 0..=i64::MAX, bps in 0..=10_000u32) {
        let Fee { net, fee } = split_fee(usd(minor), BasisPoints::try_new(bps)?)?;
        prop_assert_eq!(net.checked_add(fee)?, usd(minor));
    }
}
