"""The link that opens one invoice to whoever holds it, to be paid."""

from typing import ClassVar

from django.db import models

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel


class PayLink(TenantModel):
    """One link of one invoice. Several may work at once: a mail must not break the link in an earlier one."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.BinaryField()
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="letting a customer pay without a sign-in",
        retention="1 year after it expired",
        erasure=Erasure.DELETE,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "invoice", "created_by"], FieldClass.IDENTIFIER),
            "digest": FieldClass.HASH,
            **dict.fromkeys(["created_at", "expires_at", "revoked_at", "opened_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by its digest."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="payments_paylink_digest")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "invoice"], name="payments_paylink_invoice")]
