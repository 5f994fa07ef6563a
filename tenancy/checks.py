"""System checks: no model without a data policy, no tenant table outside the rules."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import models
from django.utils.module_loading import import_string

from core.datapolicy import DataPolicy, Owner
from tenancy.models import TenantModel


def policy_of(model: type[models.Model]) -> DataPolicy | None:
    """Return a model's data policy: its own, or the one written for a library's table."""
    own = getattr(model, "data_policy", None)
    if isinstance(own, DataPolicy):
        return own
    library: dict[str, DataPolicy] = import_string(settings.LIBRARY_DATA_POLICIES)
    return library.get(model._meta.label)


def managed_models() -> list[type[models.Model]]:
    """List every model that has a table of its own."""
    return [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]


@register()
def every_model_has_a_data_policy(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Refuse a model, or a column, about which nobody has decided."""
    found: list[CheckMessage] = []
    for model in managed_models():
        policy = policy_of(model)
        if policy is None:
            found.append(Error(f"{model._meta.label} has no data policy.", obj=model, id="tenancy.E001"))
            continue
        columns = {field.name for field in model._meta.concrete_fields}
        if columns != set(policy.fields):
            difference = ", ".join(sorted(columns ^ set(policy.fields)))
            found.append(Error(f"The data policy differs in: {difference}.", obj=model, id="tenancy.E002"))
        if policy.owner is Owner.GLOBAL and not policy.why:
            found.append(Error("A global table must say why it is.", obj=model, id="tenancy.E003"))
        if policy.owner is not Owner.GLOBAL and "tenant" not in columns and "tenant_id" not in columns:
            found.append(Error("It belongs to an organization but names none.", obj=model, id="tenancy.E004"))
    return found


def _bound_by_django(field: "models.ForeignKey[Any, Any]") -> bool:
    target = field.related_model
    between_tenant_tables = isinstance(target, type) and issubclass(target, TenantModel)
    return between_tenant_tables and bool(getattr(field, "db_constraint", True))


@register()
def tenant_tables_are_composite(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Refuse a foreign key that could point into another organization, and uniqueness across organizations."""
    found: list[CheckMessage] = []
    for model in managed_models():
        if not issubclass(model, TenantModel):
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and _bound_by_django(field):
                found.append(
                    Error(
                        f"{field.name}: db_constraint must be False; TenantTable makes the composite key.",
                        obj=model,
                        id="tenancy.E005",
                    )
                )
            if field.unique and not field.primary_key:
                found.append(
                    Error(f"{field.name}: unique across organizations.", obj=model, id="tenancy.E006")
                )
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint) and (constraint.fields or ("",))[0] not in (
                "tenant",
                "tenant_id",
            ):
                found.append(
                    Error(f"{constraint.name}: must begin with the tenant.", obj=model, id="tenancy.E007")
                )
    return found
