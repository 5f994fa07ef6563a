"""Files attached to invoices; their bytes and names are in the encrypted file store."""

from typing import ClassVar

from django.db import models

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from outbound.models import StoredFile
from tenancy.models import TenantModel


class InvoiceAttachment(TenantModel):
    """One file of an invoice; it goes from drafts only."""

    invoice = models.ForeignKey(
        Invoice, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    file = models.ForeignKey(
        StoredFile, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # Whether the mail that sends the invoice brings it along.
    with_mail = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping what belongs to an invoice with it",
        retention="10 years after the fiscal year",
        legal_basis="tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "invoice", "customer", "file"], FieldClass.IDENTIFIER),
            "with_mail": FieldClass.STATE,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """A file is attached once; found by invoice."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "file"], name="billing_invoiceattachment_file")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "invoice"], name="billing_invoiceattachment_of")]
