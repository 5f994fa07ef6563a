"""System checks: what names a person or a secret is encrypted, and what is encrypted says so."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import models

from core.datapolicy import ENCRYPTED_CLASSES, FieldClass
from crypto.fields import BlindIndexField, EncryptedField, SubjectKeyField
from tenancy.checks import managed_models, policy_of


@register()
def sensitive_fields_are_encrypted(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Refuse a column that holds personal data, content or a secret in clear (OWASP ASVS 5.0 14.2.4)."""
    found: list[CheckMessage] = []
    for model in managed_models():
        policy = policy_of(model)
        for field in model._meta.concrete_fields if policy else ():
            kind = policy.fields.get(field.name) if policy else None
            if kind is not None and not _agrees(kind, field):
                found.append(
                    Error(
                        f"{field.name} is classed {kind} but is a {type(field).__name__}.",
                        obj=model,
                        id="crypto.E009",
                    )
                )
    return found


def _agrees(kind: FieldClass, field: "models.Field[Any, Any]") -> bool:
    if isinstance(field, EncryptedField):
        return kind in ENCRYPTED_CLASSES
    if isinstance(field, BlindIndexField):
        return kind is FieldClass.BLIND_INDEX
    if isinstance(field, SubjectKeyField):
        return kind is FieldClass.WRAPPED_KEY
    return kind not in ENCRYPTED_CLASSES and kind is not FieldClass.BLIND_INDEX
