"""Security headers of every answer, error pages and static files included.

The policy starts from nothing. There is no inline script or style anywhere. The nonce is for hx-csp,
which leaves every element alone that does not carry it: markup an attacker brings in makes no request.
"""

import secrets
from collections.abc import Callable, Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'nonce-{nonce}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types htmx strongbox",
    )
)
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


def policy(nonce: str, *, form_targets: Iterable[str] = ()) -> str:
    """Write the policy of one answer. `form_targets` are foreign origins that a form's answer may lead on to.

    Browsers hold the whole chain of redirects after a form against `form-action`.
    """
    written = CONTENT_SECURITY_POLICY.format(nonce=nonce)
    return written.replace("form-action 'self'", " ".join(["form-action 'self'", *form_targets]))


class SecurityHeadersMiddleware:
    """Outermost: an answer made anywhere gets the headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the headers that an answer does not already carry."""
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]  # read by templates/_scripts.html and the kit's hx tag
        response = self.get_response(request)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy(nonce))
        headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        if not request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            headers.setdefault("Cache-Control", "no-store")
        return response
