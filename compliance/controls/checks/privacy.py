"""Whether what is too old goes, and whether the clocks of breaches are kept."""

from datetime import datetime, timedelta

from django.db.models import Q

from compliance.breaches.models import Breach
from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from compliance.retention import queries as retention
from compliance.retention import rules as kept
from compliance.retention import services
from core import ids

# It runs once a day; what became due since is no failure.
RAN_WITHIN = timedelta(hours=30)
LEFT_FOR = timedelta(days=2)


def retention_ran(at: datetime) -> Outcome:
    """Look when what is too old was last removed, what failed then, and what still lies here."""
    last = retention.last_run()
    if last is None:
        return rules.unknown("What is too old has not been looked for yet.")
    failed = [f"{each.rule}: {each.code}" for each in last.shreddings.exclude(code="").order_by("rule")]
    left = []
    for rule in kept.RULES:
        # Erasing a person may rightly wait (a contract runs, a law keeps it): the run itself counts those.
        if rule.remove is not None:
            going, _ = services.due(rule, at - LEFT_FOR)
            if going.exists():
                left.append(f"{rule.code}: not removed")
    hours = int((at - last.finished_at) / timedelta(hours=1))
    facts = {"hours": hours, "removed": last.removed, "held": last.held, "failed": last.failed}
    if at - last.finished_at > RAN_WITHIN:
        return rules.failed(f"What is too old was last removed {hours} hours ago.", [*failed, *left], **facts)
    return rules.judged(
        [*failed, *left],
        good=f"What is too old was removed {hours} hours ago: {last.removed:,} rows; {last.held:,} are held.",
        wrong="Kinds of rows that are too old and still here: {n}.",
        **facts,
    )


def breach_clocks(at: datetime) -> Outcome:
    """Look for open breaches of which somebody should have been told by now."""
    waiting = Breach.objects.filter(state=Breach.State.OPEN)
    authority = ~Q(risk=Breach.Risk.UNLIKELY) & Q(authority_told_at__isnull=True, authority_due_at__lt=at)
    people = Q(risk=Breach.Risk.HIGH, people_told_at__isnull=True, people_due_at__lt=at)
    late = waiting.filter(authority | people).order_by("pk")
    return rules.judged(
        [ids.encode("breach", key) for key in late.values_list("pk", flat=True)],
        good=f"Breaches that are open: {waiting.count()}; no clock has passed.",
        wrong="Breaches of which somebody should have been told by now: {n}.",
        open=waiting.count(),
    )


CONTROLS = (
    Control(
        code="privacy.retention",
        title="What is too old goes",
        family="privacy",
        checks="When retention last ran, what failed then, and whether rows older than their time are still here.",
        passes="It ran within 30 hours, no rule failed, and nothing that may go is two days late.",
        fails="It did not run, a rule failed, or something lies here that should be gone.",
        matters="What is not here cannot be stolen, and nobody has to be told of it.",
        remedy="Run it on the page of retention; the log of the run names the rule and its fault.",
        maps=(("gdpr", "5(1)(a-f)"), ("gdpr", "5(2)"), ("gdpr", "17"), ("asvs", "14.2.7")),
        check=retention_ran,
    ),
    Control(
        code="privacy.breach_clocks",
        title="No clock of a breach has passed",
        family="privacy",
        checks="Open breaches: when somebody became aware, and who was told.",
        passes="The authority was told within 72 hours, and the people within 60 days where the risk is high.",
        fails="A clock has run out and nobody noted that they were told.",
        matters="The law counts from the hour in which somebody knew.",
        remedy="Tell them, note it in the register, and say there why it is late.",
        maps=(("gdpr", "33"), ("gdpr", "34"), ("hipaa", "404-410")),
        check=breach_clocks,
    ),
)
