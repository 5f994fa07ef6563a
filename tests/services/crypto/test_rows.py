"""Plain rows: the same bytes in the same places as the models write and read."""

from uuid import UUID

import pytest

from accounts.models import Role
from billing.customers.models import Customer
from core import clock, ids, primitives
from crypto import rows
from crypto.fields import ERASED
from crypto.values import Envelope
from tests.services.crypto import make

pytestmark = pytest.mark.django_db


def role(in_a: UUID, label: str | None) -> Role:
    row = Role(code=f"custom-{ids.uuid7()}"[:40], label=label, created_at=clock.now())
    row.save(force_insert=True)
    return row


@pytest.mark.parametrize("label", [None, "", "Head of accounts"])
def test_what_a_model_wrote_is_read(label: str | None, in_a: UUID) -> None:
    row = role(in_a, label)
    ((pk, stored),) = Role.objects.filter(pk=row.pk).values_list("id", "label")
    assert rows.opener(Role, "label")(pk, stored) == label


def test_what_is_written_a_model_reads(in_a: UUID) -> None:
    close = rows.closer(Role, "label")
    row = role(in_a, None)
    row.label = Envelope(close(row.pk, "Head of accounts") or b"")
    row.save()
    assert Role.objects.get(pk=row.pk).label == "Head of accounts"
    assert close(row.pk, None) is None
    with pytest.raises(TypeError):
        close(row.pk, 7)


def test_a_value_of_another_row_or_touched_does_not_open(in_a: UUID) -> None:
    one, two = ids.uuid7(), ids.uuid7()
    stored = rows.closer(Role, "label")(one, "text") or b""
    open_value = rows.opener(Role, "label")
    assert open_value(one, stored) == "text"
    for row_id, data in ((two, stored), (one, stored[:-1]), (one, b"\x02" + stored[1:]), (one, b"text")):
        with pytest.raises(primitives.InvalidCiphertext):
            open_value(row_id, data)
    assert open_value(one, stored) == "text"


def test_people_are_read_with_their_own_key(in_a: UUID) -> None:
    ann, bea = make.customer(name="Ann", address={"city": "A"}), make.customer(name="Bea")
    found = {pk: (name, key) for pk, name, key in Customer.objects.values_list("id", "name", "subject_key")}
    open_name = rows.subject_opener(Customer, "name")
    assert {pk: open_name(pk, name, pk, key) for pk, (name, key) in found.items()} == {
        ann.pk: "Ann",
        bea.pk: "Bea",
    }
    with pytest.raises(primitives.InvalidCiphertext):
        open_name(ann.pk, found[ann.pk][0], bea.pk, found[bea.pk][1])
    assert open_name(ann.pk, found[ann.pk][0], ann.pk, None) is ERASED
    assert open_name(ann.pk, None, ann.pk, None) is None


def test_each_column_has_its_own_function(in_a: UUID) -> None:
    for wrong in (rows.opener, rows.closer):
        with pytest.raises(rows.SubjectNeedsItsRow):
            wrong(Customer, "name")
        with pytest.raises(TypeError):
            wrong(Customer, "currency")
    with pytest.raises(TypeError):
        rows.subject_opener(Role, "label")
