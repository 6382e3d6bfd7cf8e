//! Whether everything held: the statement against itself, against the independent totals, and
//! against what the system says of itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::Result;
use serde::Serialize;
use tokio::process::Command;

use super::client::{Client, User};
use super::independent::{self, Asked, Totals};
use super::record::Record;
use super::statement::{CreatorLines, Statement};
use crate::say::dollars;

/// One question, and everything that speaks against it.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    pub what: &'static str,
    pub held: bool,
    pub findings: Vec<String>,
}

impl Check {
    fn of(what: &'static str, findings: Vec<String>) -> Self {
        Self {
            what,
            held: findings.is_empty(),
            findings,
        }
    }

    /// The story itself went as it must.
    pub fn story(record: &Record) -> Self {
        Self::of(
            "every request was answered as it must be",
            record.troubles.clone(),
        )
    }

    pub fn footing(statement: &Statement) -> Self {
        Self::of("every sum of the statement comes out", statement.misfits())
    }

    /// The statement against requests and Stripe's journal alone.
    pub fn independent(statement: &Statement, record: &Record, journal: &str) -> Result<Self> {
        let totals = independent::totals(
            &Asked {
                accepted: &record.accepted,
                accounts: &record.accounts,
                onboarded: &record.onboarded,
                bankless: &record.bankless,
                months: &record.months,
            },
            journal,
        )?;
        let what = "requests and Stripe's journal alone come to the same, to the cent";
        Ok(Self::of(what, differences(statement, &totals)))
    }

    pub async fn alerts(client: &Client) -> Result<Self> {
        let alerts = client
            .get(User::FINANCE, "/v1/admin/alerts?status=open")
            .await?;
        let open = alerts["data"].as_array().into_iter().flatten();
        let named = open.map(|alert| format!("{}: {}", alert["title"], alert["detail"]));
        Ok(Self::of("no alert is open", named.collect()))
    }

    /// Asks `tributary verify`, which reads the books and Stripe by a way of its own.
    pub async fn verify(dir: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["verify", "--strict", "--dir"])
            .arg(dir)
            .stdin(Stdio::null());
        let output = command.output().await?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let findings = if output.status.success() {
            Vec::new()
        } else if said.contains("unrecognized subcommand") {
            vec!["verify: not available".to_owned()]
        } else {
            said.lines().map(str::to_owned).collect()
        };
        Ok(Self::of("tributary verify --strict is content", findings))
    }

    pub fn kills(wanted: usize, done: usize) -> Self {
        let few = format!("{done} of {wanted} kills took effect");
        let findings = if done == wanted {
            Vec::new()
        } else {
            vec![few]
        };
        Self::of("every kill took effect", findings)
    }
}

/// Every difference by name.
fn differences(statement: &Statement, totals: &Totals) -> Vec<String> {
    let mut found = Findings::default();
    let closed: BTreeSet<&str> = statement.months.iter().map(|month| &*month.month).collect();
    for month in &statement.months {
        let own = totals.months.get(&month.month);
        let pairs = [
            (
                "charged",
                month.charged_cents,
                own.map_or(0, |own| own.charged),
            ),
            (
                "Stripe's fees",
                month.stripe_fees_cents,
                own.map_or(0, |own| own.stripe_fees),
            ),
            (
                "left over",
                month.left_over_cents,
                own.map_or(0, |own| own.left_over),
            ),
        ];
        for (what, said, is) in pairs {
            found.compare(&format!("{}: {what}", month.month), said, is);
        }
        let charges = own.map_or(0, |own| own.charge_count);
        if month.charge_count != charges {
            found.say(format!(
                "{}: {} charges, not {charges}",
                month.month, month.charge_count
            ));
        }
    }
    for creator in &statement.creators {
        found.creator(creator, totals, &closed);
    }
    found.strangers(statement, totals);
    let balance = statement.cash.available_cents + statement.cash.pending_cents;
    found.compare("topped up", statement.cash.topups_cents, totals.topups);
    found.compare("the balance at Stripe", balance, totals.balance);
    found.compare(
        "on connected accounts",
        statement.books.elsewhere_cents,
        totals.connected,
    );
    found.compare(
        "claims of the running month",
        statement.books.claims_cents,
        totals.claims,
    );
    found.0
}

#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn say(&mut self, text: String) {
        self.0.push(text);
    }

    fn compare(&mut self, what: &str, said: i64, is: i64) {
        if said != is {
            self.say(format!(
                "{what}: the statement says {}, it is {}",
                dollars(said),
                dollars(is)
            ));
        }
    }

    fn creator(&mut self, told: &CreatorLines, totals: &Totals, closed: &BTreeSet<&str>) {
        let nothing = independent::Creator::default();
        let own = totals.creators.get(&told.creator_id).unwrap_or(&nothing);
        let mut names: BTreeSet<&str> = own.months.keys().map(String::as_str).collect();
        names.extend(told.months.iter().map(|month| &*month.month));
        for name in names.intersection(closed) {
            let said = told.months.iter().find(|month| month.month == *name);
            let said = said.map_or((0, 0, 0), |it| (it.gross_cents, it.fee_cents, it.net_cents));
            let is = own.months.get(*name).copied().unwrap_or_default();
            for (what, said, is) in [
                ("gross", said.0, is.0),
                ("fee", said.1, is.1),
                ("net", said.2, is.2),
            ] {
                self.compare(&format!("{}, {name}, {what}", told.name), said, is);
            }
        }
        self.compare(
            &format!("{}, paid", told.name),
            told.paid_cents,
            own.due.iter().sum(),
        );
        self.compare(
            &format!("{}, left", told.name),
            told.payable_cents,
            own.left,
        );
        for (what, list) in [
            ("transfers", &own.transfers),
            ("bank payouts", &own.bank_payouts),
        ] {
            if *list != own.due {
                let (is, due) = (show(list), show(&own.due));
                self.say(format!(
                    "{}: {what} at Stripe are {is}, due were {due}",
                    told.name
                ));
            }
        }
    }

    /// Money that went to somebody whom the story does not know.
    fn strangers(&mut self, statement: &Statement, totals: &Totals) {
        for (id, own) in &totals.creators {
            let known = statement
                .creators
                .iter()
                .any(|creator| creator.creator_id == *id);
            if !known {
                let (sent, paid) = (show(&own.transfers), show(&own.bank_payouts));
                self.say(format!(
                    "{id}: transfers {sent}, bank payouts {paid}, and is no creator"
                ));
            }
        }
    }
}

fn show(amounts: &[i64]) -> String {
    let texts: Vec<String> = amounts.iter().map(|cents| dollars(*cents)).collect();
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(" + ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::demo::independent::{Creator, Month};
    use crate::demo::statement::tests::small;

    /// What the small statement's figures come from.
    fn totals() -> Totals {
        let month = |left_over| Month {
            charge_count: 2,
            charged: 7_000,
            stripe_fees: 263,
            left_over,
        };
        let earned = |figures| BTreeMap::from([("2027-01".to_owned(), figures)]);
        let ada = Creator {
            months: earned((5_000, 350, 4_650)),
            due: vec![4_650],
            transfers: vec![4_650],
            bank_payouts: vec![4_650],
            left: 0,
        };
        let bruno = Creator {
            months: earned((1_000, 70, 930)),
            left: 930,
            ..Creator::default()
        };
        Totals {
            creators: [("creator_000", ada), ("creator_001", bruno)]
                .map(|(id, of)| (id.to_owned(), of))
                .into(),
            months: [("2027-01", month(1_000)), ("2027-02", month(0))]
                .map(|(name, of)| (name.to_owned(), of))
                .into(),
            topups: 100_000,
            balance: 108_824,
            connected: 0,
            claims: 6_510,
        }
    }

    #[test]
    fn equal_totals_leave_nothing_to_say() {
        assert_eq!(differences(&small(), &totals()), Vec::<String>::new());
    }

    #[test]
    fn a_creator_who_was_paid_twice_is_named() {
        let mut twice = totals();
        twice
            .creators
            .get_mut("creator_000")
            .expect("ada")
            .transfers
            .push(4_650);
        let found = differences(&small(), &twice);
        assert_eq!(
            found,
            ["Ada Abel: transfers at Stripe are $46.50 + $46.50, due were $46.50"]
        );
    }

    #[test]
    fn a_cent_that_differs_and_a_stranger_who_was_paid_are_named() {
        let mut other = totals();
        other.claims += 1;
        other.creators.insert(
            "acct_x".to_owned(),
            Creator {
                transfers: vec![5],
                ..Creator::default()
            },
        );
        let found = differences(&small(), &other);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("acct_x") && found[1].contains("claims"),
            "{found:?}"
        );
    }
}
