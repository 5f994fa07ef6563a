"""Every page a payer sees, by link and on the portal: readable by all, in both themes, under the policy, narrow."""

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import Browser

from accounts.services import members
from billing.invoices.models import Invoice
from core import clock, ids
from payments.models import Attempt, PayLink, Payment, PaymentItem, PaymentMethod
from payments.services import autopay, links
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts as make
from tests.make import billing, customers, paying
from tests.make.paying import Bill


@pytest.fixture
def account(live: Live) -> UUID:
    paying.organization(live.tenant)
    return paying.connected(live.tenant, "sk_test_" + "4" * 24)


def under_way(live: Live, bill: Bill, account: UUID, state: str) -> UUID:
    """Let a payment of an invoice be on its way, or be asked about."""
    with scope(Scope(live.tenant)):
        at = clock.now()
        payment = Payment.objects.create(
            customer_id=bill.customer, account_id=account, state=state, method="card", source="pay_link",
            currency="EUR", amount_minor=10_000, created_at=at, updated_at=at, failure_code="insufficient_funds",
        )  # fmt: skip
        PaymentItem.objects.create(
            payment=payment,
            customer_id=bill.customer,
            invoice_id=bill.invoice,
            position=1,
            amount_minor=10_000,
        )
        Attempt.objects.create(
            payment=payment, customer_id=bill.customer, account_id=account, number=1, state=state,
            created_at=at, updated_at=at,
        )  # fmt: skip
    return payment.pk


def saved_card(live: Live, bill: Bill, account: UUID) -> str:
    with scope(Scope(live.tenant)):
        row = PaymentMethod.objects.create(
            customer_id=bill.customer, account_id=account, reference="pm_1", kind="card", is_default=True,
            brand="visa", last4="4242", expires_month=1, expires_year=2020, agreed_at=clock.now(),
        )  # fmt: skip
    return ids.encode("payment_method", row.pk)


def test_nothing_is_wrong_with_the_pages_behind_a_link(browser: Browser, live: Live, account: UUID) -> None:
    due, part, paid, void, disputed, waiting, unsure, failed, over, withdrawn = (
        paying.bill(live.tenant, due_in=days) for days in (14, 3, -40, 5, 6, 7, 8, -3, 9, 10)
    )
    paying.arrived(live.tenant, (part.invoice, 4_000), method="card", brand="visa", last4="4242")
    paying.arrived(live.tenant, (paid.invoice, 10_000))
    under_way(live, waiting, account, "processing")
    under_way(live, unsure, account, "unknown")
    under_way(live, failed, account, "failed")
    with scope(Scope(live.tenant)):
        billing.void(void.invoice)
        Invoice.objects.filter(pk=disputed.invoice).update(disputes_open=1)
        PayLink.objects.filter(invoice_id=over.invoice).update(expires_at=clock.now() - timedelta(days=1))
        PayLink.objects.filter(invoice_id=withdrawn.invoice).update(revoked_at=clock.now())
    bills = (due, part, paid, void, disputed, waiting, unsure, failed)
    paths = [bill.path for bill in bills] + [f"{bill.path}/result" for bill in bills]
    paths += [
        f"{due.path}?back=1",
        f"{due.path}?away=1",
        "/pay/renewed",
        "/pay/invited",
        f"/pay/{due.token[:-1]}2",
    ]
    assert judge(browser, live, paths, [], in_german=True) == {}
    # Dead links are answered 410, which the browser's console takes for a fault.
    for path in (over.path, withdrawn.path):
        faults = judge(browser, live, [path], [], in_german=True).get(path, [])
        assert [fault for fault in faults if "status of 410" not in fault] == []


def test_nothing_is_wrong_with_the_portal(browser: Browser, live: Live, account: UUID) -> None:
    due = paying.bill(live.tenant, due_in=14)
    of = due.customer
    late, paid, waiting, failed = (
        paying.bill(live.tenant, amount=amount, due_in=days, of=of)
        for amount, days in (("1234567.89", -40), ("20", 3), ("100", 5), ("100", 6))
    )
    payment = paying.arrived(live.tenant, (paid.invoice, 2_000), method="card", brand="visa", last4="4242")
    on_its_way = under_way(live, waiting, account, "processing")
    declined = under_way(live, failed, account, "failed")
    method = saved_card(live, due, account)
    with scope(Scope(live.tenant)):
        autopay.set(
            customer_id=of,
            payment_method_id=ids.decode("payment_method", method),
            currency="EUR",
            limit_minor=25_000,
            actor=make.actor(make.person()),
            at=clock.now(),
        )
    cookie = customers.signed_in(
        live.tenant, of, url=live.url, name="Mirjam Östlund-Featherstonehaugh of Kilkenny"
    )
    invoices = {bill: ids.encode("invoice", bill.invoice) for bill in (due, late, paid, waiting, failed)}
    paths = [
        "",
        *(f"invoices/{pk}" for pk in invoices.values()),
        f"pay?invoice={invoices[due]}&invoice={invoices[late]}",
        f"pay?invoice={invoices[due]}&away=1",
        "payments",
        "statements",
        *(f"payments/{ids.encode('payment', pk)}" for pk in (payment, on_its_way, declined)),
        "methods",
        "methods?said=saved",
        "methods/new/card",
        "methods/new/sepa_debit",
        f"methods/{method}/remove",
        "bank-details",
        "contacts",
        "privacy",
        "privacy/ask",
        "automatic-payment",
        "automatic-payment/on",
        "automatic-payment/EUR/off",
    ]
    assert judge(browser, live, [f"/p/{live.slug}/{path}" for path in paths], [cookie], in_german=True) == {}


def test_nothing_is_wrong_where_nothing_is_yet(browser: Browser, live: Live) -> None:
    with scope(Scope(live.tenant)):
        customer = billing.customer().pk
    cookie = customers.signed_in(live.tenant, customer, url=live.url)
    empty = ("", "payments", "methods", "automatic-payment", "bank-details")
    paths = [f"/p/{live.slug}/{path}" for path in empty]
    assert judge(browser, live, paths, [cookie], in_german=True) == {}


def test_nothing_is_wrong_with_what_staff_see_of_it(browser: Browser, live: Live, account: UUID) -> None:
    who = live.person()
    bill, silent = paying.bill(live.tenant), paying.bill(live.tenant, email="")
    with scope(Scope(live.tenant)):
        make.portal_access(bill.customer)
        members.invite_customer(
            email="nina@ada.example",
            customer_id=bill.customer,
            actor=make.actor(who.user),
            at=clock.now(),
        )
        links.revoke(invoice_id=silent.invoice, actor=make.actor(who.user), at=clock.now())
    invoice, without = ids.encode("invoice", bill.invoice), ids.encode("invoice", silent.invoice)
    paths = [
        f"invoices/{invoice}",
        f"invoices/{invoice}/send",
        f"invoices/{without}/send",
        f"invoices/{invoice}/pay-link",
        f"invoices/{without}/pay-link",
        f"customers/{ids.encode('customer', bill.customer)}/portal",
        f"customers/{ids.encode('customer', silent.customer)}/portal",
    ]
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], [live.cookie(who)]) == {}
