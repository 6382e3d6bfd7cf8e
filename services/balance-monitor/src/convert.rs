//! Between the domain and others' words: Stripe's, earnings', and the contract's.

use kit::{Error, Rejection};
use ledger::BalanceTransactionKind;
use mailbox::Fact;
use money::{Asset, Balance};
use time::OffsetDateTime;
use wire::balance_monitor::v1 as contract;
use wire::earnings::v1::GetSolvencyResponse;

use crate::domain::{Books, Finding, Held, Transaction};
use crate::store::{Alert, AlertFilter, Snapshot};

/// A transaction as the ledger will take it.
pub struct Observed {
    pub fact: Fact,
    pub amount: Balance,
    /// The books will keep it in suspense.
    pub is_unexplained: bool,
}

pub fn transaction(answer: &stripe::BalanceTransaction) -> Transaction {
    Transaction {
        txn: answer.id.clone(),
        kind: answer.kind.clone(),
        source: answer.source.clone(),
        net_minor: answer.net_minor,
        fee_minor: answer.fee_minor,
        currency: answer.currency.clone(),
        created: answer.created,
        available_on: answer.available_on,
    }
}

/// The fact of a transaction, made through the ledger, so that what is announced can be posted.
///
/// # Errors
/// A sentence that says why the books cannot hold it.
pub fn observed(transaction: &Transaction) -> Result<Observed, String> {
    let mut event = contract::BalanceTransactionObserved {
        txn: transaction.txn.clone(),
        r#type: transaction.kind.clone(),
        net_minor: transaction.net_minor,
        currency: transaction.currency.clone(),
    };
    let body = wire::facts::balance_transaction_observed(&event).map_err(|why| why.to_string())?;
    let (amount, kind) = (body.amount, body.kind);
    event.currency = amount.asset().code().to_owned();
    let fact = ledger::Fact::try_new(body).map_err(|why| why.to_string())?;
    let key = fact.key().to_string();
    Ok(Observed {
        fact: Fact::new(key, &transaction.txn, 1, transaction.created, &event),
        amount,
        is_unexplained: kind == BalanceTransactionKind::Other,
    })
}

/// The dollars of a balance; an account may have other currencies, the books do not.
pub fn held(balance: &stripe::Balance) -> Held {
    let usd = |of: &std::collections::BTreeMap<String, i64>| {
        of.iter()
            .filter(|(code, _)| code.parse() == Ok(Asset::Usd))
            .map(|(_, minor)| *minor)
            .next()
    };
    Held {
        available_minor: usd(&balance.available_minor).unwrap_or_default(),
        pending_minor: usd(&balance.pending_minor).unwrap_or_default(),
    }
}

pub fn books(answer: &GetSolvencyResponse) -> Books {
    Books {
        payments_minor: answer.payments_minor,
        storage_minor: answer.storage_minor,
        connected_minor: answer.connected_minor,
        in_flight_minor: answer.in_flight_minor,
        obligations_minor: answer.obligations_minor,
        claims_minor: answer.claims_minor,
        frozen_minor: answer.frozen_minor,
        deferred_minor: answer.deferred_minor,
        tax_minor: answer.tax_minor,
    }
}

/// An alert's figures as a JSON object.
pub fn data(finding: &Finding) -> String {
    let figures = finding
        .figures
        .iter()
        .map(|(name, minor)| ((*name).to_owned(), (*minor).into()));
    serde_json::Value::Object(figures.collect()).to_string()
}

pub fn raised(alert_id: &str, finding: &Finding, now: OffsetDateTime) -> Fact {
    let event = contract::AlertRaised {
        alert_id: alert_id.to_owned(),
        kind: finding.kind.as_str().to_owned(),
        severity: finding.kind.severity().as_str().to_owned(),
        title: finding.kind.title().to_owned(),
        detail: finding.detail.clone(),
    };
    Fact::new(format!("alert:{alert_id}:raised"), alert_id, 1, now, &event)
}

pub fn resolved(alert_id: &str, now: OffsetDateTime) -> Fact {
    let event = contract::AlertResolved {
        alert_id: alert_id.to_owned(),
    };
    Fact::new(
        format!("alert:{alert_id}:resolved"),
        alert_id,
        2,
        now,
        &event,
    )
}

pub fn snapshot(snapshot: Snapshot) -> contract::Snapshot {
    contract::Snapshot {
        snapshot_id: snapshot.snapshot_id,
        taken_at: Some(wire::timestamp(snapshot.taken_at)),
        available_minor: snapshot.available_minor,
        pending_minor: snapshot.pending_minor,
        currency: snapshot.currency,
        obligations_minor: snapshot.obligations_minor,
        missing_minor: snapshot.missing_minor,
    }
}

const LIMIT_MAX: i32 = 100;

/// # Errors
/// `Invalid` naming the field.
pub fn alert_filter(request: contract::ListAlertsRequest) -> Result<AlertFilter, Error> {
    let invalid = |field, why| {
        Err(Error::Invalid(
            Rejection::new("INVALID_ARGUMENT", why).with("field", field),
        ))
    };
    if !["", "open", "resolved"].contains(&request.status.as_str()) {
        return invalid("status", "status is open, resolved or empty");
    }
    let limit = if request.limit == 0 {
        LIMIT_MAX
    } else {
        request.limit
    };
    if !(1..=LIMIT_MAX).contains(&limit) {
        return invalid("limit", "limit is 1 to 100");
    }
    let status = Some(request.status).filter(|status| !status.is_empty());
    Ok(AlertFilter {
        status,
        limit: i64::from(limit),
    })
}

pub fn alerts(alerts: Vec<Alert>) -> contract::ListAlertsResponse {
    contract::ListAlertsResponse {
        alerts: alerts.into_iter().map(alert).collect(),
    }
}

fn alert(alert: Alert) -> contract::Alert {
    contract::Alert {
        alert_id: alert.alert_id,
        kind: alert.kind,
        severity: alert.severity,
        title: alert.title,
        detail: alert.detail,
        status: alert.status,
        raised_at: Some(wire::timestamp(alert.raised_at)),
        resolved_at: alert.resolved_at.map(wire::timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn observe(kind: &str, net_minor: i64, currency: &str) -> Result<Observed, String> {
        observed(&Transaction {
            txn: "txn_1".into(),
            kind: kind.into(),
            source: None,
            net_minor,
            fee_minor: 0,
            currency: currency.into(),
            created: datetime!(2027-02-01 00:00 UTC),
            available_on: datetime!(2027-02-01 00:00 UTC),
        })
    }

    #[test]
    fn a_fact_is_keyed_as_its_posting_and_says_the_currency_in_our_way() {
        let observed = observe("topup", 500, "usd").unwrap();
        assert_eq!(observed.fact.fact_id, "txn:txn_1");
        let event: contract::BalanceTransactionObserved = observed.fact.decode().unwrap();
        assert_eq!((event.net_minor, event.currency.as_str()), (500, "USD"));
        assert!(!observed.is_unexplained);
    }

    #[test]
    fn what_nobody_expected_is_announced_as_unexplained() {
        assert!(
            observe("climate_order_purchase", -500, "usd")
                .unwrap()
                .is_unexplained
        );
        assert!(!observe("stripe_fee", -500, "usd").unwrap().is_unexplained);
    }

    #[test]
    fn another_currency_is_refused_with_a_sentence() {
        assert!(
            observe("topup", 500, "eur")
                .err()
                .unwrap()
                .contains("currency")
        );
    }
}
