"""Drives a running sandbox with Stripe's official Python SDK.

Usage: pip install stripe; python drive.py http://127.0.0.1:12111
The sandbox must be new, with its clock at 2027-01-01T00:00:00Z. Exits with an error at the
first answer that is not what the SDK, or Stripe's documentation, leads one to expect.
"""

import datetime
import http.server
import json
import sys
import threading
import time
import urllib.parse
import urllib.request

import stripe

BASE = sys.argv[1]
stripe.api_key = "sk_test_sdk"
stripe.api_base = BASE
stripe.max_network_retries = 0

arrivals = []


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        arrivals.append((self.path, self.headers["stripe-signature"], body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def control(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    return json.load(urllib.request.urlopen(BASE + "/_sandbox/" + path, data=data))


def advance(to):
    return control("clock", {"advance_to": to})


def unix(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def submit(url, **fields):
    """Posts a page's form and answers where it redirects to."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    data = urllib.parse.urlencode(fields).encode()
    try:
        urllib.request.build_opener(Stay).open(url, data=data)
    except urllib.error.HTTPError as answer:
        assert answer.code == 303, answer.read()
        return answer.headers["location"]
    raise AssertionError("the page did not redirect")


def refused(kind, code, call, **params):
    try:
        call(**params)
    except kind as error:
        assert error.code == code, error
        return error
    raise AssertionError(f"{code} was expected")


def checkout():
    customer = stripe.Customer.create(email="fan@example.com", metadata={"fan": "1"})
    price = stripe.Price.create(
        currency="usd", unit_amount=2000, recurring={"interval": "month"},
        product_data={"name": "Plan"}, lookup_key="basic",
    )
    found = stripe.Price.list(lookup_keys=["basic"], expand=["data.product"]).data
    assert [(each.id, each.product.name) for each in found] == [(price.id, "Plan")]
    advance("2027-01-16T12:00:00Z")
    session = stripe.checkout.Session.create(
        mode="subscription", customer=customer.id,
        line_items=[{"price": price.id, "quantity": 1}],
        success_url="http://site/ok?s={CHECKOUT_SESSION_ID}", cancel_url="http://site/no",
        subscription_data={
            "metadata": {"fan_id": "7"}, "proration_behavior": "create_prorations",
            "billing_cycle_anchor": unix("2027-02-01T00:00:00+00:00"),
        },
    )
    assert submit(session.url, card_number="4242 4242 4242 4242").endswith(session.id)
    session = stripe.checkout.Session.retrieve(session.id, expand=["line_items"])
    assert (session.status, session.payment_status) == ("complete", "paid")
    expand = ["payments.data.payment.payment_intent"]
    invoice = stripe.Invoice.retrieve(session.invoice, expand=expand)
    line = invoice.lines.data[0]
    assert invoice.amount_paid == 1000 and line.parent.subscription_item_details.proration
    assert invoice.parent.subscription_details.metadata["fan_id"] == "7"
    intent = invoice.payments.data[0].payment.payment_intent
    expand = ["latest_charge.balance_transaction"]
    intent = stripe.PaymentIntent.retrieve(intent.id, expand=expand)
    transaction = intent.latest_charge.balance_transaction
    assert (transaction.fee, transaction.net, transaction.status) == (59, 941, "pending")
    advance("2027-03-01T00:00:00Z")
    invoices = stripe.Invoice.list(subscription=session.subscription)
    assert [each.amount_paid for each in invoices.data] == [2000, 2000, 1000]
    ended = stripe.Subscription.cancel(session.subscription)
    assert ended.status == "canceled"


def connect():
    stripe.Topup.create(amount=100_000, currency="usd", description="float")
    account = stripe.Account.create(
        type="express", country="US", email="creator@example.com",
        capabilities={"transfers": {"requested": True}}, metadata={"creator": "9"},
    )
    code = "insufficient_capabilities_for_transfer"
    order = {"currency": "usd", "destination": account.id}
    refused(stripe.InvalidRequestError, code, stripe.Transfer.create, amount=1, **order)
    link = stripe.AccountLink.create(
        account=account.id, type="account_onboarding", return_url="http://site/back",
        refresh_url="http://site/again",
    )
    assert submit(link.url, account_number="000123456789") == "http://site/back"
    assert stripe.Account.retrieve(account.id).payouts_enabled
    payouts = {"schedule": {"interval": "manual"}, "minimum_balance_by_currency": {"usd": 5}}
    settings = stripe.BalanceSettings.modify(
        payments={"payouts": payouts}, stripe_account=account.id
    )
    assert settings.payments.payouts.schedule.interval == "manual"
    keyed = {"amount": 500, "idempotency_key": "k1", "transfer_group": "g", **order}
    first, again = stripe.Transfer.create(**keyed), stripe.Transfer.create(**keyed)
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    refused(stripe.IdempotencyError, None, stripe.Transfer.create, **{**keyed, "amount": 501})
    for code, params in [
        ("balance_insufficient", {"amount": 50_000_000, **order}),
        ("parameter_unknown", {"amount": 1, "bogus": 1, **order}),
        ("parameter_missing", {"amount": 1, "currency": "usd"}),
    ]:
        refused(stripe.InvalidRequestError, code, stripe.Transfer.create, **params)
    missing = refused(
        stripe.InvalidRequestError, "resource_missing", stripe.Transfer.retrieve, id="tr_none"
    )
    assert missing.http_status == 404
    refused(stripe.AuthenticationError, None, stripe.Balance.retrieve, api_key="sk_live_x")
    for _ in range(25):
        stripe.Transfer.create(amount=1, transfer_group="many", **order)
    walk = stripe.Transfer.list(transfer_group="many", limit=10).auto_paging_iter()
    assert len({each.id for each in walk}) == 25
    total = sum(each.net for each in stripe.BalanceTransaction.list(limit=7).auto_paging_iter())
    balance = stripe.Balance.retrieve()
    assert total == balance.available[0].amount + balance.pending[0].amount
    payout = stripe.Payout.create(amount=500, currency="usd", stripe_account=account.id)
    advance("2027-03-05T00:00:00Z")
    arrived = stripe.Payout.retrieve(payout.id, stripe_account=account.id)
    assert arrived.status == "paid"


def money_out():
    """Reversals, banks, the stages of a payout, restrictions, fees and balance settings."""
    account = stripe.Account.create(
        type="express", country="US", capabilities={"transfers": {"requested": True}}
    )
    control(f"accounts/{account.id}/complete", {"account_number": "000123456789"})
    own = {"stripe_account": account.id}
    manual = {"payouts": {"schedule": {"interval": "manual"}}}
    stripe.BalanceSettings.modify(payments=manual, **own)
    order = {"currency": "usd", "destination": account.id}
    transfer = stripe.Transfer.create(amount=1000, **order)
    stripe.Transfer.create_reversal(transfer.id, amount=100, metadata={"why": "test"})
    stripe.Transfer.create_reversal(transfer.id, amount=50)
    expand = ["reversals.data.balance_transaction", "destination_payment"]
    transfer = stripe.Transfer.retrieve(transfer.id, expand=expand)
    assert (transfer.amount_reversed, transfer.reversed) == (150, False)
    assert [each.balance_transaction.net for each in transfer.reversals.data] == [50, 100]
    assert transfer.destination_payment.amount_refunded == 150
    walk = stripe.Transfer.list_reversals(transfer.id, limit=1).auto_paging_iter()
    assert [each.amount for each in walk] == [50, 100]
    first = transfer.reversals.data[1]
    assert stripe.Transfer.retrieve_reversal(transfer.id, first.id).metadata["why"] == "test"
    payout = stripe.Payout.create(amount=850, currency="usd", **own)
    refused(
        stripe.InvalidRequestError, "balance_insufficient",
        lambda amount: stripe.Transfer.create_reversal(transfer.id, amount=amount), amount=1,
    )
    advance("2027-03-06T00:00:00Z")
    assert stripe.Payout.retrieve(payout.id, **own).status == "in_transit"
    control(f"payouts/{payout.id}/fail", {"code": "account_frozen"})
    failed = stripe.Payout.retrieve(payout.id, expand=["failure_balance_transaction"], **own)
    assert (failed.status, failed.failure_code) == ("failed", "account_frozen")
    assert failed.failure_balance_transaction.type == "payout_failure"
    assert not stripe.Account.retrieve(account.id).payouts_enabled
    refused(
        stripe.InvalidRequestError, "payouts_not_allowed",
        stripe.Payout.create, amount=1, currency="usd", **own,
    )
    bank = {
        "object": "bank_account", "country": "US", "currency": "usd",
        "routing_number": "110000000", "account_number": "000123456789",
    }
    added = stripe.Account.create_external_account(account.id, external_account=bank)
    assert added.default_for_currency and stripe.Account.retrieve(account.id).payouts_enabled
    listed = stripe.Account.list_external_accounts(account.id, object="bank_account", limit=5)
    old = [each for each in listed.data if not each.default_for_currency]
    assert [each.status for each in old] == ["errored"]
    assert stripe.Account.delete_external_account(account.id, old[0].id).deleted
    control(f"accounts/{account.id}/restrict", {"disabled_reason": "requirements.past_due"})
    code = "insufficient_capabilities_for_transfer"
    refused(stripe.InvalidRequestError, code, stripe.Transfer.create, amount=1, **order)
    control(f"accounts/{account.id}/restore", {})
    floor = {"schedule": {"interval": "daily"}, "minimum_balance_by_currency": {"usd": 300}}
    stripe.BalanceSettings.modify(payments={"payouts": floor}, **own)
    advance("2027-03-07T00:00:00Z")
    swept = stripe.Payout.list(limit=1, **own).data[0]
    assert (swept.amount, swept.automatic) == (550, True)
    taken = stripe.BalanceTransaction.list(payout=swept.id, **own).data
    assert sum(each.net for each in taken) == 0, taken
    control("fee", {"amount": 200, "description": "Connect"})
    fee = stripe.BalanceTransaction.list(type="stripe_fee").data[0]
    assert (fee.net, fee.reporting_category) == (-200, "fee")
    stripe.Account.reject(account.id, reason="fraud")
    rejected = stripe.Account.retrieve(account.id)
    assert rejected.requirements.disabled_reason == "rejected.fraud"
    refused(stripe.InvalidRequestError, "parameter_invalid", stripe.Transfer.list, expand=["data.amount"])


def faults():
    """What the SDK makes of limits, errors, lost connections and half answers."""
    order = {"amount": 1, "currency": "usd", "description": "f"}
    for kind, error, code in [
        ("http_429", stripe.RateLimitError, None),
        ("http_500_before", stripe.APIError, None),
        ("reset_before", stripe.APIConnectionError, None),
        ("reset_after", stripe.APIConnectionError, None),
        ("truncate_after", stripe.APIConnectionError, None),
        ("refuse_call", stripe.InvalidRequestError, "processing_error"),
    ]:
        before = stripe.Balance.retrieve().available[0].amount
        control("faults", {"kind": kind, "times": 1, "match": {"path": "/v1/topups"}})
        refused(error, code, stripe.Topup.create, idempotency_key=kind, **order)
        done = stripe.Balance.retrieve().available[0].amount - before
        assert done == (1 if kind.endswith("_after") else 0), kind
    assert [each["took_effect"] for each in control("faults")["data"]] == [1] * 6


def webhooks(secrets):
    for _ in range(200):
        if control("clock")["idle"]:
            break
        time.sleep(0.05)
    kinds = set()
    for path, signature, body in arrivals:
        event = stripe.Webhook.construct_event(body, signature, secrets[path])
        assert ("account" in event.to_dict()) == (path == "/connect")
        kinds.add(event.type)
    for kind in ["checkout.session.completed", "invoice.paid", "transfer.created", "payout.paid"]:
        assert kind in kinds, kind
    listed = list(stripe.Event.list(limit=100, type="transfer.created").auto_paging_iter())
    assert len(listed) == 27 and all(each.pending_webhooks == 0 for each in listed)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    secrets = {}
    for path, is_connect in [("/own", False), ("/connect", True)]:
        url = f"http://127.0.0.1:{server.server_port}{path}"
        endpoint = stripe.WebhookEndpoint.create(
            url=url, enabled_events=["*"], connect=is_connect
        )
        secrets[path] = endpoint.secret
        assert "secret" not in stripe.WebhookEndpoint.retrieve(endpoint.id).to_dict()
    checkout()
    connect()
    money_out()
    faults()
    webhooks(secrets)
    print(f"ok: {len(arrivals)} webhooks verified")


main()
