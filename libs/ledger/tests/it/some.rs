//! Values for tests: short constructors, and strategies that make any valid fact.

use ledger::{
    AllocationChanged, AttemptRefused, AttemptReturned, AttemptSettled, AttemptStep,
    BalanceTransactionKind, BalanceTransactionObserved, ChargeSettled, CreatorClosed, Fact,
    FactBody, FundingAttributed, HoldCommitted, HoldPart, HoldPlaced, HoldReleased, LateEarning,
    Month, Program, StripeId, SubscriberClosed, TransferReversed,
};
use money::{Amount, Asset, Balance, BasisPoints};
use proptest::prelude::*;
use time::OffsetDateTime;

/// Any id type, from text that is known to be well formed.
pub fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a well-formed id")
}

pub fn month(text: &str) -> Month {
    text.parse().expect("a well-formed month")
}

pub fn usd(minor: i64) -> Amount {
    Amount::try_new(minor, Asset::Usd).expect("not negative")
}

pub fn bps(bps: u32) -> BasisPoints {
    BasisPoints::try_new(bps).expect("a rate")
}

pub fn fact(body: impl Into<FactBody>) -> Fact {
    Fact::try_new(body).expect("a valid fact")
}

pub fn allocation(version: u64, creator: &str, from: i64, to: i64) -> AllocationChanged {
    AllocationChanged {
        subscriber: id("ann"),
        creator: id(creator),
        program: Program::Allocation,
        month: month("2027-01"),
        version,
        from: usd(from),
        to: usd(to),
    }
}

pub fn charge(gross: i64, stripe_fee: i64, tax: i64) -> ChargeSettled {
    ChargeSettled {
        charge: id("ch_1"),
        txn: id("txn_1"),
        subscriber: id("ann"),
        program: Program::Allocation,
        gross: usd(gross),
        stripe_fee: usd(stripe_fee),
        tax: usd(tax),
        available_on: OffsetDateTime::UNIX_EPOCH,
        period_month: month("2027-01"),
        settled_at: OffsetDateTime::UNIX_EPOCH,
    }
}

pub fn any_month() -> impl Strategy<Value = Month> {
    (1..=9999i32, 1..=12u8).prop_map(|(year, month)| Month::try_new(year, month).expect("in range"))
}

pub fn any_name<T: std::str::FromStr + std::fmt::Debug>() -> impl Strategy<Value = T> {
    prop_oneof!["[A-Za-z0-9_-]{1,64}", "[ab]"].prop_map(|text| id(&text))
}

pub fn any_stripe_id() -> impl Strategy<Value = StripeId> {
    prop_oneof!["[A-Za-z0-9_]{1,255}", "ch_[ab]"].prop_map(|text| id(&text))
}

/// Above zero, and small enough that thousands add up.
pub fn some_usd() -> impl Strategy<Value = Amount> {
    (1..=1_000_000_000i64).prop_map(usd)
}

pub fn pooled() -> impl Strategy<Value = Program> {
    prop_oneof![Just(Program::Allocation), Just(Program::Copies)]
}

/// Few enough that facts meet in the same accounts.
fn near_month() -> impl Strategy<Value = Month> {
    (1..=3u8).prop_map(|month| Month::try_new(2027, month).expect("in range"))
}

fn parts() -> impl Strategy<Value = Vec<HoldPart>> {
    let part = (pooled(), near_month(), some_usd()).prop_map(|(program, month, amount)| HoldPart {
        program,
        month,
        amount,
    });
    prop::collection::vec(part, 1..4)
}

fn cash() -> BoxedStrategy<FactBody> {
    let gross = (some_usd(), 0..=500_000i64, 0..=10_000u32);
    let charges = (any_stripe_id(), any_name(), pooled(), near_month(), gross).prop_map(
        |(charge, subscriber, program, period_month, (gross, fee, tax_bps))| {
            let tax = money::split_fee(gross, bps(tax_bps)).expect("splits").fee;
            let (txn, stripe_fee) = (id("txn_1"), usd(fee));
            let at = OffsetDateTime::UNIX_EPOCH;
            let (available_on, settled_at) = (at, at);
            FactBody::from(ChargeSettled {
                charge,
                txn,
                subscriber,
                program,
                gross,
                stripe_fee,
                tax,
                available_on,
                period_month,
                settled_at,
            })
        },
    );
    let kinds = prop::sample::select(vec![
        BalanceTransactionKind::Fee,
        BalanceTransactionKind::Topup,
        BalanceTransactionKind::Other,
    ]);
    let observed = (any_stripe_id(), kinds, some_usd(), any::<bool>()).prop_map(
        |(txn, kind, amount, fell)| {
            let minor = if fell {
                -amount.minor()
            } else {
                amount.minor()
            };
            let amount = Balance::new(minor, Asset::Usd);
            FactBody::from(BalanceTransactionObserved { txn, kind, amount })
        },
    );
    prop_oneof![charges, observed].boxed()
}

/// Facts that carry a program and a month.
pub fn attribution() -> BoxedStrategy<FactBody> {
    let funding = (
        any_stripe_id(),
        any_name(),
        pooled(),
        near_month(),
        some_usd(),
    )
        .prop_map(|(charge, subscriber, program, month, amount)| {
            FactBody::from(FundingAttributed {
                charge,
                subscriber,
                program,
                month,
                amount,
            })
        });
    let figures = (any::<u64>(), 0..=1_000_000i64, 0..=1_000_000i64);
    let changed = (any_name(), any_name(), pooled(), near_month(), figures)
        .prop_filter("a change", |(_, _, _, _, (_, from, to))| from != to)
        .prop_map(
            |(subscriber, creator, program, month, (version, from, to))| {
                let (from, to) = (usd(from), usd(to));
                FactBody::from(AllocationChanged {
                    subscriber,
                    creator,
                    program,
                    month,
                    version,
                    from,
                    to,
                })
            },
        );
    prop_oneof![funding, changed].boxed()
}

fn payouts() -> BoxedStrategy<FactBody> {
    let of = || (any_name(), any_name(), any::<u32>());
    let step = prop_oneof![Just(AttemptStep::Transfer), Just(AttemptStep::Bank)];
    prop_oneof![
        (of(), parts()).prop_map(|((payout, creator, n), parts)| FactBody::from(HoldPlaced {
            payout,
            creator,
            n,
            parts
        })),
        (of(), parts()).prop_map(
            |((payout, creator, n), parts)| FactBody::from(HoldReleased {
                payout,
                creator,
                n,
                parts
            })
        ),
        (of(), some_usd()).prop_map(|((payout, creator, n), amount)| FactBody::from(
            HoldCommitted {
                payout,
                creator,
                n,
                amount
            }
        )),
        (of(), step, some_usd(), any_stripe_id()).prop_map(
            |((payout, creator, attempt), step, amount, txn)| FactBody::from(AttemptSettled {
                payout,
                creator,
                step,
                attempt,
                amount,
                txn: Some(txn)
            })
        ),
        (of(), some_usd(), any::<bool>()).prop_map(
            |((payout, creator, attempt), amount, is_final)| FactBody::from(AttemptRefused {
                payout,
                creator,
                step: AttemptStep::Transfer,
                attempt,
                amount,
                is_final
            })
        ),
    ]
    .boxed()
}

fn comebacks() -> BoxedStrategy<FactBody> {
    let of = || (any_name(), any_name());
    prop_oneof![
        (of(), any::<u32>(), some_usd()).prop_map(|((payout, creator), attempt, amount)| {
            FactBody::from(AttemptReturned {
                payout,
                creator,
                attempt,
                amount,
            })
        }),
        (of(), any_stripe_id(), any::<bool>(), parts()).prop_map(
            |((payout, creator), reversal, after_paid, parts)| {
                FactBody::from(TransferReversed {
                    payout,
                    creator,
                    reversal,
                    txn: id("txn_1"),
                    after_paid,
                    parts,
                })
            }
        ),
    ]
    .boxed()
}

fn late() -> impl Strategy<Value = FactBody> {
    let months = (near_month(), near_month());
    let figures = (some_usd(), 0..=10_000u32);
    (any_stripe_id(), any_name(), pooled(), months, figures).prop_map(
        |(cause, creator, program, (origin_month, month), (gross, rate))| {
            FactBody::from(LateEarning {
                cause,
                creator,
                program,
                origin_month,
                month,
                gross,
                bps: bps(rate),
            })
        },
    )
}

fn closes() -> BoxedStrategy<FactBody> {
    prop_oneof![
        (
            near_month(),
            pooled(),
            any_name(),
            some_usd(),
            0..=10_000u32
        )
            .prop_map(|(month, program, creator, gross, rate)| FactBody::from(
                CreatorClosed {
                    month,
                    program,
                    creator,
                    gross,
                    bps: bps(rate)
                }
            )),
        (near_month(), pooled(), any_name(), some_usd()).prop_map(
            |(month, program, subscriber, rest)| FactBody::from(SubscriberClosed {
                month,
                program,
                subscriber,
                rest
            })
        ),
    ]
    .boxed()
}

/// Any valid fact of any kind.
pub fn any_fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        cash(),
        attribution(),
        payouts(),
        comebacks(),
        closes(),
        late()
    ]
    .prop_map(fact)
}

/// The same things in two orders.
pub fn in_two_orders<T: Clone + std::fmt::Debug + 'static>(
    things: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    prop::collection::vec(things, 0..40)
        .prop_flat_map(|things| (Just(things.clone()), Just(things).prop_shuffle()))
}
