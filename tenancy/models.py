"""The organization, and the base of every table that belongs to one."""

from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import functions
from django.db.models.lookups import Exact
from django.db.models.sql.where import AND

from core import ids
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy import context

_M = TypeVar("_M", bound=models.Model)


class Tenant(models.Model):
    """One organization. It has a slug and no name: names are personal data and stand encrypted in billing."""

    class Kind(models.TextChoices):
        """Ordinary organization, or the one that operates the installation."""

        CUSTOMER = "customer"
        OPERATOR = "operator"

    class Mode(models.TextChoices):
        """A sandbox is an organization of its own, never a flag on rows."""

        LIVE = "live"
        TEST = "test"

    class State(models.TextChoices):
        """Sealed: its keys are in no process and every request is refused."""

        ACTIVE = "active"
        SEALED = "sealed"
        CLOSING = "closing"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.CUSTOMER)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.LIVE)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    # Raised whenever keys change hands: processes that hold older ones forget them.
    key_generation = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=functions.Now())
    # Beside the state, which is about keys: who was sealed and unsealed meanwhile is suspended still.
    suspended_at = models.DateTimeField(null=True)
    # A kind of reason and no words.
    suspended_why = models.CharField(max_length=16, blank=True, default="")

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why="a request names its organization before any scope can be opened",
        purpose="finding the organization a request or key names",
        retention="as long as the organization exists, then the slug alone",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "slug": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "mode": FieldClass.STATE,
            "state": FieldClass.STATE,
            "key_generation": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
            "suspended_at": FieldClass.TIME,
            "suspended_why": FieldClass.STATE,
        },
    )

    class Meta:
        """One operator, and states the code knows."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(kind="operator"), name="tenancy_tenant_one_operator"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "sealed", "closing"]), name="tenancy_tenant_state"
            ),
            models.CheckConstraint(condition=models.Q(mode__in=["live", "test"]), name="tenancy_tenant_mode"),
            models.CheckConstraint(
                condition=models.Q(suspended_at__isnull=True, suspended_why="")
                | (models.Q(suspended_at__isnull=False) & ~models.Q(suspended_why="")),
                name="tenancy_tenant_suspended",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class TenantManager(models.Manager[_M]):
    """Adds the organization to the query as well: the planner then knows which one and estimates its rows.

    The wall is row-level security. Outside a scope this refuses, before the database does.
    """

    def get_queryset(self) -> models.QuerySet[_M]:
        """Return the rows of the organization in scope.

        Raises:
            NoScope: no scope is open.
        """
        inside = context.current()
        if inside is None:
            raise context.NoScope(f"{self.model.__name__} was asked for outside a scope")
        rows = super().get_queryset()
        if inside.tenant is not None:
            # What `filter(tenant_id=…)` comes to, without working that out anew for each query of each request.
            field: Any = self.model._meta.get_field("tenant_id")
            rows.query.where.add(Exact(field.get_col(rows.query.get_initial_alias()), inside.tenant), AND)
        return rows


def only(rows: "models.QuerySet[_M]") -> _M | None:
    """Return the row that a unique key finds, or None. `first()` would compose an order for it, at each request."""
    return next(iter(rows[:1]), None)


class TenantModel(models.Model):
    """A table of which every row belongs to one organization.

    Django sees `id` as the primary key; in the database it is (tenant_id, id), and foreign keys between such
    tables are composite (made by `tenancy.rls.TenantTable`), so that a row can never point into a neighbour's.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        default=context.current_tenant,
        db_index=False,
        related_name="+",
        editable=False,
    )

    objects: ClassVar[TenantManager[Any]] = TenantManager()

    class Meta:
        abstract = True


class Job(TenantModel):
    """One piece of long work and how far it has come."""

    class State(models.TextChoices):
        """Queued and running may still move; the others are final."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict)
    code = models.CharField(max_length=64, blank=True, default="")
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing how far long work has come",
        retention="90 days",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "state": FieldClass.STATE,
            "done": FieldClass.TECHNICAL,
            "total": FieldClass.TECHNICAL,
            "counts": FieldClass.TECHNICAL,
            "code": FieldClass.STATE,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "started_at": FieldClass.TIME,
            "finished_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Newest first is the one list there is."""

        indexes: ClassVar = [models.Index(fields=["tenant", "-created_at"], name="tenancy_job_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
