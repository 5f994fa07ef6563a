"""A review of access, and one line for everything that lets somebody in."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "showing that rights are looked at again, and by whom"
_LAW = "legal obligation: showing that the measures work"


class AccessReview(TenantModel):
    """What could enter at one moment, decided about line by line. Once signed the database lets nothing change."""

    begun_by = models.UUIDField()
    begun_at = models.DateTimeField()
    due_on = models.DateField()
    statement = EncryptedTextField(null=True)
    kept = models.PositiveIntegerField(default=0)
    withdrawn = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    signed_by = models.UUIDField(null=True)
    signed_at = models.DateTimeField(null=True)
    # Over the record as `record.of` writes it, with the key that signs evidence packs.
    digest = models.BinaryField(max_length=32, null=True)
    signature = models.BinaryField(max_length=64, null=True)
    public_key = models.BinaryField(max_length=32, null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="6 years",
        erasure=Erasure.KEPT_BY_LAW,
        legal_basis=_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "begun_by", "signed_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["begun_at", "due_on", "signed_at"], FieldClass.TIME),
            "statement": FieldClass.CONTENT,
            **dict.fromkeys(["kept", "withdrawn", "gone", "public_key"], FieldClass.TECHNICAL),
            **dict.fromkeys(["digest", "signature"], FieldClass.HASH),
        },
    )

    class Meta(TenantModel.Meta):
        """One open at a time; a signed one is signed in full."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(signed_at__isnull=True),
                name="compliance_accessreview_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    signed_at__isnull=True,
                    signed_by__isnull=True,
                    digest__isnull=True,
                    signature__isnull=True,
                )
                | models.Q(
                    signed_at__isnull=False,
                    signed_by__isnull=False,
                    digest__isnull=False,
                    signature__isnull=False,
                    public_key__isnull=False,
                ),
                name="compliance_accessreview_signed",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="compliance_accessreview_list")]


class AccessLine(TenantModel):
    """One member, key, grant or role, as it was when the review began, and what was decided about it."""

    class Kind(models.TextChoices):
        """What lets somebody in."""

        MEMBER = "member", "Member"
        KEY = "api_key", "API key"
        GRANT = "grant", "Single customer"
        ROLE = "role", "Role"

    class Decision(models.TextChoices):
        """Gone: it had ended before anybody decided."""

        NONE = "", "Not decided"
        KEEP = "keep", "Keep"
        WITHDRAW = "withdraw", "Withdraw"
        GONE = "gone", "Gone"

    review = models.ForeignKey(
        AccessReview, models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind)
    object_id = models.UUIDField()
    # Whose access it is; a role is nobody's.
    user_id = models.UUIDField(null=True)
    label = EncryptedTextField(null=True)
    facts = models.JSONField(default=dict)
    last_used_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=8, choices=Decision, blank=True, default=Decision.NONE)
    reason = EncryptedTextField(null=True)
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="6 years",
        erasure=Erasure.KEPT_BY_LAW,
        legal_basis=_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "review", "object_id", "user_id", "decided_by"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["kind", "decision"], FieldClass.STATE),
            **dict.fromkeys(["label", "reason"], FieldClass.CONTENT),
            "facts": FieldClass.TECHNICAL,
            **dict.fromkeys(["last_used_at", "decided_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Each thing once a review; whatever is withdrawn has its reason."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "review", "kind", "object_id"], name="compliance_accessline_once"
            ),
            models.CheckConstraint(
                condition=models.Q(decision="", decided_at__isnull=True)
                | models.Q(decision__in=["keep", "gone"], decided_at__isnull=False)
                | models.Q(decision="withdraw", decided_at__isnull=False, reason__isnull=False),
                name="compliance_accessline_decided",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["member", "api_key", "grant", "role"]),
                name="compliance_accessline_kind",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "review", "id"], name="compliance_accessline_of")]
