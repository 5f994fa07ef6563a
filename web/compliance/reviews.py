"""Reviews of access: begin one, keep or withdraw line by line, sign it, take the record out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import ROLE_WORDS, Permission
from billing.documents import pdf
from compliance import events
from compliance.reviews import paper, queries, rules, services
from compliance.reviews.models import AccessLine
from compliance.reviews.queries import LineRow, ReviewRow
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.attachments import disposition
from web.compliance import scope
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage, Tab
from web.pay.page import as_file

_KINDS = {
    "": "Everything",
    "member": "Members",
    "api_key": "API keys",
    "grant": "Single customers",
    "role": "Roles",
}
_CHOICES = [("", "Later"), ("keep", "Keep"), ("withdraw", "Withdraw")]
_CONTROL = "access.review"
_ROLES = {code.value: words for code, words in ROLE_WORDS.items()}


class BeginForm(Form):
    """Until when it has to be finished."""

    due_on = DayField(
        label="Finished by",
        help_text="Within 92 days. After that day the control fails until the review is signed.",
    )


class SignForm(Form):
    """What the reviewer adds."""

    statement = forms.CharField(
        label="Statement",
        help_text="What an auditor should know: what was looked at beside this list, and what follows.",
        required=False,
        max_length=services.STATEMENT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


class LinesForm(Form):
    """A decision and a reason for each line of a page that is not decided for good."""

    def __init__(self, request: Request, rows: Sequence[LineRow], named: Mapping[UUID, str]) -> None:
        posted = request.POST if request.method == "POST" else None
        super().__init__(posted)
        for row in rows:
            name = named[row.id]
            self.fields[f"decision-{row.id.hex}"] = forms.ChoiceField(
                label=f"Decision on {name}", choices=_choices(row), required=False, initial=row.decision,
                widget=forms.RadioSelect,
            )  # fmt: skip
            self.fields[f"reason-{row.id.hex}"] = forms.CharField(
                label=f"Reason for {name}", required=False, max_length=services.REASON_LENGTH,
                initial=row.reason, widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )  # fmt: skip

    def decided(self, rows: Sequence[LineRow], *, keep_rest: bool) -> list[tuple[LineRow, services.Decision]]:
        """Return what is new: lines that were decided, or decided otherwise."""
        found = []
        for row in rows:
            wanted = self.cleaned_data[f"decision-{row.id.hex}"]
            reason = self.cleaned_data[f"reason-{row.id.hex}"]
            wanted = wanted or ("keep" if keep_rest and not row.decision else "")
            if wanted and (wanted, reason) != (row.decision, row.reason):
                decision = services.Decision(line_id=row.id, keep=wanted == "keep", reason=reason)
                found.append((row, decision))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One line as the page shows it."""

    row: LineRow
    name: str
    about: str
    url: str
    who: str
    mine: bool
    fields: tuple[forms.BoundField, forms.BoundField] | None


@access(get=Permission.COMPLIANCE_READ, post=Permission.MEMBER_MANAGE)
def index(request: Request, slug: str) -> HttpResponse:
    """List reviews, and begin one."""
    scope.check_control(request, _CONTROL)
    at = clock.now()
    may_decide = Permission.MEMBER_MANAGE in request.permissions
    posted = request.method == "POST"
    form = BeginForm(request.POST if posted else None, initial={"due_on": (at + rules.USUAL).date()})
    if posted and form.is_valid():
        with attempting(request, form):
            begun = services.begin(due_on=form.cleaned_data["due_on"], actor=request.actor, at=at)
        if not form.errors:
            messages.success(request, "The review has begun. Decide each line, then sign.")
            return redirect("compliance:access_review", slug, ids.encode("access_review", begun.pk))
    cursor = request.GET.get("cursor", "")
    found, after = queries.page(at=at, after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.REVIEW_READ, subjects=[row.id for row in found])
    names = people.names_of({person for row in found for person in (row.begun_by, row.signed_by) if person})
    context = {
        "rows": [
            (row, ids.encode("access_review", row.id), names.get(row.signed_by or row.begun_by, ""))
            for row in found
        ],
        "stands": queries.standing(at=at),
        "today": at.date(),
        "may_decide": may_decide,
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return answer(request, "compliance/access_reviews.html", context, form=form)


@access(get=Permission.COMPLIANCE_READ, post=Permission.MEMBER_MANAGE)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show the lines of a review, and take down what is decided about those of this page: all of it, or nothing."""
    scope.check_control(request, _CONTROL)
    at, review_id = clock.now(), ids.decode("access_review", pk)
    row = queries.review(review_id, at=at)
    kind, undecided = request.GET.get("kind", ""), request.GET.get("view") == "open"
    cursor = request.GET.get("cursor", "")
    if kind not in _KINDS:
        raise NotFound
    found, after = queries.lines(
        review_id, at=at, kind=kind, undecided=undecided, after=ids.from_base32(cursor) if cursor else None
    )
    wanted = {person for line in found for person in (line.user_id, line.decided_by) if person}
    names = people.names_of(wanted | {row.begun_by} | ({row.signed_by} if row.signed_by else set()))
    named = {line.id: _name(line, names) for line in found}
    mine = request.actor.id if services.others_can(request.actor.id, at=at) else None
    open_lines = _decidable(request, row, found, mine)
    form = LinesForm(request, open_lines, named)
    if request.method == "POST" and form.is_valid():
        done = _take_down(request, review_id, form, open_lines, at)
        if not form.errors:
            messages.success(request, f"{done} decided." if done else "Nothing new was decided.")
            return redirect(request.get_full_path())
    recording.read(
        request,
        events.REVIEW_READ,
        subject=("access_review", review_id),
        subjects=[line.object_id for line in found],
        fields=["user.name"],
    )
    editable = {line.id for line in open_lines}
    query = f"&kind={kind}" if kind else ""
    context = {
        "row": row,
        "pk": pk,
        "lines": [
            Shown(
                row=line,
                name=named[line.id],
                about=_about(line),
                url=_url(line, slug, request),
                who=names.get(line.decided_by, "") if line.decided_by else "",
                mine=line.user_id == mine and mine is not None,
                fields=(form[f"decision-{line.id.hex}"], form[f"reason-{line.id.hex}"])
                if line.id in editable
                else None,
            )
            for line in found
        ],
        "editable": bool(editable),
        "begun_by": names.get(row.begun_by, ""),
        "signed_by": names.get(row.signed_by, "") if row.signed_by else "",
        "may_decide": Permission.MEMBER_MANAGE in request.permissions,
        "tabs": [
            Tab(label, f"?kind={code}" if code else "?", current=code == kind and not undecided)
            for code, label in _KINDS.items()
        ]
        + (
            [Tab("Not decided", "?view=open", current=undecided, count=row.left)] if not row.signed_at else []
        ),
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}{query}{'&view=open' if undecided else ''}"
            if after
            else "",
            previous_url=f"?{query.lstrip('&')}" if cursor else "",
        ),
        "crumbs": _crumbs(slug),
    }
    return answer(request, "compliance/access_review.html", context, form=form)


@access(get=Permission.MEMBER_MANAGE, post=Permission.MEMBER_MANAGE)
def sign(request: Request, slug: str, pk: str) -> HttpResponse:
    """Sign a review whose lines are decided."""
    at, review_id = clock.now(), ids.decode("access_review", pk)
    row = queries.review(review_id, at=at)
    form = SignForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.sign(
                review_id=review_id, statement=form.cleaned_data["statement"], actor=request.actor, at=at
            )
        if not form.errors:
            messages.success(request, "The review is signed. Nothing in it changes any more.")
            return redirect("compliance:access_review", slug, pk)
    recording.read(request, events.REVIEW_READ, subject=("access_review", review_id))
    context = {"row": row, "pk": pk, "crumbs": _crumbs(slug)}
    return answer(request, "compliance/access_review_sign.html", context, form=form)


@access(get=Permission.COMPLIANCE_READ)
def fetch(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with the record as JSON, with its signature, once it is signed, and people's names beside it."""
    scope.check_control(request, _CONTROL)
    review_id = ids.decode("access_review", pk)
    written = queries.record_of(review_id)
    recording.read(request, events.REVIEW_READ, subject=("access_review", review_id), fields=["user.name"])
    return HttpResponse(
        json.dumps(written, indent=1, sort_keys=True, ensure_ascii=False),
        content_type="application/json",
        headers={"Content-Disposition": disposition(f"{pk}.json"), "Cache-Control": "no-store"},
    )


@access(get=Permission.COMPLIANCE_READ)
def as_pdf(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with a signed review on paper; it is set once the transaction is over."""
    scope.check_control(request, _CONTROL)
    review_id = ids.decode("access_review", pk)
    made = paper.of(review_id)
    recording.read(request, events.REVIEW_READ, subject=("access_review", review_id), fields=["user.name"])
    request.afterwards = lambda: as_file(pdf.report(made.document), made.name)
    return HttpResponse(status=200)


def _take_down(
    request: Request, review_id: UUID, form: LinesForm, rows: Sequence[LineRow], at: datetime
) -> int:
    decided = form.decided(rows, keep_rest=request.POST.get("act") == "keep_rest")
    for row, decision in decided:
        # A refusal stands beside its line, and the doorway takes back everything decided with it.
        name = f"reason-{row.id.hex}"
        with attempting(request, form, fields={"reason": name, "": name}):
            services.decide(review_id=review_id, decision=decision, actor=request.actor, at=at)
    return len(decided)


def _decidable(
    request: Request, review: ReviewRow, rows: Sequence[LineRow], mine: UUID | None
) -> list[LineRow]:
    if review.signed_at or Permission.MEMBER_MANAGE not in request.permissions:
        return []
    return [row for row in rows if row.decision in ("", "keep") and (mine is None or row.user_id != mine)]


def _choices(row: LineRow) -> list[tuple[str, str]]:
    stays = row.kind == AccessLine.Kind.ROLE and (row.facts.get("builtin") or row.facts.get("people"))
    return [each for each in _CHOICES if not (stays and each[0] == "withdraw")][1 if row.decision else 0 :]


def _name(row: LineRow, names: Mapping[UUID, str]) -> str:
    person = names.get(row.user_id, "somebody who left") if row.user_id else ""
    if row.kind == AccessLine.Kind.KEY:
        return row.label or f"Key …{row.facts.get('last_four', '')}"
    if row.kind == AccessLine.Kind.ROLE:
        return row.label or _role(row)
    return person


def _role(row: LineRow) -> str:
    code = str(row.facts.get("code") or row.facts.get("role") or "")
    return _ROLES.get(code, code)


def _about(row: LineRow) -> str:
    facts = row.facts
    rights = formats.count(int(str(facts.get("rights", 0))), "right")
    ends = f", ends {formats.day(date.fromisoformat(str(facts['ends'])))}" if facts.get("ends") else ""
    if row.kind == AccessLine.Kind.MEMBER:
        factor = {"passkey": "passkey", "totp": "authenticator", "none": "password alone"}
        suspended = ", suspended" if facts.get("state") == "suspended" else ""
        return f"{_role(row)}, {rights}, {factor.get(str(facts.get('factor')), '')}{suspended}{ends}"
    if row.kind == AccessLine.Kind.KEY:
        return f"API key …{facts.get('last_four')}, {rights}{ends}"
    if row.kind == AccessLine.Kind.GRANT:
        return f"sees {facts.get('customer')}{ends}"
    return f"Role, {rights}, {formats.count(int(str(facts.get('people', 0))), 'person', 'people')}"


def _url(row: LineRow, slug: str, request: Request) -> str:
    if row.kind == AccessLine.Kind.MEMBER and Permission.MEMBER_READ in request.permissions:
        return reverse("people:member", args=[slug, ids.encode("member", row.object_id)])
    if row.kind == AccessLine.Kind.ROLE and Permission.MEMBER_READ in request.permissions:
        return reverse("people:role", args=[slug, ids.encode("role", row.object_id)])
    if row.kind == AccessLine.Kind.GRANT and Permission.CUSTOMER_READ in request.permissions:
        return reverse("billing:customer", args=[slug, str(row.facts.get("customer"))])
    return ""


def _crumbs(slug: str) -> list[Crumb]:
    return [
        Crumb("Compliance", reverse("compliance:overview", args=[slug])),
        Crumb("Access reviews", reverse("compliance:access_reviews", args=[slug])),
    ]
