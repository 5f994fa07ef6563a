"""Counts and sums of what an organization has, as rows that are only added: nobody waits for anybody.

One row a change; a periodic task melts many into one. The sum over the rows is exact in every snapshot, and
writers hold no lock that another could need (a counter row would order all of them, and deadlock some).
"""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel


class Tally(TenantModel):
    """By how much one kind of record in one state has grown or shrunk."""

    noun = models.CharField(max_length=16)
    state = models.CharField(max_length=16)
    payment_status = models.CharField(max_length=16, blank=True, default="")
    currency = models.CharField(max_length=3, blank=True, default="")
    # When an open invoice is due; the first of the month something was booked in.
    day = models.DateField(null=True)
    count = models.BigIntegerField()
    total_minor = models.BigIntegerField(default=0)
    due_minor = models.BigIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing how many and how much without counting",
        retention="as long as what it counts",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "noun": FieldClass.STATE,
            "state": FieldClass.STATE,
            "payment_status": FieldClass.STATE,
            "currency": FieldClass.STATE,
            "day": FieldClass.TIME,
            "count": FieldClass.MONEY,
            "total_minor": FieldClass.MONEY,
            "due_minor": FieldClass.MONEY,
        },
    )

    class Meta(TenantModel.Meta):
        """Summed by noun."""

        abstract = False
        indexes: ClassVar = [models.Index(fields=["tenant", "noun"], name="billing_tally_noun")]
