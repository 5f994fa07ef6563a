"""What customers get by mail: the invoice with link and PDF, a receipt once, and nothing to a made-up address."""

from datetime import date, timedelta

import pytest
from django.core import mail as django_mail
from django.db import connection

from audit.models import Event
from billing.documents import pdf
from billing.settlement import services as settlement
from core import clock
from core.actor import Actor
from outbound import delivery
from outbound.models import OutboxMessage, WebhookEvent
from payments.models import Payment, PaymentItem
from payments.services import links, sending
from tenancy import context
from tenancy.context import Scope, scope
from tests.make import api, billing

ACTOR = Actor.system("tests")
LATER = timedelta(minutes=5)


@pytest.fixture
def issuer(db, tenant_a):
    api.set_issuer(tenant_a)
    return tenant_a


@pytest.fixture
def inside(issuer):
    with scope(Scope(issuer)):
        yield issuer


def customer(email: str = "pay@ada.example"):
    return billing.customer(email=email)


def invoice(email: str = "pay@ada.example"):
    return billing.finalized(of=customer(email), due_on=date(2026, 3, 20))


def paid(found, *, amount: int = 0, at=None) -> Payment:
    """Let money arrive by bank transfer, as the books see it."""
    at = at or clock.now()
    amount = amount or found.total_minor
    payment = Payment.objects.create(
        customer_id=found.customer_id, state="succeeded", method="bank_transfer", source="staff",
        currency="EUR", amount_minor=amount, captured_minor=amount, received_on=at.date(), created_at=at,
        updated_at=at, succeeded_at=at,
    )  # fmt: skip
    PaymentItem.objects.create(
        payment=payment, customer_id=found.customer_id, invoice_id=found.pk, position=1, amount_minor=amount
    )
    settlement.settle(
        customer_id=found.customer_id, currency="EUR", amount_minor=amount, wanted=[(found.pk, amount)],
        payment_id=payment.pk, cash_account="bank", kind="payment_received", booked_on=at.date(),
        actor=ACTOR, at=at,
    )  # fmt: skip
    return payment


def messages(template: str) -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(template=template).order_by("created_at", "id"))


def test_an_invoice_goes_to_the_address_on_file_with_amount_day_link_and_document(inside) -> None:
    found = invoice()
    sending.send(invoice_id=found.pk, actor=ACTOR, at=billing.AT)
    (message,) = messages("invoice")
    body = message.body
    url = links.address_of(found.pk, at=billing.AT)
    assert body["to"] == "pay@ada.example"
    assert body["subject"] == f"Invoice {found.number} from Strongbox Tests GmbH: €100.00, due 20 Mar 2026"
    assert url in body["text"]
    assert "We never change bank details by e-mail" in body["text"]
    assert body["attach"] == [["invoice_pdf", str(found.pk)]]
    assert Event.objects.filter(event="invoice.sent", subject_id=found.pk).count() == 1
    assert WebhookEvent.objects.filter(type="invoice.sent").count() == 1


def test_the_preview_is_the_mail_but_for_its_link(inside) -> None:
    found = invoice()
    letter = sending.preview(found.pk, at=billing.AT)
    sending.send(invoice_id=found.pk, actor=ACTOR, at=billing.AT)
    (message,) = messages("invoice")
    url = links.address_of(found.pk, at=billing.AT)
    assert (letter.to, letter.subject) == (message.body["to"], message.body["subject"])
    assert letter.text == message.body["text"].replace(url, "[the payment link]")


def test_pressing_twice_sends_one_mail_and_a_minute_later_another(inside) -> None:
    found = invoice()
    for seconds in (0, 5, 65):
        sending.send(invoice_id=found.pk, actor=ACTOR, at=billing.AT + timedelta(seconds=seconds))
    assert len(messages("invoice")) == 2
    assert len({message.body["text"] for message in messages("invoice")}) == 1


def test_without_an_address_nothing_is_sent_and_the_field_is_named(inside) -> None:
    found = invoice(email="")
    with pytest.raises(sending.NoAddress) as refused, context.attempt():
        sending.send(invoice_id=found.pk, actor=ACTOR, at=billing.AT)
    assert [fault.pointer for fault in refused.value.errors] == ["/email"]
    assert messages("invoice") == []
    assert links.of_invoice(found.pk, at=billing.AT) == []


@pytest.mark.parametrize("state", ["draft", "voided"])
def test_what_is_not_final_is_not_sent(inside, state: str) -> None:
    found = billing.draft(of=customer()) if state == "draft" else billing.finalized(of=customer())
    if state == "voided":
        billing.void(found.pk)
    with pytest.raises(sending.NotToBeSent), context.attempt():
        sending.send(invoice_id=found.pk, actor=ACTOR, at=billing.AT)
    assert messages("invoice") == []


def test_a_receipt_goes_once(inside) -> None:
    found = invoice()
    payment = paid(found)
    at = clock.now()
    assert sending.receipts_due(at=at) == [payment.pk]
    assert sending.send_receipt(payment_id=payment.pk, actor=ACTOR, at=at) is True
    assert sending.send_receipt(payment_id=payment.pk, actor=ACTOR, at=at) is False
    (message,) = messages("receipt")
    assert message.body["subject"] == "Receipt from Strongbox Tests GmbH: €100.00"
    assert f"Invoice {found.number}: €100.00\n" in message.body["text"]
    assert message.body["attach"] == [["receipt_pdf", str(payment.pk)]]
    assert Event.objects.filter(event="receipt.sent", subject_id=payment.pk).count() == 1
    assert sending.receipts_due(at=at) == []


def test_old_and_unfinished_payments_get_no_receipt(inside) -> None:
    at = clock.now()
    old = paid(invoice(), at=at - timedelta(days=8))
    assert sending.receipts_due(at=at) == []
    Payment.objects.filter(pk=old.pk).update(succeeded_at=at)
    assert sending.receipts_due(at=at) == [old.pk]


def test_whoever_has_no_address_is_not_asked_after_again(inside) -> None:
    payment = paid(invoice(email=""))
    assert sending.send_receipt(payment_id=payment.pk, actor=ACTOR, at=clock.now()) is False
    assert sending.receipts_due(at=clock.now()) == []
    assert messages("receipt") == []


def test_a_part_payment_says_what_is_left(inside) -> None:
    found = invoice()
    payment = paid(found, amount=4_000)
    sending.send_receipt(payment_id=payment.pk, actor=ACTOR, at=clock.now())
    (message,) = messages("receipt")
    assert f"Invoice {found.number}: €40.00, €60.00 still due" in message.body["text"]


def test_a_customer_is_told_once_that_a_payment_needs_them(inside) -> None:
    found = invoice()
    payment = paid(found)
    for _ in range(2):
        assert sending.ask_payer(
            payment_id=payment.pk, code="authentication_required", actor=ACTOR, at=billing.AT
        )
    (message,) = messages("payment_needs_action")
    assert message.body["subject"] == "Strongbox Tests GmbH: your payment of €100.00 needs you"
    assert "Your bank wants you to confirm this payment." in message.body["text"]
    assert links.address_of(found.pk, at=billing.AT) in message.body["text"]


@pytest.mark.django_db(transaction=True)
def test_documents_are_set_when_the_mail_leaves_outside_any_transaction(
    tenant_a, settings, monkeypatch
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.CELERY_TASK_ALWAYS_EAGER = False
    django_mail.outbox = []
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        found = invoice()
        sending.send(invoice_id=found.pk, actor=ACTOR, at=clock.now())
        payment = paid(found)
    inside_transaction = []
    for name in ("invoice", "receipt"):
        made = getattr(pdf, name)
        monkeypatch.setattr(
            pdf,
            name,
            lambda document, made=made: (
                inside_transaction.append(connection.in_atomic_block) or made(document)
            ),
        )
    assert sending.send_receipts(tenant_id=tenant_a, actor=ACTOR, at=clock.now()) == 1
    delivery.deliver_due(tenant_id=tenant_a, actor=ACTOR, at=clock.now() + LATER)
    assert inside_transaction == [False, False]
    sent = {message.subject: message for message in django_mail.outbox}
    files = {message.attachments[0][0]: message.attachments[0][1][:5] for message in sent.values()}
    assert files == {f"{found.number}.pdf": b"%PDF-", f"receipt-{_outside(payment)}.pdf": b"%PDF-"}


def _outside(payment: Payment) -> str:
    from core import ids

    return ids.encode("payment", payment.pk)
