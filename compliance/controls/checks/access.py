"""Keys of machines, invitations, exports, and shared secrets."""

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import ApiKey, Invitation, Membership, User
from accounts.permissions import Permission
from billing.exports.models import Export
from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from compliance.reviews import queries as reviews
from compliance.reviews import record
from core import ids
from outbound.models import WebhookEndpoint

OLDEST_KEY = timedelta(days=365)
UNUSED = timedelta(days=90)
OLDEST_SECRET = timedelta(days=365)
LATE = timedelta(hours=1)
_KNOWN_RIGHTS = frozenset(permission.value for permission in Permission)


def _usable(at: datetime) -> list[ApiKey]:
    return list(ApiKey.objects.filter(revoked_at__isnull=True, expires_at__gt=at).order_by("id"))


def key_age(at: datetime) -> Outcome:
    """Look for keys that work and are older than a year."""
    keys = _usable(at)
    if not keys:
        return rules.passed("There is no key of a machine.", keys=0)
    old = [ids.encode("api_key", each.pk) for each in keys if at - each.created_at > OLDEST_KEY]
    return rules.judged(
        old,
        good=f"All {len(keys)} keys are younger than a year and end by themselves.",
        wrong="Keys that work and are older than a year: {n}.",
        keys=len(keys),
    )


def keys_used(at: datetime) -> Outcome:
    """Look for keys that nobody uses."""
    keys = _usable(at)
    idle = [
        ids.encode("api_key", each.pk)
        for each in keys
        if at - (each.last_used_at or each.created_at) > UNUSED
    ]
    return rules.judged(
        idle,
        good=f"None of {len(keys)} keys is left unused for 90 days.",
        wrong="Keys that work and were not used for 90 days: {n}.",
        keys=len(keys),
    )


def keys_owned(at: datetime) -> Outcome:
    """Look for keys whose maker is not here any more."""
    orphans = ApiKey.objects.filter(revoked_at__isnull=True, expires_at__gt=at).filter(
        ~Q(created_by__state=Membership.State.ACTIVE)
        | ~Q(created_by__user__state=User.State.ACTIVE)
        | Q(created_by__expires_at__lte=at)
    )
    found = [ids.encode("api_key", each) for each in orphans.values_list("pk", flat=True)]
    return rules.judged(
        found,
        good="Whoever made a key that is not revoked is still a member.",
        wrong="Keys that are not revoked although whoever made them left: {n}.",
    )


def webhook_secrets(at: datetime) -> Outcome:
    """Look at the age of the secrets that sign what we send."""
    rows = WebhookEndpoint.objects.filter(state=WebhookEndpoint.State.ENABLED)
    old = [
        ids.encode("webhook_endpoint", each.pk) for each in rows if at - each.secret_made_at > OLDEST_SECRET
    ]
    return rules.judged(
        old,
        good=f"The secrets of {len(rows)} endpoints are younger than a year.",
        wrong="Endpoints that are told with a secret older than a year: {n}.",
        endpoints=len(rows),
    )


def roles_known(at: datetime) -> Outcome:
    """Look for memberships whose role holds a right that nobody knows."""
    strange = []
    for member in Membership.objects.select_related("role").filter(state=Membership.State.ACTIVE):
        if set(member.role.rights) - _KNOWN_RIGHTS:
            strange.append(ids.encode("role", member.role_id))
    return rules.judged(
        sorted(set(strange)),
        good="Every role in use holds rights of the authority model and nothing else.",
        wrong="Roles with words that are no rights of the authority model: {n}.",
    )


def exports_ended(at: datetime) -> Outcome:
    """Look for exported files that should be destroyed by now."""
    late = Export.objects.filter(state=Export.State.READY, expires_at__lt=at - LATE)
    found = [ids.encode("export", each) for each in late.values_list("pk", flat=True)]
    return rules.judged(
        found,
        good="No exported file outlives its day.",
        wrong="Exported files that should have been destroyed: {n}.",
    )


def invitations_end(at: datetime) -> Outcome:
    """Look for open invitations whose sender may not give the role any more."""
    rows = Invitation.objects.filter(
        accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=at, invited_by__isnull=False
    )
    makers = {each.invited_by for each in rows}
    here = set(
        Membership.objects.filter(state=Membership.State.ACTIVE, user_id__in=makers)
        .exclude(expires_at__lte=at)
        .values_list("user_id", flat=True)
    )
    orphans = [ids.encode("invitation", each.pk) for each in rows if each.invited_by not in here]
    return rules.judged(
        orphans,
        good="Every open invitation was sent by somebody who is still here.",
        wrong="Open invitations that were sent by somebody who left: {n}.",
        open=len(rows),
    )


def reviewed(at: datetime) -> Outcome:
    """Look for a signed review of the last six months that is still what was signed."""
    found = reviews.standing(at=at)
    day = found.next_due.isoformat()
    if found.last is not None and not record.holds(found.last):
        return rules.failed(
            "The last review is not what was signed.", [ids.encode("access_review", found.last.pk)]
        )
    if found.overdue and found.open_id is not None:
        return rules.failed(
            f"A review was to be finished by {found.due_on}.", [ids.encode("access_review", found.open_id)]
        )
    if found.next_due < at.date():
        return rules.failed(f"No review was finished by {day}.", next_due=day)
    if found.last is None or found.last.signed_at is None:
        return rules.passed(f"The first review is due by {day}.", next_due=day)
    return rules.passed(
        f"Signed on {found.last.signed_at.date().isoformat()}: {found.last.kept} kept, "
        f"{found.last.withdrawn} withdrawn. The next is due by {day}.",
        kept=found.last.kept,
        withdrawn=found.last.withdrawn,
        next_due=day,
    )


CONTROLS = (
    Control(
        code="access.key_age",
        title="Keys of machines are younger than a year",
        family="access",
        checks="The age of every key that works.",
        passes="None is older than 365 days.",
        fails="One is older: it was never replaced.",
        matters="A key that was copied once works until it is replaced.",
        remedy="Replace it on the page of API keys; the old one may overlap for some days.",
        maps=(("pci-dss", "8.6.1-8.6.3"), ("asvs", "13.3.4")),
        check=key_age,
    ),
    Control(
        code="access.keys_used",
        title="No key is left lying about",
        family="access",
        checks="When each key that works was last used.",
        passes="Each was used, or made, within 90 days.",
        fails="One was not: nobody would miss it.",
        matters="A forgotten key is found by others first.",
        remedy="Revoke it on the page of API keys.",
        maps=(("pci-dss", "7.2.1-7.2.6"), ("pci-dss", "8.6.1-8.6.3")),
        check=keys_used,
    ),
    Control(
        code="access.keys_owned",
        title="Every key has somebody who answers for it",
        family="access",
        checks="Whether whoever made each key that is not revoked is still a member.",
        passes="All are.",
        fails="Somebody left and their key was not revoked; it is refused, and still should go.",
        matters="A machine acts for a person, never for nobody.",
        remedy="Revoke the key and make another in the name of a member.",
        maps=(("pci-dss", "8.6.1-8.6.3"), ("hipaa", "308(a)(3)(ii)(A-C)")),
        check=keys_owned,
    ),
    Control(
        code="access.webhook_secrets",
        title="Secrets shared with other systems are younger than a year",
        family="access",
        checks="The age of the secret of every enabled webhook endpoint.",
        passes="None is older than 365 days.",
        fails="One is older.",
        matters="Whoever knows the secret can send your systems events in our name.",
        remedy="Rotate it on the endpoint's page: both secrets sign for a while.",
        maps=(("asvs", "13.3.4"), ("asvs", "4.1.5")),
        check=webhook_secrets,
    ),
    Control(
        code="access.roles",
        title="Roles hold rights of the authority model and nothing else",
        family="access",
        checks="The rights of every role that an active member has.",
        passes="Each is a right that the authority model names.",
        fails="A role holds an unknown word; it opens nothing, and should not be there.",
        matters="What stands in a role and means nothing today must not mean something tomorrow.",
        remedy="Save the role anew on its page, and look who wrote it.",
        maps=(("pci-dss", "7.2.1-7.2.6"), ("asvs", "8.1.1"), ("hipaa", "308(a)(4)(ii)(B,C)")),
        check=roles_known,
    ),
    Control(
        code="access.exports",
        title="Exported files are destroyed after a day",
        family="access",
        checks="Files of exports whose day is over.",
        passes="There is none.",
        fails="One was not destroyed in time.",
        matters="A list of customers that lies about is a breach that waits.",
        remedy="Destroy it on the page of exports; see whether beat and the worker run.",
        maps=(("gdpr", "5(1)(a-f)"), ("asvs", "14.2.7")),
        check=exports_ended,
    ),
    Control(
        code="access.invitations",
        title="Open invitations were sent by somebody who is still here",
        family="access",
        checks="Who sent each invitation that can still be accepted.",
        passes="All senders are members.",
        fails="A sender left; the link is refused, and should be withdrawn.",
        matters="A link into the organization is a right that somebody gave.",
        remedy="Withdraw the invitation on the members' page.",
        maps=(("pci-dss", "8.2.4-8.2.8"), ("hipaa", "308(a)(4)(ii)(B,C)")),
        check=invitations_end,
    ),
    Control(
        code="access.review",
        title="Access is reviewed every six months",
        family="access",
        checks="When a review of every member, key, grant and role was last signed, and whether it is what was signed.",
        passes="One was signed in the last six months and none is late; or the organization is younger than that.",
        fails="None was finished in time, or the signed one was changed.",
        matters="Rights pile up; nobody asks for less.",
        remedy="Begin a review on the page of access reviews, decide each line, and sign it.",
        maps=(("pci-dss", "7.2.1-7.2.6"), ("hipaa", "308(a)(4)(ii)(B,C)"), ("asvs", "8.1.1")),
        check=reviewed,
    ),
)
