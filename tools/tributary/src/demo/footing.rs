//! The sums that must come out: within a month, between what creators and finance are told, and
//! between the books and Stripe.

use super::statement::{CreatorLines, Earned, MonthLines, Statement, carried};
use crate::say::dollars;

impl Statement {
    /// Every sum of the statement that does not come out.
    pub fn misfits(&self) -> Vec<String> {
        let mut sums = Sums::default();
        let mut carried_in = 0;
        for month in &self.months {
            sums.month(month, carried_in);
            sums.creators_of(self, month);
            carried_in = carried(month);
        }
        sums.creators(self);
        sums.cash(self);
        sums.books(self);
        sums.misfits
    }
}

#[derive(Default)]
struct Sums {
    misfits: Vec<String>,
}

impl Sums {
    fn equal(&mut self, what: &str, left: i64, right: i64) {
        if left != right {
            let (one, other) = (dollars(left), dollars(right));
            let apart = dollars(left - right);
            self.misfits
                .push(format!("{what}: {one} against {other}, {apart} apart"));
        }
    }

    fn month(&mut self, m: &MonthLines, carried_in: i64) {
        let name = &m.month;
        let mut equal =
            |what: &str, left, right| self.equal(&format!("{name}: {what}"), left, right);
        equal(
            "charged = tax + pools",
            m.charged_cents,
            m.tax_cents + m.pools_cents,
        );
        equal(
            "pools = directed + left over",
            m.pools_cents,
            m.directed_cents + m.left_over_cents,
        );
        equal(
            "directed = fee + net",
            m.directed_cents,
            m.fee_cents + m.net_cents,
        );
        let out = m.planned_cents - m.failed_cents + carried(m);
        equal(
            "net + carried in = payouts + carried over",
            m.net_cents + carried_in,
            out,
        );
        equal(
            "payouts = paid + pending + came back",
            m.planned_cents,
            m.paid_cents + m.pending_cents + m.failed_cents,
        );
    }

    /// What creators are told of a month adds up to what finance is told.
    fn creators_of(&mut self, all: &Statement, m: &MonthLines) {
        let told = |figure: fn(&Earned) -> i64| -> i64 {
            let months = all.creators.iter().flat_map(|one| &one.months);
            months
                .filter(|earned| earned.month == m.month)
                .map(figure)
                .sum()
        };
        let name = &m.month;
        self.equal(
            &format!("{name}: creators' gross"),
            told(|one| one.gross_cents),
            m.directed_cents,
        );
        self.equal(
            &format!("{name}: creators' fees"),
            told(|one| one.fee_cents),
            m.fee_cents,
        );
        self.equal(
            &format!("{name}: creators' net"),
            told(|one| one.net_cents),
            m.net_cents,
        );
    }

    fn creators(&mut self, all: &Statement) {
        let told =
            |figure: fn(&CreatorLines) -> i64| -> i64 { all.creators.iter().map(figure).sum() };
        self.equal(
            "creators: paid",
            told(|one| one.paid_cents),
            all.cash.paid_cents,
        );
        let left = all.months.last().map_or(0, carried);
        self.equal(
            "creators: payable = carried over",
            told(|one| one.payable_cents),
            left,
        );
        let pending = all.sum(|month| month.pending_cents);
        self.equal(
            "creators: under way = pending",
            told(|one| one.under_way_cents),
            pending,
        );
        for one in &all.creators {
            let months: i64 = one.months.iter().map(|month| month.net_cents).sum();
            let what = format!("{}: lifetime net = sum of months", one.name);
            self.equal(&what, one.lifetime_net_cents, months);
            let parts = one.paid_cents + one.payable_cents + one.under_way_cents;
            let what = format!("{}: lifetime net = paid + payable + under way", one.name);
            self.equal(&what, one.lifetime_net_cents, parts);
        }
    }

    fn cash(&mut self, all: &Statement) {
        let cash = &all.cash;
        let charged = all.sum(|month| month.charged_cents) + all.books.running_charged_cents;
        self.equal("charged: Stripe = billing", cash.charged_cents, charged);
        let paid = all.sum(|month| month.paid_cents);
        self.equal("paid to banks: payouts = months", cash.paid_cents, paid);
        let came = cash.topups_cents + cash.charged_cents - cash.stripe_fees_cents;
        let there = cash.available_cents + cash.pending_cents + all.books.elsewhere_cents;
        self.equal(
            "what came in less what went out = what is there",
            came - cash.paid_cents,
            there,
        );
    }

    fn books(&mut self, all: &Statement) {
        let (cash, books) = (&all.cash, &all.books);
        let stripe = cash.available_cents + cash.pending_cents;
        self.equal("balance: Stripe = books", stripe, books.payments_cents);
        let owed = books.obligations_cents
            + books.claims_cents
            + books.frozen_and_deferred_cents
            + books.tax_cents;
        let there = books.payments_cents + books.elsewhere_cents;
        let what = "what is there = creators' + claims + tax + platform's";
        self.equal(what, there, owed + all.platform_cents());
        let left = all.months.last().map_or(0, carried);
        let pending = all.sum(|month| month.pending_cents);
        self.equal(
            "obligations = carried over + pending",
            books.obligations_cents,
            left + pending,
        );
        self.equal("uncovered", books.missing_cents, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::statement::tests::small;

    /// Goal: no figure can be wrong alone without a sum that does not come out.
    /// Method: the numbers are changed by a cent, one after the other. Claims and tax stand on
    /// both sides of their sum; the independent totals and `verify` hold those.
    #[test]
    fn a_single_figure_that_is_a_cent_off_is_noticed() {
        assert_eq!(small().misfits(), Vec::<String>::new());
        let changes: [fn(&mut Statement); 23] = [
            |s| s.months[0].charged_cents += 1,
            |s| s.months[0].tax_cents += 1,
            |s| s.months[0].pools_cents += 1,
            |s| s.months[0].directed_cents += 1,
            |s| s.months[0].left_over_cents += 1,
            |s| s.months[0].fee_cents += 1,
            |s| s.months[0].net_cents += 1,
            |s| s.months[0].planned_cents += 1,
            |s| s.months[0].paid_cents += 1,
            |s| s.months[0].pending_cents += 1,
            |s| s.months[0].failed_cents += 1,
            |s| s.months[0].carried[0].cents += 1,
            |s| s.creators[0].months[0].gross_cents += 1,
            |s| s.creators[0].paid_cents += 1,
            |s| s.creators[1].payable_cents += 1,
            |s| s.creators[1].lifetime_net_cents += 1,
            |s| s.cash.topups_cents += 1,
            |s| s.cash.stripe_fees_cents += 1,
            |s| s.cash.available_cents += 1,
            |s| s.books.payments_cents += 1,
            |s| s.books.obligations_cents += 1,
            |s| s.books.running_charged_cents += 1,
            |s| s.books.missing_cents += 1,
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut wrong = small();
            change(&mut wrong);
            assert!(
                !wrong.misfits().is_empty(),
                "change {index} was not noticed"
            );
            assert_ne!(wrong.digest(), small().digest(), "change {index}");
        }
    }
}
