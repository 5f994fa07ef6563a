"""The watch: every few seconds, what is new in each organization's trail is judged by that organization's rules.

What concerns a person before they choose an organization (a wrong password, a removed factor) stands in the operator's
log. It is judged for every organization the person works for, by its rules, and the evidence handed over is that
person's own.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Membership
from alerts import feed, looking, services
from alerts import settings as keeping
from alerts.feed import Place
from alerts.models import Watch
from alerts.rules import ALL, Rule, Seen, Settings, Source
from alerts.rules.base import Group
from core.actor import Actor
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant

log = logging.getLogger(__name__)
CODES = frozenset(code for rule in ALL for code in rule.codes)
PEOPLE_CODES = frozenset(code for rule in ALL if rule.source is Source.PEOPLE for code in rule.codes)
# How far back it is looked for what happened to a person outside any organization.
PEOPLE_BACK = timedelta(hours=24)
# Where the operator's row keeps who could not be judged to the end, and from where on.
BEHIND = "behind"


@dataclass(slots=True)
class Round:
    """What one look at everything found."""

    organizations: int = 0
    events: int = 0
    alerts: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What is new about an organization's people in the operator's log, and what came before it."""

    new: Sequence[Seen] = ()
    earlier: Sequence[Seen] = field(default=())


@dataclass(frozen=True, slots=True)
class _Judged:
    events: int
    alerts: int
    is_complete: bool


def look(*, actor: Actor, now: Callable[[], datetime]) -> Round:
    """Judge whatever is new, organization by organization, each in a transaction of its own.

    What fails in one is logged and tried again at the next look, from where it stood; the others go on.
    """
    done = Round()
    with context.system_scope(reason="the watch finds out whose trail has grown"):
        operator = Tenant.objects.get(kind=Tenant.Kind.OPERATOR).pk
        upto = feed.edge()
    since, own, behind = _begin(operator, upto, now())
    with context.system_scope(reason="the watch finds out whose trail has grown"):
        found = {*feed.grown(since), *behind}
        tenants = Tenant.objects.filter(state=Tenant.State.ACTIVE)
        active = set(tenants.values_list("pk", flat=True))
    forwarded = _of_people(operator, own, upto) if operator in found else {}
    left: dict[UUID, Place] = {}
    # The operator's log last: what concerns others' people has been handed on by then.
    for tenant in (*sorted((found | set(forwarded)) & active - {operator}), operator):
        if tenant == operator and operator not in found:
            continue
        about = forwarded.get(tenant, Forwarded())
        if tenant in behind and tenant != operator:
            about = _of_people(operator, behind[tenant], upto).get(tenant, Forwarded())
        start = behind.get(tenant, since)
        if not _one(done, tenant, start, upto, about, actor, now):
            # From the earlier of both: an organization that was never judged has no place of its own yet.
            left[tenant] = behind.get(tenant) or min(since, own, key=Place.order)
    # A sealed organization is caught up with when it is opened again: that is an event in its trail.
    _end(operator, upto, left, now())
    return done


def _one(
    done: Round,
    tenant: UUID,
    since: Place,
    upto: Place,
    of: Forwarded,
    actor: Actor,
    now: Callable[[], datetime],
) -> bool:
    """Judge one organization; tell whether it is done with up to here."""
    try:
        judged = judge(tenant, since=since, upto=upto, forwarded=of, actor=actor, at=now())
    except Exception:
        log.exception("the watch could not judge organization %s", tenant)
        done.failed += 1
        return False
    done.organizations += 1
    done.events += judged.events
    done.alerts += judged.alerts
    return judged.is_complete


def judge(
    tenant_id: UUID, *, since: Place, upto: Place, forwarded: Forwarded, actor: Actor, at: datetime
) -> _Judged:
    """Judge what is new in one organization; another process that does the same waits or is left alone."""
    with scope(Scope(tenant_id)):
        watch = _watch(since, at)
        if watch is None:
            return _Judged(0, 0, is_complete=False)
        place = Place(watch.epoch, watch.judged_to)
        fresh, reached = feed.fresh(place, upto, CODES)
        of_operator = Tenant.objects.get(pk=tenant_id).kind == Tenant.Kind.OPERATOR
        opened = _apply(fresh, forwarded, of_operator=of_operator, actor=actor, at=at)
        watch.epoch, watch.judged_to = reached.epoch, reached.xid
        watch.events += len(fresh)
        watch.judged_at = at
        watch.save(update_fields=["epoch", "judged_to", "events", "judged_at"])
        return _Judged(len(fresh), opened, is_complete=reached == upto)


def _apply(
    fresh: Sequence[Seen], forwarded: Forwarded, *, of_operator: bool, actor: Actor, at: datetime
) -> int:
    if not fresh and not forwarded.new:
        return 0
    own = _own_people(fresh) if of_operator else fresh
    known = keeping.of_all()
    opened = 0
    for rule in ALL:
        settings = known[rule.code]
        if not settings.enabled or (rule.of_host and not of_operator):
            continue
        about = own if rule.source is Source.PEOPLE else fresh
        new = [one for one in about if one.event in rule.codes]
        earlier: list[Seen] = []
        if new:
            earlier = before(rule, settings, new)
        if rule.source is Source.PEOPLE:
            new += [one for one in forwarded.new if one.event in rule.codes]
            earlier += [one for one in forwarded.earlier if one.event in rule.codes]
        if new:
            opened += _judge_by(rule, settings, new, earlier, actor=actor, at=at)
    return opened


def _judge_by(
    rule: Rule,
    settings: Settings,
    new: Sequence[Seen],
    earlier: Sequence[Seen],
    *,
    actor: Actor,
    at: datetime,
) -> int:
    fresh = {one.id for one in new}
    each = {one.id: one for one in (*earlier, *new)}
    ordered = looking.enriched(rule, sorted(each.values(), key=lambda one: (one.at, one.id)))
    hits = [hit for hit in rule.judge(ordered, settings) if hit.event.id in fresh and hit.key]
    taken = [
        services.take(found=found, rule=rule, settings=settings, actor=actor, at=at)
        for found in services.gather(hits)
    ]
    return sum(alert is not None and alert.opened_at == at for alert in taken)


def before(rule: Rule, settings: Settings, new: Sequence[Seen]) -> list[Seen]:
    """Return what a rule has to look back at to judge what is new."""
    back = max(settings.window, rule.history)
    if back <= timedelta(0):
        return []
    return feed.before(
        rule.codes,
        since=new[0].at - back,
        until=new[-1].at,
        groups={settings.group, *rule.related},
        like=new,
    )


def _own_people(fresh: Sequence[Seen]) -> list[Seen]:
    """Leave out of the operator's log what concerns people who work elsewhere only: their organizations are told."""
    about = {one.person for one in fresh if one.person is not None}
    own = set(
        Membership.objects.filter(user_id__in=about, state=Membership.State.ACTIVE).values_list(
            "user_id", flat=True
        )
    )
    return [one for one in fresh if one.person is None or one.person in own]


def _of_people(operator: UUID, place: Place, upto: Place) -> Mapping[UUID, Forwarded]:
    """Return by organization what is new about its people in the operator's log."""
    with scope(Scope(operator)):
        new, _ = feed.fresh(place, upto, PEOPLE_CODES)
        new = [one for one in new if one.person is not None or one.network]
        if not new:
            return {}
        earlier = feed.before(
            PEOPLE_CODES,
            since=new[0].at - PEOPLE_BACK,
            until=new[-1].at,
            groups={Group.PERSON, Group.NETWORK},
            like=new,
        )
    about: dict[UUID, list[UUID]] = {}
    for person in {one.person for one in new if one.person is not None}:
        with scope(Scope(user=person)):
            rows = Membership.objects.filter(user_id=person, state=Membership.State.ACTIVE)
            for tenant in rows.values_list("tenant_id", flat=True):
                about.setdefault(tenant, []).append(person)
    return {
        tenant: Forwarded(
            new=[one for one in new if one.person in people],
            earlier=_near(earlier, [one for one in new if one.person in people]),
        )
        for tenant, people in about.items()
        if tenant != operator
    }


def _near(earlier: Iterable[Seen], new: Sequence[Seen]) -> list[Seen]:
    people = {one.person for one in new}
    networks = {one.network for one in new if one.network}
    return [one for one in earlier if one.person in people or one.network in networks]


def _watch(since: Place, at: datetime) -> Watch | None:
    row: Watch | None = Watch.objects.select_for_update(skip_locked=True).first()
    if row is not None:
        return row
    if Watch.objects.exists():
        return None
    row = Watch(epoch=since.epoch, judged_to=since.xid, judged_at=at)
    row.save(force_insert=True)
    return row


def _begin(operator: UUID, upto: Place, at: datetime) -> tuple[Place, Place, dict[UUID, Place]]:
    """Return how far all organizations were looked through, how far the operator's, and who is behind.

    The first look of all begins now: what was before nobody had asked to be watched.
    """
    with scope(Scope(operator)):
        row = _watch(upto, at) or Watch.objects.get()
        if row.host_epoch is None:
            row.host_epoch, row.host_to = upto.epoch, upto.xid
            row.save(update_fields=["host_epoch", "host_to"])
        behind = {
            UUID(tenant): Place(int(epoch), str(xid))
            for tenant, (epoch, xid) in row.states.get(BEHIND, {}).items()
        }
        return Place(row.host_epoch, row.host_to), Place(row.epoch, row.judged_to), behind


def _end(operator: UUID, upto: Place, left: Mapping[UUID, Place], at: datetime) -> None:
    with scope(Scope(operator)):
        row = Watch.objects.select_for_update().get()
        row.host_epoch, row.host_to, row.looked_at = upto.epoch, upto.xid, at
        row.states = {name: value for name, value in row.states.items() if name != BEHIND}
        if left:
            row.states[BEHIND] = {str(tenant): [place.epoch, place.xid] for tenant, place in left.items()}
        row.save(update_fields=["host_epoch", "host_to", "looked_at", "states"])
