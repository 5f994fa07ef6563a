"""Production's settings are the strict ones; what demo and suite loosen is a short list, each with its reason."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.env import BadEnvironment, Environment

# One worker asks production, once.
pytestmark = pytest.mark.xdist_group("production settings")
HOME = Path(__file__).resolve().parents[2]
# What each file changes of the one before it. A name that is not here must not differ.
LOOSENED = {
    "dev": {
        "ALLOWED_HOSTS",
        "CSRF_COOKIE_NAME",
        "CSRF_COOKIE_SECURE",
        "CSRF_TRUSTED_ORIGINS",
        "DEMO",
        "EMAIL_BACKEND",
        "GATEWAY_ADDRESS",
        "INSTALLED_APPS",
        "OUTBOUND_PRIVATE_ORIGINS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_HSTS_PRELOAD",
        "SECURE_HSTS_SECONDS",
        "SECURE_SSL_REDIRECT",
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_SECURE",
        "STORAGES",
        "WHITENOISE_USE_FINDERS",
    },
    "test": {
        "ALLOWED_HOSTS",
        "CACHES",
        "CELERY_BROKER_TRANSPORT_OPTIONS",
        "WHITENOISE_AUTOREFRESH",
        "_WORKER",
    },
}
# The only values that need not be told, and none of them is a secret.
DEFAULTS = {
    "db_port": 5432,
    "db_sslmode": "verify-full",
    "context_bind_backend": True,
    "proxy_count": 0,
    "api_per_second": 200,
    "collectors": (),
    "advisory_keys": (),
    "advisory_source": "",
    "gateway_address": "",
    "demo": False,
}
EVERY_ANSWER = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "htmx strongbox",
}
KINDS = ["login", "missing", "api", "health", "static"]


@pytest.fixture(scope="module")
def production(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("production")
    done = subprocess.run(
        [sys.executable, "-m", "tests.guarantees.production", folder],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_deployment_check_finds_nothing_and_nothing_is_silenced(production: Any) -> None:
    assert production["check"] == "System check identified no issues (0 silenced)."


def test_production_is_no_demo(production: Any) -> None:
    assert os.environ["STRONGBOX_DEMO"] == "1"  # the environment asks for one, in vain
    assert production["settings"] == {
        "ALLOWED_HOSTS": ["billing.example.com"],
        "DEBUG": False,
        "DEMO": False,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": "__Host-strongbox",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": True,
        "SILENCED_SYSTEM_CHECKS": [],
    }
    assert [name for name in production["commands"] if name.startswith("demo_")] == []
    assert {"encryption_scan", "audit_verify", "ledger_check"} <= set(production["commands"])


@pytest.mark.parametrize("command", ["demo_seed", "demo_credentials"])
def test_a_demo_command_refuses_where_there_is_no_demo(settings: Any, command: str) -> None:
    """Second line of defence: the command is not installed in production, and refuses if it were."""
    from django.core.management import CommandError, call_command

    settings.DEMO = False
    with pytest.raises(CommandError, match="demo"):
        call_command(command)


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_carries_the_headers(production: Any, kind: str) -> None:
    headers = production["answers"][kind]["headers"]
    assert {name: headers.get(name) for name in EVERY_ANSWER} == EVERY_ANSWER
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    nonce = re.search(r"'nonce-([\w-]{22})'", policy["script-src"])
    assert nonce is not None
    policy["script-src"] = policy["script-src"].replace(nonce[1], "")
    assert policy == POLICY
    features = re.findall(r"([a-z-]+)=\(\)", headers["Permissions-Policy"])
    assert {"camera", "geolocation", "microphone", "payment", "usb"} <= set(features)
    assert {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & set(headers) == set()


def test_no_two_answers_share_a_nonce(production: Any) -> None:
    policies = [answer["headers"]["Content-Security-Policy"] for answer in production["answers"].values()]
    assert len(set(policies)) == len(policies) == len(KINDS) + 1


def test_each_kind_of_answer(production: Any) -> None:
    answers = production["answers"]
    assert {name: answer["status"] for name, answer in answers.items()} == {
        "login": 200,
        "missing": 404,
        "api": 401,
        "health": 200,
        "static": 200,
        "plain": 301,
    }
    assert answers["plain"]["headers"]["Location"] == "https://billing.example.com/login"
    caching = {name: answers[name]["headers"]["Cache-Control"] for name in KINDS}
    assert caching == {
        **dict.fromkeys(("login", "missing", "api", "health"), "no-store"),
        "static": "max-age=315360000, public, immutable",
    }
    assert answers["api"]["headers"]["Content-Type"] == "application/problem+json"


def test_a_cookie_is_bound_to_its_host(production: Any) -> None:
    cookies = {
        name: {key: morsel[key] for key in ("secure", "httponly", "samesite", "path", "domain")}
        for answer in production["answers"].values()
        for name, morsel in answer["cookies"].items()
    }
    bound = {"secure": True, "httponly": True, "samesite": "Lax", "path": "/", "domain": ""}
    assert cookies == {"__Host-csrf": bound}


def values_of(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"config.settings.{name}")
    return {key: value for key, value in vars(module).items() if key.isupper()}


def reasons_of(source: str) -> dict[str, str]:
    """What a settings file assigns, and the comment on the line with which the assignment ends."""
    lines = source.splitlines()
    return {
        target.id: lines[node.end_lineno - 1].partition("  # ")[2]
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and node.end_lineno
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@pytest.mark.parametrize(("name", "before"), [("dev", "base"), ("test", "dev")])
def test_what_is_loosened_is_listed_with_its_reason(name: str, before: str) -> None:
    strict, loose = values_of(before), values_of(name)
    changed = {key for key in strict | loose if strict.get(key) != loose.get(key)}
    assert changed <= LOOSENED[name]
    reasons = reasons_of((HOME / f"config/settings/{name}.py").read_text())
    assert set(reasons) == LOOSENED[name]
    assert [key for key, reason in reasons.items() if len(reason) < 8] == []


def secrets_in(source: str) -> list[str]:
    """Names of settings that sound like a secret and are written down as a literal."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Constant):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            name = getattr(target, "id", "")
            secret = re.search(r"SECRET|PASSWORD|PEPPER|TOKEN|(?<!ROOT)_KEY$|_URL$", name)
            if secret and isinstance(node.value.value, str) and name != "STATIC_URL":
                found.append(name)
    return found


@pytest.mark.parametrize("name", ["base", "dev", "test"])
def test_no_settings_file_holds_a_secret(name: str) -> None:
    assert secrets_in((HOME / f"config/settings/{name}.py").read_text()) == []


def test_the_walks_over_settings_bite() -> None:
    assert secrets_in('SECRET_KEY = "insecure"\nEMAIL_HOST_PASSWORD: str = "x"\nDEBUG = False') == [
        "SECRET_KEY",
        "EMAIL_HOST_PASSWORD",
    ]
    assert reasons_of("A = 1  # because of this\nB = [\n  1,\n]  # and that\nC = 2") == {
        "A": "because of this",
        "B": "and that",
        "C": "",
    }


def complete() -> dict[str, str]:
    key = "11" * 32
    keys = {f"STRONGBOX_{name}": key for name in ("CONTEXT_KEY", "PEPPER", "NETWORK_KEY")}
    words = {
        f"STRONGBOX_{field.upper()}": "/x"
        for field in Environment.__dataclass_fields__
        if field not in DEFAULTS and field not in ("context_key", "pepper", "network_key", "public_url")
    }
    return keys | words | {"STRONGBOX_PUBLIC_URL": "https://billing.example"}


@pytest.mark.parametrize("field", sorted(Environment.__dataclass_fields__))
def test_what_is_not_told_stops_the_start_or_is_absent(field: str) -> None:
    """No value but the listed ones has a default; a missing secret is never replaced by a known one."""
    values = complete()
    values.pop(f"STRONGBOX_{field.upper()}", None)
    if field in DEFAULTS:
        assert getattr(Environment.load(values), field) == DEFAULTS[field]
        return
    try:
        told = getattr(Environment.load(values), field)
    except BadEnvironment as stopped:
        assert f"STRONGBOX_{field.upper()}" in str(stopped)
    else:
        assert told is None


@pytest.mark.parametrize(
    "told",
    [
        "http://logs.internal",
        "syslog://logs.internal:514",
        "syslog+tls://logs.internal/path",
        "logs.internal",
    ],
)
def test_a_collector_is_an_origin_that_speaks_tls(told: str) -> None:
    good = "syslog+tls://logs.internal:6514, https://siem.internal"
    assert Environment.load(complete() | {"STRONGBOX_COLLECTORS": good}).collectors == tuple(good.split(", "))
    with pytest.raises(BadEnvironment, match="STRONGBOX_COLLECTORS"):
        Environment.load(complete() | {"STRONGBOX_COLLECTORS": told})


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "CONTEXT_KEY", "PEPPER", "NETWORK_KEY", "BROKER_URL", "CACHE_URL", "PUBLIC_URL"]
)
def test_without_this_nothing_starts(name: str) -> None:
    values = complete()
    assert Environment.load(values).secret_key == "/x"
    del values[f"STRONGBOX_{name}"]
    with pytest.raises(BadEnvironment, match=f"STRONGBOX_{name} is not set"):
        Environment.load(values)


def test_who_only_seals_may_lack_what_only_serving_needs() -> None:
    names = ["CONTEXT_KEY", "PEPPER", "NETWORK_KEY", "BROKER_URL", "CACHE_URL"]
    roles = [f"STRONGBOX_DB_{role}_PASSWORD" for role in ("APP", "BULK", "OWNER", "REKEY")]
    left = {f"STRONGBOX_{name}" for name in names}
    sealer = {name: value for name, value in complete().items() if name not in {*left, *roles}}
    told = Environment.load(sealer)
    assert [getattr(told, name.lower()) for name in names] == [None] * 5
    for role in roles:
        with pytest.raises(BadEnvironment, match="STRONGBOX_CONTEXT_KEY is not set"):
            Environment.load({**sealer, role: "/x"})
