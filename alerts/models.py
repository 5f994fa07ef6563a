"""The tables of alerts: what was found, how rules are set, what is muted, and how far the trail has been read."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Func, IntegerField, Q

from alerts.channels.models import AlertChannel, AlertDelivery
from alerts.streams.models import AuditStream
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

__all__ = [
    "Alert",
    "AlertChannel",
    "AlertDelivery",
    "AlertQuestion",
    "AlertRule",
    "AlertStep",
    "AuditStream",
    "Mute",
    "Severity",
    "Watch",
]

_PURPOSE = "telling people at once of what may be an attack, and showing what was done about it"
_BASIS = "legal obligation: GDPR Article 32, PCI DSS 10.4"
_SEVERITIES = ["info", "low", "medium", "high", "critical"]
# How bad, as a number that rises. Written out: an index on an expression answers for the same text alone.
RANK = Func(
    F("severity"),
    template=f"strpos('{' '.join(_SEVERITIES)}', %(expressions)s)",
    output_field=IntegerField(),
)
_AUTOMATIC = ["none", "end_sessions", "freeze_exports", "hold_payouts"]
_GROUPS = ["person", "actor", "network", "session", "subject", "customer", "organization"]


class Severity(models.TextChoices):
    """How bad it may be."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Alert(TenantModel):
    """One thing that a rule has found, and all of the same kind that came while it was open."""

    class State(models.TextChoices):
        """Acknowledged: somebody looks into it."""

        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        CLOSED = "closed"

    class Reason(models.TextChoices):
        """How it turned out."""

        TRUE = "true", "It was real"
        BENIGN = "benign", "Real, but expected"
        FALSE = "false", "False alarm"
        TEST = "test", "A test"

    rule = models.CharField(max_length=16)
    rule_version = models.PositiveIntegerField()
    severity = models.CharField(max_length=8, choices=Severity)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    group = models.CharField(max_length=16)
    # An id, a pseudonym of a network, or a code: what the events have in common.
    key = models.CharField(max_length=128)
    person_id = models.UUIDField(null=True)
    network = models.CharField(max_length=64, blank=True, default="")
    count = models.PositiveIntegerField(default=1)
    hits = models.PositiveIntegerField(default=1)
    facts = models.JSONField(default=dict)
    # [{"id", "event", "at", "actor", "network", "subject", "kind"}]: the newest few. They stand here because what
    # concerns a person before they choose an organization lies in the operator's log.
    evidence = models.JSONField(default=list)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    announced_at = models.DateTimeField()
    due_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    assigned_to = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True)
    close_reason = models.CharField(max_length=16, choices=Reason, blank=True, default="")
    # What was done before anybody had looked.
    contained = models.CharField(max_length=16, blank=True, default="")
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        legal_basis=_BASIS,
        retention="as long as the audit trail",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "key", "person_id", "assigned_to", "closed_by"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(
                ["rule", "severity", "state", "group", "close_reason", "contained"], FieldClass.STATE
            ),
            **dict.fromkeys(["rule_version", "count", "hits", "facts", "evidence"], FieldClass.TECHNICAL),
            "network": FieldClass.HASH,
            **dict.fromkeys(
                [
                    "first_seen_at", "last_seen_at", "opened_at", "announced_at", "due_at",
                    "acknowledged_at", "closed_at", "updated_at",
                ],
                FieldClass.TIME,
            ),
        },
    )  # fmt: skip

    class Meta(TenantModel.Meta):
        """One is open a rule and group: the same again is counted, not told anew."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "rule", "group", "key"],
                condition=~Q(state="closed"),
                name="alerts_alert_one_open",
            ),
            models.CheckConstraint(
                condition=Q(severity__in=_SEVERITIES)
                & Q(group__in=_GROUPS)
                & Q(contained__in=["", *_AUTOMATIC])
                & (
                    Q(state__in=["open", "acknowledged"], closed_at__isnull=True, close_reason="")
                    | Q(
                        state="closed",
                        closed_at__isnull=False,
                        close_reason__in=["true", "benign", "false", "test"],
                    )
                ),
                name="alerts_alert_states",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="alerts_alert_newest"),
            models.Index(fields=["tenant", "rule", "group", "key", "-id"], name="alerts_alert_same"),
            models.Index(
                fields=["tenant", "state", "severity"],
                condition=~Q(state="closed"),
                name="alerts_alert_open",
            ),
            models.Index(F("tenant"), RANK, F("id"), name="alerts_alert_severity"),
            models.Index(fields=["tenant", "count", "id"], name="alerts_alert_count"),
            models.Index(fields=["tenant", "last_seen_at", "id"], name="alerts_alert_last_seen"),
        ]


class AlertStep(TenantModel):
    """One thing that happened to an alert, with the words of whoever did it. Insert-only."""

    class Kind(models.TextChoices):
        """What happened."""

        OPENED = "opened"
        RAISED = "raised"
        ACKNOWLEDGED = "acknowledged"
        ASSIGNED = "assigned"
        NOTED = "noted"
        CONTAINED = "contained"
        MUTED = "muted"
        CLOSED = "closed"
        REOPENED = "reopened"
        ASKED = "asked"
        ANSWERED = "answered"

    alert = models.ForeignKey(
        Alert, models.PROTECT, db_constraint=False, db_index=False, related_name="steps"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    # A severity, a close reason, a containment: what the kind alone does not say.
    detail = models.CharField(max_length=64, blank=True, default="")
    words = EncryptedTextField(null=True)
    person_id = models.UUIDField(null=True)
    by = models.UUIDField(null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        legal_basis=_BASIS,
        retention="as long as the alert",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "alert", "person_id", "by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["kind", "detail"], FieldClass.STATE),
            "words": FieldClass.CONTENT,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Read alert by alert, in their order."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "opened", "raised", "acknowledged", "assigned", "noted", "contained", "muted",
                        "closed", "reopened", "asked", "answered",
                    ]
                ),
                name="alerts_alertstep_kinds",
            )
        ]  # fmt: skip
        indexes: ClassVar = [models.Index(fields=["tenant", "alert", "id"], name="alerts_alertstep_of")]


class AlertQuestion(TenantModel):
    """Whether it was them: asked of the person an alert is about, by a link that answers once."""

    alert = models.ForeignKey(
        Alert, models.PROTECT, db_constraint=False, db_index=False, related_name="questions"
    )
    person_id = models.UUIDField()
    token_hash = models.BinaryField(max_length=32)
    asked_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answer = models.CharField(max_length=4, blank=True, default="")
    answered_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        legal_basis=_BASIS,
        retention="as long as the alert",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "alert", "person_id", "asked_by"], FieldClass.IDENTIFIER),
            "token_hash": FieldClass.HASH,
            "answer": FieldClass.STATE,
            **dict.fromkeys(["asked_at", "expires_at", "answered_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by its link; answered once, yes or no."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "token_hash"], name="alerts_alertquestion_one"),
            models.CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True)
                | Q(answer__in=["yes", "no"], answered_at__isnull=False),
                name="alerts_alertquestion_answered",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "alert", "-id"], name="alerts_alertquestion_of")]


class AlertRule(TenantModel):
    """One version of how an organization has set a rule. Insert-only: an alert names the version that found it."""

    code = models.CharField(max_length=16)
    version = models.PositiveIntegerField()
    enabled = models.BooleanField(default=True)
    severity = models.CharField(max_length=8, choices=Severity)
    group = models.CharField(max_length=16)
    window_seconds = models.PositiveIntegerField()
    threshold = models.PositiveIntegerField()
    suppression_seconds = models.PositiveIntegerField()
    automatic = models.CharField(max_length=16)
    reason = EncryptedTextField(null=True)
    set_by = models.UUIDField(null=True)
    set_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="how an organization is watched, and who has changed that",
        legal_basis=_BASIS,
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "set_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["code", "enabled", "severity", "group", "automatic"], FieldClass.STATE),
            **dict.fromkeys(
                ["version", "window_seconds", "threshold", "suppression_seconds"], FieldClass.TECHNICAL
            ),
            "reason": FieldClass.CONTENT,
            "set_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One row a version."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code", "version"], name="alerts_alertrule_version"),
            models.CheckConstraint(
                condition=Q(version__gte=1, threshold__gte=1)
                & Q(severity__in=_SEVERITIES)
                & Q(group__in=_GROUPS)
                & Q(automatic__in=_AUTOMATIC),
                name="alerts_alertrule_sane",
            ),
        ]


class Mute(TenantModel):
    """One rule says nothing about one person, network or record for a while; never for ever."""

    rule = models.CharField(max_length=16)
    group = models.CharField(max_length=16)
    key = models.CharField(max_length=128)
    until = models.DateTimeField()
    reason = EncryptedTextField(null=True)
    # What it has kept from being told.
    silenced = models.PositiveIntegerField(default=0)
    made_by = models.UUIDField(null=True)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="keeping alerts readable, and showing what is not told",
        legal_basis=_BASIS,
        retention="as long as the alerts",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "key", "made_by", "ended_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["rule", "group"], FieldClass.STATE),
            "reason": FieldClass.CONTENT,
            "silenced": FieldClass.TECHNICAL,
            **dict.fromkeys(["until", "made_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """It ends."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(group__in=_GROUPS), name="alerts_mute_groups")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "rule", "key"], condition=Q(ended_at__isnull=True), name="alerts_mute_holds"
            )
        ]


class Watch(TenantModel):
    """How far the trail of one organization has been judged, and when that was last tried."""

    epoch = models.IntegerField()
    # The first transaction that has not been judged; a number of 64 bits, as PostgreSQL writes it.
    judged_to = models.CharField(max_length=20)
    events = models.PositiveBigIntegerField(default=0)
    judged_at = models.DateTimeField()
    # In the operator's row alone: how far all organizations have been looked through, and by when.
    host_epoch = models.IntegerField(null=True)
    host_to = models.CharField(max_length=20, blank=True, default="")
    looked_at = models.DateTimeField(null=True)
    # What the state checks have last said: {code: true}. A change is told once.
    states = models.JSONField(default=dict)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="judging each event once, and showing that the watch is awake",
        legal_basis=_BASIS,
        retention="the newest state only",
        erasure=Erasure.NONE,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(
                ["epoch", "judged_to", "events", "host_epoch", "host_to", "states"], FieldClass.TECHNICAL
            ),
            **dict.fromkeys(["judged_at", "looked_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One an organization."""

        abstract = False
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="alerts_watch_one")]
