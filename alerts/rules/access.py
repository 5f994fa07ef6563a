"""Rules about rights, refusals and keys."""

from datetime import timedelta

from alerts.rules.base import Automatic, Group, Rule, Severity, burst

RULES: tuple[Rule, ...] = (
    Rule(
        code="RBAC-04",
        title="Many refused actions",
        sentence="{count} refused attempts by one person, key or network within {window}.",
        why="Somebody tries doors one after the other: a curious member, a stolen session or a program that probes.",
        steps=("Look at what was tried.", "Ask the person.", "End their sessions if nobody can say why."),
        codes=frozenset({"access.refused"}),
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR, Group.NETWORK),
        # To be asked for a second factor, or to be told to wait, is no refused attempt at anything.
        judge=burst(
            lambda event: event.reason not in ("step_up_required", "too_many_requests", "unavailable")
        ),
        window=timedelta(minutes=10),
        threshold=15,
        unit="refusals",
        allowed=(Automatic.NONE, Automatic.END_SESSIONS),
    ),
)
