"""The key ring: sealed without its root key, forgetful when keys change hands, exact about what it counts."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from uuid import UUID

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from pytest_django.fixtures import Settings

from billing.customers.models import Customer
from core import clock, primitives
from core.actor import Actor
from core.errors import Sealed
from crypto import columns, keyring, providers, services, stores, wrapping
from crypto.envelope import Purpose
from crypto.models import DataKey, KeyState, TenantKey
from crypto.providers import RootKeyIsUnsafe, RootKeyUnavailable
from crypto.providers.file import FileProvider, WrongRootKey
from tenancy import context
from tenancy.models import Tenant
from tests import databases
from tests.services.crypto import make

pytestmark = pytest.mark.django_db

ACTOR = Actor.system("tests")


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    keyring.forget_everything()
    yield
    keyring.forget_everything()


@pytest.fixture
def root_key(settings: Settings, tmp_path: Path) -> Path:
    """Put a copy of the root key where the test may harm it."""
    copy = tmp_path / "root.key"
    copy.write_bytes(Path(settings.ROOT_KEY_FILE).read_bytes())
    copy.chmod(0o600)
    settings.ROOT_KEY_FILE = copy
    return copy


class TestRootKeyFile:
    def test_it_wraps_and_unwraps_for_one_context(self, root_key: Path) -> None:
        secret = primitives.random_key()
        wrapped = FileProvider().wrap(secret, b"context")
        assert secret not in wrapped
        assert FileProvider().unwrap(wrapped, b"context") == secret
        with pytest.raises(primitives.InvalidCiphertext):
            FileProvider().unwrap(wrapped, b"another")
        with pytest.raises(primitives.InvalidCiphertext):
            FileProvider().unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"context")

    @pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
    def test_a_file_others_may_use_is_refused(self, mode: int, root_key: Path) -> None:
        root_key.chmod(mode)
        with pytest.raises(RootKeyIsUnsafe):
            FileProvider().wrap(bytes(32), b"")
        assert keyring.is_sealed()
        root_key.chmod(0o400)
        assert not keyring.is_sealed()

    @pytest.mark.parametrize(
        "text",
        ["", "00" * 31, "00" * 33, "zz" * 32, "00" * 32 + " ", " " + "00" * 32, "00" * 16 + "\n" + "00" * 16],
    )
    def test_a_file_without_exactly_one_key_is_refused(self, text: str, root_key: Path) -> None:
        root_key.write_text(text)
        with pytest.raises(RootKeyIsUnsafe):
            FileProvider().wrap(bytes(32), b"")
        assert keyring.is_sealed()

    def test_a_missing_file_a_folder_and_a_pipe_are_refused(
        self, root_key: Path, tmp_path: Path, settings: Settings
    ) -> None:
        root_key.unlink()
        assert keyring.is_sealed()
        os.mkfifo(root_key, 0o600)
        assert keyring.is_sealed()
        settings.ROOT_KEY_FILE = tmp_path
        assert keyring.is_sealed()
        settings.ROOT_KEY_FILE = None
        assert keyring.is_sealed()

    def test_another_root_key_is_told_apart(self, root_key: Path) -> None:
        wrapped = FileProvider().wrap(bytes(32), b"")
        root_key.write_text(primitives.random_key().hex())
        with pytest.raises(WrongRootKey):
            FileProvider().unwrap(wrapped, b"")

    def test_an_unknown_provider_is_refused(self) -> None:
        with pytest.raises(RootKeyUnavailable):
            providers.named("nothing")


class TestSealedInstallation:
    def test_nothing_opens_without_the_root_key(self, in_a: UUID, root_key: Path) -> None:
        row = make.customer(name="Ann")
        keyring.forget_everything()
        root_key.unlink()
        found = Customer.objects.get(pk=row.pk)  # loading decrypts nothing
        with pytest.raises(Sealed):
            _ = found.name
        with pytest.raises(Sealed), context.attempt():
            make.customer(name="Bea")
        assert Customer.objects.count() == 1

    def test_it_opens_again_when_the_key_comes_back(self, in_a: UUID, root_key: Path) -> None:
        row, key = make.customer(name="Ann"), root_key.read_text()
        keyring.forget_everything()
        root_key.unlink()
        with pytest.raises(Sealed):
            _ = Customer.objects.get(pk=row.pk).name
        root_key.write_text(key)
        root_key.chmod(0o600)
        assert Customer.objects.get(pk=row.pk).name == "Ann"


class TestWrappedKeys:
    def test_an_organization_has_one_primary_key_a_purpose(self, in_a: UUID) -> None:
        rows = DataKey.objects.all()
        assert sorted(row.purpose for row in rows) == sorted(purpose.value for purpose in Purpose)
        assert {row.state for row in rows} == {KeyState.PRIMARY}
        assert not any(row.shared for row in rows)
        with pytest.raises(services.KeysExist), context.attempt():
            services.create_tenant_keys(tenant_id=in_a, actor=ACTOR, at=clock.now())

    def test_a_key_moved_to_another_row_does_not_unwrap(self, in_a: UUID) -> None:
        above = TenantKey.objects.get()
        secret = wrapping.unwrap_tenant_key(above)
        fields, files = DataKey.objects.get(purpose="fields"), DataKey.objects.get(purpose="files")
        assert wrapping.unwrap_data_key(fields, secret) != wrapping.unwrap_data_key(files, secret)
        fields.wrapped, files.wrapped = files.wrapped, fields.wrapped
        for row in (fields, files):
            with pytest.raises(primitives.InvalidCiphertext):
                wrapping.unwrap_data_key(row, secret)

    def test_another_place_does_not_unwrap(self, tenant_b: UUID, in_a: UUID) -> None:
        above, row = TenantKey.objects.get(), DataKey.objects.get(purpose="fields")
        secret = wrapping.unwrap_tenant_key(above)
        for name, value in (("version", 2), ("purpose", "files"), ("tenant_id", tenant_b)):
            kept = getattr(row, name)
            setattr(row, name, value)
            with pytest.raises(primitives.InvalidCiphertext):
                wrapping.unwrap_data_key(row, secret)
            setattr(row, name, kept)
        above.tenant_id = tenant_b
        with pytest.raises(primitives.InvalidCiphertext):
            wrapping.unwrap_tenant_key(above)

    def test_shared_keys_are_read_from_every_scope_and_written_from_none(self, in_a: UUID) -> None:
        shared = DataKey.readable.filter(shared=True)
        assert {row.tenant_id for row in shared} == {keyring.operator()}
        assert shared.count() == len(Purpose)
        with pytest.raises(ProgrammingError, match="row-level security"), context.attempt():
            shared.update(state=KeyState.DISABLED)
        assert set(shared.values_list("state", flat=True)) == {KeyState.PRIMARY}
        assert set(DataKey.objects.values_list("tenant_id", flat=True)) == {in_a}

    def test_another_organizations_keys_are_not_seen(self, tenant_b: UUID, in_a: UUID) -> None:
        assert DataKey.readable.filter(tenant_id=tenant_b).count() == 0
        with pytest.raises(keyring.NoKeys):
            keyring.primary(tenant_b, "fields")

    def test_a_destroyed_key_has_no_bytes(self, in_a: UUID) -> None:
        row = make.customer(name="Ann")
        assert services.destroy_tenant_keys(tenant_id=in_a, actor=ACTOR, at=clock.now()) == len(Purpose) + 1
        assert set(DataKey.objects.values_list("state", "wrapped")) == {("destroyed", None)}
        keyring.forget(in_a)
        with pytest.raises(primitives.InvalidCiphertext):
            _ = Customer.objects.get(pk=row.pk).name

    def test_keys_are_neither_shown_nor_pickled(self, in_a: UUID) -> None:
        key = keyring.primary(in_a, "fields")
        assert repr(key) == f"<LiveKey {UUID(bytes=key.id)}>"
        with pytest.raises(TypeError):
            pickle.dumps(key)


class TestCounting:
    def test_a_long_transaction_is_counted_when_it_commits(
        self, transactional_db: None, tenant_a: UUID
    ) -> None:
        with context.scope(context.Scope(tenant_a)):
            key = keyring.primary(tenant_a, "webhooks")
            for _ in range(1000):
                key.encrypt(b"", b"")
            assert DataKey.objects.get(purpose="webhooks").encryptions == 0
        with context.scope(context.Scope(tenant_a)):
            assert DataKey.objects.get(purpose="webhooks").encryptions == 1000
            for _ in range(keyring.COUNT_STEP - 1):
                key.encrypt(b"", b"")
        with context.scope(context.Scope(tenant_a)):
            assert DataKey.objects.get(purpose="webhooks").encryptions == 1000
        keyring.count_all()
        with context.scope(context.Scope(tenant_a)):
            assert DataKey.objects.get(purpose="webhooks").encryptions == 1000 + keyring.COUNT_STEP - 1

    def test_a_count_is_never_set_back(self, in_a: UUID) -> None:
        with connection.cursor() as cursor:
            for added in (0, -1, 2**31 + 1):
                cursor.execute("SELECT crypto_count_encryptions(id, %s) FROM crypto_datakey", [added])
                assert {row[0] for row in cursor.fetchall()} == {None}
        with pytest.raises(Exception, match="permission denied"), context.attempt():
            DataKey.objects.update(encryptions=0)

    def test_a_worn_out_key_encrypts_no_more(self, in_a: UUID) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT crypto_count_encryptions(id, %s) FROM crypto_datakey WHERE tenant_id = %s",
                [keyring.ENCRYPTION_LIMIT - 1, in_a],
            )
        keyring.forget_everything()
        key = keyring.primary(in_a, "fields")
        kept = key.encrypt(b"last", b"")
        with pytest.raises(keyring.KeyIsWornOut):
            key.encrypt(b"one too many", b"")
        assert key.decrypt(kept, b"") == b"last"


class TestSealedOrganization:
    def test_keys_are_forgotten_at_the_next_entry(self, in_a: UUID) -> None:
        keyring.primary(in_a, "fields")
        row = Tenant.objects.get(pk=in_a)
        keyring.observe(in_a, row.state, row.key_generation)
        assert keyring.statistics().keys == len(Purpose)
        keyring.observe(in_a, Tenant.State.SEALED, row.key_generation)
        assert keyring.statistics().keys == 0

    def test_an_older_generation_is_forgotten(self, in_a: UUID) -> None:
        keyring.primary(in_a, "fields")
        row = Tenant.objects.get(pk=in_a)
        keyring.observe(in_a, row.state, row.key_generation + 1)
        assert keyring.statistics().keys == 0

    def test_it_refuses_reading_and_writing_until_unsealed(
        self, transactional_db: None, tenant_a: UUID
    ) -> None:
        scope = context.Scope(tenant_a)
        with context.scope(scope):
            row = make.customer(name="Ann")
        services.seal_organization(tenant_id=tenant_a, actor=ACTOR)
        with context.scope(scope):
            assert Tenant.objects.get(pk=tenant_a).state == Tenant.State.SEALED
            with pytest.raises(Sealed):
                _ = Customer.objects.get(pk=row.pk).name
            with pytest.raises(Sealed), context.attempt():
                make.customer(name="Bea")
        services.unseal_organization(tenant_id=tenant_a, actor=ACTOR)
        with context.scope(scope):
            assert Customer.objects.get(pk=row.pk).name == "Ann"
            assert Customer.objects.count() == 1
        rows = databases.as_owner(
            "SELECT event FROM audit_event WHERE tenant_id = %s AND event LIKE %s ORDER BY at",
            [tenant_a, "organization.%sealed"],
        )
        events = [row[0] for row in rows]
        assert events == ["organization.sealed", "organization.unsealed"]

    def test_sealing_waits_for_transactions_that_began_before(
        self, transactional_db: None, tenant_a: UUID
    ) -> None:
        """What still runs under the old keys has ended when the seal returns."""
        with databases.connect_as("default") as other:
            other.execute("BEGIN")
            other.execute("SELECT 1")
            ended: list[str] = []
            timer = Timer(2.5, lambda: (ended.append("transaction"), other.execute("ROLLBACK")))
            timer.start()
            services.seal_organization(tenant_id=tenant_a, actor=ACTOR)
            assert ended == ["transaction"]
            timer.join()

    def test_the_operator_is_not_sealed(self, transactional_db: None) -> None:
        with context.system_scope(reason="the test asks who the operator is"):
            operator = keyring.operator()
        with pytest.raises(services.OperatorCannotBeSealed):
            services.seal_organization(tenant_id=operator, actor=ACTOR)
        with context.scope(context.Scope(operator)):
            assert Tenant.objects.get(pk=operator).state == Tenant.State.ACTIVE

    def test_a_seal_inside_a_transaction_is_refused(self, in_a: UUID) -> None:
        with pytest.raises(services.ScopeIsOpen):
            services.seal_organization(tenant_id=in_a, actor=ACTOR)
        assert Tenant.objects.get(pk=in_a).state == Tenant.State.ACTIVE


class TestStoredBytes:
    @pytest.fixture(autouse=True)
    def _store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stores, "_stores", {})
        for purpose in (Purpose.FILES, Purpose.DOCUMENTS):
            stores.register(
                stores.Store(
                    name=f"test-{purpose}", purpose=purpose, stale=lambda key: 0, rewrite=lambda key, n: 0
                )
            )

    def test_bytes_open_in_their_place_alone(self, tenant_b: UUID, in_a: UUID) -> None:
        place = ["test-files", in_a]
        kept = services.encrypt_bytes(Purpose.FILES, b"body", place)
        assert services.decrypt_bytes(Purpose.FILES, kept, place) == b"body"
        for other in (
            ["test-files", tenant_b],
            ["test-files"],
            ["test-files", in_a, b""],
            ["test-files", "x"],
        ):
            with pytest.raises(primitives.InvalidCiphertext):
                services.decrypt_bytes(Purpose.FILES, kept, other)
        with pytest.raises(primitives.InvalidCiphertext):
            services.decrypt_bytes(Purpose.DOCUMENTS, kept, ["test-documents", in_a])

    def test_bytes_no_rotation_would_find_are_not_encrypted(self, in_a: UUID) -> None:
        for purpose, place in (
            (Purpose.FILES, ["nobody", in_a]),
            (Purpose.FILES, []),
            (Purpose.FILES, ["test-documents"]),
            (Purpose.FIELDS, ["test-files"]),
        ):
            with pytest.raises(stores.UnknownStore):
                services.encrypt_bytes(purpose, b"body", place)

    def test_a_name_is_taken_once(self) -> None:
        with pytest.raises(stores.DuplicateStore):
            stores.register(stores.of("test-files"))


def test_every_column_can_be_rotated_and_refuses_plaintext(db: None) -> None:
    """The database's own word: a CHECK on every encrypted column, and UPDATE on it for the rekey role."""
    wanted = [
        (table.name, column.column) for table in columns.tables(of_operator=True) for column in table.fields
    ]
    assert len(wanted) > 20
    for table, column in wanted:
        rows = databases.as_owner(
            "SELECT has_column_privilege('strongbox_rekey', %s, %s, 'UPDATE'), "
            "has_table_privilege('strongbox_rekey', %s, 'SELECT'), "
            "has_table_privilege('strongbox_rekey', %s, 'INSERT'), EXISTS (SELECT FROM pg_constraint k "
            "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey) "
            "WHERE k.conrelid = %s::regclass AND k.contype = 'c' AND a.attname = %s "
            "AND k.conname LIKE '%%_envelope')",
            [table, column, table, table, table, column],
        )
        assert rows == [(True, True, False, True)], (table, column)


def test_the_rekey_role_changes_nothing_but_encrypted_columns(in_a: UUID) -> None:
    make.customer(name="Ann")
    with databases.connect_as("rekey") as rekey, pytest.raises(psycopg.errors.InsufficientPrivilege):
        rekey.execute("UPDATE billing_customer SET currency = 'USD'")
    assert transaction.get_connection().in_atomic_block
