"""Alert rules: how each is set, how it has done, and what another setting would have found."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from alerts import events, queries, tuning
from alerts import settings as keeping
from alerts.models import Mute
from alerts.queries import Record
from alerts.rules import Automatic, Group, Rule, Settings, Severity, of
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy.models import Tenant
from web.alerts import rows
from web.charts.bars import Bar, BarChart
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people import organization

_P = Permission
FAMILIES = {
    "AUTH": "Signing in",
    "RBAC": "Rights and refusals",
    "DATA": "Data read or taken",
    "PAY": "Money",
    "API": "Keys and webhooks",
    "INT": "The trail and the watch itself",
    "KEY": "Encryption",
    "ORG": "The organization",
    "OPS": "Backups",
    "PATCH": "Patches",
    "PEOPLE": "People",
    "PRIV": "Data protection",
    "COMP": "Controls",
    "META": "Together",
}


class RuleForm(Form):
    """How a rule is set. What the rule does not have is absent."""

    enabled = forms.BooleanField(label="The rule is on", required=False)
    severity = forms.ChoiceField(label="Severity", choices=[(one, one.capitalize()) for one in Severity])
    threshold = forms.IntegerField(label="From how many on?", min_value=1, max_value=tuning.MOST_THRESHOLD)
    minutes = forms.IntegerField(label="Within how many minutes?", min_value=1, max_value=60 * 24 * 90)
    group = forms.ChoiceField(label="Counted for")
    quiet = forms.IntegerField(
        label="Told again after how many minutes?", min_value=0, max_value=60 * 24 * 7,
        help_text="While an alert is open, the same again is only counted for so long.",
    )  # fmt: skip
    automatic = forms.ChoiceField(label="What it does by itself")
    reason = forms.CharField(
        label="Why?", max_length=300, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Needed to save. Kept with the version.",
    )  # fmt: skip

    def __init__(self, *args: Any, rule: Rule, now: Settings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule, self.now = rule, now
        group, automatic = self.fields["group"], self.fields["automatic"]
        assert isinstance(group, forms.ChoiceField)  # noqa: S101  declared above
        assert isinstance(automatic, forms.ChoiceField)  # noqa: S101  as above
        group.choices = [(one.value, rows.GROUPS[one]) for one in rule.groups]
        automatic.choices = [(one.value, rows.BY_ITSELF[one]) for one in rule.allowed]
        self.fields["threshold"].help_text = rule.unit.capitalize()
        if not rule.is_counted:
            del self.fields["threshold"]
        if rule.window <= timedelta(0):
            del self.fields["minutes"]
        if len(rule.groups) == 1:
            del self.fields["group"]
        if len(rule.allowed) == 1:
            del self.fields["automatic"]
        self.initial = {
            "enabled": now.enabled,
            "severity": now.severity.value,
            "threshold": now.threshold,
            "minutes": int(now.window.total_seconds()) // 60,
            "group": now.group.value,
            "quiet": int(now.suppression.total_seconds()) // 60,
            "automatic": now.automatic.value,
        }

    def wanted(self) -> Settings:
        """Return what is wanted; call it on a valid form."""
        given, now = self.cleaned_data, self.now
        return Settings(
            severity=Severity(given["severity"]),
            group=Group(given.get("group") or now.group),
            window=timedelta(minutes=given["minutes"]) if given.get("minutes") else now.window,
            threshold=given.get("threshold") or now.threshold,
            suppression=timedelta(minutes=given["quiet"]),
            automatic=Automatic(given.get("automatic") or now.automatic),
            enabled=given["enabled"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A rule in the list."""

    rule: Rule
    url: str
    settings: Settings
    sentence: str
    record: Record
    precision: str
    is_own: bool


@access(get=_P.ALERT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List every rule with how it is set and how it has done."""
    at, known = clock.now(), keeping.of_all()
    recording.read(request, events.RULE_READ)
    records = queries.records(at=at)
    families: dict[str, list[Row]] = {}
    own = rules_of(request)
    for rule in own:
        family = FAMILIES[rule.code.partition("-")[0]]
        families.setdefault(family, []).append(
            _row(rule, slug, known[rule.code], records.get(rule.code, Record()))
        )
    context = {
        "families": [
            (FAMILIES[code], families[FAMILIES[code]]) for code in FAMILIES if FAMILIES[code] in families
        ],
        "off": [rule.title for rule in own if not known[rule.code].enabled],
        "mutes": [_mute(one) for one in queries.mutes(at=at)],
        "pulse": queries.pulse(at=at),
        "count": len(own),
        "may_manage": _P.ALERT_MANAGE in request.permissions,
        "crumbs": [Crumb("Alerts", reverse("alerts:alerts", args=[slug]))],
    }
    return render(request, "alerts/rules.html", context)


@access(get=_P.ALERT_READ)
def detail(request: Request, slug: str, rule: str) -> HttpResponse:
    """Show a rule."""
    found, now = _rule(request, rule)
    recording.read(request, events.RULE_READ, fields=["reason"], facts={"rule": found.code})
    at = clock.now()
    versions = queries.versions(found.code)
    names = people.names_of({one.set_by for one in versions if one.set_by is not None})
    context = {
        **_page(slug, found, now),
        "row": _row(found, slug, now, queries.records(at=at).get(found.code, Record())),
        "versions": [
            (one, names.get(one.set_by, "") if one.set_by else "", _said(found, keeping.read(one)))
            for one in versions
        ],
        "mutes": [_mute(one) for one in queries.mutes(at=at, rule=found.code)],
        "may_manage": _P.ALERT_MANAGE in request.permissions and found.code not in tuning.FIXED,
        "fixed": found.code in tuning.FIXED,
    }
    return render(request, "alerts/rule.html", context)


@access(get=_P.ALERT_MANAGE, post=_P.ALERT_MANAGE)
def change(request: Request, slug: str, rule: str) -> HttpResponse:
    """Set a rule, after trying the setting on the last thirty days."""
    found, now = _rule(request, rule)
    posted = request.method == "POST"
    form = RuleForm(request.POST if posted else None, rule=found, now=now)
    tried: tuning.Tried | None = None
    if posted and form.is_valid():
        wanted = form.wanted()
        with attempting(request, form, fields={"window": "minutes", "suppression": "quiet"}):
            if request.POST.get("action") == "save":
                tuning.set_rule(
                    code=found.code,
                    wanted=wanted,
                    reason=form.cleaned_data["reason"],
                    actor=request.actor,
                    at=clock.now(),
                )
            else:
                tried = tuning.try_out(code=found.code, wanted=wanted, actor=request.actor, at=clock.now())
        if not form.errors and tried is None:
            messages.success(request, "The rule is set.")
            return redirect("alerts:rule", slug, found.code)
    before = (
        tuning.try_out(code=found.code, wanted=now, actor=request.actor, at=clock.now()) if tried else None
    )
    context = {
        **_page(slug, found, now),
        "tried": tried,
        "before": before,
        "fixed": found.code in tuning.FIXED,
        "chart": _chart(tried) if tried is not None else None,
    }
    return answer(request, "alerts/rule_form.html", context, form=form)


@access(post=_P.ALERT_MANAGE)
def unmute(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let a rule speak again."""
    row = tuning.unmute(mute_id=ids.decode("alert_mute", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The rule speaks again.")
    return redirect("alerts:rule", slug, row.rule)


def rules_of(request: Request) -> tuple[Rule, ...]:
    """Return the rules that look at this organization."""
    return of(of_operator=organization.tenant_of(request).kind == Tenant.Kind.OPERATOR)


def _rule(request: Request, code: str) -> tuple[Rule, Settings]:
    rule = tuning.rule_of(code)
    if rule not in rules_of(request):
        raise NotFound
    return rule, keeping.of_one(rule)


def _page(slug: str, rule: Rule, now: Settings) -> dict[str, Any]:
    return {
        "rule": rule,
        "settings": now,
        "said": _said(rule, now),
        "by_itself": rows.BY_ITSELF[now.automatic],
        "grouped": rows.GROUPS[now.group],
        "window": rows.span(now.window) if now.window else "",
        "quiet": rows.span(now.suppression),
        "back_url": reverse("alerts:rule", args=[slug, rule.code]),
        "crumbs": [
            Crumb("Alerts", reverse("alerts:alerts", args=[slug])),
            Crumb("Rules", reverse("alerts:rules", args=[slug])),
        ],
    }


def _row(rule: Rule, slug: str, now: Settings, record: Record) -> Row:
    return Row(
        rule=rule,
        url=reverse("alerts:rule", args=[slug, rule.code]),
        settings=now,
        sentence=_said(rule, now),
        record=record,
        precision=formats.percent(record.precision) if record.precision is not None else "",
        is_own=now.version > 0,
    )


def _said(rule: Rule, now: Settings) -> str:
    """Say in short when a rule speaks."""
    if not now.enabled:
        return "Off"
    if rule.is_counted:
        return f"{formats.number(now.threshold)} {rule.unit} in {rows.span(now.window)}"
    return f"Within {rows.span(now.window)}" if now.window else "Each time"


def _mute(row: Mute) -> dict[str, Any]:
    return {
        "row": row,
        "title": tuning.rule_of(row.rule).title,
        "key": row.key[-8:],
        "pk": ids.encode("alert_mute", row.pk),
    }


def _chart(tried: tuning.Tried) -> BarChart:
    day, bars = tried.since.date(), []
    last = (tried.since + tuning.TRIED_BACK).date()
    while day <= last:
        found = tried.per_day.get(day, 0)
        bars.append(Bar(formats.day(day), found, formats.number(found)))
        day += timedelta(days=1)
    said = f"{formats.count(tried.alerts, 'alert')} in 30 days"
    return BarChart("Alerts by day", said, bars, ("Day", "Alerts"), note=said, plot_height=64)
