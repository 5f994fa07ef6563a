"""Who bills, and how its documents are numbered: the numbers of a series have no gap and no twin."""

from typing import ClassVar

from django.db import models

from billing.issuer import rules
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class Rounding(models.TextChoices):
    """Where tax becomes whole minor units: once a rate on the document (EN 16931), or on every line."""

    DOCUMENT = "document"
    LINE = "line"


class Supplies(models.TextChoices):
    """What is sold, which decides where it is taxed."""

    SERVICES = "services"
    GOODS = "goods"
    DIGITAL = "digital"


class Series(TenantModel):
    """One sequence of numbers. Imported documents keep their own numbers, in a series of their seller."""

    class Kind(models.TextChoices):
        """Own numbers are given at finalize; imported ones were given elsewhere."""

        OWN = "own"
        IMPORTED = "imported"

    class Purpose(models.TextChoices):
        """What its numbers stand on. The numbers of an imported seller may stand on any of its documents."""

        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"
        QUOTE = "quote"

    code = models.CharField(max_length=40)
    kind = models.CharField(max_length=16, choices=Kind)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.INVOICE)
    # Words around {year} and {sequence}; empty for imported numbers, which are kept as they came.
    pattern = models.CharField(max_length=60, blank=True, default="")
    digits = models.PositiveSmallIntegerField(default=5)
    fiscal_year_starts_in = models.PositiveSmallIntegerField(default=1)
    # An electronic invoice knows one way of rounding, and one tax a line.
    e_invoice = models.BooleanField(default=True)
    rounding = models.CharField(max_length=8, choices=Rounding, default=Rounding.DOCUMENT)
    # Whose numbers these are: VAT id, registration or name of an imported document's seller.
    seller = EncryptedTextField(null=True)
    seller_index = BlindIndexField(source="seller", normalize=rules.as_written, null=True)
    created_at = models.DateTimeField()
    # From then on it gives no numbers any more; those it gave stay.
    retired_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="numbering documents without a gap",
        retention="10 years after its last document",
        legal_basis="tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "code": FieldClass.STATE,
            "kind": FieldClass.STATE,
            "purpose": FieldClass.STATE,
            "pattern": FieldClass.STATE,
            "digits": FieldClass.STATE,
            "fiscal_year_starts_in": FieldClass.STATE,
            "e_invoice": FieldClass.STATE,
            "rounding": FieldClass.STATE,
            "seller": FieldClass.PERSONAL,
            "seller_index": FieldClass.BLIND_INDEX,
            "created_at": FieldClass.TIME,
            "retired_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One series a code, and one a seller."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="billing_series_code"),
            models.UniqueConstraint(fields=["tenant", "seller_index"], name="billing_series_seller"),
            models.CheckConstraint(
                condition=models.Q(kind="own", seller__isnull=True)
                | models.Q(kind="imported", seller__isnull=False),
                name="billing_series_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(purpose__in=["invoice", "credit_note", "quote"]),
                name="billing_series_purpose",
            ),
            models.CheckConstraint(
                condition=models.Q(fiscal_year_starts_in__gte=1, fiscal_year_starts_in__lte=12),
                name="billing_series_fiscal_year",
            ),
            models.CheckConstraint(
                condition=models.Q(rounding="document") | models.Q(rounding="line", e_invoice=False),
                name="billing_series_rounding",
            ),
        ]


class SeriesCounter(TenantModel):
    """How far a series has come in a fiscal year. Locked from the number to the commit: hence no gap."""

    series = models.ForeignKey(Series, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    fiscal_year = models.PositiveSmallIntegerField()
    last_sequence = models.PositiveIntegerField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="numbering documents without a gap",
        retention="10 years after its last document",
        legal_basis="tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "series": FieldClass.IDENTIFIER,
            "fiscal_year": FieldClass.TECHNICAL,
            "last_sequence": FieldClass.TECHNICAL,
        },
    )

    class Meta(TenantModel.Meta):
        """One counter a series and fiscal year."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "series", "fiscal_year"], name="billing_seriescounter_once"
            )
        ]


class Issuer(TenantModel):
    """The organization as its documents name it. One row an organization."""

    name = EncryptedTextField()
    address = EncryptedJSONField(null=True)
    tax_id = EncryptedTextField(null=True)
    tax_number = EncryptedTextField(null=True)
    email = EncryptedTextField(null=True)
    phone = EncryptedTextField(null=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    currency = models.CharField(max_length=3)
    payment_days = models.PositiveSmallIntegerField(default=14)
    # What electronic invoices ask of a seller beyond its address: BT-34, BT-41 and BT-30.
    endpoint_id = EncryptedTextField(null=True)
    endpoint_scheme = models.CharField(max_length=4, blank=True, default="")
    contact_name = EncryptedTextField(null=True)
    registration = EncryptedTextField(null=True)
    # The language of documents for customers who have not chosen one.
    language = models.CharField(max_length=8, default="en")
    logo = models.ForeignKey(
        StoredFile, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # How documents look: a colour such as #2440b0 (empty: ours), and how densely they are set.
    accent = models.CharField(max_length=7, blank=True, default="")
    layout = models.CharField(
        max_length=8,
        choices=[(each.value, each.value) for each in rules.Layout],
        default=rules.Layout.CLASSIC.value,
    )
    supplies = models.CharField(max_length=8, choices=Supplies, default=Supplies.SERVICES)
    # Whether consumers in other EU countries are taxed at their own rates (One Stop Shop).
    uses_oss = models.BooleanField(default=False)
    # The currencies in which what is to be paid is rounded to the smallest coin.
    rounded_currencies = models.JSONField(default=list)
    # Whether what is due is billed each night without anybody asking.
    auto_billing = models.BooleanField(default=False)
    # The series that documents are numbered in unless another is named: of invoices, credit notes and quotes.
    series = models.ForeignKey(Series, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    credit_note_series = models.ForeignKey(
        Series, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    quote_series = models.ForeignKey(
        Series, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # After how many days without a movement a customer's credit expires; never when None.
    credit_expires_days = models.PositiveSmallIntegerField(null=True)
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="naming the seller on documents",
        retention="as long as the organization exists; documents keep their own copy",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "name": FieldClass.PERSONAL,
            "address": FieldClass.PERSONAL,
            "tax_id": FieldClass.PERSONAL,
            "tax_number": FieldClass.PERSONAL,
            "email": FieldClass.PERSONAL,
            "phone": FieldClass.PERSONAL,
            "time_zone": FieldClass.STATE,
            "currency": FieldClass.STATE,
            "payment_days": FieldClass.STATE,
            **dict.fromkeys(["endpoint_id", "contact_name", "registration"], FieldClass.PERSONAL),
            **dict.fromkeys(["endpoint_scheme", "language"], FieldClass.STATE),
            "logo": FieldClass.IDENTIFIER,
            **dict.fromkeys(["accent", "layout"], FieldClass.STATE),
            "supplies": FieldClass.STATE,
            "uses_oss": FieldClass.STATE,
            "series": FieldClass.IDENTIFIER,
            **dict.fromkeys(["auto_billing", "rounded_currencies"], FieldClass.STATE),
            "credit_note_series": FieldClass.IDENTIFIER,
            "quote_series": FieldClass.IDENTIFIER,
            "credit_expires_days": FieldClass.STATE,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One organization bills under one name."""

        abstract = False
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="billing_issuer_one")]
