"""What the tax authorities said about a tax id, and when: evidence that nobody can change afterwards."""

from typing import ClassVar

from django.db import models

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class TaxIdCheck(TenantModel):
    """One question to VIES and its answer. An exempt supply is proved with it for as long as tax law asks."""

    class Result(models.TextChoices):
        """Unavailable: there was no answer; it proves nothing either way."""

        VALID = "valid"
        INVALID = "invalid"
        UNAVAILABLE = "unavailable"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="tax_id_checks"
    )
    tax_id = EncryptedTextField()
    # Whose tax id asked; only then the authorities give a consultation number.
    requester = EncryptedTextField(null=True)
    result = models.CharField(max_length=16, choices=Result)
    consultation = EncryptedTextField(null=True)
    trader_name = EncryptedTextField(null=True)
    trader_address = EncryptedTextField(null=True)
    # Their word for why there was no answer.
    fault = models.CharField(max_length=40, blank=True, default="")
    asked_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="proving that a supply without tax went to a registered business",
        retention="10 years after the last document it stands for",
        legal_basis="tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "customer": FieldClass.IDENTIFIER,
            "tax_id": FieldClass.PERSONAL,
            "requester": FieldClass.PERSONAL,
            "result": FieldClass.STATE,
            "consultation": FieldClass.PERSONAL,
            "trader_name": FieldClass.PERSONAL,
            "trader_address": FieldClass.PERSONAL,
            "fault": FieldClass.STATE,
            "asked_by": FieldClass.IDENTIFIER,
            "asked_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Read newest first, by customer."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(result__in=["valid", "invalid"], fault="")
                | (models.Q(result="unavailable") & ~models.Q(fault="")),
                name="billing_taxidcheck_result",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "customer", "-asked_at"], name="billing_taxidcheck_newest")
        ]
