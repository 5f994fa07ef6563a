"""Phishing practice: how it went, planned, looked at and stopped.

Promise kept: whether and how fast people report stands first; how many clicked stands beside how hard it was, because
anybody gets any number by choosing the mail. Who did what stands on a page of its own, for those who look after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from training import catalog, events
from training.courses.reading import EVERYONE
from training.models import PracticeCampaign
from training.practice import planning, queries, rules, running
from training.practice.library import LURES
from training.practice.lures import Lure
from training.practice.queries import Run
from training.practice.rules import Team, Totals
from web.charts.bars import Bar, BarChart
from web.forms import answer, attempting
from web.kit import formats, words
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage
from web.people.effects import Change, Effect
from web.training import practice, shared

_READ, _MANAGE = Permission.TRAINING_READ, Permission.TRAINING_MANAGE
State = PracticeCampaign.State
DIFFICULTY = {
    "least": "Least difficult",
    "less": "Moderately to least difficult",
    "moderate": "Moderately difficult",
    "very": "Very difficult",
}
_FEW_PEOPLE = "–"


class PlanForm(Form):
    """What is practised, with whom and when."""

    lure = forms.ChoiceField(label="Mail", widget=forms.RadioSelect)
    roles = forms.MultipleChoiceField(
        label="Roles", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="You, whoever releases it, newcomers of two weeks and whoever had one within a month are left out.",
    )  # fmt: skip
    members = forms.MultipleChoiceField(
        label="People besides", required=False, widget=forms.CheckboxSelectMultiple
    )
    opens_on = DayField(label="First day")
    closes_on = DayField(
        label="Last day",
        help_text="Spread over working hours, so that nobody can warn everybody by the first mail.",
    )  # fmt: skip
    agreement = forms.CharField(
        label="What the staff council agreed to", required=False, max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}), help_text="Kept encrypted.",
    )  # fmt: skip
    announced = forms.BooleanField(
        label="Our people were told that practice mails are sent and who sees what",
        required=False,
        help_text="Not when, and not which. Practice without that is a trap.",
    )

    def __init__(self, *args: object, named: dict[str, Sequence[tuple[str, str]]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in named.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
            field.choices = list(choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A campaign in the list. Numbers of too few people are not said."""

    url: str
    title: str
    difficulty: str
    window: str
    state: str
    people: int
    reported: str
    clicked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLine:
    """Roles in numbers."""

    label: str
    team: Team


@access(get=_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List practice, newest first."""
    cursor = request.GET.get("cursor", "")
    runs, following = queries.campaigns(after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.READ, subjects=[run.campaign.pk for run in runs])
    rows = [
        Row(
            url=_url(slug, run.campaign.pk),
            title=run.lure.title,
            difficulty=DIFFICULTY[run.lure.difficulty],
            window=_window(run.campaign),
            state=run.campaign.state,
            people=run.totals.sent,
            reported=_percent(run.totals, run.totals.report_percent),
            clicked=_percent(run.totals, run.totals.click_percent),
        )
        for run in runs
    ]
    context = {
        "rows": rows,
        "page": CursorPage(
            shown=len(rows),
            next_url=f"?cursor={ids.base32(following)}" if following else "",
            previous_url="?" if cursor else "",
        ),
        "may_manage": _MANAGE in request.permissions,
        "tabs": shared.tabs(request, slug, "campaigns"),
    }
    return render(request, "training/campaigns.html", context)


@access(get=_MANAGE, post=_MANAGE)
def plan(request: Request, slug: str) -> HttpResponse:
    """Plan practice; a second person releases it."""
    today = shared.today()
    form = PlanForm(
        request.POST if request.method == "POST" else None,
        named=_named(),
        initial={
            "opens_on": today + timedelta(days=1),
            "closes_on": today + timedelta(days=7),
            "roles": [EVERYONE],
        },
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            members = [ids.decode("member", text) for text in form.cleaned_data["members"]]
            values = {**form.cleaned_data, "member_ids": members}
            del values["members"]
            made = planning.plan(**values, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(
                request, "Planned. A second person has to release it; until then nothing is sent."
            )
            return redirect("training:campaign", slug, ids.encode("practice", made.pk))
    recording.read(request, events.READ, fields=["user.name"])
    lures = [(lure, _rating(lure), practice.shown(lure)) for lure in _by_difficulty()]
    return answer(
        request, "training/campaign_plan.html", {"lures": lures, "crumbs": _crumbs(slug)}, form=form
    )


def _by_difficulty() -> list[Lure]:
    return sorted(LURES.values(), key=lambda lure: list(DIFFICULTY).index(lure.difficulty))


def _named() -> dict[str, Sequence[tuple[str, str]]]:
    roles = list(people.roles())
    counts = queries.role_counts([role.code for role in roles])
    members = [
        (ids.encode("member", member.pk), people.name_of(member.user))
        for member in catalog.at_work(shared.today())
    ]
    return {
        "lure": [
            (lure.code, f"{lure.title}: {DIFFICULTY[lure.difficulty].lower()}") for lure in _by_difficulty()
        ],
        "roles": [
            (EVERYONE, "Everybody"),
            *(
                (role.code, f"{words.role_name(role)} ({counts[role.code]})")
                for role in roles
                if counts[role.code]
            ),
        ],
        "members": sorted(members, key=lambda pair: pair[1].casefold()),
    }


@access(get=_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a campaign in numbers, and its mail."""
    return _detail(request, slug, pk, Form())


def _detail(request: Request, slug: str, pk: str, form: Form) -> HttpResponse:
    run = queries.campaign(ids.decode("practice", pk))
    campaign, totals = run.campaign, run.totals
    recording.read(request, events.PRACTICE_READ, subject=("practice", campaign.pk))
    acted = (campaign.made_by, campaign.approved_by, campaign.ended_by)
    names = people.names_of({each for each in acted if each is not None})
    asked = queries.request_of(campaign.pk) if campaign.state == State.WAITING else None
    may_decide = Permission.APPROVAL_READ in request.permissions
    may_manage = _MANAGE in request.permissions
    context = {
        "pk": pk,
        "run": run,
        "totals": totals,
        "shown": practice.shown(run.lure),
        "rating": _rating(run.lure),
        "difficulty": DIFFICULTY[run.lure.difficulty],
        "window": _window(campaign),
        "groups": _groups(campaign),
        "planned_by": names.get(campaign.made_by, "Somebody who has left"),
        "released_by": names.get(campaign.approved_by, "Somebody who has left")
        if campaign.approved_by
        else "",
        "ended_by": names.get(campaign.ended_by, "") if campaign.ended_by else "",
        "request_url": reverse("people:approval", args=[slug, ids.encode("approval", asked)])
        if asked and may_decide
        else "",
        "held": campaign.state == State.RUNNING and running.is_held(clock.now()),
        "funnel": _funnel(totals) if totals.is_shown else None,
        "first": formats.duration(totals.first_report_seconds)
        if totals.first_report_seconds is not None
        else "",
        "median": formats.duration(totals.median_report_seconds)
        if totals.median_report_seconds is not None
        else "",
        "teams": _teams(totals),
        "repeated": queries.repeated(campaign.pk) if totals.is_shown else 0,
        "trend": _trend(run) if totals.is_shown else None,
        "people_url": reverse("training:campaign_people", args=[slug, pk])
        if may_manage and campaign.released_at
        else "",
        "may_stop": may_manage and campaign.state == State.RUNNING,
        "crumbs": _crumbs(slug),
    }
    return answer(request, "training/campaign.html", context, form=form)


@access(get=_MANAGE)
def persons(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show who did what, to help them; it is recorded that somebody looked."""
    run = queries.campaign(ids.decode("practice", pk))
    found = queries.persons(run.campaign.pk)
    recording.read(
        request,
        events.PRACTICE_PEOPLE_READ,
        subject=("practice", run.campaign.pk),
        subjects=[row.member_id for row in found],
        fields=["user.name"],
    )
    names = {role.code: words.role_name(role) for role in people.roles()}
    context = {
        "run": run,
        "rows": [(row, names.get(row.role, row.role)) for row in found],
        "crumbs": _crumbs(slug, Crumb(run.lure.title, _url(slug, run.campaign.pk))),
    }
    return render(request, "training/campaign_people.html", context)


@access(post=_MANAGE)
def stop(request: Request, slug: str, pk: str) -> HttpResponse:
    """End practice at once."""
    form = Form(request.POST)
    with attempting(request, form):
        running.stop(campaign_id=ids.decode("practice", pk), actor=request.actor, at=clock.now())
    if not form.errors:
        messages.success(request, "Stopped. Nothing more is sent, and nothing more is counted.")
        return redirect("training:campaign", slug, pk)
    return _detail(request, slug, pk, form)


def _url(slug: str, campaign_id: UUID) -> str:
    return reverse("training:campaign", args=[slug, ids.encode("practice", campaign_id)])


def _crumbs(slug: str, *more: Crumb) -> list[Crumb]:
    return shared.crumbs(slug, Crumb("Practice", reverse("training:campaigns", args=[slug])), *more)


def _window(campaign: PracticeCampaign) -> str:
    return f"{formats.day(campaign.opens_on)} to {formats.day(campaign.closes_on)}"


def _rating(lure: Lure) -> str:
    return f"{lure.cues} cues ({lure.count}), {lure.fit} fit with the work here"


def _percent(totals: Totals, percent: int) -> str:
    if not totals.sent:
        return ""
    return f"{percent}%" if totals.is_shown else _FEW_PEOPLE


def _groups(campaign: PracticeCampaign) -> str:
    names = {role.code: words.role_name(role) for role in people.roles()} | {EVERYONE: "Everybody"}
    parts = [names.get(code, code) for code in campaign.roles]
    if campaign.members:
        parts.append(formats.count(len(campaign.members), "person by name", "people by name"))
    return ", ".join(parts)


def _funnel(totals: Totals) -> BarChart:
    steps = [
        ("Arrived", totals.sent),
        ("Reported", totals.told),
        ("Opened", totals.clicked),
        ("Typed", totals.typed),
    ]
    said = ", ".join(f"{label.lower()} {value}" for label, value in steps)
    return BarChart(
        title="What people did",
        summary=f"People: {said}",
        bars=[Bar(label, value, formats.number(value)) for label, value in steps],
        head=("Step", "People"),
        note="Whoever typed has opened; reporting counts whatever came before",
        plot_height=112,
    )


def _trend(run: Run) -> BarChart | None:
    """Draw the report rates of all practice of this difficulty; with one there is nothing to compare."""
    runs = [*queries.same_difficulty(run), run]
    if len(runs) < 2:
        return None
    bars = [
        Bar(formats.day(each.campaign.opens_on), each.totals.report_percent, f"{each.totals.report_percent}%")
        for each in runs
    ]
    said = ", ".join(f"{bar.label} {bar.display}" for bar in bars)
    return BarChart(
        title="Reported, of a hundred",
        summary=f"Of a hundred people reported: {said}",
        bars=bars,
        head=("Practice", "Reported"),
        note=f"{DIFFICULTY[run.lure.difficulty]} only: others cannot be compared",
        plot_height=96,
    )


def _teams(totals: Totals) -> list[TeamLine]:
    if not totals.is_shown:
        return []
    names = {role.code: words.role_name(role) for role in people.roles()}
    return [
        TeamLine(
            label=names.get(team.roles[0], team.roles[0])
            if len(team.roles) == 1
            else "Smaller roles together",
            team=team,
        )
        for team in totals.teams
    ]


def effect(asked: ApprovalRequest) -> Effect:
    """Describe what releasing practice would do."""
    try:
        run = queries.campaign(UUID(asked.payload["campaign"]))
    except NotFound:
        return Effect(noun="practice", sentence="Release practice that is gone")
    campaign, lure = run.campaign, run.lure
    found = planning.chosen(
        roles=campaign.roles, member_ids=campaign.members, apart=[campaign.made_by], at=clock.now()
    )
    facts = [
        ("Difficulty", f"{DIFFICULTY[lure.difficulty]}: {_rating(lure)}"),
        ("Claims to be from", lure.sender),
        ("Subject", lure.plain_subject),
        ("Mail", lure.plain_text("[link]")),
        ("Page behind it", f"{lure.landing.title}. {lure.landing.lead} ({', '.join(lure.landing.fields)})"),
        ("Goes to", _groups(campaign)),
        ("Left out", f"{found.newcomers} newcomers, {found.rested} who had one within a month"),
        ("Staff council", campaign.agreement or "Nothing noted"),
        ("Results of people", f"Deleted {rules.KEPT.days} days after it is released"),
    ]
    return Effect(
        noun="practice",
        sentence=f"Release phishing practice “{lure.title}”",
        changes=[
            Change(
                "Practice mails", "None", formats.count(len(found.members), "person", "people") + " at most"
            ),
            Change("Sent", "Not at all", _window(campaign) + ", in working hours"),
        ],
        facts=facts,
        approve="Release it",
    )
