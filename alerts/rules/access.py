"""Rules about rights, refusals, keys and where things are told."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from alerts.rules.base import Automatic, Group, Rule, Seen, Severity, burst, each, many

_ENDING = (Automatic.NONE, Automatic.END_SESSIONS)
_WAITED = frozenset(
    {"step_up_required", "too_many_requests", "unavailable", "organization_sealed", "organization_suspended"}
)
_END = "End their sessions if nobody can say why."


def _was_refused(event: Seen) -> bool:
    # To be asked for a second factor, or to be told to wait, is no attempt at anything.
    return event.reason not in _WAITED


def _foreign(event: Seen) -> Collection[UUID | str]:
    if event.more.get("outsider") is True:
        return (str(event.id),)
    named = event.facts.get("object")
    return (str(named),) if named and named != "malformed" else ()


def _is_foreign(event: Seen) -> bool:
    return event.facts.get("status") == 404 and event.actor_kind != "stranger" and bool(_foreign(event))


def _raised(event: Seen) -> bool:
    return event.more.get("powerful") is True


def _severity_of_raise(event: Seen) -> Severity | None:
    return Severity.CRITICAL if event.more.get("own") is True else None


RULES: tuple[Rule, ...] = (
    Rule(
        code="RBAC-01",
        title="Rights raised",
        sentence="A person or role got rights that can make more rights, decide for others or reach secrets.",
        why="Rights are what an intruder wants next, and what a colleague should not give alone.",
        steps=("Look at who asked and who agreed.", "Take the rights back if they are not needed."),
        codes=frozenset({"member.role_changed", "member.joined", "role.changed", "role.created"}),
        severity=Severity.HIGH,
        groups=(Group.SUBJECT,),
        judge=each(_raised, _severity_of_raise),
    ),
    Rule(
        code="RBAC-04",
        title="Many refused actions",
        sentence="{count} refused attempts by one person, key or network within {window}.",
        why="Somebody tries doors one after the other: a curious member, a stolen session or a program that probes.",
        steps=("Look at what was tried.", "Ask the person.", _END),
        codes=frozenset({"access.refused"}),
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR, Group.NETWORK),
        judge=burst(_was_refused),
        window=timedelta(minutes=10),
        threshold=15,
        unit="refusals",
        allowed=_ENDING,
    ),
    Rule(
        code="RBAC-08",
        title="A customer opened to a member",
        sentence="{count} customers were opened to members by grant within {window}.",
        why="Single grants are for single cases. Many at once are a way around roles.",
        steps=("Look at which customers and until when.", "End the grants that are not needed."),
        codes=frozenset({"grant.given"}),
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR,),
        judge=burst(),
        window=timedelta(hours=1),
        threshold=10,
        unit="grants",
    ),
    Rule(
        code="DATA-06",
        title="Looks for what belongs to others",
        sentence="{count} attempts within {window} at records or an organization that are not theirs.",
        why="Nobody comes upon a record's address by chance. The database shows nothing of another organization.",
        steps=("Look at what was tried.", "End their sessions.", "Ask how they came by these addresses."),
        codes=frozenset({"access.refused"}),
        severity=Severity.HIGH,
        groups=(Group.ACTOR,),
        judge=many(_foreign, _is_foreign, critical_from=10),
        window=timedelta(hours=1),
        threshold=3,
        unit="records",
        allowed=_ENDING,
    ),
    Rule(
        code="API-02",
        title="API key created",
        sentence="An API key was created or replaced.",
        why="A key works without a person and for a long time: it is the usual way to stay.",
        steps=("Ask whoever made it what it is for.", "Revoke it if nobody knows."),
        codes=frozenset({"apikey.created", "apikey.rotated"}),
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR, Group.SUBJECT),
        judge=each(),
    ),
    Rule(
        code="API-03",
        title="A key is refused again and again",
        sentence="{count} refusals of one API key or network within {window}.",
        why="A program without its rights, or a stolen key whose finder tries what it opens.",
        steps=("Look at what was asked for.", "Revoke the key if its owner does not know."),
        codes=frozenset({"access.refused"}),
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR,),
        judge=burst(
            lambda event: (
                (event.reason == "bad_api_key" or event.actor_kind == "api_key")
                and event.facts.get("status") in (401, 403)
            )
        ),
        window=timedelta(minutes=5),
        threshold=50,
        unit="refusals",
    ),
    Rule(
        code="API-05",
        title="Told to somebody new",
        sentence="A webhook was added or its address was changed.",
        why="Whoever is told of every event learns what happens here without signing in.",
        steps=("Ask whose address it is.", "Disable the webhook if nobody knows."),
        codes=frozenset({"webhook.created", "webhook.updated"}),
        severity=Severity.MEDIUM,
        groups=(Group.SUBJECT,),
        judge=each(
            lambda event: event.event == "webhook.created" or "url" in event.fields or not event.fields
        ),
    ),
)
