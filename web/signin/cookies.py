"""The two cookies of the entrance: the session's key, and a mark by which a device is known again.

Promise kept: no script reads either, no other site sends them, and in production both are bound to this host
(`__Host-`). The mark opens nothing; it only spares a known device the waits meant for strangers.
"""

import re
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from accounts import rules

_MARK = re.compile(r"[A-Za-z0-9_-]{32}\Z")


def put_session(response: HttpResponseBase, raw_key: str) -> None:
    """Hand the browser the key of its session; it forgets it when it is closed."""
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        raw_key,
        path="/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def drop_session(response: HttpResponseBase) -> None:
    """Take the key away."""
    response.delete_cookie(settings.SESSION_COOKIE_NAME, path="/", samesite="Lax")


def device_key(request: HttpRequest) -> str:
    """Return the mark this device carries, or a new one."""
    mark = request.COOKIES.get(_device_cookie(), "")
    return mark if _MARK.match(mark) else secrets.token_urlsafe(24)


def put_device(response: HttpResponseBase, key: str) -> None:
    """Leave the mark for as long as a device counts as known."""
    response.set_cookie(
        _device_cookie(),
        key,
        max_age=rules.KNOWN_NETWORK,
        path="/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device_cookie() -> str:
    return f"{settings.SESSION_COOKIE_NAME}-device"
