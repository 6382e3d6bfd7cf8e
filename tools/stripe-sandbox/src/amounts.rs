//! What lines come to, with discounts and taxes. Nothing but arithmetic on cents.
//!
//! Discounts come first, one after the other, each on what the ones before it left. Taxes are
//! reckoned line by line on what is left then, and rounded half up on each line.

use crate::percent::{Percent, WHOLE};
use crate::proration::share;

/// A tax rate, as a line is subject to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    pub id: String,
    pub percent: Percent,
    /// The tax is within the amount, not on top of it.
    pub inclusive: bool,
}

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    Percent(Percent),
    Amount(i64),
}

/// One line before discounts and taxes. Below zero it is a credit.
#[derive(Debug, Clone)]
pub struct Part {
    pub amount: i64,
    pub discountable: bool,
    pub rates: Vec<Rate>,
}

/// One tax on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    pub rate: String,
    pub inclusive: bool,
    pub amount: i64,
    pub taxable: i64,
}

/// What became of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Before discounts and taxes.
    pub amount: i64,
    /// What each discount takes off, in the order of the discounts.
    pub discounts: Vec<i64>,
    pub taxes: Vec<Tax>,
}

impl Outcome {
    pub fn discount(&self) -> i64 {
        self.discounts.iter().sum()
    }

    pub fn tax(&self) -> i64 {
        self.taxes.iter().map(|tax| tax.amount).sum()
    }

    pub fn tax_on_top(&self) -> i64 {
        let on_top = self.taxes.iter().filter(|tax| !tax.inclusive);
        on_top.map(|tax| tax.amount).sum()
    }
}

/// What all lines come to.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    pub lines: Vec<Outcome>,
    /// Before discounts, and before taxes on top.
    pub subtotal: i64,
    pub subtotal_excluding_tax: i64,
    /// What each discount takes off in all.
    pub discounts: Vec<i64>,
    /// One entry per rate.
    pub taxes: Vec<Tax>,
    pub total: i64,
}

impl Sums {
    pub fn of(parts: &[Part], offs: &[Off]) -> Self {
        let cuts = cut(parts, offs);
        let mut sums = Self {
            discounts: vec![0; offs.len()],
            ..Self::default()
        };
        for (part, discounts) in parts.iter().zip(cuts) {
            let left = part.amount - discounts.iter().sum::<i64>();
            let taxes = taxes_on(left, &part.rates);
            let amount = part.amount;
            sums.add(
                part,
                Outcome {
                    amount,
                    discounts,
                    taxes,
                },
            );
        }
        sums
    }

    fn add(&mut self, part: &Part, line: Outcome) {
        self.subtotal += part.amount;
        self.subtotal_excluding_tax += without_inclusive(part.amount, &part.rates);
        self.total += part.amount - line.discount() + line.tax_on_top();
        for (sum, cut) in self.discounts.iter_mut().zip(&line.discounts) {
            *sum += cut;
        }
        for tax in &line.taxes {
            match self.taxes.iter_mut().find(|sum| sum.rate == tax.rate) {
                Some(sum) => {
                    sum.amount += tax.amount;
                    sum.taxable += tax.taxable;
                }
                None => self.taxes.push(tax.clone()),
            }
        }
        self.lines.push(line);
    }

    pub fn discount(&self) -> i64 {
        self.discounts.iter().sum()
    }

    pub fn tax(&self) -> i64 {
        self.taxes.iter().map(|tax| tax.amount).sum()
    }
}

/// What each discount takes off each line.
fn cut(parts: &[Part], offs: &[Off]) -> Vec<Vec<i64>> {
    let open = |part: &Part| {
        if part.discountable {
            part.amount.max(0)
        } else {
            0
        }
    };
    let mut left: Vec<i64> = parts.iter().map(open).collect();
    let mut cuts = vec![Vec::with_capacity(offs.len()); parts.len()];
    for off in offs {
        let taken = match off {
            Off::Percent(percent) => left
                .iter()
                .map(|amount| percent.share_of(*amount))
                .collect(),
            Off::Amount(amount) => spread(*amount, &left),
        };
        for ((taken, left), cuts) in taken.into_iter().zip(&mut left).zip(&mut cuts) {
            *left -= taken;
            cuts.push(taken);
        }
    }
    cuts
}

/// Spreads an amount over lines in proportion, never more than the lines come to; each line
/// takes its share of what the lines before it left over.
fn spread(amount: i64, lines: &[i64]) -> Vec<i64> {
    let mut lines_left: i64 = lines.iter().sum();
    let mut amount_left = amount.min(lines_left);
    let mut taken = Vec::with_capacity(lines.len());
    for line in lines {
        let cut = if lines_left == 0 {
            0
        } else {
            share(amount_left, *line, lines_left)
        };
        lines_left -= line;
        amount_left -= cut;
        taken.push(cut);
    }
    taken
}

fn inclusive_parts(rates: &[Rate]) -> i64 {
    let inclusive = rates.iter().filter(|rate| rate.inclusive);
    inclusive.map(|rate| rate.percent.parts()).sum()
}

fn without_inclusive(amount: i64, rates: &[Rate]) -> i64 {
    let all = inclusive_parts(rates);
    let inclusive = rates.iter().filter(|rate| rate.inclusive);
    let taxes = inclusive.map(|rate| share(amount, rate.percent.parts(), WHOLE + all));
    amount - taxes.sum::<i64>()
}

fn taxes_on(amount: i64, rates: &[Rate]) -> Vec<Tax> {
    let all = inclusive_parts(rates);
    let taxable = without_inclusive(amount, rates);
    let tax = |rate: &Rate| Tax {
        rate: rate.id.clone(),
        inclusive: rate.inclusive,
        amount: if rate.inclusive {
            share(amount, rate.percent.parts(), WHOLE + all)
        } else {
            rate.percent.share_of(taxable)
        },
        taxable,
    };
    rates.iter().map(tax).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(percent: &str, inclusive: bool) -> Rate {
        Rate {
            id: format!("txr_{percent}"),
            percent: Percent::parse(percent).expect("the test writes percentages"),
            inclusive,
        }
    }

    fn part(amount: i64, rates: Vec<Rate>) -> Part {
        Part {
            amount,
            discountable: true,
            rates,
        }
    }

    fn off(percent: &str) -> Off {
        Off::Percent(Percent::parse(percent).expect("the test writes percentages"))
    }

    #[test]
    fn a_tax_on_top_adds_to_the_total_and_one_within_does_not() {
        let on_top = Sums::of(&[part(1000, vec![rate("10", false)])], &[]);
        assert_eq!(
            (on_top.total, on_top.tax(), on_top.subtotal_excluding_tax),
            (1100, 100, 1000)
        );
        let within = Sums::of(&[part(1000, vec![rate("10", true)])], &[]);
        assert_eq!(
            (within.total, within.tax(), within.subtotal_excluding_tax),
            (1000, 91, 909)
        );
        assert_eq!(within.taxes[0].taxable, 909);
    }

    #[test]
    fn discounts_come_before_taxes_and_stack_on_what_is_left() {
        let parts = [part(1000, vec![rate("10", false)])];
        let sums = Sums::of(&parts, &[off("50"), Off::Amount(100), off("25")]);
        assert_eq!(sums.discounts, [500, 100, 100]);
        assert_eq!((sums.subtotal, sums.tax(), sums.total), (1000, 30, 330));
    }

    #[test]
    fn an_amount_off_is_spread_to_the_cent_and_never_takes_more_than_there_is() {
        let parts = [part(100, vec![]), part(200, vec![]), part(1, vec![])];
        let sums = Sums::of(&parts, &[Off::Amount(100)]);
        let cuts: Vec<i64> = sums.lines.iter().map(Outcome::discount).collect();
        assert_eq!((cuts.iter().sum::<i64>(), sums.total), (100, 201));
        assert_eq!(Sums::of(&parts, &[Off::Amount(1000)]).total, 0);
        assert_eq!(Sums::of(&parts, &[off("100")]).total, 0);
    }

    #[test]
    fn credits_are_not_discounted_and_carry_their_tax_back() {
        let credit = Part {
            amount: -500,
            discountable: false,
            rates: vec![rate("10", false)],
        };
        let sums = Sums::of(&[credit, part(1000, vec![rate("10", false)])], &[off("50")]);
        assert_eq!(sums.lines[0].taxes[0].amount, -50);
        assert_eq!(
            (sums.subtotal, sums.discount(), sums.tax(), sums.total),
            (500, 500, 0, 0)
        );
    }
}
