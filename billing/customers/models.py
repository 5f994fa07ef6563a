"""A customer: readable only with the organization's key and their own; erasing the latter erases them."""

from typing import ClassVar

from django.db import models

from accounts import grants
from billing.customers import rules
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField, SubjectKeyField
from tenancy.models import TenantModel


class Customer(TenantModel):
    """Somebody who is billed. The row's id is what the customer policy compares with."""

    class State(models.TextChoices):
        """An archived customer stays on every document and can be billed again once restored."""

        ACTIVE = "active"
        ARCHIVED = "archived"

    class Language(models.TextChoices):
        """What documents and mail can be written in."""

        GERMAN = "de", "Deutsch"
        ENGLISH = "en", "English"

    class TaxIdState(models.TextChoices):
        """What is known of a tax id; unavailable: the authorities could not say, and are asked again."""

        UNCHECKED = "unchecked"
        PENDING = "pending"
        VALID = "valid"
        INVALID = "invalid"
        UNAVAILABLE = "unavailable"

    class EInvoiceFormat(models.TextChoices):
        """What a customer gets beside the PDF, or in it."""

        NONE = "none", "PDF only"
        FACTURX = "facturx", "Factur-X (PDF with the invoice as XML in it)"
        XRECHNUNG = "xrechnung", "XRechnung (XML for German public bodies)"
        UBL = "ubl", "UBL (XML, Peppol BIS Billing)"
        CII = "cii", "CII (XML, UN/CEFACT)"

    subject_key = SubjectKeyField(null=True)
    name = EncryptedTextField(subject="self")
    # NULL once they have been erased.
    name_index = BlindIndexField(source="name", normalize=rules.normalize_name, null=True)
    email = EncryptedTextField(subject="self", null=True)
    email_index = BlindIndexField(source="email", normalize=rules.normalize_email, null=True)
    phone = EncryptedTextField(subject="self", null=True)
    address = EncryptedJSONField(subject="self", null=True)
    # Where the goods go, when that is another place than where the invoice goes.
    delivery_address = EncryptedJSONField(subject="self", null=True)
    tax_id = EncryptedTextField(subject="self", null=True)
    tax_id_index = BlindIndexField(source="tax_id", normalize=rules.normalize_tax_id, null=True)
    # Why no tax is charged to them at all, as it stands on their documents.
    tax_exemption = EncryptedTextField(subject="self", null=True)
    reference = EncryptedTextField(subject="self", null=True)
    reference_index = BlindIndexField(source="reference", normalize=rules.normalize_reference, null=True)
    notes = EncryptedTextField(subject="self", null=True)
    metadata = EncryptedJSONField(subject="self", null=True)
    # How their invoices come beside the PDF, where they are received (BT-49), and what routes them there (BT-10).
    einvoice_format = models.CharField(max_length=16, choices=EInvoiceFormat, default=EInvoiceFormat.NONE)
    endpoint_id = EncryptedTextField(subject="self", null=True)
    endpoint_scheme = models.CharField(max_length=4, blank=True, default="")
    buyer_reference = EncryptedTextField(subject="self", null=True)
    currency = models.CharField(max_length=3)
    # Days to pay, in place of the issuer's.
    payment_days = models.PositiveSmallIntegerField(null=True)
    # Of documents and mail; empty: the issuer's.
    language = models.CharField(max_length=2, choices=Language, blank=True, default="")
    tax_id_state = models.CharField(max_length=16, choices=TaxIdState, default=TaxIdState.UNCHECKED)
    # When the tax authorities are asked next; set as long as an answer is awaited.
    tax_id_due_at = models.DateTimeField(null=True)
    # The company this one belongs to: shown with it, billed apart.
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="children"
    )
    # Who they turned out to be; what is billed from then on stands there.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="merged_from"
    )
    # Which import brought them.
    import_id = models.UUIDField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    # Since when their data is kept and not used (GDPR Article 18), and when it was erased.
    restricted_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="billing the customer and reaching them about it",
        retention="while business lasts, then until the last document's statutory period ends",
        erasure=Erasure.SUBJECT_KEY,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "subject_key": FieldClass.WRAPPED_KEY,
            "name": FieldClass.PERSONAL,
            "name_index": FieldClass.BLIND_INDEX,
            "email": FieldClass.PERSONAL,
            "email_index": FieldClass.BLIND_INDEX,
            "phone": FieldClass.PERSONAL,
            "address": FieldClass.PERSONAL,
            "delivery_address": FieldClass.PERSONAL,
            "tax_id": FieldClass.PERSONAL,
            "tax_id_index": FieldClass.BLIND_INDEX,
            "tax_exemption": FieldClass.PERSONAL,
            "reference": FieldClass.PERSONAL,
            "reference_index": FieldClass.BLIND_INDEX,
            "notes": FieldClass.CONTENT,
            "metadata": FieldClass.CONTENT,
            **dict.fromkeys(["endpoint_id", "buyer_reference"], FieldClass.PERSONAL),
            **dict.fromkeys(["einvoice_format", "endpoint_scheme"], FieldClass.STATE),
            "currency": FieldClass.STATE,
            "payment_days": FieldClass.STATE,
            "language": FieldClass.STATE,
            "tax_id_state": FieldClass.STATE,
            "tax_id_due_at": FieldClass.TIME,
            "parent": FieldClass.IDENTIFIER,
            "merged_into": FieldClass.IDENTIFIER,
            "import_id": FieldClass.IDENTIFIER,
            "state": FieldClass.STATE,
            **dict.fromkeys(["restricted_at", "erased_at", "created_at", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by each index within the organization; a customer's own number is theirs alone."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "reference_index"], name="billing_customer_reference"),
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "archived"]), name="billing_customer_state"
            ),
            models.CheckConstraint(
                condition=models.Q(language__in=["", "de", "en"], payment_days__isnull=True)
                | models.Q(language__in=["", "de", "en"], payment_days__lte=365),
                name="billing_customer_terms",
            ),
            models.CheckConstraint(
                condition=models.Q(tax_id_state__in=["pending", "unavailable"])
                | models.Q(tax_id_state__in=["unchecked", "valid", "invalid"], tax_id_due_at__isnull=True),
                name="billing_customer_tax_id_state",
            ),
            models.CheckConstraint(
                condition=models.Q(merged_into__isnull=True) | models.Q(state="archived"),
                name="billing_customer_merged",
            ),
            models.CheckConstraint(
                condition=(models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")))
                & (models.Q(merged_into__isnull=True) | ~models.Q(merged_into=models.F("id"))),
                name="billing_customer_not_its_own",
            ),
            models.CheckConstraint(
                condition=(models.Q(erased_at__isnull=True) & models.Q(name_index__isnull=False))
                | (
                    models.Q(erased_at__isnull=False)
                    & models.Q(subject_key__isnull=True)
                    & models.Q(name_index__isnull=True)
                    & models.Q(email_index__isnull=True)
                    & models.Q(tax_id_index__isnull=True)
                    & models.Q(reference_index__isnull=True)
                ),
                name="billing_customer_erased",
            ),
            models.CheckConstraint(
                condition=models.Q(einvoice_format__in=["none", "facturx", "xrechnung", "ubl", "cii"]),
                name="billing_customer_einvoice",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "email_index"], name="billing_customer_email"),
            models.Index(fields=["tenant", "tax_id_index"], name="billing_customer_tax_id"),
            models.Index(fields=["tenant", "name_index"], name="billing_customer_name"),
            models.Index(fields=["tenant", "state", "-id"], name="billing_customer_list"),
            models.Index(
                fields=["tenant", "parent"],
                condition=models.Q(parent__isnull=False),
                name="billing_customer_parent",
            ),
            models.Index(
                fields=["tenant", "merged_into"],
                condition=models.Q(merged_into__isnull=False),
                name="billing_customer_merged_from",
            ),
            models.Index(
                fields=["tenant", "import_id"],
                condition=models.Q(import_id__isnull=False),
                name="billing_customer_import",
            ),
            models.Index(
                fields=["tenant", "tax_id_due_at"],
                condition=models.Q(tax_id_due_at__isnull=False),
                name="billing_customer_tax_id_due",
            ),
        ]


class CustomerGrant(grants.ObjectGrant):
    """One member whose role sees no customers sees this one, and its invoices, until the grant ends."""

    content_object = models.ForeignKey(
        Customer, models.CASCADE, related_name="grants", db_constraint=False, db_index=False
    )

    data_policy: ClassVar[DataPolicy] = grants.data_policy_of(
        purpose="opening one customer to a member whose role opens none", owner=Owner.CUSTOMER
    )

    class Meta(grants.ObjectGrant.Meta):
        """One grant a member and customer."""

        abstract = False
        constraints: ClassVar = [grants.one_each("billing_customergrant_one_each")]
        indexes: ClassVar = [grants.by_object("billing_customergrant_object")]
