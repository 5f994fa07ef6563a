"""Storage: saved views, chosen columns, and what was chosen of a list to have something done to it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.models import TenantModel


class SavedView(TenantModel):
    """A name for the address of a list: one person's own, or everybody's in the organization."""

    listing = models.CharField(max_length=32)
    # Somebody may have searched for a person, and name the view after them.
    name = EncryptedTextField()
    query = EncryptedTextField()
    is_shared = models.BooleanField(default=False)
    # A bare id, so that a shared view outlives the membership of whoever saved it.
    user_id = models.UUIDField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="coming back to a list as it was narrowed",
        retention="until it is deleted; a private one until its owner leaves",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "listing": FieldClass.STATE,
            "name": FieldClass.CONTENT,
            "query": FieldClass.CONTENT,
            "is_shared": FieldClass.STATE,
            "user_id": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by their list, oldest first."""

        abstract = False
        indexes: ClassVar = [models.Index(fields=["tenant", "listing", "id"], name="accounts_savedview_list")]

    def __str__(self) -> str:
        return f"{self.listing} {self.pk}"


class ListColumns(TenantModel):
    """Which columns of a list one person sees."""

    listing = models.CharField(max_length=32)
    columns = ArrayField(models.CharField(max_length=32))
    user_id = models.UUIDField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing a list as somebody arranged it",
        retention="until its owner leaves",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "listing": FieldClass.STATE,
            "columns": FieldClass.STATE,
            "user_id": FieldClass.IDENTIFIER,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One arrangement of a list a person."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user_id", "listing"], name="accounts_listcolumns_one_a_list"
            )
        ]

    def __str__(self) -> str:
        return f"{self.listing} {self.pk}"


class Selection(TenantModel):
    """What somebody chose of a list, and what came of it.

    Rows that were ticked are kept by their ids. "All that match" is kept as the filter, the count that was shown and
    the moment it was shown at: what came later is never in it.
    """

    listing = models.CharField(max_length=32)
    action = models.CharField(max_length=32)
    # {"ids": […]} or {"filter": {…}}; a filter may name a person.
    chosen = EncryptedJSONField()
    count = models.PositiveIntegerField()
    user_id = models.UUIDField()
    at = models.DateTimeField()
    job_id = models.UUIDField(null=True)
    # Up to which row the job has come, in the transaction that did it: what is delivered again goes on from here.
    reached = models.UUIDField(null=True)
    # The rows that were not done, by id, each with the code and the sentence of its reason.
    report = EncryptedJSONField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="doing one thing to many records, and saying which were left out and why",
        retention="90 days",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "listing": FieldClass.STATE,
            "action": FieldClass.STATE,
            "chosen": FieldClass.CONTENT,
            "count": FieldClass.TECHNICAL,
            "user_id": FieldClass.IDENTIFIER,
            "at": FieldClass.TIME,
            "job_id": FieldClass.IDENTIFIER,
            "reached": FieldClass.IDENTIFIER,
            "report": FieldClass.CONTENT,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by its job, and by its age when it is removed."""

        abstract = False
        indexes: ClassVar = [
            models.Index(fields=["tenant", "job_id"], name="accounts_selection_job"),
            models.Index(fields=["tenant", "at"], name="accounts_selection_age"),
        ]

    def __str__(self) -> str:
        return f"{self.listing} {self.action} {self.pk}"
