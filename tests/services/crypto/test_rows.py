"""Plain rows: the same bytes in the same places as the models write and read."""

from uuid import UUID

import pytest

from accounts.models import Role
from billing.customers.models import Customer
from core import clock, ids, primitives
from crypto import keyring, rows
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


def test_many_people_are_read_at_once_as_one_by_one(in_a: UUID) -> None:
    made = [make.customer(name=name) for name in ("Ann", "Bea", "Cem", "Dora")]
    found = list(Customer.objects.order_by("id").values_list("id", "subject_key", "name"))
    people = [(pk, key, name) for pk, key, name in found if pk in {row.pk for row in made}]
    assert [name for _, name in rows.open_all(Customer, "name", people)] == ["Ann", "Bea", "Cem", "Dora"]
    (first, key, name), (second, other_key, _) = people[:2]
    erased, absent = (first, None, name), (first, key, None)
    assert list(rows.open_all(Customer, "name", [erased, absent])) == [(first, ERASED), (first, None)]
    assert next(rows.open_all(Customer, "name", [erased]))[1] is ERASED
    assert name is not None
    assert key is not None
    for moved in (
        (second, key, name),
        (first, other_key, name),
        (first, key, name[:-1]),
        (first, key[:-1], name),
        (first, b"\x02" + key[1:], name),
        (first, key, b"text"),
    ):
        with pytest.raises(primitives.InvalidCiphertext):
            list(rows.open_all(Customer, "name", [people[0], moved]))
    with pytest.raises(primitives.InvalidCiphertext):
        list(rows.open_all(Customer, "email", people))


@pytest.mark.parametrize(("room", "again"), [(2, 4), (0, 6)])
def test_people_of_a_list_are_unwrapped_once_as_long_as_there_is_room(
    in_a: UUID, monkeypatch: pytest.MonkeyPatch, room: int, again: int
) -> None:
    made = {make.customer(name=name).pk for name in ("Ann", "Bea", "Cem")}
    people = list(Customer.objects.filter(pk__in=made).values_list("id", "subject_key", "name"))
    key = keyring.of(people[0][1], in_a)
    key.subjects.clear()
    monkeypatch.setattr(rows, "MOST_OF_LISTS", room)
    counts = []
    for _ in range(2):
        before = key.decryptions
        assert {name for _, name in rows.open_all(Customer, "name", people)} == {"Ann", "Bea", "Cem"}
        counts.append(key.decryptions - before)
    assert counts == [6, again]


def test_only_a_column_under_its_own_rows_key_is_read_so(in_a: UUID) -> None:
    for model, name in ((Role, "label"), (Customer, "currency")):
        with pytest.raises(TypeError):
            list(rows.open_all(model, name, []))
