"""What the holder of a link sees, in every state an invoice can be in, and what they never see."""

import re
import secrets
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from accounts import tokens
from audit.models import Event
from billing.invoices.models import Invoice
from billing.settlement import services as settlement
from core import clock, ids
from outbound.models import OutboxMessage
from payments.models import Attempt, PayLink, Payment, PaymentItem
from tenancy.context import Scope, scope
from tests.make import billing, customers, paying
from tests.make.paying import Bill


@pytest.fixture
def here(db: None, tenant_a: UUID) -> UUID:
    paying.organization(tenant_a)
    return tenant_a


@pytest.fixture
def bill(here: UUID) -> Bill:
    return paying.bill(here)


def page(path: str, **query: str):
    return Client(raise_request_exception=False).get(path, query)


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def events(tenant: UUID, code: str) -> list[Event]:
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at"))


def test_the_amount_comes_first_then_who_bills_whom_and_when(here: UUID, bill: Bill) -> None:
    response = page(bill.path)
    text = text_of(response)
    assert response.status_code == 200
    assert re.search(r"<h1><span[^>]*>€100.00</span>", response.content.decode())
    assert f"Invoice {bill.number} from Strongbox Tests GmbH to Ada Lovelace" in text
    assert "Calibration, on site" in text
    (event,) = events(here, "pay_link.opened")
    assert (event.subject_id, event.actor_kind) == (bill.invoice, "stranger")


def test_bank_details_carry_amount_reference_and_the_day_they_last_changed(here: UUID, bill: Bill) -> None:
    response = page(bill.path)
    text = text_of(response)
    with scope(Scope(here)):
        from billing.documents import reference

        named = reference.printed(reference.reference_of(Invoice.objects.get(pk=bill.invoice)))
    assert "AT61 1904 3002 3457 3201" in text
    assert named in text
    assert 'aria-label="Code for a bank app' in response.content.decode()
    assert "These details hold since" in text
    assert "We never change bank details by e-mail" in text


def test_without_a_provider_there_is_no_card_button(bill: Bill) -> None:
    assert "Card or direct debit" not in text_of(page(bill.path))


def test_only_this_page_lets_a_form_lead_on_to_the_provider(here: UUID, bill: Bill, settings) -> None:
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:8010"
    policy = page(bill.path).headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:8010;" in policy
    assert "form-action 'self';" in page(f"{bill.path}/result").headers["Content-Security-Policy"]
    settings.GATEWAY_ADDRESS = ""
    assert (
        "form-action 'self' https://checkout.stripe.com;"
        in page(bill.path).headers["Content-Security-Policy"]
    )


def test_a_paid_invoice_says_when_and_offers_its_receipt(here: UUID, bill: Bill) -> None:
    paying.arrived(here, (bill.invoice, 10_000))
    text = text_of(page(bill.path))
    assert "Nothing more is due" in text
    assert "This invoice was paid on" in text
    receipt = page(f"{bill.path}/receipt.pdf")
    assert (receipt.status_code, receipt.headers["Content-Type"], receipt.content[:5]) == (
        200,
        "application/pdf",
        b"%PDF-",
    )
    assert len(events(here, "receipt.read")) == 1


def test_a_part_payment_leaves_the_rest_due(here: UUID, bill: Bill) -> None:
    paying.arrived(here, (bill.invoice, 4_000))
    text = text_of(page(bill.path))
    assert "€60.00" in text
    assert "€40.00 of €100.00 is paid" in text


def test_a_payment_of_several_invoices_shows_this_ones_share_and_no_receipt(here: UUID, bill: Bill) -> None:
    other = paying.bill(here, amount="77.31", of=bill.customer)
    paying.arrived(here, (bill.invoice, 10_000), (other.invoice, 7_731))
    for path in (bill.path, f"{bill.path}/result"):
        text = text_of(page(path))
        assert "€100.00" in text
        assert "177.31" not in text
        assert "77.31" not in text
        assert other.number not in text
    assert page(f"{bill.path}/receipt.pdf").status_code == 404


@pytest.mark.parametrize(
    ("state", "said"),
    [("processing", "We are waiting for your bank"), ("unknown", "We are asking the payment provider")],
)
def test_what_is_under_way_offers_no_second_payment(here: UUID, bill: Bill, state: str, said: str) -> None:
    account = paying.connected(here, "sk_test_" + "4" * 24)
    with scope(Scope(here)):
        at = clock.now()
        payment = Payment.objects.create(
            customer_id=bill.customer, account_id=account, state=state, method="card", source="pay_link",
            currency="EUR", amount_minor=10_000, created_at=at, updated_at=at,
        )  # fmt: skip
        PaymentItem.objects.create(
            payment=payment,
            customer_id=bill.customer,
            invoice_id=bill.invoice,
            position=1,
            amount_minor=10_000,
        )
    response = page(bill.path)
    assert said in text_of(response)
    assert "Pay €100.00" not in response.content.decode()
    pressed = Client().post(bill.path)
    assert (pressed.status_code, pressed.headers["Location"]) == (303, bill.path)
    with scope(Scope(here)):
        assert Attempt.objects.count() == 0


def test_a_void_invoice_says_so(here: UUID, bill: Bill) -> None:
    with scope(Scope(here)):
        billing.void(bill.invoice)
    assert "This invoice is void" in text_of(page(bill.path))


def test_a_disputed_invoice_says_so(here: UUID, bill: Bill) -> None:
    with scope(Scope(here)):
        Invoice.objects.filter(pk=bill.invoice).update(disputes_open=1)
    assert "is disputed" in text_of(page(bill.path))


def test_a_link_shows_one_invoice_and_nothing_else(here: UUID, bill: Bill) -> None:
    other = paying.bill(here, amount="77.31", of=bill.customer)
    for path in (bill.path, f"{bill.path}/result"):
        body = page(path).content.decode()
        assert other.number not in body
        assert paying.EMAIL not in body
        assert ids.encode("customer", bill.customer) not in body


def test_an_expired_link_offers_a_new_one_and_is_recorded(here: UUID, bill: Bill) -> None:
    with scope(Scope(here)):
        PayLink.objects.filter(invoice_id=bill.invoice).update(expires_at=clock.now() - timedelta(days=1))
    response = page(bill.path)
    assert response.status_code == 410
    assert "E-mail me a new link" in text_of(response)
    assert "€100.00" not in text_of(response)
    (event,) = events(here, "pay_link.refused")
    assert (event.reason, event.subject_id) == ("pay_link_expired", bill.invoice)


def test_a_withdrawn_link_offers_none(here: UUID, bill: Bill) -> None:
    with scope(Scope(here)):
        PayLink.objects.filter(invoice_id=bill.invoice).update(revoked_at=clock.now())
    response = page(bill.path)
    assert response.status_code == 410
    assert "E-mail me a new link" not in text_of(response)


@pytest.mark.parametrize("kind", ["foreign", "unknown", "malformed"])
def test_an_unknown_link_tells_nothing(here: UUID, bill: Bill, tenant_b: UUID, kind: str) -> None:
    token = {
        "foreign": tokens.mint_link(tenant=tenant_b)[:26] + bill.token[26:],
        "unknown": tokens.mint_link(tenant=here),
        "malformed": "nothing",
    }[kind]
    for path in ("", "/result", "/state", "/invoice.pdf", "/receipt.pdf"):
        response = page(f"/pay/{token}{path}")
        assert response.status_code == 404
        assert "This payment link does not work" in text_of(response)
        assert bill.number not in text_of(response)


def test_the_answer_to_whoever_asks_for_a_new_link_is_always_the_same(here: UUID, bill: Bill) -> None:
    unknown = tokens.mint_link(tenant=here)
    answers = set()
    for email, number in (
        (paying.EMAIL, bill.number),
        ("thief@elsewhere.example", bill.number),
        (paying.EMAIL, "none"),
        ("", ""),
    ):
        # Each from a network that has not asked before.
        network = f"10.{secrets.randbelow(250)}.{secrets.randbelow(250)}.9"
        response = Client(REMOTE_ADDR=network).post(
            f"/pay/{unknown}/renew", {"email": email, "number": number}
        )
        answers.add((response.status_code, response.headers["Location"], response.content))
    assert answers == {(302, "/pay/renewed", b"")}
    with scope(Scope(here)):
        assert OutboxMessage.objects.filter(template="pay_link").count() == 1
    assert "If we found the invoice" in text_of(page("/pay/renewed"))


def test_the_document_comes_as_a_file(here: UUID, bill: Bill) -> None:
    response = page(f"{bill.path}/invoice.pdf")
    assert (response.status_code, response.content[:5]) == (200, b"%PDF-")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{bill.number}.pdf"'


def test_while_a_payment_is_on_its_way_the_page_asks_for_almost_nothing(here: UUID, bill: Bill) -> None:
    with scope(Scope(here)):
        at = clock.now()
        payment = Payment.objects.create(
            customer_id=bill.customer, state="processing", method="card", source="pay_link", currency="EUR",
            amount_minor=10_000, created_at=at, updated_at=at,
        )  # fmt: skip
        PaymentItem.objects.create(
            payment=payment,
            customer_id=bill.customer,
            invoice_id=bill.invoice,
            position=1,
            amount_minor=10_000,
        )
    shown = page(f"{bill.path}/result").content.decode()
    (seen,) = re.findall(r"seen=([0-9a-f]{16})", shown)
    before = len(events(here, "pay_link.opened"))
    same = page(f"{bill.path}/state", seen=seen)
    assert (same.status_code, same.content) == (304, b"")
    assert len(events(here, "pay_link.opened")) == before
    with scope(Scope(here)):
        Payment.objects.filter(pk=payment.pk).update(state="failed", failure_code="insufficient_funds")
    other = page(f"{bill.path}/state", seen=seen)
    assert other.status_code == 200
    assert "There was not enough money on this card or account. Nothing was charged." in text_of(other)


def test_the_result_page_says_nothing_is_paid_and_its_question_is_cheap(here: UUID, bill: Bill) -> None:
    paying.arrived(here, (bill.invoice, 4_000))
    before = len(events(here, "pay_link.opened"))
    first = page(f"{bill.path}/state")
    assert first.status_code == 200
    # Asked without the page, by whoever found the link, it tells as much as the page and is recorded like it.
    assert len(events(here, "pay_link.opened")) == before + 1
    seen = re.search(r"seen=([0-9a-f]+)", page(f"{bill.path}/result").content.decode())
    assert seen is None  # nothing moves, so the page does not ask
    assert "A part is paid" in text_of(first)


def test_no_page_lies_in_a_cache_or_an_index(bill: Bill) -> None:
    response = page(bill.path)
    assert response.headers["Cache-Control"] == "no-store"
    assert '<meta name="robots" content="noindex, nofollow">' in response.content.decode()


def test_whoever_is_signed_in_elsewhere_sees_the_same_pages(here: UUID, bill: Bill) -> None:
    other = paying.bill(here, email="grace@hopper.example")
    cookie = customers.signed_in(here, other.customer)
    client = Client(raise_request_exception=False)
    client.cookies[cookie["name"]] = cookie["value"]
    for path in ("", "/result", "/state", "/invoice.pdf"):
        assert client.get(f"{bill.path}{path}").status_code == 200, path
    (event, *_) = events(here, "pay_link.opened")
    assert event.actor_kind == "user"


def shown(path: str) -> str:
    return text_of(page(f"{path}/result"))


def on_its_way(here: UUID, bill: Bill, **more) -> UUID:
    with scope(Scope(here)):
        at = clock.now()
        payment = Payment.objects.create(
            customer_id=bill.customer, source="pay_link", currency="EUR", amount_minor=10_000, created_at=at,
            updated_at=at, **{"state": "processing", "method": "card", **more},
        )  # fmt: skip
        PaymentItem.objects.create(
            payment=payment,
            customer_id=bill.customer,
            invoice_id=bill.invoice,
            position=1,
            amount_minor=10_000,
        )
    return payment.pk


def test_the_result_shows_what_came_besides_the_bank_payment_as_credit(here: UUID, bill: Bill) -> None:
    bank = paying.arrived(here, (bill.invoice, 10_000))
    assert "Kept as your credit" not in shown(bill.path)
    card = paying.arrived(here, (bill.invoice, 10_000), method="card", brand="visa", last4="4242")
    text = shown(bill.path)
    for pk in (bank, card):
        assert ids.encode("payment", pk) in text
    assert "Kept as your credit €100.00" in text
    assert "Paid with Visa ending 4242" in text
    assert "Strongbox Tests GmbH keeps it as your credit" in text
    # One that is paid by a part of a payment says what became of the rest.
    other = paying.bill(here, amount="30.00", of=bill.customer)
    paying.arrived(here, (other.invoice, 10_000))
    text = shown(other.path)
    assert "Amount €30.00 Kept as your credit €70.00" in text
    assert ids.encode("payment", card) not in text


def test_the_result_shows_what_was_credit_and_is_gone(here: UUID, bill: Bill) -> None:
    paying.arrived(here, (bill.invoice, 10_000))
    card = paying.arrived(here, (bill.invoice, 10_000), method="card", brand="visa", last4="4242")
    other = paying.bill(here, amount="100.00", of=bill.customer)
    with scope(Scope(here)):
        settlement.apply_credit(
            invoice_id=other.invoice, amount_minor=10_000, actor=paying.ACTOR, at=clock.now()
        )
    text = shown(bill.path)
    assert ids.encode("payment", card) in text
    assert "Given back, or used for another invoice" in text
    assert "Kept as your credit" not in text
    assert other.number not in text


def test_the_result_names_the_method_of_what_is_on_its_way_and_none_it_does_not_know(
    here: UUID, bill: Bill
) -> None:
    payment = on_its_way(here, bill)
    assert "On its way" in shown(bill.path)
    assert "Paying with" not in shown(bill.path)
    with scope(Scope(here)):
        Payment.objects.filter(pk=payment).update(method="sepa_debit", brand="sepa_debit", last4="3000")
    assert "Paying with Direct debit from account ending 3000" in shown(bill.path)
    # Paid by bank meanwhile: both stand there.
    bank = paying.arrived(here, (bill.invoice, 10_000))
    text = shown(bill.path)
    assert ids.encode("payment", bank) in text
    assert "Paying with Direct debit from account ending 3000" in text
