"""Plans of reminders, who has which, what was promised, what was sent, and what being late cost."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "reminding customers of what is due"
_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"


class ReminderPlan(TenantModel):
    """When an organization reminds. One is everybody's who has no other."""

    class State(models.TextChoices):
        """A paused plan sends nothing; an archived one is nobody's any more."""

        PAUSED = "paused"
        ACTIVE = "active"
        ARCHIVED = "archived"

    name = models.CharField(max_length=80)
    state = models.CharField(max_length=16, choices=State, default=State.PAUSED)
    is_default = models.BooleanField(default=False)
    # Steps that were due before this day are past: starting a plan floods nobody with old reminders.
    active_from = models.DateField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["name", "state", "is_default"], FieldClass.STATE),
            **dict.fromkeys(["active_from", "created_at", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One default."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(is_default=True), name="payments_reminderplan_default"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["paused", "active", "archived"])
                & (~Q(state="active") | Q(active_from__isnull=False)),
                name="payments_reminderplan_states",
            ),
        ]


class ReminderStep(TenantModel):
    """One step of a plan: so many days after the due day, in which words, and what it costs to be that late."""

    class Words(models.TextChoices):
        """Which letter is written."""

        UPCOMING = "upcoming"
        FRIENDLY = "friendly"
        FIRM = "firm"
        FINAL = "final"

    class Fee(models.TextChoices):
        """How a late fee is reckoned."""

        NONE = "none"
        FIXED = "fixed"
        INTEREST = "interest"

    plan = models.ForeignKey(
        ReminderPlan, models.PROTECT, db_constraint=False, db_index=False, related_name="steps"
    )
    days = models.SmallIntegerField()
    words = models.CharField(max_length=16, choices=Words)
    fee = models.CharField(max_length=16, choices=Fee, default=Fee.NONE)
    fee_minor = models.BigIntegerField(null=True)
    fee_percentage = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    fee_least_minor = models.BigIntegerField(null=True)
    fee_most_minor = models.BigIntegerField(null=True)
    # The currency of those amounts; invoices in another are charged nothing.
    fee_currency = models.CharField(max_length=3, blank=True, default="")
    # A step that was taken out stays named on what was sent by it.
    removed_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "plan"], FieldClass.IDENTIFIER),
            "days": FieldClass.TECHNICAL,
            **dict.fromkeys(["words", "fee", "fee_currency"], FieldClass.STATE),
            **dict.fromkeys(
                ["fee_minor", "fee_percentage", "fee_least_minor", "fee_most_minor"], FieldClass.MONEY
            ),
            "removed_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One step a plan and day."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "plan", "days"],
                condition=Q(removed_at__isnull=True),
                name="payments_reminderstep_day",
            ),
            models.CheckConstraint(
                condition=Q(days__gte=-60, days__lte=365)
                & Q(words__in=["upcoming", "friendly", "firm", "final"])
                & (
                    Q(fee="none")
                    | Q(fee="fixed", fee_minor__gt=0, days__gt=0)
                    | Q(fee="interest", fee_percentage__gt=0, days__gt=0)
                ),
                name="payments_reminderstep_sane",
            ),
        ]


class ReminderChoice(TenantModel):
    """What is special about a customer: a plan of their own, or no reminders for now."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    plan = models.ForeignKey(
        ReminderPlan, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    is_paused = models.BooleanField(default=False)
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention="as long as the customer",
        erasure=Erasure.DELETE,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "plan"], FieldClass.IDENTIFIER),
            "is_paused": FieldClass.STATE,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One a customer."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "customer"], name="payments_reminderchoice_one")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "plan"], name="payments_reminderchoice_plan")]


class PaymentPromise(TenantModel):
    """A customer said they will pay an invoice by a day. Until that day has passed nothing reminds them of it."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    promised_on = models.DateField()
    note = EncryptedTextField(purpose="documents", null=True)
    made_by = models.UUIDField(null=True)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "invoice", "made_by"], FieldClass.IDENTIFIER),
            "note": FieldClass.CONTENT,
            **dict.fromkeys(["promised_on", "made_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """The newest promise of an invoice holds."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "invoice"],
                condition=Q(ended_at__isnull=True),
                name="payments_paymentpromise_one",
            )
        ]


class Reminder(TenantModel):
    """One invoice was reminded of, or a step passed over because a later one was due. Nothing here ever changes."""

    class State(models.TextChoices):
        """Skipped ones count as done."""

        SENT = "sent"
        SKIPPED = "skipped"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # None: somebody sent it by hand.
    step = models.ForeignKey(
        ReminderStep, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    state = models.CharField(max_length=16, choices=State)
    words = models.CharField(max_length=16, choices=ReminderStep.Words)
    currency = models.CharField(max_length=3)
    due_minor = models.BigIntegerField()
    # The mail it stood in: one a customer, whatever is due.
    message_id = models.UUIDField(null=True)
    on_day = models.DateField()
    sent_by = models.UUIDField(null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "step", "message_id", "sent_by"],
                FieldClass.IDENTIFIER,
            ),
            **dict.fromkeys(["state", "words", "currency"], FieldClass.STATE),
            "due_minor": FieldClass.MONEY,
            **dict.fromkeys(["on_day", "at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A step reminds of an invoice once, whatever runs twice (unique)."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "invoice", "step"], name="payments_reminder_once"),
            models.CheckConstraint(
                condition=Q(state__in=["sent", "skipped"]), name="payments_reminder_states"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "customer", "-id"], name="payments_reminder_customer"),
            models.Index(fields=["tenant", "-id"], name="payments_reminder_list"),
        ]


class LateFee(TenantModel):
    """A fee that a step proposed: a draft invoice of its own. The draft may be discarded; this row stays."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    step = models.ForeignKey(
        ReminderStep, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # Bare: a discarded draft is gone.
    fee_invoice_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    on_day = models.DateField()
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="charging what being late costs, once",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "step", "fee_invoice_id"], FieldClass.IDENTIFIER
            ),
            "currency": FieldClass.STATE,
            "amount_minor": FieldClass.MONEY,
            **dict.fromkeys(["on_day", "at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A step charges an invoice once (unique)."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "invoice", "step"], name="payments_latefee_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_latefee_some"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "fee_invoice_id"], name="payments_latefee_invoice")
        ]
