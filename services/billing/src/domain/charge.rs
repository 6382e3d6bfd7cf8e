//! From what Stripe tells of an invoice to the fact that the books are written from.

use ledger::{ChargeSettled, Fact, Month, Program, StripeId, SubscriberId};
use money::{Amount, Asset};
use stripe::{Metadata, Settlement};
use time::OffsetDateTime;

use super::plan::is_sold;

/// Whose a subscription is, as its metadata says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub subscriber: SubscriberId,
    pub program: Program,
}

/// A sentence that says why something of Stripe's cannot be assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed(pub String);

/// Reads the labels that a checkout put on its subscription.
///
/// # Errors
/// When they name no subscriber, or no program that we sell.
pub fn owner(metadata: &Metadata) -> Result<Owner, Unclaimed> {
    let label = |name: &str| metadata.get(name).map(String::as_str).unwrap_or_default();
    let subscriber = SubscriberId::try_new(label("subscriber_id"))
        .map_err(|_| Unclaimed("the metadata names no subscriber of ours".to_owned()))?;
    let program = label("program")
        .parse()
        .ok()
        .filter(|program| is_sold(*program));
    let program = program.ok_or_else(|| {
        Unclaimed(format!(
            "the metadata names the program {:?}, which is not sold",
            label("program")
        ))
    })?;
    Ok(Owner {
        subscriber,
        program,
    })
}

/// The month that a charge funds: where the period that it pays for starts, or the first that
/// is still open for charges.
#[must_use]
pub fn funded_month(period_start: OffsetDateTime, first_open: Option<Month>) -> Month {
    let month = Month::of(period_start);
    first_open.map_or(month, |open| open.max(month))
}

/// The fact of one charge.
///
/// # Errors
/// When the figures contradict one another or are in another currency than the books.
pub fn fact(
    settlement: &Settlement,
    owner: &Owner,
    period_month: Month,
) -> Result<(ChargeSettled, Fact), Unclaimed> {
    let id = |text: &str| StripeId::try_new(text).map_err(unclaimed);
    let asset: Asset = settlement.currency.parse().map_err(unclaimed)?;
    let amount = |minor| Amount::try_new(minor, asset).map_err(unclaimed);
    let body = ChargeSettled {
        charge: id(&settlement.charge)?,
        txn: id(&settlement.txn)?,
        subscriber: owner.subscriber.clone(),
        program: owner.program,
        gross: amount(settlement.gross_minor)?,
        stripe_fee: amount(settlement.fee_minor)?,
        tax: amount(settlement.tax_minor)?,
        available_on: settlement.available_on,
        period_month,
        settled_at: settlement.created,
    };
    let fact = Fact::try_new(body.clone()).map_err(unclaimed)?;
    Ok((body, fact))
}

fn unclaimed(error: impl std::fmt::Display) -> Unclaimed {
    Unclaimed(format!("the books cannot take it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn labels(pairs: &[(&str, &str)]) -> Metadata {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn an_owner_is_a_subscriber_and_a_program_that_is_sold() {
        let good = owner(&labels(&[
            ("subscriber_id", "bob"),
            ("program", "allocation"),
        ]))
        .unwrap();
        assert_eq!(good.subscriber.as_str(), "bob");
        let nobody = owner(&labels(&[("program", "allocation")])).unwrap_err();
        assert!(nobody.0.contains("no subscriber"), "{}", nobody.0);
        for program in ["", "streaming", "gym"] {
            let labels = labels(&[("subscriber_id", "bob"), ("program", program)]);
            assert!(
                owner(&labels).unwrap_err().0.contains("program"),
                "{program}"
            );
        }
    }

    #[test]
    fn a_charge_funds_its_periods_month_or_the_first_that_is_open() {
        let started = datetime!(2027-01-10 00:00 UTC);
        let month = |text: &str| text.parse::<Month>().unwrap();
        assert_eq!(funded_month(started, None), month("2027-01"));
        assert_eq!(
            funded_month(started, Some(month("2026-12"))),
            month("2027-01")
        );
        assert_eq!(
            funded_month(started, Some(month("2027-03"))),
            month("2027-03")
        );
    }
}
