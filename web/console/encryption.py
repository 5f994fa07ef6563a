"""What is encrypted, column by column, and what is not and why: read from the models that run."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from audit import queries as trail
from audit.models import Event
from audit.queries import Filters
from core.datapolicy import DataPolicy, FieldClass
from crypto import columns
from crypto.events import ENCRYPTION_SCANNED
from crypto.fields import BlindIndexField, EncryptedField
from edge.access import access
from edge.request import Request
from tenancy.checks import managed_models
from web.kit.parts import Crumb

_CLASSES: Mapping[FieldClass, str] = MappingProxyType(
    {
        FieldClass.PERSONAL: "Names or reaches a person",
        FieldClass.CONTENT: "What was bought or written",
        FieldClass.SECRET: "Secret",
        FieldClass.BLIND_INDEX: "Blind index",
    }
)
# Why a column may stand in plain text, by its class.
_PLAIN: Mapping[FieldClass, tuple[str, str]] = MappingProxyType(
    {
        FieldClass.IDENTIFIER: (
            "Ids and numbers",
            "They link records and name nobody; documents are found by them.",
        ),
        FieldClass.STATE: (
            "States and codes",
            "Lists filter by them in the database; they are words of ours.",
        ),
        FieldClass.MONEY: (
            "Amounts and currencies",
            "Sums and balances are computed and proved in the database.",
        ),
        FieldClass.TIME: ("Days and times", "Lists sort by them, and due dates are found by them."),
        FieldClass.TECHNICAL: (
            "Counters, versions and the like",
            "They say nothing about a person or a sale.",
        ),
        FieldClass.HASH: ("One-way digests", "The value cannot be computed back from them."),
        FieldClass.WRAPPED_KEY: (
            "Wrapped keys",
            "Encrypted by the key above them, up to the root key outside the database.",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One encrypted column."""

    name: str
    kind: str
    purpose: str
    own_key: bool
    searchable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table with encrypted columns."""

    name: str
    words: str
    columns: list[Column]
    retention: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """One class of plain columns and why they are plain."""

    name: str
    why: str
    count: int
    tables: list[tuple[str, str]]


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show every column with its protection."""
    tables = encrypted()
    context = {
        "tables": tables,
        "count": sum(len(table.columns) for table in tables),
        "plain": plain(),
        "scan": last_scan(),
        "crumbs": [Crumb("Security", reverse("console:security", args=[slug]))],
    }
    return render(request, "console/encryption.html", context)


def last_scan() -> Event | None:
    """Return the last look at the stored bytes, from the trail; its facts are the counts."""
    found = trail.events(Filters(event=ENCRYPTION_SCANNED.code), limit=1).events
    return found[0] if found else None


def encrypted() -> list[Table]:
    """List every table with encrypted columns, from the models."""
    models = {model._meta.db_table: model for model in managed_models()}
    found = []
    for table in columns.tables(of_operator=True):
        model = models[table.name]
        policy = _policy(model)
        indexed = {
            column.source for column in model._meta.concrete_fields if isinstance(column, BlindIndexField)
        }
        shown = [
            Column(
                name=column.name,
                kind=_CLASSES.get(policy.fields[column.name], policy.fields[column.name].value),
                purpose=column.purpose.replace("_", " "),
                own_key=column.subject is not None,
                searchable=column.name in indexed,
            )
            for column in model._meta.concrete_fields
            if isinstance(column, EncryptedField)
        ]
        if shown:
            words = f"{model._meta.app_label}: {model._meta.verbose_name}".capitalize()
            found.append(Table(name=table.name, words=words, columns=shown, retention=policy.retention))
    return found


def plain() -> list[Plain]:
    """List every plain column by class, with the reason."""
    by_class: dict[FieldClass, dict[str, list[str]]] = {}
    for model in sorted(managed_models(), key=lambda model: model._meta.db_table):
        policy = getattr(model, "data_policy", None)
        for name, kind in policy.fields.items() if isinstance(policy, DataPolicy) else ():
            by_class.setdefault(kind, {}).setdefault(model._meta.db_table, []).append(name)
    return [
        Plain(
            name=name,
            why=why,
            count=sum(len(names) for names in by_class.get(kind, {}).values()),
            tables=[(table, ", ".join(names)) for table, names in by_class.get(kind, {}).items()],
        )
        for kind, (name, why) in _PLAIN.items()
    ]


def _policy(model: Any) -> DataPolicy:
    policy: DataPolicy = model.data_policy
    return policy
