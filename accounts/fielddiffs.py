"""What changed in a settings-like record, field by field: django-auditlog, fenced in.

Promise kept: a model is recorded only when it is registered here, only in the fields it names, and never in a
field whose class may hold a person's words or a secret. The library sees `save()` and `delete()` alone, so
services of a registered model never use `QuerySet.update()` or `bulk_create()` (a guarantee test reads the
code).

    fielddiffs.register(TaxRate, fields=("percent", "active"))      # in the app's AppConfig.ready
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from auditlog.context import set_extra_data
from auditlog.registry import auditlog
from django.db import models

from core.actor import Actor, ActorKind
from core.datapolicy import DataPolicy, FieldClass

_SHOWABLE = frozenset(
    {FieldClass.IDENTIFIER, FieldClass.STATE, FieldClass.MONEY, FieldClass.TIME, FieldClass.TECHNICAL}
)


class FieldMayNotBeShown(TypeError):
    """A field that holds personal data, content or a secret is never written into a diff."""


def mask(value: str) -> str:
    """Hide a value whole: the library's own mask shows its second half."""
    return "***" if value else ""


def register(model: type[models.Model], *, fields: Sequence[str]) -> None:
    """Record changes of these fields of a settings-like model.

    Raises:
        FieldMayNotBeShown: the model's data policy gives one of them a class that must not be copied.
    """
    policy: DataPolicy = model.data_policy  # type: ignore[attr-defined]  # every model has one; a check says so
    for name in fields:
        if policy.fields[name] not in _SHOWABLE:
            raise FieldMayNotBeShown(f"{model._meta.label}.{name} is {policy.fields[name].value}")
    auditlog.register(model, include_fields=list(fields), mask_callable="accounts.fielddiffs.mask")


@contextmanager
def by(actor: Actor) -> Iterator[None]:
    """Name whoever makes the changes saved inside."""
    extra: dict[str, Any] = {"cid": str(actor.request_id)}
    if actor.kind is ActorKind.USER:
        extra["actor_id"] = actor.id
    with set_extra_data(extra):
        yield
