//! What a check reads, and what follows from it.

use ledger::{LedgerError, Solvency};
use money::{Amount, Asset, Balance};
use time::{Duration, OffsetDateTime};

use super::{Finding, Kind, Verdict};

/// Both sides of invariant 3a, from one snapshot of the books, in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Books {
    pub payments_minor: i64,
    pub storage_minor: i64,
    pub connected_minor: i64,
    pub in_flight_minor: i64,
    pub obligations_minor: i64,
    pub claims_minor: i64,
    pub frozen_minor: i64,
    pub deferred_minor: i64,
    pub tax_minor: i64,
}

/// What Stripe says that the platform has, in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    pub available_minor: i64,
    pub pending_minor: i64,
}

/// One check: Stripe beside the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub held: Held,
    pub books: Books,
    /// What is not covered; never negative.
    pub missing: Amount,
    /// Available and pending at Stripe.
    pub total: Balance,
    /// What Stripe has more than the books say.
    pub difference: Balance,
}

/// For how long the last checks found the same difference, without a new balance transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub since: OffsetDateTime,
    pub until: OffsetDateTime,
}

impl Books {
    fn solvency(&self) -> Result<Solvency, LedgerError> {
        let usd = |minor| Balance::new(minor, Asset::Usd);
        let assets = [
            self.payments_minor,
            self.storage_minor,
            self.connected_minor,
        ];
        let assets = assets
            .into_iter()
            .map(usd)
            .try_fold(usd(self.in_flight_minor), Balance::checked_add)?;
        Ok(Solvency {
            assets,
            obligations: usd(self.obligations_minor),
            claims: usd(self.claims_minor),
            frozen: usd(self.frozen_minor),
            deferred: usd(self.deferred_minor),
            tax: usd(self.tax_minor),
        })
    }
}

impl Reading {
    /// Errors: `Overflow`.
    pub fn try_new(held: Held, books: Books) -> Result<Self, LedgerError> {
        let usd = |minor| Balance::new(minor, Asset::Usd);
        let total = usd(held.available_minor).checked_add(usd(held.pending_minor))?;
        let difference = total.checked_sub(usd(books.payments_minor))?;
        Ok(Self {
            held,
            books,
            missing: books.solvency()?.missing()?,
            total,
            difference,
        })
    }
}

/// Whether everything that is owed is there. Errors: `Overflow`.
///
/// One reading is enough, and none has to be waited for. Both sides come from one snapshot of
/// the books, so money that moves from one account to another is on exactly one of them, and the
/// answer is exact as of that moment. Stripe's own figure has no part in it: it is read at
/// another moment, and would make every charge that is under way look like a hole or a surplus.
/// What the books do not know yet moves the answer when it comes; the next check says so.
pub fn coverage(reading: &Reading) -> Result<Verdict, LedgerError> {
    if reading.missing.is_zero() {
        return Ok(Verdict::Right);
    }
    let assets = reading.books.solvency()?.assets;
    let owed = assets.checked_add(reading.missing.into())?;
    let missing = reading.missing;
    Ok(Verdict::Wrong(Finding {
        kind: Kind::ObligationsUncovered,
        subject: String::new(),
        detail: format!(
            "{owed} is owed or could come to be, {assets} is there: {missing} is missing."
        ),
        figures: vec![
            ("current_balance_minor", assets.minor()),
            ("required_reserve_minor", owed.minor()),
            ("shortfall_minor", missing.minor()),
        ],
    }))
}

/// Whether Stripe and the books agree about the payments balance.
///
/// They are read at different moments, and a fact takes its time from Stripe to the books. So a
/// difference counts only once it stood still for `patience` and nothing moved at Stripe.
#[must_use]
pub fn agreement(reading: &Reading, run: Run, patience: Duration) -> Verdict {
    let Reading {
        held,
        books,
        total,
        difference,
        ..
    } = reading;
    if difference.is_zero() {
        return Verdict::Right;
    }
    if run.until - run.since < patience {
        return Verdict::Open;
    }
    let said = Balance::new(books.payments_minor, Asset::Usd);
    Verdict::Wrong(Finding {
        kind: Kind::BalanceDiffers,
        subject: String::new(),
        detail: format!(
            "Stripe has {total}, the books say {said}: the difference is {difference}."
        ),
        figures: vec![
            ("available_minor", held.available_minor),
            ("pending_minor", held.pending_minor),
            ("payments_minor", books.payments_minor),
            ("difference_minor", difference.minor()),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const PATIENCE: Duration = Duration::minutes(15);
    const SINCE: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

    fn reading(available_minor: i64, books: Books) -> Reading {
        Reading::try_new(
            Held {
                available_minor,
                pending_minor: 0,
            },
            books,
        )
        .unwrap()
    }

    fn judged(available_minor: i64, payments_minor: i64, stood: Duration) -> Verdict {
        let reading = reading(
            available_minor,
            Books {
                payments_minor,
                ..Default::default()
            },
        );
        agreement(
            &reading,
            Run {
                since: SINCE,
                until: SINCE + stood,
            },
            PATIENCE,
        )
    }

    #[test]
    fn every_asset_counts_for_cover_and_every_claim_against_it() {
        let books = Books {
            payments_minor: 1_000,
            storage_minor: 200,
            connected_minor: 30,
            in_flight_minor: 4,
            obligations_minor: 1_100,
            claims_minor: 100,
            frozen_minor: 20,
            deferred_minor: 10,
            tax_minor: 4,
        };
        assert_eq!(coverage(&reading(0, books)), Ok(Verdict::Right));
        let short = Books {
            tax_minor: 5,
            ..books
        };
        let Ok(Verdict::Wrong(finding)) = coverage(&reading(0, short)) else {
            panic!("a cent is missing and nothing is said")
        };
        assert_eq!(
            finding.detail,
            "$12.35 is owed or could come to be, $12.34 is there: $0.01 is missing."
        );
        assert!(finding.figures.contains(&("shortfall_minor", 1)));
    }

    #[test]
    fn a_difference_counts_once_it_stood_for_fifteen_minutes() {
        assert_eq!(judged(900, 1_000, Duration::ZERO), Verdict::Open);
        assert_eq!(
            judged(900, 1_000, PATIENCE - Duration::SECOND),
            Verdict::Open
        );
        let Verdict::Wrong(finding) = judged(900, 1_000, PATIENCE) else {
            panic!("a difference that stands is not told")
        };
        assert!(finding.figures.contains(&("difference_minor", -100)));
    }

    #[test]
    fn equal_figures_are_right_at_once() {
        assert_eq!(judged(1_000, 1_000, Duration::ZERO), Verdict::Right);
    }
}
