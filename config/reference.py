"""The reference pages that are made from the code: commands, permissions, tasks, the record of processing.

Promise kept: what the pages say is what the program has. `./manage.py reference_pages --write` makes them
anew; the suite keeps them equal. Audit events have a page and a command of their own (audit.reference).
"""

from collections.abc import Iterable
from pathlib import Path

from celery import Task
from django.apps import apps
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import models

from accounts.permissions import (
    API_KEY_SCOPES,
    FRESH_ONLY,
    OPERATOR_ONLY,
    PORTAL,
    POWERFUL,
    ROLES,
    Permission,
    RoleCode,
    of_role,
)
from config.celery import app as celery
from config.celery import periodic
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.checks import managed_models, policy_of
from tenancy.tasks import TenantTask

HOME = Path(__file__).resolve().parents[1]
_EVERY_COMMAND = frozenset(
    {
        "help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color",
        "skip_checks", "as_json",
    }
)  # fmt: skip

_COMMANDS = """# Management commands

Made by `./manage.py reference_pages --write`; a test keeps this page equal to the commands. Every command takes
`--json` (its last line is then one JSON object) and exits non-zero when it failed. Commands that begin with
`demo_`, and this page's own, exist in development settings only.

| command | what it does | takes |
|---|---|---|
"""
_PERMISSIONS = """# Permissions

Made from `accounts/permissions.py` by `./manage.py reference_pages --write`; a test keeps this page equal to it.
*Fresh* needs a factor used in the last five minutes; a *powerful* permission is given with a second person's
approval; *API key* says that it may be a scope of one. Permissions of the operator can be held by members of the
operator's organization only.

| permission | fresh | powerful | API key | built-in roles |
|---|---|---|---|---|
"""
_TASKS = """# Background tasks

Made by `./manage.py reference_pages --write`; a test keeps this page equal to the tasks. A task of an organization
runs in the scope it was sent from and passes the doorway again; a task of the host says why it names no
organization.

| task | what it does | scope | every | queue |
|---|---|---|---|---|
"""
_DATA = """# Record of processing

What is stored, about whom, why, on which legal basis, for how long, and how it goes (maps to GDPR Article 30).
Made from the data policy of each table by `./manage.py reference_pages --write`; a test keeps this page equal to
them, and a system check refuses a table or a column without one. *Encrypted* columns hold envelopes only: the
database refuses anything else.
"""
_OWNERS = {
    Owner.TENANT: "the organization",
    Owner.CUSTOMER: "the organization, about one customer",
    Owner.GLOBAL: "the installation",
}
_ERASURES = {
    Erasure.NONE: "holds nothing of a person",
    Erasure.SUBJECT_KEY: "the person's key is destroyed",
    Erasure.DELETE: "the row is deleted",
    Erasure.KEPT_BY_LAW: "kept by law until the retention ends",
    Erasure.WITH_ORGANIZATION: "with the organization's keys",
}
_WORDS = {
    "encrypted": {FieldClass.PERSONAL, FieldClass.CONTENT, FieldClass.SECRET},
    "hashed or indexed": {FieldClass.HASH, FieldClass.BLIND_INDEX},
    "wrapped keys": {FieldClass.WRAPPED_KEY},
    "plain": {
        FieldClass.IDENTIFIER,
        FieldClass.STATE,
        FieldClass.MONEY,
        FieldClass.TIME,
        FieldClass.TECHNICAL,
    },
}


def pages() -> dict[str, str]:
    """Return every page as Markdown, by its path below the repository."""
    return {
        "docs/reference/commands.md": commands_page(),
        "docs/reference/permissions.md": permissions_page(),
        "docs/reference/tasks.md": tasks_page(),
        "docs/data.md": data_page(),
    }


def commands() -> dict[str, BaseCommand]:
    """Return our own management commands by name."""
    ours = {config.name for config in apps.get_app_configs() if Path(config.path).is_relative_to(HOME)}
    libraries = HOME / ".venv"
    return {
        name: load_command_class(app, name)
        for name, app in sorted(get_commands().items())
        if app in ours
        and not Path(apps.get_app_config(app.rpartition(".")[2]).path).is_relative_to(libraries)
    }


def commands_page() -> str:
    """Return the page of the management commands."""
    rows = []
    for name, command in commands().items():
        actions = command.create_parser("manage.py", name)._actions  # argparse offers no public list
        takes = [
            f"`{action.option_strings[-1] if action.option_strings else action.dest.upper()}`"
            for action in actions
            if action.dest not in _EVERY_COMMAND
        ]
        rows.append([f"`{name}`", _first_line(command.help), ", ".join(takes)])
    return _COMMANDS + _table(rows)


def permissions_page() -> str:
    """Return the page of the permissions."""
    rows = []
    for permission in Permission:
        held = [code.value for code in RoleCode if permission in ROLES[code]]
        of_operator = of_role(RoleCode.OWNER, custom=frozenset(), of_operator=True)
        if permission in OPERATOR_ONLY & of_operator:
            held.append("owner of the operator's organization")
        if permission in PORTAL:
            held.append("customers, by their portal access")
        marks = ["yes" if permission in held_by else "" for held_by in (FRESH_ONLY, POWERFUL, API_KEY_SCOPES)]
        rows.append([f"`{permission.value}`", *marks, ", ".join(held)])
    return _PERMISSIONS + _table(rows)


def tasks() -> dict[str, Task]:
    """Return our own tasks by name."""
    celery.loader.import_default_modules()
    return {name: task for name, task in sorted(celery.tasks.items()) if not name.startswith("celery.")}


def tasks_page() -> str:
    """Return the page of the background tasks."""
    often = {entry["task"]: entry["schedule"] for entry in periodic().values()}
    rows = []
    for name, task in tasks().items():
        of_tenant = isinstance(task, TenantTask)
        scope = (
            f"an organization ({task.permission or 'no permission'})" if of_tenant else f"host: {task.reason}"
        )
        queue = celery.amqp.router.route({}, name)["queue"]
        every = f"{int(often[name])} s" if name in often else ""
        rows.append([f"`{name}`", _first_line(task.run.__doc__ or ""), scope, every, queue.name])
    return _TASKS + _table(rows)


def data_page() -> str:
    """Return the record of processing."""
    text = [_DATA]
    named: dict[str, list[tuple[type[models.Model], DataPolicy]]] = {}
    for model in managed_models():
        policy = policy_of(model)
        made = settings.MIGRATION_MODULES.get(model._meta.app_label, "made") is not None
        if policy is not None and made:
            named.setdefault(model._meta.app_label, []).append((model, policy))
    for label, tables in named.items():
        text.append(f"\n## {label}\n")
        text.extend(_policy(model, policy) for model, policy in tables)
    return "".join(text)


def _policy(model: type[models.Model], policy: DataPolicy) -> str:
    facts = {
        "belongs to": _OWNERS[policy.owner] + (f" ({policy.why})" if policy.why else ""),
        "purpose": policy.purpose,
        "legal basis": policy.legal_basis,
        "kept": policy.retention,
        "erasure": _ERASURES[policy.erasure],
    }
    for word, classes in _WORDS.items():
        columns = [f"`{name}`" for name, kind in policy.fields.items() if kind in classes]
        if columns:
            facts[word] = ", ".join(columns)
    return f"\n### {model._meta.label}\n\n" + "".join(f"- {word}: {fact}\n" for word, fact in facts.items())


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].replace("|", "\\|")


def _table(rows: Iterable[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n".replace("  ", " ") for row in rows)
