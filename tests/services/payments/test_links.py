"""Pay links: what they open, how long, and what is said to whoever asks for a new one."""

from datetime import date, timedelta

import pytest

from accounts import throttle, tokens
from audit.models import Event
from billing.invoices.models import Invoice
from core.actor import Actor
from core.errors import NotFound
from outbound.models import OutboxMessage
from payments.models import PayLink
from payments.services import links
from tenancy import context
from tests.make import accounts, billing

AT = billing.AT
STRANGER = Actor.system("tests")


@pytest.fixture
def invoice(in_a) -> Invoice:
    return billing.finalized(of=billing.customer(email="pay@ada.example"), due_on=date(2026, 3, 20))


def raw_of(url: str) -> str:
    return url.rpartition("/")[2]


def mails() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(template="pay_link"))


def fired(invoice: Invoice, code: str) -> int:
    return Event.objects.filter(event=code, subject_id=invoice.pk).count()


def ask(raw: str, *, email: str = "", number: str = "", network: str = "") -> None:
    links.resend(
        raw=raw, email=email, number=number, network=network or accounts.network(), actor=STRANGER, at=AT
    )


@pytest.mark.parametrize(
    ("due_in", "days"), [(-400, 7), (-24, 7), (-23, 7), (-20, 10), (0, 30), (60, 90), (90, 120), (400, 120)]
)
def test_a_link_dies_thirty_days_after_the_due_day_within_bounds(due_in: int, days: int) -> None:
    due_on = AT.date() + timedelta(days=due_in)
    assert links.expiry(due_on=due_on, at=AT) == AT + timedelta(days=days)


def test_a_link_opens_its_invoice_and_names_its_organization(invoice: Invoice, in_a) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    assert links.tenant_of(raw) == in_a
    link = links.open(raw, at=AT)
    assert (link.invoice_id, link.customer_id, link.opened_at) == (invoice.pk, invoice.customer_id, AT)
    assert fired(invoice, "pay_link.made") == 1


def test_the_row_alone_opens_nothing(invoice: Invoice) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    link = PayLink.objects.get(invoice_id=invoice.pk)
    stored = bytes(link.digest).hex() + link.pk.hex + str(link.pk)
    assert raw[26:] not in stored
    assert bytes(link.digest) == tokens.digest("pay_link", raw)
    with pytest.raises(links.LinkUnknown):
        links.open(raw[:26] + link.pk.hex, at=AT)


def test_several_links_work_at_once_and_the_newest_is_shown_again(invoice: Invoice) -> None:
    first = links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT)
    second = links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT)
    assert first != second
    assert links.open(raw_of(first), at=AT).pk != links.open(raw_of(second), at=AT).pk
    assert links.address_of(invoice.pk, at=AT) == second
    assert links.given(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT) == second
    assert PayLink.objects.count() == 2


def test_a_dead_link_is_refused_by_its_own_name(invoice: Invoice) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    expires_at = PayLink.objects.get(invoice_id=invoice.pk).expires_at
    links.open(raw, at=expires_at - timedelta(seconds=1))
    with pytest.raises(links.LinkExpired) as refused:
        links.open(raw, at=expires_at)
    assert (refused.value.code, refused.value.status) == ("pay_link_expired", 410)


def test_a_withdrawn_link_is_refused_and_brings_no_new_one(invoice: Invoice) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    assert links.revoke(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT) == 1
    link = links.find(raw)
    with pytest.raises(links.LinkRevoked) as refused:
        links.refuse_dead(link, at=AT)
    assert refused.value.code == "pay_link_revoked"
    assert fired(invoice, "pay_link.revoked") == 1
    ask(raw)
    assert mails() == []


def test_withdrawing_a_link_of_another_invoice_is_refused(invoice: Invoice) -> None:
    other = billing.finalized()
    links.mint(invoice_id=other.pk, actor=billing.ACTOR, at=AT)
    link = PayLink.objects.get(invoice_id=other.pk)
    with pytest.raises(NotFound):
        links.revoke(invoice_id=invoice.pk, link_id=link.pk, actor=billing.ACTOR, at=AT)


@pytest.mark.parametrize("state", ["draft", "voided"])
def test_what_is_not_final_has_no_link(in_a, state: str) -> None:
    invoice = billing.draft() if state == "draft" else billing.finalized()
    if state == "voided":
        billing.void(invoice.pk)
    with pytest.raises(links.NothingToPay):
        links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT)


def test_an_expired_link_brings_a_new_one_to_the_address_on_file_whatever_is_typed(invoice: Invoice) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    ask(raw, email="thief@elsewhere.example")
    (message,) = mails()
    assert message.body is not None
    assert message.body["to"] == "pay@ada.example"
    url = links.address_of(invoice.pk, at=AT)
    assert url in message.body["text"]
    assert links.open(raw_of(url), at=AT).invoice_id == invoice.pk
    assert fired(invoice, "pay_link.resent") == 1


@pytest.mark.parametrize(
    ("email", "right_number", "sent"),
    [
        ("PAY@ada.example ", True, 1),
        ("pay@ada.example", False, 0),
        ("thief@elsewhere.example", True, 0),
        ("", True, 0),
    ],
)
def test_an_unknown_link_needs_address_and_number_to_agree(
    invoice: Invoice, in_a, email: str, right_number: bool, sent: int
) -> None:
    number = str(invoice.number) if right_number else "R-0"
    ask(tokens.mint_link(tenant=in_a), email=email, number=number)
    assert len(mails()) == sent


def test_asking_is_slowed_by_network_and_silent_by_invoice(invoice: Invoice) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    network = accounts.network()
    for _ in range(3):
        ask(raw, network=network)
    with pytest.raises(throttle.TryAgainLater), context.attempt():
        ask(raw, network=network)
    assert len(mails()) == 3
    for _ in range(20):
        ask(raw)
    # The twentieth closes the gate behind it: three more were answered alike, and nothing was sent.
    assert len(mails()) == 20


def test_links_are_removed_a_year_after_they_stopped_working(invoice: Invoice) -> None:
    raw = raw_of(links.mint(invoice_id=invoice.pk, actor=billing.ACTOR, at=AT))
    over = PayLink.objects.get(invoice_id=invoice.pk).expires_at
    assert links.remove_old(actor=billing.ACTOR, at=over + timedelta(days=365)) == 0
    assert links.find(raw).invoice_id == invoice.pk
    assert links.remove_old(actor=billing.ACTOR, at=over + timedelta(days=366)) == 1
    with pytest.raises(links.LinkUnknown):
        links.find(raw)
    assert Event.objects.filter(event="pay_link.retention_ended").count() == 1
