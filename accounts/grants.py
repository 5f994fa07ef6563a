"""Opening one record to one member: django-guardian's object permissions, fenced in.

Promise kept: a grant belongs to an organization, stands under its row-level security, names one object by a
real foreign key, and ends by itself. guardian is asked here and nowhere else, always with a queryset of the
organization, never counting permissions on the model, groups or superusers: by default it would return every
row.

The grant model stands beside its object, in the app above (billing/customers/models.py):

    class CustomerGrant(ObjectGrant):
        content_object = models.ForeignKey(
            Customer, models.CASCADE, related_name="grants", db_constraint=False, db_index=False
        )
        data_policy = grants.data_policy_of(purpose="…")
        class Meta(ObjectGrant.Meta):
            constraints = [grants.one_each("billing_customergrant_one_each")]
            indexes = [grants.by_object("billing_customergrant_object")]

    TenantTable("CustomerGrant", fks=[("content_object_id", "billing.Customer", "CASCADE")],
    customer="content_object_id")

`related_name` must not end with "+": guardian finds the grant model through it. Then, in queries of that app:

    grants.visible(Customer.objects.all(), user=person, action=grants.Action.VIEW, at=at)
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.apps import apps
from django.contrib.auth.models import Permission as ModelPermission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from guardian.managers import UserObjectPermissionManager
from guardian.models import UserObjectPermissionBase
from guardian.shortcuts import get_objects_for_user
from guardian.utils import get_user_obj_perms_model

from accounts import events, queries
from accounts.models import User
from audit import services as audit
from core.actor import Actor
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from core.errors import NotFound
from tenancy import context
from tenancy.context import use_case
from tenancy.models import TenantManager, TenantModel

_M = TypeVar("_M", bound=models.Model)


class Action(StrEnum):
    """What a grant opens: Django's own words for permissions on a model."""

    VIEW = "view"
    CHANGE = "change"


class ObjectGrantManager(UserObjectPermissionManager, TenantManager[Any]):
    """guardian's manager over the organization's own rows."""


class ObjectGrant(TenantModel, UserObjectPermissionBase):
    """One member may do one thing with one object, until a moment or for good."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    permission = models.ForeignKey(ModelPermission, models.PROTECT, related_name="+", db_index=False)
    granted_by = models.UUIDField()
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    objects: ClassVar[ObjectGrantManager] = ObjectGrantManager()

    class Meta:
        """guardian's unique_together would reach across organizations; see `one_each`."""

        abstract = True
        unique_together: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return str(self.pk)


def one_each(name: str) -> models.UniqueConstraint:
    """Return the constraint of a grant model: one grant a person, action and object."""
    return models.UniqueConstraint(fields=["tenant", "user", "permission", "content_object"], name=name)


def by_object(name: str) -> models.Index:
    """Return the index of a grant model: who may see this object."""
    return models.Index(fields=["tenant", "content_object"], name=name)


def data_policy_of(*, purpose: str, owner: Owner = Owner.TENANT) -> DataPolicy:
    """Return the data policy of a grant model."""
    return DataPolicy(
        owner=owner,
        purpose=purpose,
        retention="until it ends, or its object or organization goes",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "permission": FieldClass.TECHNICAL,
            "user": FieldClass.IDENTIFIER,
            "content_object": FieldClass.IDENTIFIER,
            "granted_by": FieldClass.IDENTIFIER,
            "granted_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
        },
    )


def visible(rows: QuerySet[_M], *, user: User, action: Action, at: datetime) -> QuerySet[_M]:
    """Return those of the organization's rows that grants open to this person at this moment.

    Raises:
        NoScope: no organization is in scope.
    """
    tenant = context.current_tenant()
    grant_model = get_user_obj_perms_model(rows.model)
    codename = f"{action.value}_{rows.model._meta.model_name}"
    opened: QuerySet[_M] = get_objects_for_user(
        user,
        codename,
        klass=rows.filter(tenant_id=tenant),
        use_groups=False,
        with_superuser=False,
        accept_global_perms=False,
    )
    # guardian knows no end of a grant: of those it lets through, the unexpired remain.
    running = grant_model._default_manager.filter(
        _running(at),
        content_object_id=OuterRef("pk"),
        user=user,
        permission__codename=codename,
        permission__content_type__app_label=rows.model._meta.app_label,
    )
    return opened.filter(Exists(running))


def holders(obj: models.Model, *, at: datetime) -> QuerySet[Any]:
    """List the grants that open an object at this moment; the one that ends first stands first."""
    rows: QuerySet[Any] = get_user_obj_perms_model(obj)._default_manager.filter(
        _running(at), content_object=obj
    )
    return rows.order_by("expires_at", "id")


def _running(at: datetime) -> Q:
    return Q(expires_at__isnull=True) | Q(expires_at__gt=at)


@use_case
def give(
    *,
    obj: models.Model,
    user: User,
    action: Action,
    actor: Actor,
    at: datetime,
    expires_at: datetime | None = None,
) -> ObjectGrant:
    """Open one object to one member. Giving it again changes when it ends.

    Raises:
        NotFound: the person is no member, or the object is of another organization.
    """
    tenant = context.current_tenant()
    if obj.tenant_id != tenant:  # type: ignore[attr-defined]  # every object of a grant is a TenantModel
        raise NotFound
    if queries.membership(user_id=user.pk, tenant_id=tenant, at=at) is None:
        raise NotFound
    grant_model = get_user_obj_perms_model(obj)
    permission = ModelPermission.objects.get(
        content_type=ContentType.objects.get_for_model(obj), codename=f"{action.value}_{obj._meta.model_name}"
    )
    grant, _ = grant_model._default_manager.update_or_create(
        user=user,
        permission=permission,
        content_object=obj,
        defaults={"granted_by": _giver(actor), "granted_at": at, "expires_at": expires_at},
    )
    audit.record(
        events.OBJECT_GRANTED,
        actor=actor,
        subject=(obj._meta.model_name or "", obj.pk),
        facts={"user": str(user.pk), "action": action.value, "ends": expires_at is not None},
    )
    return grant  # type: ignore[no-any-return]  # guardian ships no types


@use_case
def end(*, obj: models.Model, user_id: UUID, actor: Actor) -> int:
    """Close one object to one person, and return how many grants ended."""
    grant_model = get_user_obj_perms_model(obj)
    ended, _ = grant_model._default_manager.filter(user_id=user_id, content_object=obj).delete()
    if ended:
        audit.record(
            events.OBJECT_GRANT_ENDED,
            actor=actor,
            subject=(obj._meta.model_name or "", obj.pk),
            facts={"user": str(user_id)},
        )
    return int(ended)


@use_case
def end_all(*, user_id: UUID, actor: Actor) -> int:
    """Close everything that grants opened to one person: a membership that begins anew begins without them."""
    ended = 0
    for model in _grant_models():
        for grant in model._default_manager.filter(user_id=user_id):
            grant.delete()
            ended += 1
            audit.record(
                events.OBJECT_GRANT_ENDED,
                actor=actor,
                subject=(_noun(model), grant.content_object_id),
                facts={"user": str(user_id)},
            )
    return ended


@use_case
def remove_expired(*, at: datetime) -> int:
    """Delete the grants that have ended by themselves, and return how many; giving them stays in the trail."""
    return sum(
        int(model._default_manager.filter(expires_at__lte=at).delete()[0]) for model in _grant_models()
    )


def count_of(user_id: UUID) -> int:
    """Count the records that grants open to a person in the organization in scope."""
    return sum(int(model._default_manager.filter(user_id=user_id).count()) for model in _grant_models())


def _grant_models() -> list[Any]:
    return [model for model in apps.get_models() if issubclass(model, ObjectGrant)]


def _noun(model: Any) -> str:
    return str(model._meta.get_field("content_object").related_model._meta.model_name)


def _giver(actor: Actor) -> UUID:
    if actor.id is None:
        raise NotFound
    return actor.id
