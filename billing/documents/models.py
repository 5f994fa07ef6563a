"""The archive of documents: what was handed out is what was kept, with its hash and what its check said."""

from typing import ClassVar

from django.db import models

from billing.creditnotes.models import CreditNote
from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.issuer import rules
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class DocumentFile(TenantModel):
    """One document as a file, kept as it was made. Rows come and stay; the same content of a kind is one row."""

    class Kind(models.TextChoices):
        """What it is for a reader or a program."""

        PDF = "pdf", "PDF"
        FACTURX = "facturx", "Factur-X"
        UBL = "ubl", "UBL"
        CII = "cii", "CII"
        XRECHNUNG = "xrechnung", "XRechnung"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # One of the two: what it is the document of.
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    credit_note = models.ForeignKey(
        CreditNote, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    file = models.ForeignKey(
        StoredFile, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # Of the document itself, so that whoever has it can compare; encrypted, for a hash would confirm a guess.
    sha256 = EncryptedTextField(purpose="documents")
    content_index = BlindIndexField(source="sha256", normalize=rules.as_written)
    valid = models.BooleanField()
    # What its check found: rule, words and place of each fault and warning.
    problems = EncryptedJSONField(purpose="documents", null=True)
    made_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping documents as they were handed out",
        retention="10 years after the fiscal year",
        legal_basis="tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "credit_note", "file"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["kind", "valid"], FieldClass.STATE),
            "sha256": FieldClass.CONTENT,
            "content_index": FieldClass.BLIND_INDEX,
            "problems": FieldClass.CONTENT,
            "made_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One row a content."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "invoice", "kind", "content_index"], name="billing_documentfile_once"
            ),
            models.UniqueConstraint(
                fields=["tenant", "credit_note", "kind", "content_index"],
                name="billing_documentfile_once_note",
            ),
            models.CheckConstraint(
                condition=models.Q(invoice__isnull=False, credit_note__isnull=True)
                | models.Q(invoice__isnull=True, credit_note__isnull=False),
                name="billing_documentfile_of_one",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["pdf", "facturx", "ubl", "cii", "xrechnung"]),
                name="billing_documentfile_kind",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "invoice", "-id"], name="billing_documentfile_invoice"),
            models.Index(fields=["tenant", "credit_note", "-id"], name="billing_documentfile_note"),
        ]
