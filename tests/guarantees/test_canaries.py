"""What people type stands nowhere in the clear: not in the database, the cache, the queue, the logs, the files, and
not in what is said when something is refused. And no card number gets in at all.

The texts come from the API's own schema and from every encrypted column there is: one that nobody filled fails here.
"""

from typing import Any

import pytest

from core.datapolicy import FieldClass
from tests.guarantees import canaries, searched, typed
from tests.guarantees.typed import Evidence

# Columns that nobody types into; what stands in them is looked for as well, word for word.
NOT_TYPED = {
    "alerts.AlertChannel.secret": "drawn",
    "compliance.PackKey.secret": "drawn",
    "accounts.TotpDevice.secret": "drawn",
    "outbound.StoredFile.content_key": "drawn",
    "outbound.WebhookEndpoint.secret": "drawn",
    "outbound.WebhookEndpoint.previous_secret": "drawn",
    "accounts.Session.address": "the connection's",
    "billing.BankAccount.iban": "the bank's",
    "billing.BankAccount.bic": "the bank's",
    "billing.DocumentFile.sha256": "computed",
    "billing.Export.digest": "computed",
    "billing.Export.filters": "our own words",
    "billing.Import.mapping": "our own words",
    "payments.GatewayAccount.secret_key": "drawn",
    "payments.Statement.account": "the bank's",
    "payments.GatewayAccount.hook_secret": "drawn",
    "payments.GatewayAccount.previous_hook_secret": "drawn",
}
# What was refused, with the status each must have had.
PROVOKED = {
    "unknown record": 404,
    "broken document": 400,
    "unknown key": 401,
    "changed after finalize": 409,
    "older version": 412,
    "no JSON": 415,
    "one fault among texts": 422,
    "key used twice": 422,
    "failure of ours": 500,
    "unknown page": 404,
    "record of a page": 404,
    "page without permission": 403,
    "forged form": 419,
    "forged invitation": 419,
    "forged recovery": 419,
    "failure of a page": 500,
}
pytestmark = pytest.mark.xdist_group("canaries")


@pytest.fixture(scope="module")
def evidence(django_db_setup: None, django_db_blocker: Any) -> Evidence:
    with django_db_blocker.unblock():
        return typed.collect()


def test_every_encrypted_column_was_typed_into(evidence: Evidence) -> None:
    """So that the searches below speak of all of them."""
    empty = [column for column, values in evidence.columns.items() if not values]
    assert empty == []
    unmarked = {
        column
        for column, values in evidence.columns.items()
        if not any(evidence.marker in value.casefold() for value in values)
    }
    assert unmarked == set(NOT_TYPED)


def test_what_was_typed_can_be_read_by_who_may(evidence: Evidence) -> None:
    assert evidence.answers["customers_get"].count(evidence.marker.encode()) > 8
    assert evidence.answers["invoices_get"].count(evidence.marker.encode()) == 5


@pytest.mark.parametrize("store", searched.STORES)
def test_no_marker_stands_in_the_clear(evidence: Evidence, store: str) -> None:
    assert len(evidence.stores[store]) > searched.STORES[store]
    assert canaries.search(evidence.marker, evidence.stores[store]) == []


# What the provider signs with, it knows.
SHARED = {"payments.GatewayAccount.hook_secret", "payments.GatewayAccount.previous_hook_secret"}
SECRETS = [
    (column, store)
    for column in sorted(NOT_TYPED)
    for store in searched.STORES
    if store != "provider" or column not in SHARED
]


@pytest.mark.parametrize(("column", "store"), SECRETS)
def test_no_secret_of_ours_stands_in_the_clear(evidence: Evidence, store: str, column: str) -> None:
    assert [
        value for value in evidence.columns[column] if canaries.search(value, evidence.stores[store])
    ] == []


def test_no_card_number_reached_anything(evidence: Evidence) -> None:
    digits = evidence.card
    groups = [digits, " ".join(digits[place : place + 4] for place in range(0, 16, 4))]
    stores = {**evidence.stores, "answers": b"".join(evidence.refusals.values())}
    assert [
        (name, found)
        for name, store in stores.items()
        for text in groups
        if (found := canaries.search(text, store))
    ] == []


def test_refusals_were_provoked_and_repeat_nothing(evidence: Evidence) -> None:
    statuses = {
        name: int(answer[:3])
        for name, answer in evidence.refusals.items()
        if not name.startswith(("card ", "cvc "))
    }
    assert statuses == PROVOKED
    repeated = {
        name for name, answer in evidence.refusals.items() if canaries.search(evidence.marker, answer)
    }
    assert repeated == set()


def test_the_plain_texts_are_settings_by_their_policy() -> None:
    """What the walk leaves out, the data policy calls a state, not a person's or a content."""
    from billing.catalog.models import Price, Product
    from billing.tax.models import TaxRate
    from billing.usage.models import Meter

    for _body, name in canaries.PLAIN:
        assert TaxRate.data_policy.fields[name] is FieldClass.STATE
    for model, name in ((Product, "code"), (Price, "code"), (Price, "tax_code"), (Meter, "code")):
        assert model.data_policy.fields[name] is FieldClass.STATE


CARD_CASES = [
    (operation, place) for operation in canaries.operations() for place in canaries.texts(operation.body)
]


def test_every_operation_with_a_text_is_walked() -> None:
    assert {operation.name for operation, _ in CARD_CASES} == {
        "alerts_close",
        "credit_notes_create",
        "contacts_create",
        "contacts_update",
        "charges_create",
        "customers_create",
        "customers_update",
        "disputes_answer",
        "exports_create",
        "invoices_attach",
        "invoices_create",
        "invoices_update",
        "invoices_void",
        "invoices_write_off",
        "meters_create",
        "payments_create",
        "payments_reverse",
        "prices_create",
        "prices_supersede",
        "privacy_requests_create",
        "products_create",
        "products_update",
        "quotes_create",
        "quotes_update",
        "refunds_create",
        "tax_rates_add_country",
        "tax_rates_create",
        "usage_events_record",
        "webhook_endpoints_create",
        "webhook_endpoints_update",
    }
    assert len(CARD_CASES) > 35


@pytest.mark.parametrize("shape", ["bare", "groups"])
def test_a_card_number_is_refused_in_every_text_and_the_field_is_named(
    evidence: Evidence, shape: str
) -> None:
    """Asked once for all of them while the evidence was gathered; here each answer is read."""
    for operation, place in CARD_CASES:
        name = f"card {shape} {operation.name} {canaries.pointer(place)}"
        answer = evidence.refused[name]
        assert answer["status"] == 422, name
        # the one text that is too short to hold a number says so
        code = "too_long" if place[-1] == "unit_code" else "card_number"
        assert answer["code"] == code.replace("too_long", "invalid"), name
        assert (canaries.pointer(place), code) in {
            (error["pointer"], error["code"]) for error in answer["errors"]
        }, name


def test_no_body_has_a_place_for_a_card(evidence: Evidence) -> None:
    """A security code has no checksum: it is refused because there is no field for it anywhere."""
    for operation in canaries.operations():
        answer = evidence.refused[f"cvc {operation.name}"]
        assert answer["status"] == 422
        assert [(error["pointer"], error["code"]) for error in answer["errors"]] == [
            ("/cvc", "unknown_field")
        ]
