"""The table in which django-auditlog keeps what changed in a settings-like record.

Promise kept: a diff stands under row-level security like everything of its organization, names its object by
id and its actor by id; no e-mail address, no network address, no copy of the object.
"""

from typing import Any, ClassVar

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantManager, TenantModel


class FieldDiffManager(LogEntryManager, TenantManager["FieldDiff"]):
    """Writes entries that hold ids only, whatever the library would add."""

    def log_create(self, instance: models.Model, force_log: bool = False, **kwargs: Any) -> Any:
        """Record a change; `__str__` may be a person's name, so the id stands in its place."""
        kwargs["object_repr"] = str(instance.pk)
        kwargs["serialized_data"] = None
        return super().log_create(instance, force_log, **kwargs)


class FieldDiff(TenantModel, AbstractLogEntry):
    """Which fields of one settings-like record changed, from what to what."""

    actor_email = None
    remote_addr = None
    remote_port = None

    objects: ClassVar[FieldDiffManager] = FieldDiffManager()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing what changed in a setting, price or role",
        retention="as long as the audit trail",
        erasure=Erasure.WITH_ORGANIZATION,
        legal_basis="legitimate interest: accountability",
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "content_type": FieldClass.TECHNICAL,
            "object_pk": FieldClass.IDENTIFIER,
            "object_id": FieldClass.IDENTIFIER,
            "object_repr": FieldClass.IDENTIFIER,
            "serialized_data": FieldClass.TECHNICAL,
            "action": FieldClass.STATE,
            "changes_text": FieldClass.TECHNICAL,
            "changes": FieldClass.TECHNICAL,
            "actor": FieldClass.IDENTIFIER,
            "cid": FieldClass.TECHNICAL,
            "timestamp": FieldClass.TIME,
            "additional_data": FieldClass.TECHNICAL,
        },
    )

    class Meta(AbstractLogEntry.Meta):
        """Newest first, by object."""

        abstract = False
        indexes: ClassVar = [
            models.Index(fields=["tenant", "object_pk", "-timestamp"], name="accounts_fielddiff_object")
        ]

    def __str__(self) -> str:
        return str(self.pk)
