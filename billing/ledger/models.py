"""The books. Rows are inserted and never change: the database refuses it to everybody."""

from typing import ClassVar

from django.db import models

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel

_KEPT = "10 years after the fiscal year"


class LedgerAccount(TenantModel):
    """One account of the organization's books.

    What is posted names it by its code. A code with a colon is never posted to: `tax:S:19` gives the tax of one
    category and rate a name and a number of its own in what the accountant is handed.
    """

    class Type(models.TextChoices):
        """What it is in a balance sheet or a statement of income."""

        ASSET = "asset"
        LIABILITY = "liability"
        EQUITY = "equity"
        INCOME = "income"
        EXPENSE = "expense"

    class State(models.TextChoices):
        """An archived account keeps its entries and takes more: what must be booked is booked."""

        ACTIVE = "active"
        ARCHIVED = "archived"

    code = models.CharField(max_length=40)
    # Empty: as the program calls it.
    name = models.CharField(max_length=80, blank=True, default="")
    type = models.CharField(max_length=16, choices=Type, default=Type.EXPENSE)
    # Its number in the accountant's chart.
    external_code = models.CharField(max_length=20, blank=True, default="")
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
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
            "name": FieldClass.STATE,
            "type": FieldClass.STATE,
            "external_code": FieldClass.STATE,
            "state": FieldClass.STATE,
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
    # What a unit of its currency was worth in the books' own that day. Null: it is in the books' own. Zero: nobody
    # knew, and the rate is owed; it may be filled in once, and a month is not closed before.
    exchange_rate = models.DecimalField(max_digits=24, decimal_places=12, null=True)

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
            "exchange_rate": FieldClass.MONEY,
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
            models.CheckConstraint(
                condition=models.Q(exchange_rate__gte=0) | models.Q(exchange_rate__isnull=True),
                name="billing_ledgertransaction_rate",
            ),
        ]
        indexes: ClassVar = [
            # Without the id, so that a customer's rows share one key: a run touches a page for many customers.
            models.Index(fields=["tenant", "customer"], name="billing_ledgertx_customer"),
            models.Index(fields=["tenant", "booked_on", "id"], name="billing_ledgertx_day"),
            models.Index(
                fields=["tenant", "customer"],
                condition=models.Q(exchange_rate=0),
                name="billing_ledgertx_owed",
            ),
            models.Index(
                fields=["tenant", "booked_on"],
                condition=models.Q(kind__startswith="fx_"),
                name="billing_ledgertx_fx",
            ),
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


class FxPosition(TenantModel):
    """What a customer's receivable in a foreign currency is carried at in the books' own. Kept by the database.

    What was posted, each at the rate of its day, and what was gained or lost when invoices were settled: together
    what is still due, at the rates of the days on which it was invoiced.
    """

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    currency = models.CharField(max_length=3)
    counted_minor = models.BigIntegerField()
    realised_minor = models.BigIntegerField()
    # Of the last posting: what it gains or loses is booked on its day.
    booked_on = models.DateField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="valuing what is owed and paid in foreign currencies",
        retention=_KEPT,
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "customer": FieldClass.IDENTIFIER,
            "currency": FieldClass.STATE,
            "counted_minor": FieldClass.MONEY,
            "realised_minor": FieldClass.MONEY,
            "booked_on": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One row a customer and currency."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "customer", "currency"], name="billing_fxposition_one")
        ]
