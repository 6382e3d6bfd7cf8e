//! The statement as finance reads it: a line, an amount, and where the figure comes from.

use std::fmt::Write;

use super::statement::{MonthLines, Statement, carried};
use crate::say::dollars;

const LABEL: usize = 46;
const AMOUNT: usize = 14;

pub fn render(statement: &Statement) -> String {
    let mut page = Page::default();
    page.heading("WHERE EVERY DOLLAR WENT");
    for month in &statement.months {
        page.month(month, statement);
    }
    page.creators(statement);
    page.stripe(statement);
    page.belongs(statement);
    page.refused(statement);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "\n{text}");
    }

    fn line(&mut self, depth: usize, label: &str, cents: i64, source: &str) {
        let label = format!("{:depth$}{label}", "", depth = 2 * depth);
        let amount = dollars(cents);
        let _ = writeln!(self.text, "{label:<LABEL$}{amount:>AMOUNT$}   {source}");
    }

    fn rule(&mut self) {
        let _ = writeln!(self.text, "{:LABEL$}{:->AMOUNT$}", "", "");
    }

    fn month(&mut self, m: &MonthLines, all: &Statement) {
        let before = all
            .months
            .iter()
            .take_while(|one| one.month != m.month)
            .last();
        self.heading(&format!("Month {}", m.month));
        let charged = format!("charged to cards ({} charges)", m.charge_count);
        self.line(1, &charged, m.charged_cents, "billing, the month's cut");
        self.line(
            2,
            "tax",
            -m.tax_cents,
            "charged less pools; books: liability/tax",
        );
        self.rule();
        self.line(
            1,
            "in subscribers' pools",
            m.pools_cents,
            "books, sealed and posted fundings",
        );
        self.line(
            2,
            "left over, the platform's",
            -m.left_over_cents,
            "books, the month's close",
        );
        self.rule();
        self.line(
            1,
            "directed to creators",
            m.directed_cents,
            "books, the month's close",
        );
        self.line(
            2,
            "platform's fee",
            -m.fee_cents,
            "books, the month's close",
        );
        self.rule();
        self.line(1, "creators' net", m.net_cents, "books, the month's close");
        self.line(
            2,
            "carried over from before",
            before.map_or(0, carried),
            "the run before",
        );
        self.line(2, "paid to banks", -m.paid_cents, "payout, the month's run");
        self.line(
            2,
            "still on the way to banks",
            -m.pending_cents,
            "payout, the month's run",
        );
        self.rule();
        self.line(1, "carried over", carried(m), "payout, the month's run");
        for one in &m.carried {
            self.line(2, &one.name, one.cents, &one.reason);
        }
        let fees = "Stripe's balance transactions";
        self.line(
            1,
            "beside it, Stripe's fees on these charges",
            m.stripe_fees_cents,
            fees,
        );
    }

    fn creators(&mut self, all: &Statement) {
        self.heading("Creators, since the beginning (each one's GET /v1/creators/me/earnings)");
        let head = ["gross", "fee", "net", "paid", "left"];
        let _ = write!(self.text, "  {:<24}", "");
        self.cells(head.map(str::to_owned));
        for one in &all.creators {
            let sum =
                |part: fn(&super::statement::Earned) -> i64| one.months.iter().map(part).sum();
            let figures = [
                sum(|month| month.gross_cents),
                sum(|month| month.fee_cents),
                sum(|month| month.net_cents),
                one.paid_cents,
                one.payable_cents + one.under_way_cents,
            ];
            let _ = write!(self.text, "  {:<24}", one.name);
            self.cells(figures.map(dollars));
        }
    }

    fn cells(&mut self, cells: [String; 5]) {
        for cell in cells {
            let _ = write!(self.text, "{cell:>12}");
        }
        self.text.push('\n');
    }

    fn stripe(&mut self, all: &Statement) {
        let cash = &all.cash;
        self.heading("The balance at Stripe, since the beginning");
        self.line(
            1,
            "topped up by the operator",
            cash.topups_cents,
            "Stripe, GET /v1/topups",
        );
        self.line(
            1,
            "charged to cards",
            cash.charged_cents,
            "Stripe's balance transactions",
        );
        self.line(
            1,
            "Stripe's fees",
            -cash.stripe_fees_cents,
            "Stripe's balance transactions",
        );
        self.line(
            1,
            "paid to banks",
            -cash.paid_cents,
            "payout, GET /v1/payouts",
        );
        self.rule();
        let there = cash.available_cents + cash.pending_cents;
        self.line(1, "there now", there, "Stripe, GET /v1/balance");
        self.line(
            2,
            "available",
            cash.available_cents,
            "Stripe, GET /v1/balance",
        );
        self.line(2, "pending", cash.pending_cents, "Stripe, GET /v1/balance");
    }

    fn belongs(&mut self, all: &Statement) {
        let books = &all.books;
        self.heading("What of it belongs to whom");
        let solvency = "books, GET /v1/admin/solvency";
        self.line(
            1,
            "creators, carried over or on the way",
            books.obligations_cents,
            solvency,
        );
        let claims = format!("creators' claims on pools of {}", books.running_month);
        self.line(1, &claims, books.claims_cents, solvency);
        self.line(
            1,
            "disputed, or paid ahead",
            books.frozen_and_deferred_cents,
            solvency,
        );
        self.line(1, "tax", books.tax_cents, solvency);
        let own = "top-ups + fees + left over - Stripe's fees";
        self.line(1, "the platform", all.platform_cents(), own);
        self.rule();
        let there = books.payments_cents + books.elsewhere_cents;
        self.line(1, "there now", there, solvency);
    }

    fn refused(&mut self, all: &Statement) {
        self.heading("Requests that were refused, as they must be");
        for (code, count) in &all.refused {
            let _ = writeln!(self.text, "  {code:<44}{count:>14}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::statement::tests::small;

    #[test]
    fn every_amount_stands_in_its_column_and_every_line_names_its_source() {
        let page = render(&small());
        let lines: Vec<&str> = page.lines().filter(|line| line.contains("   ")).collect();
        assert!(
            page.contains("Bruno Abel") && page.contains("below $25.00 by $15.70"),
            "{page}"
        );
        for line in lines.iter().filter(|line| line.contains("Stripe, GET")) {
            let amount = line.get(LABEL..LABEL + AMOUNT).expect("an amount");
            assert!(amount.trim().contains('$'), "{line}");
        }
    }
}
