"""Each live control passes on what is in order, and fails once the real thing is broken.

The world is put in order by the ordinary services; it is broken as somebody would who owns the tables, the host or the
settings. A live control without a story fails the last test of this file.
"""

import json
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings

from accounts.models import ApiKey, Invitation, Membership, PasskeyCredential
from accounts.services import members
from alerts import tasks as alert_tasks
from alerts.models import Alert, AlertRule
from audit import tasks as audit_tasks
from billing.customers.models import Customer
from billing.exports.models import Export
from compliance.controls import registry
from compliance.controls.rules import State
from compliance.requests.models import PrivacyRequest
from core import cardnumbers, clock, ids
from core.actor import Actor
from crypto.models import DataKey
from edge import headers
from outbound import files
from outbound.models import OutboxMessage
from outbound.webhooks import services as webhooks
from payments.cards import scan
from payments.models import HookReceipt, Payment
from tenancy import jobs
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts, billing, installation, payments
from tests.make import patching as made_patching
from tests.make import training as made_training
from tests.services.audit import trail
from tests.services.backups import test_services as made_backups
from web.pay import inventory

ACTOR = Actor.system("tests")
owner = databases.as_owner


@dataclass
class World:
    """Organization a, and what pytest lends: its settings, its folder, its way to replace things."""

    tenant: UUID
    settings: Any
    folder: Path
    monkeypatch: Any


class Told:
    """How the world is put in order for a control, and how it is broken."""

    # Whether another connection changes the database, which then has to be made anew.
    commits = True

    def mend(self, world: World) -> None:
        """A new installation is in order."""

    def harm(self, world: World) -> None:
        """Nothing has to be done to the world."""


STORIES: dict[str, Told] = {}


def story(code: str) -> Callable[[type[Told]], type[Told]]:
    def keep(told: type[Told]) -> type[Told]:
        STORIES[code] = told()
        return told

    return keep


def old(table: str, column: str, days: int, where: str = "true") -> None:
    owner(f"UPDATE {table} SET {column} = now() - interval '{days} days' WHERE {where}")


# --- Encryption -------------------------------------------------------------------------------------


@story("encryption.stored_values")
class StoredValues(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            billing.customer("Ada Lovelace")
            billing.customer("Grace Hopper")

    def harm(self, world: World) -> None:
        """Somebody puts one customer's encrypted name in another's place."""
        first, second = [row[0] for row in owner("SELECT id FROM billing_customer ORDER BY id")]
        owner(
            "UPDATE billing_customer SET name = (SELECT name FROM billing_customer WHERE id = %s) WHERE id = %s",
            [first, second],
        )


@story("keys.age")
class KeyAge(Told):
    def harm(self, world: World) -> None:
        old("crypto_datakey", "created_at", 400, "purpose = 'fields'")


@story("keys.wear")
class KeyWear(Told):
    def harm(self, world: World) -> None:
        owner("UPDATE crypto_datakey SET encryptions = 300000000 WHERE purpose = 'documents'")


@story("keys.rotations")
class Rotations(Told):
    def harm(self, world: World) -> None:
        """A rotation made its new key primary and died two days ago."""
        with scope(Scope(world.tenant)):
            key = DataKey.objects.get(purpose="fields")
        owner("UPDATE crypto_datakey SET state = 'active' WHERE id = %s", [key.pk])
        owner(
            "INSERT INTO crypto_datakey (id, tenant_id, version, state, wrapped, shared, created_at, tenant_key_id, "
            "purpose, encryptions) SELECT %s, tenant_id, 2, 'primary', wrapped, shared, now() - interval '2 days', "
            "tenant_key_id, purpose, 0 FROM crypto_datakey WHERE id = %s",
            [ids.uuid7(), key.pk],
        )


@story("keys.hierarchy")
class Hierarchy(Told):
    def harm(self, world: World) -> None:
        owner("UPDATE crypto_datakey SET state = 'disabled' WHERE purpose = 'files'")


# --- People -----------------------------------------------------------------------------------------


def _member(world: World, role: str = "billing_clerk", **values: Any) -> Membership:
    with scope(Scope(world.tenant)):
        made = accounts.member(role, **values)
        accounts.totp(made.user)
        return made


@story("identity.second_factor")
class SecondFactor(Told):
    def mend(self, world: World) -> None:
        _member(world)

    def harm(self, world: World) -> None:
        owner("DELETE FROM accounts_totpdevice")


@story("identity.phishing_resistant")
class PhishingResistant(Told):
    def mend(self, world: World) -> None:
        made = _member(world, "owner")
        with scope(Scope(world.tenant)):
            PasskeyCredential(
                user=made.user, created_at=clock.now(), credential_id=b"id", public_key=b"key", sign_count=0
            ).save(force_insert=True)

    def harm(self, world: World) -> None:
        owner("DELETE FROM accounts_passkeycredential")


@story("identity.dormant")
class Dormant(Told):
    def mend(self, world: World) -> None:
        made = _member(world, at=clock.now() - timedelta(days=200))
        with scope(Scope(world.tenant)):
            opened = accounts.session(made.user)
        owner("UPDATE accounts_session SET tenant_id = %s WHERE id = %s", [world.tenant, opened.session.pk])

    def harm(self, world: World) -> None:
        old("accounts_session", "last_seen_at", 120)


@story("identity.second_person")
class SecondPerson(Told):
    def mend(self, world: World) -> None:
        _member(world, "approver")
        _member(world, "owner")

    def harm(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            boss = Membership.objects.get(role__code="owner")
            approver = Membership.objects.get(role__code="approver")
            members.suspend(member_id=approver.pk, actor=accounts.actor(boss.user), at=clock.now())


@story("identity.sessions")
class Sessions(Told):
    def mend(self, world: World) -> None:
        made = _member(world)
        with scope(Scope(world.tenant)):
            opened = accounts.session(made.user)
        owner("UPDATE accounts_session SET tenant_id = %s WHERE id = %s", [world.tenant, opened.session.pk])

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_session SET expires_at = now() + interval '30 days'")


@story("identity.leavers")
class Leavers(Told):
    def mend(self, world: World) -> None:
        Sessions().mend(world)

    def harm(self, world: World) -> None:
        """A membership is ended past the service, which would have ended the session."""
        owner("UPDATE accounts_membership SET state = 'removed', ended_at = now()")


@story("identity.password_storage")
class PasswordStorage(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.settings.PASSWORD_HASHERS = [
            *world.settings.PASSWORD_HASHERS,
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]


@story("identity.known_passwords")
class KnownPasswords(Told):
    commits = False

    def harm(self, world: World) -> None:
        """The list is empty: an empty file stands where it was."""
        from accounts import passwords

        world.monkeypatch.setattr(passwords, "common", lambda: frozenset())


# --- Access -----------------------------------------------------------------------------------------


def _key(world: World) -> None:
    made = _member(world, "owner")
    with scope(Scope(world.tenant)):
        accounts.api_key(made, expires_at=clock.now() + timedelta(days=300))


@story("access.key_age")
class KeysAge(Told):
    def mend(self, world: World) -> None:
        _key(world)

    def harm(self, world: World) -> None:
        old("accounts_apikey", "created_at", 380)


@story("access.keys_used")
class KeysUsed(Told):
    def mend(self, world: World) -> None:
        _key(world)

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_apikey SET created_at = now() - interval '200 days', "
              "last_used_at = now() - interval '100 days'")  # fmt: skip


@story("access.keys_owned")
class KeysOwned(Told):
    def mend(self, world: World) -> None:
        _key(world)

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_membership SET state = 'suspended'")
        with scope(Scope(world.tenant)):
            assert ApiKey.objects.filter(revoked_at__isnull=True).exists()


@story("access.webhook_secrets")
class WebhookSecrets(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            webhooks.create(url="https://93.184.216.34/hook", actor=ACTOR, at=clock.now())

    def harm(self, world: World) -> None:
        old("outbound_webhookendpoint", "secret_made_at", 400)


@story("access.roles")
class Roles(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            accounts.custom_role("night_shift", ["invoice:read"])
            accounts.member("night_shift")

    def harm(self, world: World) -> None:
        owner(
            "UPDATE accounts_role SET rights = array_append(rights, 'vault:open') WHERE code = 'night_shift'"
        )


@story("access.exports")
class Exports(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            file = files.store(
                kind="export", name="x.csv", media_type="text/csv", chunks=[b"a;b"], actor=ACTOR, at=at
            )
            Export(
                kind="customers", format="csv", state=Export.State.READY, columns=["name"], has_personal=True,
                rows_expected=1, rows=1, asked_at=at, ready_at=at, expires_at=at + timedelta(hours=24), file=file,
                digest="0" * 64,
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        owner("UPDATE billing_export SET expires_at = now() - interval '3 hours'")


@story("access.invitations")
class Invitations(Told):
    def mend(self, world: World) -> None:
        boss = _member(world, "owner")
        with scope(Scope(world.tenant)):
            role = accounts.custom_role("night_shift", ["invoice:read"])
            members.send_invitation(
                email=accounts.address(), role=role, actor=accounts.actor(boss.user), at=clock.now()
            )

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_membership SET state = 'removed', ended_at = now()")
        with scope(Scope(world.tenant)):
            assert Invitation.objects.filter(withdrawn_at__isnull=True).exists()


# --- Isolation --------------------------------------------------------------------------------------


@story("isolation.row_level_security")
class RowLevelSecurity(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_invoice NO FORCE ROW LEVEL SECURITY")


@story("isolation.role_powers")
class RolePowers(Told):
    def harm(self, world: World) -> None:
        owner("GRANT TRUNCATE ON billing_invoice TO strongbox_app")


@story("isolation.context")
class ContextSealed(Told):
    def harm(self, world: World) -> None:
        databases.as_superuser("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC")


@story("isolation.references")
class References(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_invoice ADD CONSTRAINT id_alone UNIQUE (id)")
        owner(
            "ALTER TABLE billing_invoiceline ADD CONSTRAINT loose FOREIGN KEY (invoice_id) "
            "REFERENCES billing_invoice (id) NOT VALID"
        )


@story("isolation.classified")
class Classified(Told):
    commits = False

    def harm(self, world: World) -> None:
        """A column is in the table and in no policy."""
        from dataclasses import replace

        policy = Customer.data_policy
        fields = {name: kind for name, kind in policy.fields.items() if name != "email"}
        world.monkeypatch.setattr(Customer, "data_policy", replace(policy, fields=fields))


# --- Audit ------------------------------------------------------------------------------------------


@story("audit.sealed")
class Sealed(Told):
    def mend(self, world: World) -> None:
        trail.record(world.tenant, 1)
        trail.seal(clock.now())

    def harm(self, world: World) -> None:
        owner("UPDATE audit_mark SET sealed_at = now() - interval '20 minutes'")


@story("audit.append_only")
class AppendOnly(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE audit_event DISABLE TRIGGER append_only")


@story("audit.proved")
class Proved(Told):
    def mend(self, world: World) -> None:
        trail.record(world.tenant, 3)
        trail.seal(clock.now())
        audit_tasks.verify_all.apply().get()

    def harm(self, world: World) -> None:
        trail.tamper("UPDATE audit_event SET reason = 'other' WHERE event = 'audit.read'")
        audit_tasks.verify_all.apply().get()


@story("audit.months")
class Months(Told):
    def harm(self, world: World) -> None:
        name = owner("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM')")[0][0]
        owner(f"DROP TABLE audit_event_{name}")


@story("audit.clocks")
class Clocks(Told):
    commits = False

    """Asked with a clock that is a minute late, see SKEWED."""


SKEWED = {"audit.clocks": timedelta(minutes=-1)}

# --- Money ------------------------------------------------------------------------------------------


def _books(world: World) -> None:
    with scope(Scope(world.tenant)):
        for _ in range(3):
            billing.finalized()


@story("money.balanced")
class Balanced(Told):
    def mend(self, world: World) -> None:
        _books(world)

    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_ledgerentry DISABLE TRIGGER USER")
        owner(
            "UPDATE billing_ledgerentry SET amount_minor = amount_minor + 1 "
            "WHERE id = (SELECT id FROM billing_ledgerentry LIMIT 1)"
        )
        owner("ALTER TABLE billing_ledgerentry ENABLE TRIGGER USER")


@story("money.frozen")
class Frozen(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_invoice DISABLE TRIGGER frozen")


@story("money.gapless")
class Gapless(Told):
    def mend(self, world: World) -> None:
        _books(world)

    def harm(self, world: World) -> None:
        """The second invoice has another number than it was given."""
        for table in ("billing_invoice", "billing_invoiceline", "billing_invoicetax"):
            owner(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner("UPDATE billing_invoice SET sequence = sequence + 40 WHERE sequence = 2")


@story("money.no_doubt")
class NoDoubt(Told):
    def mend(self, world: World) -> None:
        """The provider has not said for a moment what became of a payment."""
        with scope(Scope(world.tenant)):
            payments.account()
            payments.started(billing.finalized(), at=clock.now())
        owner("UPDATE payments_payment SET state = 'unknown'")
        with scope(Scope(world.tenant)):
            assert Payment.objects.get().state == Payment.State.UNKNOWN

    def harm(self, world: World) -> None:
        old("payments_payment", "updated_at", 2)


@story("money.messages")
class Messages(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            account = payments.account()
            HookReceipt(
                account=account, event_reference=f"evt_{secrets.token_hex(4)}", object_reference="pi_1",
                event_type="payment_intent.succeeded", next_try_at=clock.now(),
                state=HookReceipt.State.RECEIVED, created_at=clock.now(), received_at=clock.now(),
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        owner("UPDATE payments_hookreceipt SET received_at = now() - interval '3 hours'")


# --- Cards ------------------------------------------------------------------------------------------


@story("cards.none_stored")
class NoneStored(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            billing.customer("Ada Lovelace")
        scan.run(tenant_id=world.tenant, actor=ACTOR, now=clock.now)

    def harm(self, world: World) -> None:
        """Somebody writes a number past every filter, and the next search comes by."""
        with scope(Scope(world.tenant)):
            row = Customer.objects.get()
            row.notes = "card 4242 4242 4242 4242"
            row.save(update_fields=["notes"])
        scan.run(tenant_id=world.tenant, actor=ACTOR, now=clock.now)


@story("cards.refused")
class CardsRefused(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.monkeypatch.setattr(cardnumbers, "_RANGES", (("34", "34", range(15, 16)),))


@story("cards.provider_mode")
class ProviderMode(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            payments.account()

    def harm(self, world: World) -> None:
        owner("UPDATE payments_gatewayaccount SET livemode = NOT livemode")


# --- Configuration ----------------------------------------------------------------------------------


@story("configuration.browser")
class BrowserTold(Told):
    commits = False

    def mend(self, world: World) -> None:
        world.settings.SESSION_COOKIE_SECURE = world.settings.CSRF_COOKIE_SECURE = True
        world.settings.SESSION_COOKIE_NAME = "__Host-strongbox"
        world.settings.CSRF_COOKIE_NAME = "__Host-csrf"
        world.settings.SECURE_SSL_REDIRECT = True
        world.settings.SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600

    def harm(self, world: World) -> None:
        world.settings.SECURE_HSTS_SECONDS = 3600


@story("configuration.switched_off")
class SwitchedOff(Told):
    commits = False

    def mend(self, world: World) -> None:
        world.settings.DEMO = False

    def harm(self, world: World) -> None:
        world.settings.DEBUG = True


@story("configuration.transport")
class Transport(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.settings.CELERY_BROKER_URL = "redis://queue.example.com:6379/0"


@story("configuration.formats")
class Formats(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.settings.CELERY_ACCEPT_CONTENT = ["json", "pickle"]


@story("configuration.key_files")
class KeyFiles(Told):
    commits = False

    def mend(self, world: World) -> None:
        key = world.folder / "root.key"
        key.write_text("0" * 64)
        key.chmod(0o600)
        world.settings.ROOT_KEY_FILE = key

    def harm(self, world: World) -> None:
        Path(django_settings.ROOT_KEY_FILE).chmod(0o644)
        assert stat.S_IMODE(Path(django_settings.ROOT_KEY_FILE).stat().st_mode) == 0o644


@story("configuration.outgoing")
class Outgoing(Told):
    commits = False

    def mend(self, world: World) -> None:
        world.settings.OUTBOUND_PRIVATE_ORIGINS = []

    def harm(self, world: World) -> None:
        world.settings.OUTBOUND_PRIVATE_ORIGINS = ["http://10.0.0.7:8080"]


@story("configuration.timeouts")
class Timeouts(Told):
    def harm(self, world: World) -> None:
        """Asked on a connection whose statement may run for ever."""
        from django.db import connection

        connection.close()
        options = connection.settings_dict["OPTIONS"]
        world.monkeypatch.setitem(options, "options", "-c statement_timeout=0")


# --- Operation --------------------------------------------------------------------------------------


@story("operation.mail")
class MailLeaves(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            OutboxMessage(
                template="receipt", created_at=at, next_attempt_at=at, body={"to": "a@b.example"}
            ).save(force_insert=True)

    def harm(self, world: World) -> None:
        owner("UPDATE outbound_outboxmessage SET next_attempt_at = now() - interval '2 hours'")


@story("operation.webhooks")
class WebhooksTaken(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            made = webhooks.create(url="https://93.184.216.34/hook", actor=ACTOR, at=clock.now())
            webhooks.ping(endpoint_id=made.endpoint.pk, actor=ACTOR)

    def harm(self, world: World) -> None:
        owner(
            "UPDATE outbound_webhookdelivery SET state = 'failed', next_attempt_at = NULL, finished_at = now()"
        )


@story("operation.jobs")
class JobsEnd(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            jobs.start(kind="test", at=clock.now())

    def harm(self, world: World) -> None:
        old("tenancy_job", "created_at", 2)


@story("operation.files")
class FilesOpen(Told):
    def mend(self, world: World) -> None:
        world.settings.FILES_DIR = world.folder / "files"
        with scope(Scope(world.tenant)):
            files.store(
                kind="import", name="x.csv", media_type="text/csv", chunks=[b"a;b\n" * 99], actor=ACTOR,
                at=clock.now(),
            )  # fmt: skip

    def harm(self, world: World) -> None:
        """One bit of one stored file turns."""
        path = next(path for path in (world.folder / "files").rglob("*") if path.is_file())
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


# --- Assurance --------------------------------------------------------------------------------------


@story("assurance.backup_fresh")
class BackupFresh(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(installation.tenant("operator"))):
            made_backups.backup()

    def harm(self, world: World) -> None:
        """Nobody makes another for four days."""
        owner(
            "UPDATE backups_backup SET started_at = started_at - interval '4 days', "
            "finished_at = finished_at - interval '4 days', consistent_at = consistent_at - interval '4 days'"
        )


@story("assurance.drill_passed")
class DrillPassed(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(installation.tenant("operator"))):
            made_backups.backup()
            made_backups.drill(made_backups.found())

    def harm(self, world: World) -> None:
        """The next drill finds the books wrong."""
        with scope(Scope(installation.tenant("operator"))):
            made_backups.drill(made_backups.found(wrong="ledger"))


@story("assurance.patched")
class PatchedInTime(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(installation.tenant("operator"))):
            made_patching.weak()

    def harm(self, world: World) -> None:
        """The day by which they were to be mended passes, and the next look comes by."""
        owner("UPDATE patching_finding SET due_on = current_date - 3")
        with scope(Scope(installation.tenant("operator"))):
            made_patching.weak()


@story("assurance.trained")
class Trained(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            made_training.assigned(accounts.member("billing_clerk"))

    def harm(self, world: World) -> None:
        owner("UPDATE training_assignment SET due_on = current_date - 2")


@story("assurance.watched")
class Watched(Told):
    def mend(self, world: World) -> None:
        alert_tasks.look.apply().get()

    def harm(self, world: World) -> None:
        owner("UPDATE alerts_watch SET looked_at = looked_at - interval '1 hour'")


@story("assurance.alerts_answered")
class AlertsAnswered(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            Alert(
                rule="A01", rule_version=1, severity="critical", group="person", key=str(ids.uuid7()),
                first_seen_at=at, last_seen_at=at, opened_at=at, announced_at=at, updated_at=at,
                due_at=at + timedelta(hours=1),
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        old("alerts_alert", "due_at", 1)


@story("assurance.rules_on")
class RulesOn(Told):
    def _set(self, world: World, *, version: int, enabled: bool) -> None:
        with scope(Scope(world.tenant)):
            AlertRule(
                code="A01", version=version, enabled=enabled, severity="high", group="person",
                window_seconds=60, threshold=5, suppression_seconds=60, automatic="none", set_at=clock.now(),
            ).save(force_insert=True)  # fmt: skip

    def mend(self, world: World) -> None:
        self._set(world, version=1, enabled=True)

    def harm(self, world: World) -> None:
        self._set(world, version=2, enabled=False)


@story("privacy.requests")
class PrivacyRequests(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            PrivacyRequest(
                kind="access", customer=billing.customer(), received_on=at.date(), created_at=at, updated_at=at,
                due_on=at.date() + timedelta(days=30),
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        owner("UPDATE compliance_privacyrequest SET received_on = received_on - 90, due_on = due_on - 90")


# --- What the faces see -----------------------------------------------------------------------------


@story("configuration.headers")
class Headers(Told):
    commits = False

    def harm(self, world: World) -> None:
        loose = headers.CONTENT_SECURITY_POLICY.replace(
            "script-src 'self'", "script-src 'self' 'unsafe-inline'"
        )
        world.monkeypatch.setattr(headers, "CONTENT_SECURITY_POLICY", loose)


@story("cards.pay_page")
class PayPage(Told):
    commits = False

    def mend(self, world: World) -> None:
        """The list says what is served."""
        listed = world.folder / "reviewed.json"
        listed.write_text(
            json.dumps(
                {name: {"sha256": digest, "why": "needed"} for name, digest in inventory.served().items()}
            )
        )
        world.monkeypatch.setattr(inventory, "REVIEWED", listed)

    def harm(self, world: World) -> None:
        """A script of the page is another than was reviewed."""
        genuine = inventory._content

        def changed(name: str) -> bytes:
            return genuine(name) + (b"//x" if name.endswith(".js") else b"")

        world.monkeypatch.setattr(inventory, "_content", changed)


@story("access.addresses")
class Addresses(Told):
    commits = False

    def harm(self, world: World) -> None:
        from web.compliance import controls

        world.monkeypatch.delattr(controls.index, "access")


# --- The proof --------------------------------------------------------------------------------------


def _prove(code: str, ask: Any, world: World) -> None:
    told = STORIES[code]
    told.mend(world)
    before = ask(code)
    assert before.state is State.PASSING, before
    told.harm(world)
    after = ask(code, clock.now() + SKEWED.get(code, timedelta()))
    assert after.state is State.FAILING, after
    assert after.findings or after.summary != before.summary


@pytest.mark.django_db(transaction=True, databases=["default", "sealer"])
@pytest.mark.parametrize("code", [code for code, told in STORIES.items() if told.commits])
def test_a_control_fails_when_the_thing_itself_is_broken(
    code: str, ask: Any, tenant_a: UUID, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    _prove(code, ask, World(tenant_a, settings, tmp_path, monkeypatch))


@pytest.mark.django_db
@pytest.mark.parametrize("code", [code for code, told in STORIES.items() if not told.commits])
def test_a_control_fails_when_what_is_set_is_broken(
    code: str, ask: Any, tenant_a: UUID, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    _prove(code, ask, World(tenant_a, settings, tmp_path, monkeypatch))


def test_every_live_control_has_a_story() -> None:
    assert {control.code for control in registry.live()} == set(STORIES)


def test_there_are_enough_and_none_is_padded() -> None:
    live = registry.live()
    assert len(live) >= 25
    assert len({control.check for control in live}) == len(live), "two controls ask the same"
