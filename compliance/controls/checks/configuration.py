"""How the installation is set: what browsers are told, how its parts talk to each other, what is switched off."""

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from compliance.controls import rules
from compliance.controls.rules import Control, Outcome

ONE_YEAR = timedelta(days=365).total_seconds()
FEWEST_SECRET_CHARACTERS = 50
_LOCAL = ("localhost", "127.0.0.1", "::1", "")
_TRUSTED_TLS = ("verify-full", "verify-ca")


def browser(at: datetime) -> Outcome:
    """Look at what browsers are told: cookies, transport, framing."""
    wanted = {
        "SESSION_COOKIE_SECURE": settings.SESSION_COOKIE_SECURE,
        "SESSION_COOKIE_NAME begins with __Host-": settings.SESSION_COOKIE_NAME.startswith("__Host-"),
        "SESSION_COOKIE_HTTPONLY": settings.SESSION_COOKIE_HTTPONLY,
        "CSRF_COOKIE_SECURE": settings.CSRF_COOKIE_SECURE,
        "CSRF_COOKIE_NAME begins with __Host-": settings.CSRF_COOKIE_NAME.startswith("__Host-"),
        "CSRF_COOKIE_HTTPONLY": settings.CSRF_COOKIE_HTTPONLY,
        "SECURE_SSL_REDIRECT": settings.SECURE_SSL_REDIRECT,
        "SECURE_HSTS_SECONDS of a year": settings.SECURE_HSTS_SECONDS >= ONE_YEAR,
        "SECURE_CONTENT_TYPE_NOSNIFF": settings.SECURE_CONTENT_TYPE_NOSNIFF,
        "SECURE_REFERRER_POLICY": settings.SECURE_REFERRER_POLICY in ("same-origin", "no-referrer"),
        "X_FRAME_OPTIONS": settings.X_FRAME_OPTIONS == "DENY",
    }
    return rules.judged(
        [name for name, right in wanted.items() if not right],
        good=f"All {len(wanted)} settings of cookies, transport and framing are strict.",
        wrong="Settings of cookies, transport or framing that are not strict: {n}.",
        settings=len(wanted),
    )


def switched_off(at: datetime) -> Outcome:
    """Look for what is of use in development and of use to attackers."""
    wrong = []
    if settings.DEBUG:
        wrong.append("DEBUG is on")
    if getattr(settings, "DEMO", False):
        wrong.append("DEMO is on: the demo's people can sign in")
    if "*" in settings.ALLOWED_HOSTS:
        wrong.append("ALLOWED_HOSTS takes any name")
    if len(settings.SECRET_KEY) < FEWEST_SECRET_CHARACTERS or settings.SECRET_KEY.startswith(
        "django-insecure"
    ):
        wrong.append("SECRET_KEY is too weak")
    if "django.contrib.admin" in settings.INSTALLED_APPS:
        wrong.append("django.contrib.admin is installed")
    if "pickle" in (settings.CELERY_ACCEPT_CONTENT or ["pickle"]):
        wrong.append("CELERY_ACCEPT_CONTENT takes pickles")
    return rules.judged(
        wrong,
        good="Debugging, the demo, weak secrets and unsafe formats are off.",
        wrong="What is on and belongs to development: {n}.",
    )


def transport(at: datetime) -> Outcome:
    """Look how the parts of the installation reach each other: through TLS, a socket, or this host alone."""
    wrong = [f"database {alias}: {why}" for alias, why in _databases()]
    for name, address in (
        ("cache", str(settings.CACHES["default"]["LOCATION"])),
        ("queue", str(settings.CELERY_BROKER_URL)),
    ):
        if not _is_safe_address(address):
            wrong.append(f"{name}: plain text over the network")
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") and not (
        settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    ):
        wrong.append("mail: plain text over the network")
    with connection.cursor() as cursor:
        cursor.execute("SELECT ssl, inet_server_addr() IS NULL FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        (encrypted, by_socket) = cursor.fetchone() or (False, False)
    return rules.judged(
        wrong,
        good="Database, cache, queue and mail are reached through TLS, a socket or this host alone.",
        wrong="Parts that are reached in plain text: {n}.",
        database_tls=bool(encrypted),
        database_socket=bool(by_socket),
    )


def _databases() -> Iterator[tuple[str, str]]:
    for alias, given in settings.DATABASES.items():
        host = str(given.get("HOST", ""))
        if host.startswith("/") or host in _LOCAL:
            continue
        mode = str(given.get("OPTIONS", {}).get("sslmode", ""))
        if mode not in _TRUSTED_TLS:
            yield alias, f"sslmode {mode or 'unset'}"


def _is_safe_address(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("rediss", "unix", "redis+socket", "socket") or (parts.hostname or "") in _LOCAL


def formats(at: datetime) -> Outcome:
    """Look whether anything read from cache, queue or sessions could run code here."""
    wrong = []
    serializer = str(settings.CACHES["default"].get("OPTIONS", {}).get("serializer", ""))
    if not serializer.endswith("JsonSerializer"):
        wrong.append("the cache is not JSON")
    if settings.CELERY_TASK_SERIALIZER != "json" or list(settings.CELERY_ACCEPT_CONTENT) != ["json"]:
        wrong.append("the queue is not JSON")
    if getattr(settings, "SESSION_SERIALIZER", "").endswith("PickleSerializer"):
        wrong.append("sessions are pickled")
    return rules.judged(
        wrong,
        good="Cache, queue and sessions carry JSON, which runs nothing.",
        wrong="Stores with a format that can run code: {n}.",
    )


def key_files(at: datetime) -> Outcome:
    """Look who may read the files that hold keys."""
    named = {name: getattr(settings, name, None) for name in ("ROOT_KEY_FILE", "AUDIT_PRIVATE_KEY_FILE")}
    files = {name: Path(path) for name, path in named.items() if path}
    wrong, seen = [], 0
    for name, path in files.items():
        if not path.exists():
            continue
        seen += 1
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            wrong.append(f"{name} has mode {mode:04o}")
    folder = Path(settings.FILES_DIR)
    if folder.is_dir():
        seen += 1
        if stat.S_IMODE(folder.stat().st_mode) & 0o007:
            wrong.append("FILES_DIR can be entered by everybody")
    if not seen:
        return rules.not_applicable("This process is given no file that holds a key.")
    return rules.judged(
        wrong,
        good=f"{seen} files and folders of keys and data can be read by their owner alone.",
        wrong="Files or folders that others can read: {n}.",
        seen=seen,
        uid=os.getuid(),
    )


def outgoing(at: datetime) -> Outcome:
    """Look whether the HTTP client may reach a private network."""
    allowed = list(settings.OUTBOUND_PRIVATE_ORIGINS)
    return rules.judged(
        [f"private origin {place + 1} is allowed" for place in range(len(allowed))],
        good="Nothing that somebody types can make this installation call into a private network.",
        wrong="Private origins that may be called: {n}.",
    )


def timeouts(at: datetime) -> Outcome:
    """Look whether a statement or a transaction can hold the database for ever."""
    names = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting::bigint FROM pg_settings WHERE name = ANY (%s)", [list(names)])
        found = dict(cursor.fetchall())
    endless = [name for name in names if int(found.get(name, 0)) <= 0]
    facts: dict[str, str | int | bool] = {name: int(found.get(name, 0)) for name in names}
    return rules.judged(
        endless,
        good="Statements, locks and transactions end by themselves.",
        wrong="Limits of the database that are not set: {n}.",
        **facts,
    )


CONTROLS = (
    Control(
        code="configuration.browser",
        title="Browsers are told to be strict",
        family="configuration",
        checks="Eleven settings of cookies, transport security and framing.",
        passes="Cookies are bound to this host and to TLS, HSTS holds a year, nobody may frame a page.",
        fails="One is looser than that.",
        matters="A cookie that leaves TLS once can be copied once.",
        remedy="Run under production settings, behind TLS. A demo on localhost cannot pass this.",
        maps=(
            ("pci-dss", "4.2.1"),
            ("asvs", "3.3.1"),
            ("asvs", "3.4.1"),
            ("hipaa", "312(e)(1)"),
            ("gdpr", "32(1)(a)"),
        ),
        check=browser,
        of_host=True,
    ),
    Control(
        code="configuration.switched_off",
        title="Nothing of development is switched on",
        family="configuration",
        checks="Debugging, the demo, host names, the secret key, the admin site and formats of the queue.",
        passes="All are off or strict.",
        fails="One is on.",
        matters="A debugging page shows an attacker what took you years to hide.",
        remedy="Run under production settings. A demo cannot pass this.",
        maps=(("pci-dss", "2.2.2"), ("asvs", "13.4.2"), ("pci-dss", "6.5.1-6.5.6")),
        check=switched_off,
        of_host=True,
    ),
    Control(
        code="configuration.transport",
        title="Parts talk to each other through TLS or on one host",
        family="configuration",
        checks="The addresses of database, cache, queue and mail, and this very connection.",
        passes="Each is TLS with a checked certificate, a socket, or this host.",
        fails="One crosses the network in plain text.",
        matters="What is encrypted at rest must not be read on the way.",
        remedy="Use rediss://, sslmode=verify-full and smtps://.",
        maps=(("pci-dss", "4.2.1"), ("asvs", "12.3.1"), ("hipaa", "312(e)(1)"), ("gdpr", "32(1)(a)")),
        check=transport,
        of_host=True,
    ),
    Control(
        code="configuration.formats",
        title="Nothing that is read back can run code",
        family="configuration",
        checks="The formats of cache, queue and sessions.",
        passes="All are JSON.",
        fails="One carries pickles.",
        matters="Whoever can write to the cache would run code in the application.",
        remedy="Put the serializers back.",
        maps=(("asvs", "1.5.2"), ("pci-dss", "6.2.1-6.2.4")),
        check=formats,
        of_host=True,
    ),
    Control(
        code="configuration.key_files",
        title="Only their owner can read the files that hold keys",
        family="configuration",
        checks="Owner and mode of the root key's file, the sealing key's file and the folder of stored files.",
        passes="None can be read by others.",
        fails="One can.",
        matters="Every other user and program of the host could copy the root key.",
        remedy="chmod 600 the file, 700 the folder.",
        maps=(("pci-dss", "3.6/3.7"), ("asvs", "13.3.1")),
        check=key_files,
        of_host=True,
    ),
    Control(
        code="configuration.outgoing",
        title="Nobody can make this installation call into a private network",
        family="configuration",
        checks="The list of private origins that the one HTTP client may reach.",
        passes="It is empty.",
        fails="It names origins: whoever may enter an address could reach them.",
        matters="A webhook's address is typed by people; behind the firewall stand things that trust us.",
        remedy="Empty OUTBOUND_PRIVATE_ORIGINS. A demo with its sandbox gateway cannot pass this.",
        maps=(("asvs", "1.3.6"), ("asvs", "13.2.4")),
        check=outgoing,
        of_host=True,
    ),
    Control(
        code="configuration.timeouts",
        title="No statement can hold the database for ever",
        family="configuration",
        checks="The limits in force on this connection.",
        passes="Statement, lock, idle and whole transaction have one.",
        fails="One is unlimited.",
        matters="A single request must not stop everybody else's.",
        remedy="Apply config/embedded/roles.sql again.",
        maps=(("asvs", "13.1.3"), ("asvs", "13.2.6")),
        check=timeouts,
        of_host=True,
    ),
)
