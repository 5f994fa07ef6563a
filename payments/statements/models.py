"""Bank statements and their lines, as they came in."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField
from payments.models.payments import Payment
from tenancy.models import TenantModel

_PURPOSE = "finding out which transfer pays which invoice"
_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"


class Statement(TenantModel):
    """One account over one time, from one file. A file may hold several; the file itself is not kept."""

    class Kind(models.TextChoices):
        """What it was read from."""

        CAMT053 = "camt053"
        CSV = "csv"

    kind = models.CharField(max_length=16, choices=Kind)
    # SHA-256 of the file, and which of its statements this is.
    file_digest = models.BinaryField()
    position = models.PositiveSmallIntegerField()
    reference = models.CharField(max_length=80, blank=True, default="")
    file_name = EncryptedTextField(purpose="documents")
    account = EncryptedTextField(purpose="documents", null=True)
    currency = models.CharField(max_length=3)
    opening_minor = models.BigIntegerField(null=True)
    closing_minor = models.BigIntegerField(null=True)
    first_on = models.DateField()
    last_on = models.DateField()
    # Entries of the file; those of them that stood on an earlier one already.
    entries = models.PositiveIntegerField()
    entries_known = models.PositiveIntegerField()
    imported_by = models.UUIDField(null=True)
    imported_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "reference", "imported_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["kind", "currency"], FieldClass.STATE),
            "file_digest": FieldClass.HASH,
            "file_name": FieldClass.CONTENT,
            "account": FieldClass.CONTENT,
            **dict.fromkeys(["position", "entries", "entries_known"], FieldClass.TECHNICAL),
            **dict.fromkeys(["opening_minor", "closing_minor"], FieldClass.MONEY),
            **dict.fromkeys(["first_on", "last_on", "imported_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A file comes in once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "file_digest", "position"], name="payments_statement_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=["camt053", "csv"]), name="payments_statement_kinds"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="payments_statement_list")]


class StatementLine(TenantModel):
    """One movement of the account, and what became of it. Minor units: above zero came in, below went out."""

    class State(models.TextChoices):
        """Open ones wait for somebody.

        Booked: a payment was made of it. Linked: it is the payment that somebody had recorded by hand. Other: money
        that went out or a movement taken back, shown and not matched.
        """

        OPEN = "open"
        BOOKED = "booked"
        LINKED = "linked"
        IGNORED = "ignored"
        OTHER = "other"

    statement = models.ForeignKey(
        Statement, models.PROTECT, db_constraint=False, db_index=False, related_name="lines"
    )
    # Keyed digest of what the line says and which of equal ones of its file it is: another file brings it not again.
    fingerprint = models.BinaryField()
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    booked_on = models.DateField()
    value_on = models.DateField(null=True)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    is_reversal = models.BooleanField(default=False)
    # A card number stood in it and was covered.
    is_covered = models.BooleanField(default=False)
    name = EncryptedTextField(purpose="documents", null=True)
    iban = EncryptedTextField(purpose="documents", null=True)
    iban_index = BlindIndexField(source="iban", null=True)
    text = EncryptedTextField(purpose="documents", null=True)
    # The creditor reference, the payer's own sign and the bank's.
    signs = EncryptedJSONField(purpose="documents", null=True)
    # The likeliest candidate: whose it is, how sure, what onto which invoice, and the codes of the reasons.
    score = models.PositiveSmallIntegerField(default=0)
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    proposal = models.JSONField(null=True)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    reason = EncryptedTextField(purpose="documents", null=True)
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "statement", "customer", "payment", "decided_by"], FieldClass.IDENTIFIER
            ),
            "fingerprint": FieldClass.HASH,
            **dict.fromkeys(["position", "score", "proposal"], FieldClass.TECHNICAL),
            **dict.fromkeys(["state", "currency", "is_reversal", "is_covered"], FieldClass.STATE),
            "amount_minor": FieldClass.MONEY,
            **dict.fromkeys(["name", "iban"], FieldClass.PERSONAL),
            "iban_index": FieldClass.BLIND_INDEX,
            **dict.fromkeys(["text", "signs", "reason"], FieldClass.CONTENT),
            **dict.fromkeys(["booked_on", "value_on", "decided_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A line comes in once, and a payment is made of one line (unique)."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "fingerprint"], name="payments_statementline_once"),
            models.UniqueConstraint(fields=["tenant", "payment"], name="payments_statementline_payment"),
            models.CheckConstraint(
                condition=Q(state__in=["booked", "linked"], payment__isnull=False, amount_minor__gt=0)
                | (Q(state__in=["open", "ignored", "other"], payment__isnull=True)),
                name="payments_statementline_states",
            ),
            models.CheckConstraint(
                condition=~Q(amount_minor=0) & Q(score__lte=100), name="payments_statementline_sane"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "statement", "position"], name="payments_statementline_list"),
            models.Index(
                fields=["tenant", "-score", "id"],
                condition=Q(state="open"),
                name="payments_statementline_open",
            ),
            models.Index(fields=["tenant", "state", "-id"], name="payments_statementline_state"),
            models.Index(
                fields=["tenant", "iban_index"],
                condition=Q(state__in=["booked", "linked"]),
                name="payments_statementline_iban",
            ),
            models.Index(
                fields=["tenant", "customer"],
                condition=Q(state="open"),
                name="payments_statementline_who",
            ),
        ]
