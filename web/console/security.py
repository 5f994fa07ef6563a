"""The state of security, computed at the moment somebody looks. What is not built has no tile."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import Permission
from alerts import queries as alerts
from alerts.channels import queries as channels
from alerts.models import AlertChannel
from alerts.streams import queries as streams
from backups import queries as backups
from compliance.controls import queries as controls
from compliance.controls.rules import Standing
from compliance.requests import queries as privacy
from core import clock
from crypto import inspection
from crypto.models import KeyState
from edge.access import access
from edge.request import Request
from tenancy.models import Tenant
from training import queries as training
from web.console import encryption, integrity, keys
from web.kit import formats
from web.patching import evidence as patches
from web.people import organization
from web.training import shared

_PROVIDERS = {
    "file": "A file of the host, outside the database",
    "vault": "OpenBao or Vault, transit",
    "awskms": "AWS KMS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure of the overview."""

    label: str
    figure: str
    hint: str
    url: str = ""
    tint: str = ""


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the state of security."""
    tenant = organization.tenant_of(request)
    may_audit = Permission.AUDIT_READ in request.permissions
    context = {
        "tiles": [
            _factors(request, slug),
            _sessions(slug),
            _keys(slug),
            _columns(slug),
            patches.tile(slug),
            _backups(slug),
            _channels(request, slug),
            _streams(request, slug),
            _training(request, slug),
            *([_alerts(slug)] if Permission.ALERT_READ in request.permissions else []),
            *([_privacy(slug)] if Permission.PRIVACY_READ in request.permissions else []),
            *([_controls(slug)] if Permission.COMPLIANCE_READ in request.permissions else []),
        ],
        "badge": integrity.badge(request, slug) if may_audit else None,
        "without": _without_factor(),
        "state": tenant.state,
        "sandbox": tenant.mode == Tenant.Mode.TEST,
        "provider": _PROVIDERS.get(_provider(), _provider()),
        "generation": tenant.key_generation,
    }
    return render(request, "console/security.html", context)


def _alerts(slug: str) -> Tile:
    at = clock.now()
    standing, pulse = alerts.standing(at=at), alerts.pulse(at=at)
    asleep = pulse.state in ("asleep", "never")
    bad = asleep or standing.overdue or standing.critical
    return Tile(
        label="Open alerts",
        figure=formats.number(standing.open),
        hint="nobody watches at the moment"
        if asleep
        else f"{standing.critical} critical, {standing.high} high, {standing.overdue} late",
        url=reverse("alerts:alerts", args=[slug]),
        tint="bad" if bad else "warn" if standing.high else "",
    )


def _backups(slug: str) -> Tile:
    found = backups.evidence()
    drilled = {True: "the last drill passed", False: "the last drill failed", None: "no drill yet"}
    return Tile(
        label="Last backup",
        figure=formats.relative(found.last_backup_at, clock.now()) if found.last_backup_at else "None yet",
        hint=drilled[found.last_drill_passed],
        url=reverse("backups:evidence", args=[slug]),
        tint="bad" if found.is_backup_late or found.last_drill_passed is False else "",
    )


def _training(request: Request, slug: str) -> Tile:
    found = training.status(today=shared.today())
    waits = f", rights of {found.withheld} wait" if found.withheld else ""
    return Tile(
        label="Training",
        figure=f"{found.complete} of {found.members}",
        hint=f"people have nothing left to take; {found.overdue} overdue{waits}",
        url=reverse("training:overview", args=[slug])
        if Permission.TRAINING_READ in request.permissions
        else "",
        tint="bad" if found.overdue else "",
    )


def _active() -> list[Membership]:
    return [member for member in people.members() if member.state == Membership.State.ACTIVE]


def _without_factor() -> list[str]:
    members = _active()
    facts = people.signin_facts([member.user_id for member in members])
    return sorted(
        people.name_of(member.user)
        for member in members
        if not facts[member.user_id].passkeys and not facts[member.user_id].totp
    )


def _factors(request: Request, slug: str) -> Tile:
    members = _active()
    facts = people.signin_facts([member.user_id for member in members])
    strong = sum(bool(facts[member.user_id].passkeys) or facts[member.user_id].totp for member in members)
    passkeys = sum(bool(facts[member.user_id].passkeys) for member in members)
    return Tile(
        label="Second factor",
        figure=f"{strong} of {len(members)}",
        hint=f"active members have one; {passkeys} with a passkey",
        url=reverse("people:members", args=[slug]) if Permission.MEMBER_READ in request.permissions else "",
        tint="" if strong == len(members) else "bad",
    )


def _sessions(slug: str) -> Tile:
    count = people.open_sessions(at=clock.now())
    return Tile(
        label="Signed in now", figure=formats.number(count), hint="sessions open in this organization"
    )


def _keys(slug: str) -> Tile:
    primary = [row for row in inspection.data_keys() if row.state == KeyState.PRIMARY]
    moving = [row for row in inspection.data_keys() if row.state == KeyState.ACTIVE]
    oldest = min(primary, key=lambda row: row.created_at)
    age = formats.duration((clock.now() - oldest.created_at).total_seconds())
    version = max(row.version for row in primary)
    return Tile(
        label="Encryption keys",
        figure=f"{len(primary)} in use",
        hint=f"oldest {age}, newest version {version}" + (", rotation unfinished" if moving else ""),
        url=reverse("console:keys", args=[slug]),
        tint="warn" if moving else "",
    )


def _columns(slug: str) -> Tile:
    scan = encryption.last_scan()
    count = sum(len(table.columns) for table in encryption.encrypted())
    url = reverse("console:encryption", args=[slug])
    if scan is None:
        return Tile(
            label="Encrypted columns",
            figure=formats.number(count),
            hint="stored bytes not scanned yet",
            url=url,
        )
    bad = int(scan.facts.get("findings", 0))
    rows = formats.number(int(scan.facts.get("rows", 0)))
    hint = f"{rows} stored values looked at {formats.relative(scan.at, clock.now())}"
    return Tile(
        label="Found in plain text" if bad else "Encrypted columns",
        figure=formats.number(bad or count),
        hint=hint if bad else f"{hint}, all encrypted",
        url=url,
        tint="bad" if bad else "",
    )


def _channels(request: Request, slug: str) -> Tile:
    found = [row for row in channels.channels() if row.state == AlertChannel.State.ENABLED]
    working = sum(channels.works(row) for row in found)
    unheard = "critical" in channels.unheard(found)
    return Tile(
        label="Alert channels",
        figure=f"{working} of {len(found)}" if found else "None",
        hint="no working channel tells of what is critical" if unheard else "work; what is critical is told",
        url=reverse("channels:channels", args=[slug]) if Permission.ALERT_READ in request.permissions else "",
        tint="bad" if unheard else "",
    )


def _streams(request: Request, slug: str) -> Tile:
    at, found = clock.now(), streams.streams()
    lags = [streams.lag(row) for row in found]
    late = sum(lag.is_late(at) for lag in lags)
    behind = max((lag.seconds(at) for lag in lags), default=0.0)
    hint = f"behind by {formats.duration(behind)}" if behind else "up to date"
    return Tile(
        label="Trail sent elsewhere",
        figure=formats.count(len(found), "place") if found else "Nowhere",
        hint=(f"{late} late, {hint}" if late else hint)
        if found
        else "a copy elsewhere shows what is deleted here",
        url=reverse("channels:streams", args=[slug]) if Permission.AUDIT_READ in request.permissions else "",
        tint="bad" if late else "",
    )


def _controls(slug: str) -> Tile:
    rows = [row for row in controls.rows(at=clock.now()) if row.control.is_live]
    good = (Standing.PASSING, Standing.NOT_APPLICABLE)
    passing = sum(row.standing in good for row in rows)
    return Tile(
        label="Checks passing",
        figure=f"{passing} of {len(rows)}",
        hint="live controls, run daily",
        url=reverse("compliance:overview", args=[slug]),
        tint="" if passing == len(rows) else "warn",
    )


def _provider() -> str:
    found = keys.above()
    return found[0].provider if found else ""


def _privacy(slug: str) -> Tile:
    found = privacy.figures(clock.now().date())
    return Tile(
        label="Privacy requests",
        figure=formats.number(found.open),
        hint=f"{formats.number(found.late)} late, {formats.number(found.soon)} due within a week",
        url=reverse("privacy:requests", args=[slug]),
        tint="bad" if found.late else "warn" if found.soon else "",
    )
