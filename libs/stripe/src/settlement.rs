//! What one paid invoice brought in: the figures that the books are written from.
//!
//! An invoice names its payments, a payment names an intent, the intent its last charge, and the
//! charge the balance transaction with Stripe's fee. Two questions get all of it.

mod invoice;
mod payment;

use stripe_billing::invoice::RetrieveInvoice;
use stripe_client_core::StripeRequest;
use stripe_core::charge::RetrieveCharge;
use stripe_core::payment_intent::RetrievePaymentIntent;
use time::OffsetDateTime;

use self::invoice::{InvoiceAnswer, Paid};
use self::payment::{ChargeAnswer, IntentAnswer};
use crate::Metadata;
use crate::balance::BalanceTransaction;
use crate::client::Stripe;
use crate::failure::Failure;

/// The money of one charge, and what it was for. `gross_minor - fee_minor = net_minor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub invoice: String,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    /// As it was when the invoice was made final.
    pub subscription_metadata: Metadata,
    /// Absent only for a charge made without one.
    pub payment_intent: Option<String>,
    pub charge: String,
    /// The balance transaction.
    pub txn: String,
    /// What the subscriber paid, tax included.
    pub gross_minor: i64,
    /// What Stripe kept.
    pub fee_minor: i64,
    /// What the platform's balance grew by.
    pub net_minor: i64,
    /// The part of `gross_minor` that is tax: all tax of the invoice, but never more than was
    /// paid. A customer's credit pays for the price before it pays for the tax.
    pub tax_minor: i64,
    pub currency: String,
    pub available_on: OffsetDateTime,
    /// When the balance transaction was made.
    pub created: OffsetDateTime,
    /// What the money pays for: of the lines that cost something, the period of the one that
    /// starts last. So a change in the middle of a month pays for that month, and a renewal
    /// that carries older changes with it for its own. Not the invoice's period, which looks back.
    pub period_start: OffsetDateTime,
    pub period_end: OffsetDateTime,
    /// Whether part of the invoice is a proration.
    pub proration: bool,
}

impl Stripe {
    /// What an invoice brought in; `None` if nothing was charged for it.
    ///
    /// # Errors
    /// [`Doubt::NotYetBooked`](crate::Doubt::NotYetBooked) while the charge has no balance transaction: ask again later.
    /// [`Failure::Mismatch`] for what a settlement cannot tell: an invoice paid in several parts,
    /// or settled in another currency than it was written in.
    pub async fn invoice_settlement(&self, invoice: &str) -> Result<Option<Settlement>, Failure> {
        let request = RetrieveInvoice::new(invoice)
            .expand(["payments".to_owned()])
            .build();
        let invoice: InvoiceAnswer = self.ask(request, None).await?;
        let charge = match invoice.paid_by()? {
            None => return Ok(None),
            Some(Paid::Intent(intent)) => self.charge_of_intent(&intent).await?,
            Some(Paid::Charge(charge)) => self.charge(&charge).await?,
        };
        settle(invoice, charge).map(Some)
    }

    async fn charge_of_intent(&self, intent: &str) -> Result<ChargeAnswer, Failure> {
        let expand = ["latest_charge.balance_transaction".to_owned()];
        let request = RetrievePaymentIntent::new(intent).expand(expand).build();
        let intent: IntentAnswer = self.ask(request, None).await?;
        intent.into_charge()
    }

    async fn charge(&self, charge: &str) -> Result<ChargeAnswer, Failure> {
        let expand = ["balance_transaction".to_owned()];
        self.ask(RetrieveCharge::new(charge).expand(expand).build(), None)
            .await
    }
}

fn settle(invoice: InvoiceAnswer, charge: ChargeAnswer) -> Result<Settlement, Failure> {
    let txn: BalanceTransaction = charge.txn().ok_or(Failure::not_yet_booked())?;
    Failure::unless_same(&invoice.id, "currency", &invoice.currency, &txn.currency)?;
    let (period_start, period_end) = invoice.period();
    let tax_minor = invoice.tax_minor().ok_or(Failure::unreadable(None))?;
    Ok(Settlement {
        tax_minor: tax_minor.min(txn.amount_minor).max(0),
        proration: invoice.has_proration(),
        subscription: invoice.subscription(),
        subscription_metadata: invoice.subscription_metadata(),
        invoice: invoice.id,
        customer: invoice.customer,
        payment_intent: charge.payment_intent,
        charge: charge.id,
        txn: txn.id,
        gross_minor: txn.amount_minor,
        fee_minor: txn.fee_minor,
        net_minor: txn.net_minor,
        currency: txn.currency,
        available_on: txn.available_on,
        created: txn.created,
        period_start,
        period_end,
    })
}
