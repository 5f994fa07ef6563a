"""No way in for a card number: every form, every body of the API, every text that payments keep, every text file.

The cases come from the running system, so that a new form or body is held to it without being named here.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from rest_framework import serializers

import api
import web
from api import fields
from billing.invoices.models import Invoice
from billing.invoices.rules import Discount
from core import clock
from core.actor import Actor
from core.cardnumbers import CardNumberRefused
from core.errors import Invalid, Refusal
from outbound import files
from outbound.models import StoredFile
from payments.models import Dispute, Payment, Refund
from payments.services import collect, disputes, refunds
from tenancy import context
from tests.guarantees import canaries
from tests.make import billing, payments
from web.kit.forms import Form

ACTOR = Actor.system("tests")
# Names one of the places that are offered; it is compared with them and kept nowhere.
_NOT_OURS = {"web.signin.forms.ChoiceForm"}
# Compared and forgotten, never stored as typed: passwords and codes, a passkey's answer, a message whose signature is
# checked.
_SECRETS = {"password", "new_password", "current_password", "code", "recovery_code"}
_FORGOTTEN = _SECRETS | {"credential", "body", "signature"}


@pytest.fixture
def card() -> str:
    return canaries.card_number()


def _everything(package: Any) -> None:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)


def _below(kind: type) -> Iterator[type]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _below(sub)


def _forms() -> list[type[forms.Form]]:
    _everything(web)
    return sorted(
        {form for form in _below(forms.Form) if form.__module__.startswith("web.") and form is not Form},
        key=lambda form: f"{form.__module__}.{form.__qualname__}",
    )


def test_every_form_is_one_of_ours() -> None:
    found = {f"{form.__module__}.{form.__qualname__}" for form in _forms() if not issubclass(form, Form)}
    assert found <= _NOT_OURS
    assert len(_forms()) > 40


@pytest.mark.parametrize("form", _forms(), ids=lambda form: form.__qualname__)
def test_no_form_looks_away(form: type[Form]) -> None:
    """What refuses card numbers is `Form.clean`: whoever has a `clean` of their own goes through it."""
    if not issubclass(form, Form):
        return  # named in the test above
    assert set(form.secret_fields) <= _FORGOTTEN
    for owner in form.__mro__[: form.__mro__.index(Form)]:
        if "clean" in vars(owner):
            assert "super().clean()" in inspect.getsource(vars(owner)["clean"]), owner


@pytest.mark.parametrize(
    ("form", "name"),
    [
        pytest.param(form, name, id=f"{form.__qualname__}.{name}")
        for form in _forms()
        if issubclass(form, Form)
        for name, field in form.base_fields.items()
        if isinstance(field, forms.CharField) and not field.disabled and name not in form.secret_fields
    ],
)
def test_a_card_number_in_a_text_field_is_refused_and_not_shown_again(form: type[Form], name: str) -> None:
    probe = type("Probe", (Form,), {name: form.base_fields[name]})
    card = canaries.card_number()
    for text in (card, f"my card {card[:4]} {card[4:8]} {card[8:12]} {card[12:]}"):
        data = QueryDict(mutable=True)
        data[name] = text
        asked = probe(data)
        if asked.is_valid():
            # It was read as a number of something; see the test below.
            assert isinstance(asked.cleaned_data[name], Decimal | Discount)
            continue
        shown = str(asked[name])
        if "card_number" in {error.code for error in asked.errors.as_data()[name]}:
            assert card[4:] not in shown
            assert card[8:12] + " " not in shown


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["quantity", "unit_amount"])
def test_a_card_number_is_too_large_a_number_for_an_invoice(in_a: Any, card: str, name: str) -> None:
    line = replace(billing.line(), **{name: Decimal(card)})
    with pytest.raises(Refusal), context.attempt():
        billing.draft(lines=[line])
    assert Invoice.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["percentage", "amount"])
@pytest.mark.parametrize("of", ["line", "document", "charge"])
def test_a_card_number_is_too_large_a_number_for_a_discount(in_a: Any, card: str, of: str, kind: str) -> None:
    discount = Discount(**{kind: Decimal(card)}, is_charge=of == "charge")
    with pytest.raises(Refusal), context.attempt():
        if of == "line":
            billing.draft(lines=[replace(billing.line(), discount=discount)])
        else:
            billing.draft(discounts=(discount,))
    assert Invoice.objects.count() == 0


def test_every_text_of_the_api_is_one_that_refuses_card_numbers() -> None:
    _everything(api)
    plain = [
        f"{body.__qualname__}.{name}"
        for body in _below(fields.Body)
        for name, field in body().fields.items()
        if isinstance(field, serializers.CharField | serializers.JSONField | serializers.DictField)
        and not isinstance(field, serializers.ChoiceField)
        and not type(field).__module__.startswith("api.")
    ]
    assert plain == []


def _texts_of_payments() -> dict[str, Callable[[str], object]]:
    """Every service of payments that keeps words, with everything else in order."""
    at = clock.now()

    def of(payment: Callable[[], Payment], call: Callable[[Payment], object]) -> object:
        return call(payment())

    def bank() -> Payment:
        return payments.bank_payment(billing.finalized())

    def answered(text: str) -> object:
        paid = payments.card_payment(billing.finalized())
        facts = payments.dispute_says(paid)
        dispute = disputes.apply_facts(facts=facts, actor=ACTOR, at=at)
        return disputes.answer(dispute_id=dispute.pk, evidence=text, actor=ACTOR, at=at)

    return {
        "what the bank wrote": lambda text: payments.bank_payment(billing.finalized(), reference=text),
        "why a payment is taken back": lambda text: of(
            bank, lambda paid: collect.reverse(payment_id=paid.pk, reason=text, actor=ACTOR, at=at)
        ),
        "why money is given back": lambda text: of(
            bank,
            lambda paid: refunds.ask(payment_id=paid.pk, amount_minor=1, reason=text, actor=ACTOR, at=at),
        ),
        "what is said about a dispute": answered,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("what", list(_texts_of_payments()))
def test_what_payments_keep_is_refused_with_a_card_number_in_it(in_a: Any, card: str, what: str) -> None:
    def kept() -> str:
        refused = (Payment, Refund, Dispute)
        words = [str(vars(row)) for model in refused for row in model.objects.all()]
        states = [row.state for model in refused for row in model.objects.all()]
        return f"{words}{states}"

    with pytest.raises(Refusal) as refusal, context.attempt():
        _texts_of_payments()[what](f"card {card}")
    assert "card_number" in {error.code for error in refusal.value.errors} | {refusal.value.code}
    assert isinstance(refusal.value, Invalid | CardNumberRefused)
    assert card not in str(refusal.value)
    assert card not in kept()


@pytest.mark.django_db
@pytest.mark.parametrize("media_type", ["text/csv", "text/plain", "application/json", "application/xml"])
@pytest.mark.parametrize("cut", [0, 5, 16])
def test_a_text_file_with_a_card_number_is_not_stored(
    in_a: Any, card: str, media_type: str, cut: int, settings: Any, tmp_path: Any
) -> None:
    settings.FILES_DIR = tmp_path
    pieces = [b"x" * 70_000 + b"\n", card[:cut].encode(), card[cut:].encode(), b"\nend"]
    with pytest.raises(CardNumberRefused) as refused, context.attempt():
        files.store(
            kind="import", name="a", media_type=media_type, chunks=pieces, actor=ACTOR, at=clock.now()
        )
    assert refused.value.field == "file"
    assert card not in refused.value.message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert StoredFile.objects.count() == 0
