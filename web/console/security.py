"""The state of security, computed at the moment somebody looks. What is not built has no tile."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import oversight
from accounts import queries as people
from accounts.permissions import Permission
from alerts import queries as alerts
from alerts.channels import queries as channels
from alerts.models import AlertChannel
from alerts.streams import queries as streams
from audit import queries as trail
from backups import queries as backups
from compliance.controls import queries as controls
from compliance.controls.rules import Standing
from compliance.requests import queries as privacy
from core import clock, ids
from crypto import inspection
from crypto.models import KeyState
from edge.access import access
from edge.request import Request
from payments.cards import scan
from tenancy.models import Tenant
from training import queries as training
from web.console import encryption, integrity, keys, protections
from web.kit import formats
from web.patching import evidence as patches
from web.patching.words import Tile as Figure
from web.people import organization
from web.training import shared

_PROVIDERS = {
    "file": "A file of the host, outside the database",
    "vault": "OpenBao or Vault, transit",
    "awskms": "AWS KMS",
}

_PROVED = {
    "verified": "entries, all proved",
    "checking": "entries, being proved",
    "stale": "entries; the last proof is old",
    "unchecked": "entries proved so far",
    "gap": "entries; some are missing",
    "broken": "entries; one does not match its seal",
}


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the state of security: the worst first, and beside it what is no protection by itself."""
    at, tenant = clock.now(), organization.tenant_of(request)
    may = request.permissions
    figures = {
        "keys": _keys(slug),
        "sign_in": _factors(slug),
        "patches": patches.tile(slug),
        "cards": _cards(slug),
        "rights": _rights(request, slug),
        "at_rest": _columns(slug),
        "backups": _backups(slug),
        "trail": _trail(request, slug),
        "training": _training(request, slug),
        "compliance": _controls(request, slug),
    }
    found = protections.protections(figures, at=at, today=at.date())
    amiss = sum(each.standing is not Standing.PASSING for each in found)
    context = {
        "protections": found,
        "amiss": amiss,
        "may_controls": Permission.COMPLIANCE_READ in may,
        "tiles": [
            *([_alerts(slug)] if Permission.ALERT_READ in may else []),
            _sessions(slug),
            _channels(request, slug),
            _streams(request, slug),
            *([_privacy(slug)] if Permission.PRIVACY_READ in may else []),
        ],
        "triage_url": _triage(slug) if Permission.ALERT_READ in may else "",
        "badge": integrity.badge(request, slug) if Permission.AUDIT_READ in may else None,
        "state": tenant.state,
        "sandbox": tenant.mode == Tenant.Mode.TEST,
        "provider": _PROVIDERS.get(_provider(), _provider()),
        "generation": tenant.key_generation,
        "checked_at": at,
    }
    return render(request, "console/security.html", context)


def _triage(slug: str) -> str:
    found = alerts.next_due()
    return reverse("alerts:alert", args=[slug, ids.encode("alert", found)]) if found else ""


def _alerts(slug: str) -> Figure:
    at = clock.now()
    standing, pulse = alerts.standing(at=at), alerts.pulse(at=at)
    asleep = pulse.state in ("asleep", "never")
    bad = asleep or standing.overdue or standing.critical
    return Figure(
        label="Open alerts",
        figure=formats.number(standing.open),
        hint="nobody watches at the moment"
        if asleep
        else f"{standing.critical} critical, {standing.high} high, {standing.overdue} late",
        url=reverse("alerts:alerts", args=[slug]),
        tint="bad" if bad else "warn" if standing.high else "",
    )


def _backups(slug: str) -> Figure:
    found = backups.evidence()
    drilled = {True: "the last drill passed", False: "the last drill failed", None: "no drill yet"}
    return Figure(
        label="Backups",
        figure=formats.relative(found.last_backup_at, clock.now()) if found.last_backup_at else "None yet",
        hint=drilled[found.last_drill_passed],
        url=reverse("backups:evidence", args=[slug]),
        tint="bad" if found.is_backup_late or found.last_drill_passed is False else "",
    )


def _training(request: Request, slug: str) -> Figure:
    found = training.status(today=shared.today())
    waits = f", rights of {found.withheld} wait" if found.withheld else ""
    return Figure(
        label="Training",
        figure=f"{found.complete} of {found.members}",
        hint=f"people have nothing left to take; {found.overdue} overdue{waits}",
        url=reverse("training:overview", args=[slug])
        if Permission.TRAINING_READ in request.permissions
        else "",
        tint="bad" if found.overdue else "",
    )


def _factors(slug: str) -> Figure:
    covered = oversight.coverage()[0]
    return Figure(
        label="Second factor",
        figure=f"{covered.people - covered.none} of {covered.people}",
        hint=f"active members have one; {covered.passkey} with a passkey",
        url=reverse("console:sign_in", args=[slug]),
        tint="bad" if covered.none else "",
    )


def _cards(slug: str) -> Figure:
    last = scan.last()
    found = int(last.facts.get("found", 0)) if last else 0
    return Figure(
        label="Card data",
        figure=formats.number(found),
        hint=f"card numbers found {formats.relative(last.at, clock.now())}"
        if last
        else "card numbers; stored text was not looked through yet",
        url=reverse("console:gateway", args=[slug]),
        tint="bad" if found else "",
    )


def _rights(request: Request, slug: str) -> Figure:
    held = oversight.powerful()
    return Figure(
        label="Roles and rights",
        figure=f"{held.powerful} of {held.people}",
        hint=f"people hold rights that take two to give; {formats.count(held.ending, 'membership')} ending",
        url=reverse("people:roles", args=[slug]) if Permission.MEMBER_READ in request.permissions else "",
    )


def _trail(request: Request, slug: str) -> Figure:
    badge = trail.badge(at=clock.now())
    when = f" {formats.relative(badge.checked_at, clock.now())}" if badge.checked_at else ""
    return Figure(
        label="Audit and alerts",
        figure=formats.number(badge.events),
        hint=f"{_PROVED[badge.state]}{when}",
        url=reverse("console:integrity", args=[slug]) if Permission.AUDIT_READ in request.permissions else "",
        tint="bad" if badge.state in ("gap", "broken") else "warn" if badge.state == "stale" else "",
    )


def _sessions(slug: str) -> Figure:
    count = people.open_sessions(at=clock.now())
    return Figure(
        label="Signed in now",
        figure=formats.number(count),
        hint="sessions open in this organization",
        url=reverse("console:sessions", args=[slug]),
    )


def _keys(slug: str) -> Figure:
    primary = [row for row in inspection.data_keys() if row.state == KeyState.PRIMARY]
    moving = [row for row in inspection.data_keys() if row.state == KeyState.ACTIVE]
    oldest = min(primary, key=lambda row: row.created_at)
    age = formats.duration((clock.now() - oldest.created_at).total_seconds())
    version = max(row.version for row in primary)
    return Figure(
        label="Encryption keys",
        figure=f"{len(primary)} in use",
        hint=f"oldest {age}, newest version {version}" + (", rotation unfinished" if moving else ""),
        url=reverse("console:keys", args=[slug]),
        tint="warn" if moving else "",
    )


def _columns(slug: str) -> Figure:
    scan = encryption.last_scan()
    count = sum(len(table.columns) for table in encryption.encrypted())
    url = reverse("console:encryption", args=[slug])
    if scan is None:
        return Figure(
            label="Encryption at rest",
            figure=formats.number(count),
            hint="encrypted columns; stored bytes not scanned yet",
            url=url,
        )
    bad = int(scan.facts.get("findings", 0))
    rows = formats.number(int(scan.facts.get("rows", 0)))
    hint = f"{rows} stored values looked at {formats.relative(scan.at, clock.now())}"
    return Figure(
        label="Found in plain text" if bad else "Encrypted columns",
        figure=formats.number(bad or count),
        hint=f"in plain text: {hint}" if bad else f"encrypted columns; {hint}",
        url=url,
        tint="bad" if bad else "",
    )


def _channels(request: Request, slug: str) -> Figure:
    found = [row for row in channels.channels() if row.state == AlertChannel.State.ENABLED]
    working = sum(channels.works(row) for row in found)
    unheard = "critical" in channels.unheard(found)
    return Figure(
        label="Alert channels",
        figure=f"{working} of {len(found)}" if found else "None",
        hint="no working channel tells of what is critical" if unheard else "work; what is critical is told",
        url=reverse("channels:channels", args=[slug]) if Permission.ALERT_READ in request.permissions else "",
        tint="bad" if unheard else "",
    )


def _streams(request: Request, slug: str) -> Figure:
    at, found = clock.now(), streams.streams()
    lags = [streams.lag(row) for row in found]
    late = sum(lag.is_late(at) for lag in lags)
    behind = max((lag.seconds(at) for lag in lags), default=0.0)
    hint = f"behind by {formats.duration(behind)}" if behind else "up to date"
    return Figure(
        label="Trail sent elsewhere",
        figure=formats.count(len(found), "place") if found else "Nowhere",
        hint=(f"{late} late, {hint}" if late else hint)
        if found
        else "a copy elsewhere shows what is deleted here",
        url=reverse("channels:streams", args=[slug]) if Permission.AUDIT_READ in request.permissions else "",
        tint="bad" if late else "",
    )


def _controls(request: Request, slug: str) -> Figure:
    rows = [row for row in controls.rows(at=clock.now()) if row.control.is_live]
    good = (Standing.PASSING, Standing.NOT_APPLICABLE)
    passing = sum(row.standing in good for row in rows)
    return Figure(
        label="Compliance",
        figure=f"{passing} of {len(rows)}",
        hint="live controls pass, run daily",
        url=reverse("compliance:overview", args=[slug])
        if Permission.COMPLIANCE_READ in request.permissions
        else "",
        tint="" if passing == len(rows) else "warn",
    )


def _provider() -> str:
    found = keys.above()
    return found[0].provider if found else ""


def _privacy(slug: str) -> Figure:
    found = privacy.figures(clock.now().date())
    return Figure(
        label="Privacy requests",
        figure=formats.number(found.open),
        hint=f"{formats.number(found.late)} late, {formats.number(found.soon)} due within a week",
        url=reverse("privacy:requests", args=[slug]),
        tint="bad" if found.late else "warn" if found.soon else "",
    )
