"""Drives the side of a sandbox where money comes in, with Stripe's official Python SDK.

Usage: pip install stripe; python money_in.py http://127.0.0.1:12111
The sandbox must be new, with its clock at 2027-01-01T00:00:00Z. Exits with an error at the
first answer that is not what the SDK, or Stripe's documentation, leads one to expect.
"""

import datetime
import json
import sys
import urllib.request

import stripe

BASE = sys.argv[1]
stripe.api_key = "sk_test_sdk"
stripe.api_base = BASE
stripe.max_network_retries = 0


def control(path, **body):
    data = json.dumps(body).encode()
    return json.load(urllib.request.urlopen(BASE + "/_sandbox/" + path, data=data))


def advance(to):
    return control("clock", advance_to=to)


def unix(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def refused(kind, code, call, *args, **params):
    try:
        call(*args, **params)
    except kind as error:
        assert error.code == code, error
        return error
    raise AssertionError(f"{code} was expected")


def price(amount):
    return stripe.Price.create(
        currency="usd", unit_amount=amount, recurring={"interval": "month"},
        product_data={"name": f"Plan {amount}"},
    )


def subscribe(amount, card="4242424242424242", subscription_data=None, code=None, **params):
    session = stripe.checkout.Session.create(
        mode="subscription", customer_email="fan@example.com", success_url="http://site/ok",
        line_items=[{"price": price(amount).id, "quantity": 1}],
        subscription_data=subscription_data or {}, **params,
    )
    control(f"checkout/{session.id}/complete", card=card, promotion_code=code)
    session = stripe.checkout.Session.retrieve(session.id)
    return stripe.Subscription.retrieve(session.subscription, expand=["latest_invoice"])


def upgrade():
    subscription = subscribe(1000)
    advance("2027-01-16T12:00:00Z")
    item = subscription["items"].data[0]
    changed = stripe.Subscription.modify(
        subscription.id, items=[{"id": item.id, "price": price(2000).id}],
        proration_behavior="always_invoice", payment_behavior="error_if_incomplete",
        expand=["latest_invoice.payments"],
    )
    invoice = changed.latest_invoice
    assert [line.amount for line in invoice.lines.data] == [-500, 1000], invoice
    assert (invoice.billing_reason, invoice.amount_paid) == ("subscription_update", 500)
    credit = invoice.lines.data[0].parent.subscription_item_details
    assert credit.proration_details.credited_items.invoice == subscription.latest_invoice.id
    bad = stripe.PaymentMethod.attach("pm_card_chargeCustomerFail", customer=subscription.customer)
    stripe.Subscription.modify(subscription.id, default_payment_method=bad.id)
    refused(
        stripe.CardError, "card_declined", stripe.Subscription.modify, subscription.id,
        items=[{"id": item.id, "price": price(5000).id}], proration_behavior="always_invoice",
        payment_behavior="error_if_incomplete",
    )
    return subscription


def past_due(subscription):
    advance("2027-02-01T00:00:00Z")
    subscription = stripe.Subscription.retrieve(subscription.id)
    assert subscription.status == "past_due"
    invoice = stripe.Invoice.retrieve(subscription.latest_invoice)
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt == unix("2027-02-04T00:00:00+00:00")
    refused(stripe.CardError, "card_declined", stripe.Invoice.pay, invoice.id)
    good = stripe.PaymentMethod.create(
        type="card",
        card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"},
    )
    good = stripe.PaymentMethod.attach(good.id, customer=subscription.customer)
    paid = stripe.Invoice.pay(invoice.id, payment_method=good.id)
    assert (paid.status, paid.amount_paid) == ("paid", 2000)
    assert stripe.Subscription.retrieve(subscription.id).status == "active"
    stripe.Subscription.modify(subscription.id, default_payment_method=good.id)
    stripe.Subscription.cancel(subscription.id, cancellation_details={"comment": "bye"})


def trial():
    subscription = subscribe(
        1000, subscription_data={
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        },
    )
    assert (subscription.status, subscription.latest_invoice.total) == ("trialing", 0)
    ended = stripe.Subscription.modify(subscription.id, trial_end="now")
    assert ended.status == "active"


def discount_and_tax():
    coupon = stripe.Coupon.create(percent_off=12.5, duration="repeating", duration_in_months=2)
    assert coupon.percent_off == 12.5 and coupon.valid
    code = stripe.PromotionCode.create(promotion={"type": "coupon", "coupon": coupon.id}, code="SPRING")
    assert [each.id for each in stripe.PromotionCode.list(code="spring").data] == [code.id]
    rate = stripe.TaxRate.create(display_name="Sales tax", percentage=8.875, inclusive=False)
    subscription = subscribe(
        1000, code="SPRING", allow_promotion_codes=True,
        subscription_data={"default_tax_rates": [rate.id]},
    )
    invoice = stripe.Invoice.retrieve(
        subscription.latest_invoice.id, expand=["discounts.promotion_code", "discounts.source.coupon"]
    )
    # 10.00 less 12.5 %, and 8.875 % of 8.75 on top.
    assert (invoice.subtotal, invoice.total, invoice.total_excluding_tax) == (1000, 953, 875)
    assert invoice.discounts[0].promotion_code.code == "SPRING"
    assert invoice.discounts[0].source.coupon.id == coupon.id
    tax = invoice.total_taxes[0]
    assert (tax.amount, tax.tax_rate_details.tax_rate) == (78, rate.id)


def refunds():
    subscribe(1000, card="4000000000005126")
    charge = stripe.Charge.list(limit=1).data[0]
    refund = stripe.Refund.create(charge=charge.id, amount=400, reason="requested_by_customer")
    assert stripe.Refund.retrieve(refund.id, expand=["charge"]).charge.amount_refunded == 400
    refused(stripe.InvalidRequestError, None, stripe.Refund.cancel, refund.id)
    advance("2027-02-02T00:00:00Z")
    failed = stripe.Refund.retrieve(refund.id, expand=["failure_balance_transaction"])
    assert failed.failure_balance_transaction.type == "refund_failure"
    stripe.Refund.create(payment_intent=charge.payment_intent)
    refused(
        stripe.InvalidRequestError, "charge_already_refunded", stripe.Refund.create, charge=charge.id
    )


def disputes():
    subscribe(5000, card="4000000000000259")
    dispute = stripe.Dispute.list(limit=1, expand=["data.charge"]).data[0]
    assert (dispute.status, dispute.charge.disputed) == ("needs_response", True)
    assert dispute.balance_transactions[0].net == -6500
    stripe.Dispute.modify(dispute.id, evidence={"uncategorized_text": "winning_evidence"}, submit=True)
    advance("2027-02-03T00:00:00Z")
    won = stripe.Dispute.retrieve(dispute.id)
    assert (won.status, won.balance_transactions[1].net) == ("won", 6500)
    charge = subscribe(5000).latest_invoice and stripe.Charge.list(limit=1).data[0]
    asked = control(f"charges/{charge.id}/dispute", inquiry=True, reason="general")
    assert stripe.Dispute.close(asked["id"]).status == "warning_closed"


def main():
    past_due(upgrade())
    trial()
    discount_and_tax()
    refunds()
    disputes()
    total = sum(each.net for each in stripe.BalanceTransaction.list(limit=7).auto_paging_iter())
    balance = stripe.Balance.retrieve()
    assert total == balance.available[0].amount + balance.pending[0].amount
    kinds = {each.type for each in stripe.Event.list(limit=100).auto_paging_iter()}
    for kind in [
        "customer.subscription.deleted", "customer.discount.created", "invoice.payment_failed",
        "charge.refunded", "refund.failed", "charge.dispute.funds_reinstated",
    ]:
        assert kind in kinds, kind
    print(f"ok: {len(kinds)} kinds of events")


main()
