"""What an organization decides about training, and the modules it writes itself."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "teaching the people who work with money and data, and being able to show it"
# HIPAA 45 CFR 164.316(b)(2)(i) asks for six years of documentation.
_KEPT = "6 years after it was made"
_LAW = "documentation duties of security and privacy law"
_AS_LONG = "as long as the organization exists"


class TrainingPolicy(TenantModel):
    """How much time people have, how often they learn, and whether rights wait. Absent: the product's own days."""

    hire_days = models.SmallIntegerField()
    repeat_days = models.SmallIntegerField()
    grace_days = models.SmallIntegerField()
    withholds = models.BooleanField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_AS_LONG,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["hire_days", "repeat_days", "grace_days"], FieldClass.TECHNICAL),
            "withholds": FieldClass.STATE,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One an organization, within what PCI DSS 12.6.3 and good sense allow."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant"], name="training_policy_one"),
            models.CheckConstraint(
                condition=Q(hire_days__gte=1, hire_days__lte=90)
                & Q(repeat_days__gte=30, repeat_days__lte=365)
                & Q(grace_days__gte=1, grace_days__lte=60),
                name="training_policy_sane",
            ),
        ]


class CourseDuty(TenantModel):
    """Whose duty a course is, where an organization decided otherwise than the course itself says."""

    course = models.CharField(max_length=40)
    # Codes of roles, or "everyone"; none: it is nobody's duty.
    roles = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_AS_LONG,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "course"], FieldClass.IDENTIFIER),
            "roles": FieldClass.TECHNICAL,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One a course."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "course"], name="training_courseduty_one")
        ]


class Module(TenantModel):
    """A course that an organization writes itself: its working copy. What people take is a version of it."""

    class State(models.TextChoices):
        """A draft nobody takes; a retired one nobody begins any more."""

        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    code = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    body = EncryptedTextField()
    # The version people take; 0 before the first.
    version = models.SmallIntegerField(default=0)
    made_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_AS_LONG,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "code", "made_by"], FieldClass.IDENTIFIER),
            "state": FieldClass.STATE,
            "body": FieldClass.CONTENT,
            "version": FieldClass.TECHNICAL,
            **dict.fromkeys(["created_at", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One a code."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="training_module_code"),
            models.CheckConstraint(
                condition=Q(state="draft", version=0) | Q(state__in=["published", "retired"], version__gt=0),
                name="training_module_states",
            ),
        ]


class ModuleVersion(TenantModel):
    """A module as it was published: what a record says somebody has passed. Nothing here ever changes."""

    module = models.ForeignKey(Module, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    version = models.SmallIntegerField()
    body = EncryptedTextField()
    digest = models.BinaryField(max_length=32)
    published_by = models.UUIDField(null=True)
    published_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "module", "published_by"], FieldClass.IDENTIFIER),
            "version": FieldClass.TECHNICAL,
            "body": FieldClass.CONTENT,
            "digest": FieldClass.HASH,
            "published_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Numbered."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "module", "version"], name="training_moduleversion_number"
            )
        ]
