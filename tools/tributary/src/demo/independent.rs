//! The same totals by another way: from what was asked for and what Stripe recorded, with
//! arithmetic of its own. Nothing of the system's rules or services is used here on purpose.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;
use time::OffsetDateTime;

/// What is taken from the journal's objects; everything else in them is passed over.
#[derive(Debug, Deserialize)]
struct Object {
    #[serde(default)]
    id: String,
    #[serde(default)]
    object: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    amount: Option<i64>,
    /// What came back of a transfer.
    amount_reversed: Option<i64>,
    fee: Option<i64>,
    net: Option<i64>,
    created: Option<i64>,
    status: Option<String>,
    destination: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    puts: Vec<Object>,
    #[serde(default)]
    owners: BTreeMap<String, String>,
}

/// What the demonstration asked for and was promised.
pub struct Asked<'a> {
    /// Last accepted amount by month, subscriber, creator.
    pub accepted: &'a BTreeMap<(String, String, String), i64>,
    /// Connected accounts by creator, and the creators whose account can be paid.
    pub accounts: &'a BTreeMap<String, String>,
    pub onboarded: &'a BTreeSet<String>,
    /// Months and creators whose bank takes nothing.
    pub bankless: &'a BTreeSet<(String, String)>,
    pub months: &'a [String],
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Creator {
    /// Gross, fee and net of each month with something in it.
    pub months: BTreeMap<String, (i64, i64, i64)>,
    /// What must have been paid, month by month, and what Stripe recorded: transfers to the
    /// account, and its payouts that the bank took.
    pub due: Vec<i64>,
    pub transfers: Vec<i64>,
    pub bank_payouts: Vec<i64>,
    pub left: i64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Month {
    pub charge_count: i64,
    pub charged: i64,
    pub stripe_fees: i64,
    pub left_over: i64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub creators: BTreeMap<String, Creator>,
    /// Also the running month, where nothing is left over yet.
    pub months: BTreeMap<String, Month>,
    pub topups: i64,
    /// On the platform's account at Stripe, pending money included.
    pub balance: i64,
    /// On connected accounts.
    pub connected: i64,
    /// The creators' part of charges in months that are not closed.
    pub claims: i64,
}

/// 7 %, to the nearest cent; half a cent is the creator's.
fn fee(gross: i64) -> i64 {
    (gross * 7 + 49) / 100
}

const LEAST_PAYOUT: i64 = 2_500;

pub fn totals(asked: &Asked<'_>, journal: &str) -> Result<Totals> {
    let mut totals = Totals::default();
    read_stripe(asked, journal, &mut totals)?;
    let mut grosses: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for ((month, _, creator), cents) in asked.accepted {
        *grosses.entry((creator, month)).or_default() += cents;
        totals.months.entry(month.clone()).or_default().left_over -= cents;
    }
    for ((creator, month), gross) in grosses.into_iter().filter(|(_, gross)| *gross > 0) {
        let of = totals.creators.entry(creator.to_owned()).or_default();
        of.months
            .insert(month.to_owned(), (gross, fee(gross), gross - fee(gross)));
    }
    for (creator, of) in &mut totals.creators {
        for month in asked.months {
            of.left += of.months.get(month).map_or(0, |(_, _, net)| *net);
            let bankless = asked.bankless.contains(&(month.clone(), creator.clone()));
            if of.left >= LEAST_PAYOUT && asked.onboarded.contains(creator) && !bankless {
                of.due.push(std::mem::take(&mut of.left));
            }
        }
    }
    for (name, month) in &mut totals.months {
        if asked.months.contains(name) {
            month.left_over += month.charged;
        }
    }
    Ok(totals)
}

/// Adds up Stripe's side. Of an object that changed, the last line counts.
fn read_stripe(asked: &Asked<'_>, journal: &str, totals: &mut Totals) -> Result<()> {
    let mut last: BTreeMap<String, (Object, Option<String>)> = BTreeMap::new();
    for (index, text) in journal.lines().enumerate() {
        let line: Line =
            serde_json::from_str(text).with_context(|| format!("journal, line {index}"))?;
        for object in line.puts {
            let owner = line.owners.get(&object.id).cloned();
            let wanted = ["balance_transaction", "transfer", "payout"];
            if wanted.contains(&object.object.as_str()) {
                last.insert(object.id.clone(), (object, owner));
            }
        }
    }
    let owner_of: BTreeMap<&str, &str> = asked
        .accounts
        .iter()
        .map(|(creator, account)| (&**account, &**creator))
        .collect();
    let mut objects: Vec<_> = last.into_values().collect();
    objects.sort_by_key(|(object, _)| object.created);
    for (object, owner) in &objects {
        let amount = object.amount.unwrap_or_default();
        let account = object
            .destination
            .as_ref()
            .filter(|_| object.object == "transfer")
            .or(owner.as_ref());
        let creator = account.map(|it| owner_of.get(&**it).copied().unwrap_or(it).to_owned());
        match (&*object.object, creator) {
            ("balance_transaction", None) => totals.add_platform(object, asked.months)?,
            ("balance_transaction", Some(_)) => totals.connected += object.net.unwrap_or_default(),
            ("transfer", Some(creator)) => {
                let kept = amount - object.amount_reversed.unwrap_or_default();
                if kept != 0 {
                    let of = totals.creators.entry(creator).or_default();
                    of.transfers.push(kept);
                }
            }
            ("payout", creator) if object.status.as_deref() == Some("paid") => {
                let whose = creator.unwrap_or_else(|| "the platform".to_owned());
                totals
                    .creators
                    .entry(whose)
                    .or_default()
                    .bank_payouts
                    .push(amount);
            }
            _ => {}
        }
    }
    Ok(())
}

impl Totals {
    fn add_platform(&mut self, object: &Object, closed: &[String]) -> Result<()> {
        let amount = object.amount.unwrap_or_default();
        self.balance += object.net.unwrap_or_default();
        match object.kind.as_deref() {
            Some("topup") => self.topups += amount,
            Some("charge") => {
                let at = OffsetDateTime::from_unix_timestamp(object.created.unwrap_or_default())?;
                let name = format!("{}-{:02}", at.year(), u8::from(at.month()));
                // Each subscriber is charged once in a month, so a pool is a charge.
                self.claims += if closed.contains(&name) {
                    0
                } else {
                    amount - fee(amount)
                };
                let month = self.months.entry(name).or_default();
                month.charge_count += 1;
                month.charged += amount;
                month.stripe_fees += object.fee.unwrap_or_default();
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: &str = r#"
{"op":"POST /v1/topups","puts":[{"id":"txn_0","object":"balance_transaction","type":"topup","amount":1000,"fee":0,"net":1000,"created":1798761600}],"owners":{}}
{"op":"page","puts":[{"id":"txn_1","object":"balance_transaction","type":"charge","amount":5000,"fee":175,"net":4825,"created":1798761600},{"id":"evt_1","object":"event","type":"charge.succeeded"}],"owners":{}}
{"op":"timer renew","puts":[{"id":"txn_2","object":"balance_transaction","type":"charge","amount":5000,"fee":175,"net":4825,"created":1801440000}],"owners":{}}
{"op":"POST /v1/transfers","puts":[{"id":"txn_3","object":"balance_transaction","type":"transfer","amount":-3720,"fee":0,"net":-3720,"created":1801440000},{"id":"txn_4","object":"balance_transaction","type":"payment","amount":3720,"fee":0,"net":3720,"created":1801440000},{"id":"tr_1","object":"transfer","amount":3720,"destination":"acct_a","created":1801440000}],"owners":{"txn_4":"acct_a"}}
{"op":"POST /v1/payouts","puts":[{"id":"txn_5","object":"balance_transaction","type":"payout","amount":-3720,"fee":0,"net":-3720,"created":1801440000},{"id":"po_1","object":"payout","amount":3720,"status":"pending","destination":"ba_1","created":1801440000}],"owners":{"txn_5":"acct_a","po_1":"acct_a"}}
{"op":"timer arrive","puts":[{"id":"po_1","object":"payout","amount":3720,"status":"paid","destination":"ba_1","created":1801440000}],"owners":{"po_1":"acct_a"}}
"#;

    fn read(journal: &str) -> Totals {
        let key = |creator: &str| ("2027-01".to_owned(), "fan".to_owned(), creator.to_owned());
        let accepted = BTreeMap::from([(key("ada"), 4_000), (key("bruno"), 7)]);
        let accounts = BTreeMap::from([("ada".to_owned(), "acct_a".to_owned())]);
        let onboarded = BTreeSet::from(["ada".to_owned()]);
        let months = ["2027-01".to_owned()];
        let asked = Asked {
            accepted: &accepted,
            accounts: &accounts,
            onboarded: &onboarded,
            bankless: &BTreeSet::new(),
            months: &months,
        };
        totals(&asked, journal.trim()).expect("the fixture can be read")
    }

    #[test]
    fn the_fee_is_the_nearest_cent_and_half_a_cent_is_the_creators() {
        assert_eq!([7, 50, 1_001, 1_000, 0].map(fee), [0, 3, 70, 70, 0]);
    }

    #[test]
    fn a_month_adds_up_from_requests_and_the_journal_alone() {
        let totals = read(JOURNAL);
        let ada = &totals.creators["ada"];
        assert_eq!(ada.months["2027-01"], (4_000, 280, 3_720));
        assert_eq!(
            (&*ada.due, &*ada.transfers, &*ada.bank_payouts),
            (&[3_720][..], &[3_720][..], &[3_720][..])
        );
        let bruno = &totals.creators["bruno"];
        assert_eq!((bruno.months["2027-01"], bruno.left), ((7, 0, 7), 7));
        assert_eq!(totals.months["2027-01"].left_over, 993);
        assert_eq!(totals.months["2027-01"].stripe_fees, 175);
        assert_eq!(
            (totals.topups, totals.balance, totals.connected),
            (1_000, 6_930, 0)
        );
        assert_eq!(totals.claims, 4_650);
    }

    #[test]
    fn a_second_transfer_for_one_payout_is_seen() {
        let double = r#"{"puts":[{"id":"tr_2","object":"transfer","amount":3720,"destination":"acct_a","created":1801440001}],"owners":{}}"#;
        let totals = read(&format!("{}\n{double}", JOURNAL.trim()));
        assert_eq!(totals.creators["ada"].transfers, [3_720, 3_720]);
    }
}
