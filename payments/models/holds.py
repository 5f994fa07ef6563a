"""The switch that lets no money out."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class PayoutHold(TenantModel):
    """While the newest row says so, no refund is asked for, agreed to or sent. Each turn of the switch is a row."""

    held = models.BooleanField()
    reason = EncryptedTextField()
    # The alert because of which it was turned.
    alert_id = models.UUIDField(null=True)
    turned_by = models.UUIDField(null=True)
    turned_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="stopping money from leaving while somebody looks into an incident",
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "held": FieldClass.STATE,
            "reason": FieldClass.CONTENT,
            "alert_id": FieldClass.IDENTIFIER,
            "turned_by": FieldClass.IDENTIFIER,
            "turned_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """The newest row says how it stands."""

        abstract = False
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="payments_payouthold_newest")]
