"""The books. Rows are inserted and never change: the database refuses it to everybody."""

from typing import ClassVar

from django.db import models

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel

_KEPT = "10 years after the fiscal year"


class LedgerAccount(TenantModel):
    """One account of the organization's books."""

    code = models.CharField(max_length=40)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="keeping the books",
        retention=_KEPT,
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "code": FieldClass.STATE,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Entries name an account by its code."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="billing_ledgeraccount_code")
        ]


class LedgerTransaction(TenantModel):
    """One event in the books: balanced, or the transaction that wrote it cannot commit."""

    class Kind(models.TextChoices):
        """What happened. Other apps add their own kinds; the code is what counts."""

        INVOICE_FINALIZED = "invoice_finalized"
        INVOICE_OPENING = "invoice_opening"
        INVOICE_VOIDED = "invoice_voided"
        CREDIT_NOTE_ISSUED = "credit_note_issued"
        CREDIT_NOTE_OPENING = "credit_note_opening"

    kind = models.CharField(max_length=40)
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # What outside billing caused it: a payment, a refund, a dispute.
    source_id = models.UUIDField(null=True)
    # The day it belongs to in the books; `at` is when it was written.
    booked_on = models.DateField()
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping the books",
        retention=_KEPT,
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "invoice": FieldClass.IDENTIFIER,
            "customer": FieldClass.IDENTIFIER,
            "source_id": FieldClass.IDENTIFIER,
            "booked_on": FieldClass.TIME,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Whatever runs twice: an invoice is finalized, opened or voided once, money of one source moves once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "invoice", "kind"],
                condition=models.Q(kind__in=["invoice_finalized", "invoice_opening", "invoice_voided"]),
                name="billing_ledgertransaction_once",
            ),
            models.UniqueConstraint(
                fields=["tenant", "source_id", "kind"], name="billing_ledgertransaction_source"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "customer", "-id"], name="billing_ledgertx_customer"),
            models.Index(fields=["tenant", "booked_on"], name="billing_ledgertx_booked"),
        ]


class LedgerEntry(TenantModel):
    """One side of a transaction. A debit is above zero, a credit below."""

    transaction = models.ForeignKey(
        LedgerTransaction, models.PROTECT, db_constraint=False, db_index=False, related_name="entries"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    account = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping the books",
        retention=_KEPT,
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "transaction": FieldClass.IDENTIFIER,
            "customer": FieldClass.IDENTIFIER,
            "account": FieldClass.STATE,
            "currency": FieldClass.STATE,
            "amount_minor": FieldClass.MONEY,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by transaction, and by account and customer for balances."""

        abstract = False
        indexes: ClassVar = [
            models.Index(fields=["tenant", "transaction"], name="billing_ledgerentry_tx"),
            models.Index(fields=["tenant", "account", "customer"], name="billing_ledgerentry_account"),
        ]
