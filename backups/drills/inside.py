"""What a drill asks the restored database, through the product itself and as its own roles.

It runs in a process of its own, whose environment names the scratch server; the live one it cannot reach.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth import hashers
from django.db import connections
from django_otp import oath

from accounts.models import Session, TotpDevice, User
from accounts.services import sessions, signin
from accounts.services.sessions import Origin
from audit import verification
from backups import server
from billing.ledger import queries as ledger
from core import clock, primitives
from core.actor import Actor
from core.errors import Refusal
from crypto import inspection
from outbound import files
from outbound.models import StoredFile
from tenancy import context
from tenancy.models import Tenant

SAMPLE = 20
FILES_SAMPLE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one check found."""

    name: str
    ok: bool
    milliseconds: int
    counts: dict[str, int]
    code: str = ""


class NotAScratchServer(Refusal):
    """These checks change what they look at; they run on a restored copy only."""

    code = "not_a_scratch_server"


def check(*, actor: Actor) -> list[Found]:
    """Run every check and return what each found; one that breaks is one that failed.

    Raises:
        NotAScratchServer: the database is not one that a drill restored.
    """
    _only_in_scratch()
    return [
        _timed("ledger", _ledger),
        _timed("seals", _seals),
        _timed("decrypt", _decrypt),
        _timed("files", _files),
        _timed("sign_in", lambda: _sign_in(actor)),
    ]


def _only_in_scratch() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT current_setting('cluster_name')")
        (name,) = cursor.fetchone()
    if name != server.SCRATCH_NAME:
        raise NotAScratchServer


def _timed(name: str, act: Callable[[], tuple[dict[str, int], str]]) -> Found:
    began = time.monotonic()
    try:
        counts, code = act()
    except Exception as error:
        counts, code = {}, error.code if isinstance(error, Refusal) else type(error).__name__
    spent = int((time.monotonic() - began) * 1000)
    return Found(name=name, ok=not code, milliseconds=spent, counts=counts, code=code)


def _tenants(*, open_only: bool = False) -> list[UUID]:
    with context.system_scope(reason="a drill looks at every organization, one after the other"):
        rows = Tenant.objects.order_by("pk")
        if open_only:
            rows = rows.filter(state=Tenant.State.ACTIVE)
        return list(rows.values_list("pk", flat=True))


def _ledger() -> tuple[dict[str, int], str]:
    transactions = errors = 0
    tenants = _tenants()
    for tenant in tenants:
        with context.scope(context.Scope(tenant)):
            errors += len(ledger.check())
            transactions += ledger.count_transactions()
    counts = {"organizations": len(tenants), "transactions": transactions, "errors": errors}
    return counts, "books_do_not_balance" if errors else ""


def _seals() -> tuple[dict[str, int], str]:
    events = seals = findings = 0
    for tenant in _tenants():
        report = verification.verify(tenant)
        events += report.events
        seals += report.seals
        findings += len(report.findings)
    counts = {"events": events, "seals": seals, "findings": findings}
    return counts, "trail_is_not_whole" if findings else ""


def _decrypt() -> tuple[dict[str, int], str]:
    columns = opened = faults = 0
    for tenant in _tenants(open_only=True):
        with context.scope(context.Scope(tenant)):
            found = inspection.scan(full=False, sample=SAMPLE)
        columns = max(columns, found.columns)
        opened += found.decrypted
        faults += len(found.findings)
    code = "values_do_not_open" if faults else "" if opened else "nothing_was_opened"
    return {"columns": columns, "values": opened, "faults": faults}, code


def _files() -> tuple[dict[str, int], str]:
    opened = faults = 0
    for tenant in _tenants(open_only=True):
        with context.scope(context.Scope(tenant)):
            rows = StoredFile.objects.filter(state=StoredFile.State.READY).order_by("-id")
            for row in rows[:FILES_SAMPLE]:
                try:
                    opened += bool(sum(len(piece) for piece in files.plaintext(row)) or True)
                except (Refusal, OSError, primitives.InvalidCiphertext):
                    faults += 1
    return {"files": opened, "faults": faults}, "files_do_not_open" if faults else ""


def _sign_in(actor: Actor) -> tuple[dict[str, int], str]:
    """Sign somebody in with a password and the second factor that was restored."""
    at = clock.now()
    with context.system_scope(reason="people belong to no organization"):
        device = (
            TotpDevice.objects.filter(confirmed=True, user__state=User.State.ACTIVE).order_by("-id").first()
        )
        person = device.user if device is not None else User.objects.filter(state=User.State.ACTIVE).first()
        if person is None:
            return {"people": 0}, "nobody_to_sign_in"
        # Nobody's password is known, and this copy is thrown away: it gets one that is.
        password = base64.b32encode(primitives.random_key()).decode().lower()
        person.password = hashers.make_password(password)
        with context.account(person.pk):
            person.save(update_fields=["password"])
            TotpDevice.objects.filter(user=person).update(last_t=-1)
        origin = Origin(network="restore drill")
        opened = signin.with_password(email=person.email, password=password, origin=origin, at=at)
        if device is not None:
            code = _code(device.secret, at)
            raw = signin.with_totp(session=opened.session, code=code, actor=actor, at=at)
            session = sessions.resolve(raw, at + timedelta(seconds=1))
            if session is None or session.stage != Session.Stage.ACTIVE:
                return {"people": 1}, "session_is_not_open"
        people = User.objects.filter(state=User.State.ACTIVE).count()
    return {"people": people, "second_factors": int(device is not None)}, ""


def _code(secret: str, at: datetime) -> str:
    step = int(at.timestamp()) // signin.TOTP_STEP_SECONDS
    return f"{oath.hotp(base64.b32decode(secret), step, digits=signin.TOTP_DIGITS):0{signin.TOTP_DIGITS}d}"
