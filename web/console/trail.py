"""Events of the trail as people read them.

Promise kept: a person is named only when they are or were a member of this organization; everybody and everything
else keeps a short id. Nothing of a record is decrypted to name it: an invoice shows its number, the rest an id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.http import urlencode

from accounts import queries as people
from accounts.permissions import Permission
from audit.events import of
from audit.models import Event
from billing.invoices import lists
from core import ids
from web.kit.parts import Entry

VIA: Mapping[str, str] = MappingProxyType({"web": "Web", "api": "API", "task": "Job", "command": "Command"})
_PAGES: Mapping[str, str] = MappingProxyType(
    {
        "invoice": "billing:invoice",
        "customer": "billing:customer",
        "job": "console:job",
        "member": "people:member",
        "role": "people:role",
        "approval": "people:approval",
    }
)
# What opens each of these pages.
_NEEDS: Mapping[str, Permission] = MappingProxyType(
    {
        "invoice": Permission.INVOICE_READ,
        "customer": Permission.CUSTOMER_READ,
        "job": Permission.JOB_READ,
        "member": Permission.MEMBER_READ,
        "role": Permission.MEMBER_READ,
        "approval": Permission.APPROVAL_READ,
    }
)
_WORDS: Mapping[str, str] = MappingProxyType({"api_key": "API key", "totp_device": "Authenticator"})
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Record:
    """The record an event is about."""

    label: str
    kind: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event in a table."""

    id: UUID
    url: str
    at: datetime
    actor: str
    actor_kind: str
    actor_url: str
    # Everything the same person did in the hour before and after.
    around_url: str
    action: str
    code: str
    operation: str
    record: Record | None
    more: int
    result: str
    via: str
    network: str
    reason: str
    event: Event = field(repr=False)


def short(value: UUID) -> str:
    """Return the end of an id, which is what tells one from another."""
    return f"…{ids.base32(value)[-_SHORT:]}"


def rows(found: Sequence[Event], *, slug: str, permissions: frozenset[Permission]) -> list[Row]:
    """Make events readable; two statements, whatever their number.

    A record is linked where its reader may open it: a dead end would also leave a refusal in the trail.
    """
    names = people.names_of({each.actor_id for each in found if each.actor_id is not None})
    invoices = [each.subject_id for each in found if each.subject_kind == "invoice" and each.subject_id]
    numbers = lists.numbers(invoices) if invoices else {}
    opens = frozenset(kind for kind, needed in _NEEDS.items() if needed in permissions)
    return [_row(each, names, numbers, slug, opens) for each in found]


def entries(found: Iterable[Row], *, linked: bool) -> list[Entry]:
    """Return rows as a timeline; `linked` where the reader may open the events themselves."""
    tints = {"refused": "warn", "failed": "bad"}
    return [
        Entry(
            at=row.at,
            sentence=f"{row.actor} {row.action[:1].lower()}{row.action[1:]}",
            detail=row.via,
            tint=tints.get(row.result, _TINTS.get(row.code, "")),
            url=row.url if linked else "",
        )
        for row in found
    ]


_TINTS = {"invoice.finalized": "ok", "invoice.voided": "warn"}


def action(event: Event) -> str:
    """Say what was done, without by whom and to what: "Finalized invoice"."""
    kind = of(event.event)
    sentence = kind.sentence.removeprefix("{actor}").replace("{actor}", "somebody").lstrip(" :")
    sentence = sentence.replace(" {subject}", "").replace("{subject}", "it")
    # A route is a name of ours, "billing:new_customer": its page is what people know.
    facts = {
        name: str(event.facts.get(name, "?")).rpartition(":")[2].replace("_", " ")
        for name in kind.placeholders
    }
    words = " ".join(sentence.format(**facts).split())
    return words[:1].upper() + words[1:]


def actor_name(event: Event, names: Mapping[UUID, str]) -> str:
    """Name who acted: a member by name, a process by its label, anybody else by kind and short id."""
    if event.actor_id is not None and event.actor_id in names:
        return names[event.actor_id]
    if event.actor_kind == "system":
        return (event.actor_label or "Strongbox").partition(":")[2].replace("_", " ") or event.actor_label
    word = {"user": "Person", "customer": "Customer", "api_key": "API key", "stranger": "Somebody"}
    named = event.key_id if event.actor_kind == "api_key" else event.actor_id
    label = word.get(event.actor_kind, event.actor_kind)
    return f"{label} {short(named)}" if named is not None else label


def record_of(
    kind: str, subject_id: UUID | None, *, slug: str, numbers: Mapping[UUID, str], opens: frozenset[str]
) -> Record | None:
    """Return the record of this kind and id, with its page where it has one that the reader may open."""
    if subject_id is None:
        return None
    words = _WORDS.get(kind) or kind.replace("_", " ").capitalize()
    text = ids.encode(kind, subject_id) if kind in ids.PREFIXES else str(subject_id)
    url = reverse(_PAGES[kind], args=[slug, text]) if kind in opens else ""
    return Record(numbers.get(subject_id) or f"{words} {short(subject_id)}", kind, text, url)


def midnight(day: date, zone: str) -> datetime:
    """Return when a day begins in a time zone."""
    return datetime.combine(day, time.min, ZoneInfo(zone))


def page_of(kind: str, record_id: UUID, *, slug: str, permissions: frozenset[Permission]) -> str:
    """Return the page of a record; nothing where it has none, or the reader may not open it."""
    if kind not in _PAGES or _NEEDS[kind] not in permissions:
        return ""
    return reverse(_PAGES[kind], args=[slug, ids.encode(kind, record_id)])


def search_url(slug: str, **filters: str) -> str:
    """Return the address of the trail with these filters."""
    return f"{reverse('console:audit', args=[slug])}?{urlencode(filters)}"


def _row(
    event: Event,
    names: Mapping[UUID, str],
    numbers: Mapping[UUID, str],
    slug: str,
    opens: frozenset[str],
) -> Row:
    return Row(
        id=event.id,
        url=reverse("console:audit_event", args=[slug, ids.encode("audit_event", event.id)]),
        at=event.at,
        actor=actor_name(event, names),
        actor_kind=event.actor_kind,
        actor_url=search_url(slug, actor=str(event.actor_id)) if event.actor_id is not None else "",
        around_url=search_url(slug, actor=str(event.actor_id), around=str(event.id))
        if event.actor_id is not None
        else "",
        action=action(event),
        code=event.event,
        operation=of(event.event).operation,
        record=record_of(event.subject_kind, event.subject_id, slug=slug, numbers=numbers, opens=opens),
        more=len(event.subject_ids),
        result=event.result,
        via=VIA.get(event.via, event.via),
        network=event.network[:_SHORT],
        reason=event.reason,
        event=event,
    )
