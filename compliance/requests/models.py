"""A request of somebody whose data is held: what they asked, who they are, until when they must be answered."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import User
from billing.contacts.models import Contact
from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class PrivacyRequest(TenantModel):
    """One request. Once it is answered, refused or withdrawn it stays as it is."""

    class Kind(models.TextChoices):
        """Which right is used (GDPR Articles 15 to 18, 20, 21)."""

        ACCESS = "access", "A copy of their data"
        PORTABILITY = "portability", "Their data for another provider"
        RECTIFICATION = "rectification", "Correction"
        ERASURE = "erasure", "Erasure"
        RESTRICTION = "restriction", "Restriction"
        OBJECTION = "objection", "Objection"

    class State(models.TextChoices):
        """Received: nobody has checked yet who asks. The last three are final."""

        RECEIVED = "received"
        VERIFIED = "verified"
        ANSWERED = "answered"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    class Identity(models.TextChoices):
        """How it was proved who asks (Article 12(6))."""

        NONE = "", "Not checked"
        PORTAL = "portal", "Signed in to the portal with a second factor"
        KNOWN_ADDRESS = "known_address", "Answered a message to the address we already had"
        CALLED_BACK = "called_back", "Called back on the number we already had"
        DOCUMENT = "document", "Showed a document (no copy is kept)"
        IN_PERSON = "in_person", "Known in person"

    class Refusal(models.TextChoices):
        """Why a request is not followed; each names what the law calls it."""

        NONE = "", "Not refused"
        IDENTITY = "identity_not_proved", "Who asks could not be established"
        NOTHING_HELD = "nothing_held", "Nothing is held about this person"
        UNFOUNDED = "unfounded", "Manifestly unfounded or excessive"
        LAW = "kept_by_law", "The law demands that it is kept"
        CLAIMS = "legal_claims", "Needed for legal claims"
        OTHERS = "rights_of_others", "It would harm the rights of others"

    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.RECEIVED)
    # About whom. All empty: somebody nobody has found here yet.
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    contact = models.ForeignKey(
        Contact, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    user = models.ForeignKey(User, models.PROTECT, null=True, db_index=False, related_name="+")
    # Who asked and where the answer goes. Under the person's own key: erased with them.
    name = EncryptedTextField(subject="customer", null=True)
    email = EncryptedTextField(subject="customer", null=True)
    words = EncryptedTextField(subject="customer", null=True)
    by_portal = models.BooleanField(default=False)
    identity = models.CharField(max_length=16, choices=Identity, default=Identity.NONE, blank=True)
    identity_by = models.UUIDField(null=True)
    identity_at = models.DateTimeField(null=True)
    received_on = models.DateField()
    due_on = models.DateField()
    extended_at = models.DateTimeField(null=True)
    extension_reason = EncryptedTextField(subject="customer", null=True)
    refusal = models.CharField(max_length=24, choices=Refusal, default=Refusal.NONE, blank=True)
    # What was told to the person at the end.
    answer = EncryptedTextField(subject="customer", null=True)
    file = models.ForeignKey(
        StoredFile, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # Codes and counts of what was collected or erased, never a value.
    outcome = models.JSONField(default=dict, blank=True)
    job_id = models.UUIDField(null=True)
    due_soon_at = models.DateTimeField(null=True)
    opened_by = models.UUIDField(null=True)
    ended_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="answering people about their data in time, and proving it",
        retention="3 years after the answer",
        legal_basis="legal obligation: GDPR Articles 5(2) and 12",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "contact", "user", "file", "job_id", "identity_by", "opened_by",
                 "ended_by"],
                FieldClass.IDENTIFIER,
            ),
            **dict.fromkeys(["kind", "state", "by_portal", "identity", "refusal"], FieldClass.STATE),
            **dict.fromkeys(["name", "email"], FieldClass.PERSONAL),
            **dict.fromkeys(["words", "extension_reason", "answer"], FieldClass.CONTENT),
            "outcome": FieldClass.TECHNICAL,
            **dict.fromkeys(
                ["identity_at", "received_on", "due_on", "extended_at", "due_soon_at", "created_at",
                 "updated_at", "ended_at"],
                FieldClass.TIME,
            ),
        },
    )  # fmt: skip

    class Meta(TenantModel.Meta):
        """What is answered was asked by somebody known, or refused because they are not."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "access", "portability", "rectification", "erasure", "restriction", "objection",
                    ],
                    state__in=["received", "verified", "answered", "refused", "withdrawn"],
                ),
                name="compliance_privacyrequest_words",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["verified", "answered"])
                | (Q(identity_at__isnull=False) & ~Q(identity="")),
                name="compliance_privacyrequest_identity",
            ),
            models.CheckConstraint(
                condition=(Q(state="refused") & ~Q(refusal="")) | (~Q(state="refused") & Q(refusal="")),
                name="compliance_privacyrequest_refusal",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "verified"], ended_at__isnull=True)
                | Q(state__in=["answered", "refused", "withdrawn"], ended_at__isnull=False),
                name="compliance_privacyrequest_end",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="compliance_prq_list"),
            models.Index(
                fields=["tenant", "due_on"],
                condition=Q(state__in=["received", "verified"]),
                name="compliance_prq_due",
            ),
            models.Index(fields=["tenant", "customer"], name="compliance_prq_customer"),
        ]
