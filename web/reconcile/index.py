"""The lines that wait, with why each is what it seems to be; one click books the certain ones, and no score does."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events
from payments.statements import booking, queries
from payments.statements.queries import LineRow, StatementRow
from web.kit import formats
from web.kit.parts import Chip, Crumb, CursorPage, Tab

_VIEWS = {
    "open": ("To book", ("open",)),
    "booked": ("Booked", ("booked", "linked")),
    "ignored": ("Set aside", ("ignored",)),
    "other": ("Not for matching", ("other",)),
}
_EMPTY = {
    "open": ("Nothing waits", "Every payment on your statements is booked or set aside."),
    "booked": ("Nothing is booked yet", "A line is booked when somebody confirms what it pays."),
    "ignored": ("Nothing is set aside", "A line that is no customer’s payment is set aside with a reason."),
    "other": ("Nothing else", "Money that went out and movements the bank took back are shown here."),
}
_FIELDS = ["name", "iban", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line, and where it leads."""

    url: str
    line: LineRow


@access(get=Permission.PAYMENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the lines of statements."""
    view = request.GET.get("view") or "open"
    if view not in _VIEWS:
        raise NotFound
    statement = _statement(request)
    statement_id = statement.id if statement else None
    found = queries.page(states=_VIEWS[view][1], statement_id=statement_id, after=_after(request))
    recording.read(request, events.STATEMENT_READ, subjects=[row.id for row in found.rows], fields=_FIELDS)
    counts = queries.counts(statement_id)
    context = {
        "view": view,
        "tabs": _tabs(view, counts, request.GET.get("statement", "")),
        "rows": [Row(url=line_url(slug, row.id), line=row) for row in found.rows],
        "page": _page(request, view, found, counts),
        "statement": statement,
        "statement_pk": request.GET.get("statement", ""),
        "chips": [Chip(f"Statement {statement.reference or statement.file_name}", f"?view={view}")]
        if statement
        else [],
        "certain": _certain(counts, statement_id),
        "differences": queries.differences() if statement is None else [],
        "empty": _EMPTY[view],
        "never": not any(counts.values()) and statement is None,
        "may_write": Permission.PAYMENT_WRITE in request.permissions,
    }
    return render(request, "reconcile/lines.html", context)


@access(get=Permission.PAYMENT_READ)
def statements(request: Request, slug: str) -> HttpResponse:
    """List the statements that came in."""
    cursor = request.GET.get("cursor", "")
    rows, after = queries.statements(after=ids.from_base32(cursor) if cursor else None)
    recording.read(
        request, events.STATEMENT_READ, subjects=[row.id for row in rows], fields=["account", "file_name"]
    )
    context = {
        "rows": [(_statement_url(slug, row.id), row) for row in rows],
        "page": CursorPage(shown=len(rows), next_url=f"?cursor={ids.base32(after)}" if after else ""),
        "crumbs": [Crumb("Reconcile", reverse("reconcile:lines", args=[slug]))],
        "may_write": Permission.PAYMENT_WRITE in request.permissions,
    }
    return render(request, "reconcile/statements.html", context)


@access(post=Permission.PAYMENT_WRITE)
def certain(request: Request, slug: str) -> HttpResponse:
    """Book the lines that are certain."""
    statement = _statement(request)
    done = booking.book_certain(
        actor=request.actor, at=clock.now(), statement_id=statement.id if statement else None
    )
    sums = " and ".join(formats.money(amount, currency) for currency, amount in sorted(done.sums.items()))
    if done.lines:
        messages.success(request, f"{formats.count(done.lines, 'line')} booked, {sums}.")
    if done.left:
        messages.warning(
            request, f"{formats.count(done.left, 'line')} left open: what they pay has changed meanwhile."
        )
    return redirect(
        _statement_url(slug, statement.id) if statement else reverse("reconcile:lines", args=[slug])
    )


@access(post=Permission.PAYMENT_WRITE)
def match(request: Request, slug: str) -> HttpResponse:
    """Match the open lines once more."""
    looked_at = booking.match_anew()
    messages.success(request, f"{formats.count(looked_at, 'open line')} matched once more.")
    return redirect("reconcile:lines", slug)


def line_url(slug: str, line_id: UUID) -> str:
    """Return the address of a line."""
    return reverse("reconcile:line", args=[slug, ids.encode("statement_line", line_id)])


def _statement_url(slug: str, statement_id: UUID) -> str:
    here = reverse("reconcile:lines", args=[slug])
    return f"{here}?{urlencode({'statement': ids.encode('statement', statement_id)})}"


def _statement(request: Request) -> StatementRow | None:
    named = (
        request.POST.get("statement", "") if request.method == "POST" else request.GET.get("statement", "")
    )
    return queries.statement(ids.decode("statement", named)) if named else None


def _certain(counts: dict[str, int], statement_id: UUID | None) -> dict[str, object] | None:
    count = min(counts["certain"], booking.MOST_AT_ONCE)
    if not count:
        return None
    sums = queries.certain_sums(statement_id)
    return {
        "label": f"Book {'all ' if counts['certain'] == count and count > 1 else ''}{count} certain"
        f" {'one' if count == 1 else 'ones'}",
        "sums": [formats.money(amount, currency) for currency, amount in sorted(sums.items())],
        "count": counts["certain"],
    }


def _tabs(view: str, counts: dict[str, int], statement: str) -> list[Tab]:
    more = {"statement": statement} if statement else {}
    return [
        Tab(
            label,
            f"?{urlencode({'view': name, **more})}",
            name == view,
            sum(counts.get(state, 0) for state in states),
        )
        for name, (label, states) in _VIEWS.items()
    ]


def _after(request: Request) -> tuple[int, UUID] | None:
    cursor = request.GET.get("cursor", "")
    if not cursor:
        return None
    score, _, key = cursor.partition(".")
    if not score.isdecimal() or len(score) > 3:
        raise NotFound
    return int(score), ids.from_base32(key)


def _page(request: Request, view: str, found: queries.LinePage, counts: dict[str, int]) -> CursorPage:
    raw = request.GET.get("from", "")
    first = int(raw) if raw.isdecimal() and len(raw) <= 9 else 1
    next_url = ""
    if found.next_after is not None:
        there = request.GET.copy()
        score, key = found.next_after
        there["cursor"], there["from"] = f"{score}.{ids.base32(key)}", str(first + len(found.rows))
        next_url = f"?{there.urlencode()}"
    back = request.GET.copy()
    for name in ("cursor", "from"):
        back.pop(name, None)
    return CursorPage(
        shown=len(found.rows),
        first=first,
        total=sum(counts.get(state, 0) for state in _VIEWS[view][1]),
        next_url=next_url,
        previous_url=f"?{back.urlencode()}" if request.GET.get("cursor") else "",
    )
