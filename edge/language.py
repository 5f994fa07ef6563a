"""The language a page speaks to a payer, to a customer, and to whoever signs in; staff pages and the API speak English.

What somebody chose at the foot of a page counts first. Else it is what the organization noted of its customer, what the
person has set, what their browser asks for, and at last the organization's own.
"""

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from billing.customers import queries as customers
from billing.issuer import queries as issuers
from edge.doors import DoorKind, door_of
from edge.request import Request

PARAMETER = COOKIE = "language"
ENGLISH = "en"
KNOWN = frozenset(code for code, _ in settings.LANGUAGES)
_KEPT_SECONDS = 365 * 24 * 60 * 60
# Before the sign-in nobody knows who comes; these pages are staff's, or a machine's.
_ENGLISH_ONLY = ("/me/", "/hooks/", "/kit/", "/mailbox", "/certificates")


class LanguageMiddleware:
    """Around the doorway, so that its own answers speak the visitor's language too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        """Speak what was chosen or asked for; a page that learns who comes may change it (`speak_to`)."""
        request.language_chosen = request.language_asked = ""
        if not _speaks(request.path):
            with translation.override(ENGLISH):
                return self.get_response(request)
        pressed = _known(request.GET.get(PARAMETER, ""))
        request.language_chosen = pressed or _known(request.COOKIES.get(COOKIE, ""))
        request.language_asked = asked_for(request.headers.get("Accept-Language", ""))
        with translation.override(request.language_chosen or request.language_asked or ENGLISH):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or ENGLISH)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        if pressed:
            _keep(response, pressed)
        return response


def speak_to(request: Request, customer_id: UUID) -> None:
    """Speak to a customer, in whose scope the request is by now."""
    if request.language_chosen:
        return
    wanted = (
        customers.language_of(customer_id),
        str(getattr(request.person, "language", "") or ""),
        request.language_asked,
    )
    found = next((code for code in wanted if _known(code)), "")
    if not found:
        issuer = issuers.get()
        found = _known(issuer.language) if issuer else ""
    translation.activate(found or ENGLISH)


def speak_as(request: Request, wanted: str) -> None:
    """Speak the language a person has set, unless they chose another at the foot of the page."""
    if _known(wanted) and not request.language_chosen:
        translation.activate(wanted)


def asked_for(header: str) -> str:
    """Return the first language of a browser's list that pages speak (RFC 9110, 12.5.4); empty for none."""
    for code, quality in parse_accept_lang_header(header):
        if quality > 0 and (known := _known(code.partition("-")[0])):
            return known
    return ""


def _known(code: str) -> str:
    return code if code in KNOWN else ""


def _speaks(path: str) -> bool:
    kind = door_of(path).kind
    return kind is DoorKind.PORTAL or (kind is DoorKind.ENTRANCE and not path.startswith(_ENGLISH_ONLY))


def _keep(response: HttpResponseBase, code: str) -> None:
    response.set_cookie(
        COOKIE,
        code,
        max_age=_KEPT_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
