"""Encrypted fields: lazy, exact about NULL, bound to their row, and closed to what knows no row."""

import copy
import pickle
from typing import Any
from uuid import UUID

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models

from accounts.models import Session, User
from billing.customers.models import Customer
from core import clock, ids, primitives
from crypto import blindindex, envelope, keyring
from crypto.fields import (
    ERASED,
    EncryptedField,
    EncryptedFieldCannotBeSearched,
    EncryptedFieldCannotBeUpdated,
    EncryptedTextField,
    SubjectIsErased,
)
from crypto.fields.index import BlindIndexWouldGoStale
from crypto.values import Envelope
from tenancy import context
from tests.services.crypto import make


def stored(row: models.Model, column: str) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{row._meta.db_table}" WHERE id = %s', [row.pk])
        value = cursor.fetchone()[0]
    return None if value is None else bytes(value)


def absent(row: models.Model) -> set[str]:
    return {field.name for field in row._meta.concrete_fields if getattr(row, field.name) is None}


def decryptions() -> int:
    return keyring.statistics().decryptions


def test_what_is_stored_holds_no_plaintext(in_a: UUID) -> None:
    row = make.customer(name="Ann Example", email="ann@example.com", address={"city": "Lindenau"})
    for column, words in (
        ("name", b"Ann"),
        ("email", b"ann@"),
        ("address", b"Lindenau"),
        ("subject_key", b"Ann"),
    ):
        found = stored(row, column)
        assert found is not None
        assert words not in found
        assert envelope.key_id(found) == keyring.primary(in_a, "fields").id
    assert len(stored(row, "name") or b"") == envelope.MINIMUM_BYTES + len("Ann Example")


def test_loading_decrypts_nothing_and_reading_decrypts_once(in_a: UUID) -> None:
    ids_ = [make.customer(name=f"Customer {number}", email=f"{number}@example.com").pk for number in range(3)]
    before = decryptions()
    rows = Customer.objects.in_bulk(ids_)
    assert [row.currency for row in rows.values()] == ["EUR"] * 3
    assert decryptions() == before
    row = rows[ids_[1]]
    assert row.name == "Customer 1"
    assert decryptions() == before + 2  # the subject key and the name
    assert (row.name, row.email) == ("Customer 1", "1@example.com")
    assert decryptions() == before + 3


def test_null_and_empty_differ(in_a: UUID) -> None:
    absent, empty = make.customer(notes=None), make.customer(notes="")
    assert stored(absent, "notes") is None
    assert len(stored(empty, "notes") or b"") == envelope.MINIMUM_BYTES
    assert Customer.objects.get(pk=absent.pk).notes is None
    assert Customer.objects.get(pk=empty.pk).notes == ""
    assert set(Customer.objects.filter(notes__isnull=True)) == {absent}


@pytest.mark.parametrize("text", ["", " ", "ümlaut ẞ", "\x00\n", "𝔘𝔫𝔦", "x" * 100_000, "'; DROP TABLE x; --"])
def test_every_text_comes_back(text: str, in_a: UUID) -> None:
    row = make.customer(name=text)
    assert Customer.objects.get(pk=row.pk).name == text


@pytest.mark.parametrize("value", [{}, [], "", 0, False, {"a": [1, None, {"ü": "ß"}]}, 1.5])
def test_every_json_value_comes_back(value: Any, in_a: UUID) -> None:
    row = make.customer(metadata=value)
    assert Customer.objects.get(pk=row.pk).metadata == value


def test_a_json_value_changed_in_place_is_saved(in_a: UUID) -> None:
    row = Customer.objects.get(pk=make.customer(metadata={"tags": ["a"]}).pk)
    row.metadata["tags"].append("b")
    row.save()
    assert Customer.objects.get(pk=row.pk).metadata == {"tags": ["a", "b"]}


def test_an_unchanged_value_keeps_its_bytes(in_a: UUID) -> None:
    row = make.customer(name="Ann", email="ann@example.com", address={"city": "A"}, reference="C-1")
    before = {column: stored(row, column) for column in ("name", "email", "subject_key", "name_index")}
    loaded = Customer.objects.get(pk=row.pk)
    assert loaded.name == "Ann"
    loaded.full_clean(exclude=absent(loaded))
    loaded.currency = "USD"
    loaded.save()
    assert {column: stored(row, column) for column in before} == before
    loaded.email = "new@example.com"
    loaded.save()
    assert stored(row, "name") == before["name"]
    assert stored(row, "email") != before["email"]
    assert Customer.objects.get(pk=row.pk).email == "new@example.com"


def test_bulk_create_encrypts_each_row_for_itself(in_a: UUID) -> None:
    rows = Customer.objects.bulk_create([make.new_customer(name="same") for _ in range(5)])
    assert len({stored(row, "name") for row in rows}) == 5
    assert [row.name for row in Customer.objects.filter(pk__in=[row.pk for row in rows])] == ["same"] * 5


def test_a_copied_row_is_encrypted_for_its_new_place_or_refused(in_a: UUID) -> None:
    row = Customer.objects.get(pk=make.customer(name="Ann").pk)
    row.pk = ids.uuid7()
    row._state.adding = True
    with pytest.raises(primitives.InvalidCiphertext), context.attempt():
        row.save(force_insert=True)
    assert not Customer.objects.filter(pk=row.pk).exists()


def test_deferred_columns_load_on_demand(in_a: UUID) -> None:
    pk = make.customer(name="Ann", email="ann@example.com").pk
    row = Customer.objects.defer("name", "subject_key").get(pk=pk)
    assert row.get_deferred_fields() == {"name", "subject_key"}
    assert row.name == "Ann"
    alone = Customer.objects.only("name").get(pk=pk)
    assert (alone.name, alone.email) == ("Ann", "ann@example.com")


def test_refresh_brings_what_is_stored(in_a: UUID) -> None:
    row = make.customer(name="Ann", notes="first")
    other = Customer.objects.get(pk=row.pk)
    other.name, other.notes = "Bea", None
    other.save()
    row.refresh_from_db()
    assert (row.name, row.notes) == ("Bea", None)
    row.name = "unsaved"
    row.refresh_from_db(fields=["name"])
    assert row.name == "Bea"


def test_what_knows_no_row_is_refused(in_a: UUID) -> None:
    row = make.customer(name="Ann")
    before = stored(row, "name")
    refused = EncryptedFieldCannotBeUpdated
    with pytest.raises(refused), context.attempt():
        Customer.objects.filter(pk=row.pk).update(name="Bea")
    with pytest.raises(IntegrityError, match="name_envelope"), context.attempt():
        Customer.objects.filter(pk=row.pk).update(name=models.Value("Bea"))
    with pytest.raises(refused), context.attempt():
        Customer.objects.filter(pk=row.pk).update(name=b"Bea")
    with pytest.raises(refused), context.attempt():
        Customer.objects.bulk_update([row], ["name"])
    with pytest.raises(refused), context.attempt():
        Customer.objects.filter(pk=row.pk).update(name_index=b"x" * 32)
    assert stored(row, "name") == before
    assert Customer.objects.get(pk=row.pk).name == "Ann"


@pytest.mark.parametrize("lookup", ["name", "name__in", "name__contains", "name__gt", "address__city"])
def test_searching_ciphertext_is_refused(lookup: str, in_a: UUID) -> None:
    with pytest.raises(EncryptedFieldCannotBeSearched):
        Customer.objects.filter(**{lookup: "Ann"})


def test_plaintext_is_not_shown_copied_out_or_serialized(in_a: UUID) -> None:
    row = Customer.objects.get(pk=make.customer(name="Ann Canary", email="canary@example.com").pk)
    assert row.name == "Ann Canary"
    assert "Canary" not in repr(row) + repr(row.__dict__) + str(row.__dict__) + repr(vars(row)["name"])
    for copied in (copy.copy(row), copy.deepcopy(row)):
        assert copied.name == "Ann Canary"
        assert "Canary" not in repr(copied.__dict__)
    with pytest.raises(TypeError):
        pickle.dumps(row)
    with pytest.raises(TypeError):
        serializers.serialize("json", [row])


def test_a_wrong_type_is_refused_before_anything_is_stored(in_a: UUID) -> None:
    for wrong in (7, b"bytes", ["list"]):
        with pytest.raises(TypeError), context.attempt():
            make.customer(name=wrong)
    with pytest.raises(ValueError, match="JSON"), context.attempt():
        make.customer(metadata=float("nan"))
    assert Customer.objects.count() == 0


def test_max_length_counts_characters() -> None:
    field = EncryptedTextField(max_length=3)
    assert field.clean("äöü", None) == "äöü"
    with pytest.raises(ValidationError):
        field.clean("äöüß", None)


class TestErasure:
    def test_every_value_of_the_subject_reads_as_erased(self, in_a: UUID) -> None:
        row, other = (
            make.customer(name="Ann", email="a@example.com", address={"x": 1}),
            make.customer(name="Bea"),
        )
        Customer.objects.filter(pk=row.pk).update(subject_key=None)
        found = Customer.objects.get(pk=row.pk)
        assert found.name is found.email is found.address is ERASED
        assert found.phone is None
        assert Customer.objects.get(pk=other.pk).name == "Bea"

    def test_saving_keeps_it_erased(self, in_a: UUID) -> None:
        row = make.customer(name="Ann")
        before = stored(row, "name")
        Customer.objects.filter(pk=row.pk).update(subject_key=None)
        found = Customer.objects.get(pk=row.pk)
        assert found.name is ERASED
        found.full_clean(exclude=absent(found))
        found.currency = "USD"
        found.save()
        found.refresh_from_db()
        found.save()
        assert (stored(row, "name"), stored(row, "subject_key")) == (before, None)
        assert Customer.objects.get(pk=row.pk).name is ERASED

    def test_nothing_new_can_be_kept(self, in_a: UUID) -> None:
        row = make.customer(name="Ann")
        before = stored(row, "name")
        row.subject_key = None
        row.save()
        row.name = "Ann again"
        with pytest.raises(SubjectIsErased), context.attempt():
            row.save()
        assert stored(row, "name") == before

    def test_rows_that_name_the_subject_are_erased_with_it(self, in_a: UUID) -> None:
        person = make.user(email="ann@example.com", name="Ann")
        session = Session(
            user=person,
            key_hash=bytes(32),
            stage=Session.Stage.PENDING,
            device="Ann's phone",
            created_at=clock.now(),
            last_seen_at=clock.now(),
            expires_at=clock.now(),
        )
        with context.account(person.pk):
            session.save(force_insert=True)
        assert Session.objects.get(pk=session.pk).device == "Ann's phone"
        with context.account(person.pk):
            User.objects.filter(pk=person.pk).update(subject_key=None)
        assert Session.objects.get(pk=session.pk).device is ERASED
        assert User.objects.get(pk=person.pk).name is ERASED

    def test_a_subject_key_is_made_once_and_never_given(self, in_a: UUID) -> None:
        row = make.customer(name="Ann")
        first = stored(row, "subject_key")
        row.name = "Bea"
        row.save()
        assert stored(row, "subject_key") == first
        with pytest.raises(TypeError):
            row.subject_key = b"x" * 78
        with pytest.raises(EncryptedFieldCannotBeUpdated), context.attempt():
            Customer.objects.filter(pk=row.pk).update(subject_key=b"x" * 78)

    def test_an_encrypted_field_stands_below_its_subject(self) -> None:
        fields = [field for field in Customer._meta.concrete_fields if isinstance(field, EncryptedField)]
        assert {field.subject for field in fields} == {"self"}


class TestBlindIndex:
    def test_equal_values_are_found_however_they_are_written(self, in_a: UUID) -> None:
        row = make.customer(email="  Ann@Example.com")
        make.customer(email="bea@example.com")
        wanted = blindindex.lookup(Customer, "email_index", "ann@EXAMPLE.com ")
        assert len(wanted) == 32
        assert [found.pk for found in Customer.objects.filter(email_index=wanted)] == [row.pk]
        both = [wanted, blindindex.lookup(Customer, "email_index", "bea@example.com")]
        assert Customer.objects.filter(email_index__in=both).count() == 2

    def test_it_differs_by_organization_and_column(self, db: None, tenant_a: UUID, tenant_b: UUID) -> None:
        found = set()
        for tenant_id in (tenant_a, tenant_b):
            with context.scope(context.Scope(tenant_id)):
                found |= {
                    blindindex.compute(tenant_id=tenant_id, table=table, column=column, text="same")
                    for table in ("one", "two")
                    for column in ("x", "y")
                }
        assert len(found) == 8

    def test_it_follows_its_source(self, in_a: UUID) -> None:
        row = Customer.objects.get(pk=make.customer(email="old@example.com").pk)
        row.email = "new@example.com"
        with pytest.raises(BlindIndexWouldGoStale):
            row.save(update_fields=["email"])
        row.save(update_fields=["email", "email_index"])
        assert (
            Customer.objects.get(email_index=blindindex.lookup(Customer, "email_index", "new@example.com"))
            == row
        )
        row.email = None
        row.save()
        assert stored(row, "email_index") is None

    def test_it_does_not_decrypt_what_nobody_changed(self, in_a: UUID) -> None:
        row = Customer.objects.get(pk=make.customer(email="ann@example.com").pk)
        before, index = decryptions(), stored(row, "email_index")
        row.currency = "USD"
        row.save()
        assert decryptions() == before
        assert stored(row, "email_index") == index

    def test_only_computed_indexes_are_compared(self, in_a: UUID) -> None:
        with pytest.raises(EncryptedFieldCannotBeUpdated):
            Customer.objects.filter(email_index=b"ann@example.com").count()

    @pytest.mark.parametrize(("bits", "length"), [(8, 1), (12, 2), (16, 2), (20, 3), (256, 32)])
    def test_a_truncated_index_is_the_beginning_of_the_full_one(
        self, bits: int, length: int, in_a: UUID
    ) -> None:
        place = {"tenant_id": in_a, "table": "t", "column": "c", "text": "text"}
        full, short = blindindex.compute(**place), blindindex.compute(**place, bits=bits)
        assert len(short) == length
        shift = 256 - bits
        assert (
            int.from_bytes(short, "big") << (256 - 8 * length)
            == int.from_bytes(full, "big") >> shift << shift
        )


def test_people_are_under_the_operators_keys_from_any_scope(db: None, tenant_a: UUID) -> None:
    with context.scope(context.Scope(tenant_a)):
        person = make.user(email="ann@example.com", name="Ann")
        operator = keyring.operator()
        assert envelope.key_id(stored(person, "name") or b"") == keyring.primary(operator, "fields").id
    with context.scope(context.Scope()):
        found = User.objects.get(email_index=blindindex.lookup(User, "email_index", "ANN@example.com"))
        assert (found.pk, found.name) == (person.pk, "Ann")


def test_bytes_moved_in_the_database_do_not_open(in_a: UUID) -> None:
    """The attack by whoever can write to the database: SQL, not a model."""
    one, two = make.customer(name="one", notes="n"), make.customer(name="two", notes="m")
    for target, column, source, source_column in (
        (two, "name", one, "name"),
        (two, "notes", two, "name"),
        (two, "subject_key", one, "subject_key"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(
                f'UPDATE billing_customer SET "{column}" = (SELECT "{source_column}" FROM billing_customer '
                "WHERE id = %s) WHERE id = %s",
                [source.pk, target.pk],
            )
        with pytest.raises(primitives.InvalidCiphertext):
            getattr(Customer.objects.get(pk=target.pk), "name" if column == "subject_key" else column)
    assert Customer.objects.get(pk=one.pk).name == "one"


def test_an_envelope_in_clear_hands_is_only_bytes() -> None:
    assert repr(Envelope(b"x" * 46)) == "<Envelope of 46 bytes>"
