"""Answers already given, so that a request sent twice acts once (`Idempotency-Key`)."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField
from tenancy.models import TenantModel


class IdempotencyKey(TenantModel):
    """One key of one API key, what was sent with it, and what was answered.

    The row is inserted before the view runs, in the request's own transaction: a second request with the same key
    waits on the unique index until the first has committed (and then repeats its answer) or rolled back (and then
    acts itself). Nothing can be left locked by a crash. The answer is stored encrypted; of the key and the body
    only hashes.
    """

    scope_hash = models.BinaryField(max_length=32)
    body_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    response = EncryptedJSONField(purpose="files", null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="repeating the answer to a request that was sent twice",
        retention="48 hours",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "scope_hash": FieldClass.HASH,
            "body_hash": FieldClass.HASH,
            "status": FieldClass.STATE,
            "response": FieldClass.CONTENT,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One answer a key."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "scope_hash"], name="edge_idempotency_one_answer")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="edge_idempotency_age")]
