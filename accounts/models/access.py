"""Who belongs to an organization, as what, and which machines act for it.

Promise kept: every row here stands under row-level security. A membership and a portal access can also be
read by the person they name, so that they can choose an organization before one is in scope.
"""

from collections.abc import Mapping
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts import permissions as authority
from accounts import rules
from accounts.models.people import User, normalize_email
from accounts.permissions import Limit, Permission
from accounts.withholding import withheld
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "deciding who may do what"
_BUILTIN_CODES = [code.value for code in authority.RoleCode]


class Role(TenantModel):
    """A named set of rights: a built-in one, whose rights stand in the code, or the organization's own."""

    code = models.SlugField(max_length=48)
    builtin = models.BooleanField(default=False)
    label = EncryptedTextField(null=True)
    rights = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    limits = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="until removed",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "code": FieldClass.IDENTIFIER,
            "builtin": FieldClass.STATE,
            "label": FieldClass.CONTENT,
            "rights": FieldClass.TECHNICAL,
            "limits": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta:
        """Built-in roles carry no rights of their own: a row cannot widen what the code says."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="accounts_role_one_code"),
            models.CheckConstraint(
                condition=models.Q(builtin=False) | models.Q(rights=[]), name="accounts_role_builtin_is_code"
            ),
            models.CheckConstraint(
                condition=models.Q(builtin=True, code__in=_BUILTIN_CODES)
                | (models.Q(builtin=False) & ~models.Q(code__in=_BUILTIN_CODES)),
                name="accounts_role_builtin_code",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def permissions(self, *, of_operator: bool) -> frozenset[Permission]:
        """Return the rights this role gives; an unknown word in the row gives nothing."""
        known = {permission.value for permission in Permission}
        custom = frozenset(Permission(right) for right in self.rights if right in known)
        return authority.of_role(self.code, custom=custom, of_operator=of_operator)

    @property
    def ceilings(self) -> Mapping[Limit, int]:
        """Return how far the rights go; an unknown word in the row opens nothing."""
        return {limit: self.limits[limit.value] for limit in Limit if limit.value in self.limits}


class Membership(TenantModel):
    """A person works for an organization in one role."""

    class State(models.TextChoices):
        """A removed member keeps the row, so that past approvals and keys keep their maker."""

        ACTIVE = "active"
        SUSPENDED = "suspended"
        REMOVED = "removed"

    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    role = models.ForeignKey(Role, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    expires_at = models.DateTimeField(null=True)
    joined_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # What waits until a duty is done, and the day by which the next one has to be. The app that keeps the duties
    # writes both; they stand here so that no request pays a statement for them.
    withheld = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    duty_due_on = models.DateField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="as long as the audit trail names the person",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "user": FieldClass.IDENTIFIER,
            "role": FieldClass.IDENTIFIER,
            "state": FieldClass.STATE,
            "expires_at": FieldClass.TIME,
            "joined_at": FieldClass.TIME,
            "ended_at": FieldClass.TIME,
            "withheld": FieldClass.STATE,
            "duty_due_on": FieldClass.TIME,
        },
    )

    class Meta:
        """One membership a person at a time."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user"],
                condition=~models.Q(state="removed"),
                name="accounts_membership_one_a_person",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "suspended", "removed"]),
                name="accounts_membership_state",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user"], name="accounts_membership_user"),
            models.Index(fields=["tenant", "role"], name="accounts_membership_role"),
            models.Index(
                fields=["tenant", "expires_at"],
                condition=models.Q(state="active", expires_at__isnull=False),
                name="accounts_membership_ending",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def withheld_rights(self) -> frozenset[Permission]:
        """Return the rights that wait until a duty is done, whatever the role says."""
        return withheld(self.withheld)

    def permissions(self, *, of_operator: bool) -> frozenset[Permission]:
        """Return what this member may do now: what the role gives, without what is withheld."""
        return self.role.permissions(of_operator=of_operator) - self.withheld_rights


class PortalAccess(TenantModel):
    """A person sees one customer's side of the books. The customer stands above this layer: a bare id."""

    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    customer_id = models.UUIDField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="letting customers see and pay what they owe",
        retention="until the customer is erased",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "user": FieldClass.IDENTIFIER,
            "customer_id": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "ended_at": FieldClass.TIME,
        },
    )

    class Meta:
        """One access a person and customer at a time."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user", "customer_id"],
                condition=models.Q(ended_at__isnull=True),
                name="accounts_portalaccess_one_at_a_time",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["user"], name="accounts_portalaccess_user"),
            models.Index(fields=["tenant", "customer_id"], name="accounts_portalaccess_customer"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Invitation(TenantModel):
    """A link that makes one person a member, or opens one customer's portal to them. Once, within a day."""

    email = EncryptedTextField()
    email_index = BlindIndexField(source="email", normalize=normalize_email)
    role = models.ForeignKey(
        Role, models.CASCADE, related_name="+", db_constraint=False, db_index=False, null=True
    )
    customer_id = models.UUIDField(null=True)
    token_hash = models.BinaryField(max_length=32)
    # What the role gave when the invitation was sent: it never opens more than was decided.
    given = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    invited_by = models.UUIDField(null=True)
    membership_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.UUIDField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="letting people in by a link to their address",
        retention="30 days after it expired",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "email": FieldClass.PERSONAL,
            "email_index": FieldClass.BLIND_INDEX,
            "role": FieldClass.IDENTIFIER,
            "customer_id": FieldClass.IDENTIFIER,
            "token_hash": FieldClass.HASH,
            "given": FieldClass.TECHNICAL,
            "invited_by": FieldClass.IDENTIFIER,
            "membership_expires_at": FieldClass.TIME,
            "created_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
            "accepted_at": FieldClass.TIME,
            "accepted_by": FieldClass.IDENTIFIER,
            "withdrawn_at": FieldClass.TIME,
        },
    )

    class Meta:
        """Staff or customer, never both; a day at most (ASVS 6.4.1)."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "token_hash"], name="accounts_invitation_one_token"),
            models.CheckConstraint(
                condition=models.Q(role__isnull=False, customer_id__isnull=True)
                | models.Q(role__isnull=True, customer_id__isnull=False),
                name="accounts_invitation_staff_or_customer",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    expires_at__lte=models.F("created_at")
                    + models.Value(rules.LONGEST_LINK, output_field=models.DurationField())
                ),
                name="accounts_invitation_one_day",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at"], name="accounts_invitation_list"),
            models.Index(fields=["tenant", "email_index"], name="accounts_invitation_email"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ApiKey(TenantModel):
    """A machine acts for an organization, within what a person with a fresh factor gave it."""

    class Mode(models.TextChoices):
        """The mode of its organization, spelled in the key."""

        LIVE = "live"
        TEST = "test"

    name = EncryptedTextField()
    mode = models.CharField(max_length=8, choices=Mode)
    secret_hash = models.BinaryField(max_length=32)
    last_four = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=48))
    limits = models.JSONField(default=dict, blank=True)
    # CIDR ranges it may be used from; empty: anywhere.
    networks = ArrayField(models.CharField(max_length=49), default=list, blank=True)
    created_by = models.ForeignKey(
        Membership, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    replaced_by = models.UUIDField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="letting machines of the organization act for it",
        retention="as long as the audit trail names the key",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "name": FieldClass.CONTENT,
            "mode": FieldClass.STATE,
            "secret_hash": FieldClass.HASH,
            "last_four": FieldClass.TECHNICAL,
            "scopes": FieldClass.TECHNICAL,
            "limits": FieldClass.TECHNICAL,
            "networks": FieldClass.TECHNICAL,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
            "last_used_at": FieldClass.TIME,
            "revoked_at": FieldClass.TIME,
            "replaced_by": FieldClass.IDENTIFIER,
        },
    )

    class Meta:
        """Found by its digest within its organization."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "secret_hash"], name="accounts_apikey_one_secret")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-created_at"], name="accounts_apikey_list")]

    def __str__(self) -> str:
        return str(self.pk)
