"""Reading everything that lets somebody in, as it is at one moment."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Q

from accounts import queries as people
from accounts.models import ApiKey, Membership, Role
from accounts.permissions import POWERFUL
from audit.models import Event
from billing.customers.models import CustomerGrant
from compliance.reviews.models import AccessLine, AccessReview
from core import ids


def lines(review: AccessReview, *, at: datetime) -> list[AccessLine]:
    """Write one line for every member, key, grant and role of the organization in scope."""
    of_operator = people.in_operator_organization()
    members = list(people.members().order_by("joined_at", "id"))
    facts = people.signin_facts([each.user_id for each in members])
    found: list[AccessLine] = []
    for each in members:
        held, seen = each.permissions(of_operator=of_operator), facts[each.user_id]
        found.append(
            _line(
                review,
                AccessLine.Kind.MEMBER,
                each.pk,
                user_id=each.user_id,
                last_used_at=seen.last_seen_at,
                facts={
                    "role": each.role.code,
                    "state": each.state,
                    "rights": len(held),
                    "powerful": len(held & POWERFUL),
                    "factor": "passkey" if seen.passkeys else "totp" if seen.totp else "none",
                    "training": _training(each, at),
                    "ends": each.expires_at.date().isoformat() if each.expires_at else "",
                },
            )
        )
    found += [_key(review, each, at) for each in usable_keys(at)]
    found += _grants(review, at)
    found += _roles(review, members, facts, of_operator=of_operator)
    return found


def usable_keys(at: datetime) -> list[ApiKey]:
    """List the keys that are neither revoked nor over, also those whose maker left."""
    rows = people.api_keys().filter(revoked_at__isnull=True, expires_at__gt=at)
    return list(rows.order_by("id"))


def gone(line: AccessLine, *, at: datetime) -> bool:
    """Say whether what a line is about has ended."""
    if line.kind == AccessLine.Kind.MEMBER:
        return not Membership.objects.filter(pk=line.object_id).exclude(state="removed").exists()
    if line.kind == AccessLine.Kind.KEY:
        return not ApiKey.objects.filter(
            pk=line.object_id, revoked_at__isnull=True, expires_at__gt=at
        ).exists()
    if line.kind == AccessLine.Kind.GRANT:
        return not CustomerGrant.objects.filter(running(at), pk=line.object_id).exists()
    return not Role.objects.filter(pk=line.object_id).exists()


def running(at: datetime) -> Q:
    """Return the condition of a grant that has not ended."""
    return Q(expires_at__isnull=True) | Q(expires_at__gt=at)


def _line(
    review: AccessReview,
    kind: str,
    object_id: UUID,
    *,
    user_id: UUID | None = None,
    label: str | None = None,
    facts: dict[str, object],
    last_used_at: datetime | None,
) -> AccessLine:
    return AccessLine(
        id=ids.uuid7(), review=review, kind=kind, object_id=object_id, user_id=user_id, label=label,
        facts=facts, last_used_at=last_used_at,
    )  # fmt: skip


def _key(review: AccessReview, key: ApiKey, at: datetime) -> AccessLine:
    maker = key.created_by
    here = maker.state == Membership.State.ACTIVE and (maker.expires_at is None or maker.expires_at > at)
    return _line(
        review, AccessLine.Kind.KEY, key.pk, user_id=maker.user_id, label=key.name,
        last_used_at=key.last_used_at,
        facts={
            "last_four": key.last_four,
            "mode": key.mode,
            "rights": len(key.scopes),
            "powerful": len(set(key.scopes) & {right.value for right in POWERFUL}),
            "ends": key.expires_at.date().isoformat(),
            "owner": "here" if here else "gone",
        },
    )  # fmt: skip


def _grants(review: AccessReview, at: datetime) -> list[AccessLine]:
    rows = list(CustomerGrant.objects.filter(running(at)).order_by("id"))
    used = _last_uses({(each.user_id, each.content_object_id) for each in rows})
    return [
        _line(
            review, AccessLine.Kind.GRANT, each.pk, user_id=each.user_id,
            last_used_at=used.get((each.user_id, each.content_object_id)),
            facts={
                "customer": ids.encode("customer", each.content_object_id),
                "ends": each.expires_at.date().isoformat() if each.expires_at else "",
            },
        )
        for each in rows
    ]  # fmt: skip


def _last_uses(wanted: set[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], datetime]:
    """Return when each person last opened a customer's own page, as the trail says; one statement."""
    if not wanted:
        return {}
    rows = Event.objects.filter(
        subject_id__in={customer for _, customer in wanted},
        actor_id__in={user for user, _ in wanted},
        result=Event.Result.SUCCESS,
    ).values_list("actor_id", "subject_id")
    return {(user, customer): last for user, customer, last in rows.annotate(last=Max("at"))}


def _roles(
    review: AccessReview,
    members: Iterable[Membership],
    facts: dict[UUID, people.SignInFacts],
    *,
    of_operator: bool,
) -> list[AccessLine]:
    holders: dict[UUID, list[Membership]] = {}
    for each in members:
        holders.setdefault(each.role_id, []).append(each)
    found = []
    for role in people.roles():
        having = holders.get(role.pk, [])
        if role.builtin and not having:
            continue  # it stands in the code, and opens nothing to anybody
        held = role.permissions(of_operator=of_operator)
        seen = [at for each in having if (at := facts[each.user_id].last_seen_at)]
        found.append(
            _line(
                review,
                AccessLine.Kind.ROLE,
                role.pk,
                label=role.label,
                last_used_at=max(seen, default=None),
                facts={
                    "code": role.code,
                    "builtin": role.builtin,
                    "rights": len(held),
                    "powerful": len(held & POWERFUL),
                    "people": len(having),
                },
            )
        )
    return found


def _training(member: Membership, at: datetime) -> str:
    if member.withheld:
        return "withheld"
    late = member.duty_due_on is not None and member.duty_due_on < at.date()
    return "overdue" if late else "done"
