"""The organization's account with a payment provider, who its customers are there, and what the provider told us."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class GatewayAccount(TenantModel):
    """An account with a provider: its keys, encrypted, and the address at which the provider reaches us."""

    class State(models.TextChoices):
        """A disconnected account takes no new payment; what is under way is still followed."""

        CONNECTED = "connected"
        DISCONNECTED = "disconnected"

    provider = models.CharField(max_length=20)
    state = models.CharField(max_length=16, choices=State, default=State.CONNECTED)
    livemode = models.BooleanField()
    secret_key = EncryptedTextField(purpose="webhooks")
    secret_key_last4 = models.CharField(max_length=4)
    hook_secret = EncryptedTextField(purpose="webhooks", null=True)
    # While the provider changes its secret, both verify.
    previous_hook_secret = EncryptedTextField(purpose="webhooks", null=True)
    hook_reference = models.CharField(max_length=80, blank=True, default="")
    # Keyed digest of the secret in the hook's address.
    hook_digest = models.BinaryField()
    connected_by = models.UUIDField(null=True)
    connected_at = models.DateTimeField()
    last_hook_at = models.DateTimeField(null=True)
    last_call_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="taking payments through the organization's provider",
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "hook_reference", "connected_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["provider", "state", "livemode", "secret_key_last4"], FieldClass.STATE),
            **dict.fromkeys(["secret_key", "hook_secret", "previous_hook_secret"], FieldClass.SECRET),
            "hook_digest": FieldClass.HASH,
            **dict.fromkeys(["connected_at", "last_hook_at", "last_call_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One connected account a provider."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "provider"],
                condition=Q(state="connected"),
                name="payments_gatewayaccount_one",
            ),
            models.UniqueConstraint(fields=["tenant", "hook_digest"], name="payments_gatewayaccount_hook"),
        ]


class GatewayCustomer(TenantModel):
    """Who one of our customers is at the provider."""

    account = models.ForeignKey(
        GatewayAccount, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    reference = models.CharField(max_length=80)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="offering a customer their saved payment methods",
        retention="while the customer has a saved payment method",
        erasure=Erasure.DELETE,
        fields={
            **dict.fromkeys(["id", "tenant", "account", "customer", "reference"], FieldClass.IDENTIFIER),
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One a customer and account."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "account", "customer"], name="payments_gatewaycustomer_one"
            )
        ]


class HookReceipt(TenantModel):
    """One event of the provider, taken in once. It says which object to ask about; what it claims is not believed."""

    class State(models.TextChoices):
        """Received, then applied or found to be of no interest; failed ones are tried again."""

        RECEIVED = "received"
        APPLIED = "applied"
        IGNORED = "ignored"
        FAILED = "failed"

    account = models.ForeignKey(
        GatewayAccount, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    event_reference = models.CharField(max_length=80)
    event_type = models.CharField(max_length=80)
    object_reference = models.CharField(max_length=80)
    state = models.CharField(max_length=16, choices=State, default=State.RECEIVED)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    failure = models.CharField(max_length=60, blank=True, default="")
    created_at = models.DateTimeField()
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="taking in each of the provider's events once",
        retention="180 days",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "account", "event_reference", "object_reference"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["event_type", "state", "failure"], FieldClass.STATE),
            "tries": FieldClass.TECHNICAL,
            **dict.fromkeys(["created_at", "received_at", "applied_at", "next_try_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """An event is taken in once, however often it is sent (unique)."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "account", "event_reference"], name="payments_hookreceipt_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "next_try_at"],
                condition=Q(state__in=["received", "failed"]),
                name="payments_hookreceipt_due",
            ),
            models.Index(fields=["tenant", "-id"], name="payments_hookreceipt_list"),
        ]
