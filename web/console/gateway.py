"""The boundary of card data: who takes the cards, what of them is here, and what a payer's browser runs.

Everything is read at the moment somebody looks; what was not looked for yet is said to be so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from edge.access import access
from edge.request import Request
from payments.cards import scan
from payments.gateways.base import Can
from payments.gateways.stripe import StripeGateway
from payments.models import GatewayAccount
from payments.services import accounts, boundary
from tenancy import jobs
from web.forms import attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.patching.words import Tile
from web.pay import inventory

_WORDS: Mapping[Can, str] = MappingProxyType(
    {
        Can.HOSTED_PAGE: "Takes cards and accounts on a page of its own",
        Can.SAVE_METHODS: "Keeps saved methods; we hold a token",
        Can.CHARGE_SAVED: "Charges a saved method",
        Can.LOOK_UP: "Is asked what happened",
        Can.SEND_REFUNDS: "Sends refunds",
        Can.DISPUTES: "Takes answers to disputes",
        Can.HOOKS: "Tells us what happens, signed",
    }
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A file of the pay page as people read it."""

    asset: inventory.Asset

    @property
    def short(self) -> str:
        """Return as much of the digest as tells files apart."""
        return self.asset.sha256[:16]


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show where the boundary runs and what proves it."""
    at = clock.now()
    account = accounts.connected()
    held, files = boundary.held(), [Shown(asset) for asset in inventory.assets()]
    running = jobs.lasting(kind=scan.KIND)
    odd = [file for file in files if file.asset.state is not inventory.State.REVIEWED]
    looked = scan.last()
    context = {
        "account": account,
        "tiles": [_scan_tile(), _tokens(held), _hooks(account, held), _files(files, odd)],
        "held": held,
        "can": [_WORDS[can] for can in Can if can in StripeGateway.can],
        "files": files,
        "odd": odd,
        "scan": looked,
        "unread": int(looked.facts.get("unread", 0)) if looked else 0,
        "running_url": reverse("console:job", args=[slug, ids.encode("job", running.pk)]) if running else "",
        "may_connect": Permission.GATEWAY_MANAGE in request.permissions,
        "now": at,
        "crumbs": [Crumb("Security", reverse("console:security", args=[slug]))],
    }
    return render(request, "console/gateway.html", context)


@access(post=Permission.SECURITY_READ)
def look(request: Request, slug: str) -> HttpResponse:
    """Have everything that is stored searched for card numbers."""
    form = Form(request.POST)
    with attempting(request, form):
        job = scan.ask(actor=request.actor, at=clock.now())
    if form.errors:
        request.refusal = None
        messages.info(request, "A search is under way already.")
        return redirect("console:gateway", slug)
    messages.success(request, "The search is queued.")
    return redirect("console:job", slug, ids.encode("job", job.pk))


def _scan_tile() -> Tile:
    looked = scan.last()
    if looked is None:
        return Tile(label="Card numbers found", figure="–", hint="nobody has looked yet")
    found = int(looked.facts.get("found", 0))
    values = formats.number(int(looked.facts.get("values", 0)) + int(looked.facts.get("shared", 0)))
    hint = f"{values} stored texts looked at {formats.relative(looked.at, clock.now())}"
    return Tile(
        label="Card numbers found", figure=formats.number(found), hint=hint, tint="bad" if found else ""
    )


def _tokens(held: boundary.Held) -> Tile:
    hint = "saved methods: token, brand, last four, expiry"
    return Tile(label="Tokens held", figure=formats.number(held.active), hint=hint)


def _hooks(account: GatewayAccount | None, held: boundary.Held) -> Tile:
    last = account.last_hook_at if account else None
    figure = formats.relative(last, clock.now()) if last else "–"
    if held.waiting:
        return Tile(
            label="Last message", figure=figure, tint="warn",
            hint=f"{formats.number(held.waiting)} wait to be applied",
        )  # fmt: skip
    return Tile(label="Last message", figure=figure, hint="of the provider; every one verified")


def _files(files: list[Shown], odd: list[Shown]) -> Tile:
    if odd:
        hint = "of the pay page are not as reviewed"
        return Tile(label="Scripts and styles", figure=f"{len(odd)} of {len(files)}", hint=hint, tint="bad")
    return Tile(
        label="Scripts and styles", figure=formats.number(len(files)), hint="of the pay page, all as reviewed"
    )
