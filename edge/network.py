"""Where a request came from, as a keyed pseudonym: equal addresses look equal, and none can be read back.

The key is the installation's, not an organization's, so that refusals of a sealed organization are recorded too.
"""

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address. Behind proxies, the entry our own outermost proxy wrote and none before it.

    A client can write anything into X-Forwarded-For; only the last PROXY_COUNT entries are ours (ASVS 4.1.3).
    """
    if settings.PROXY_COUNT:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.PROXY_COUNT:
            return hops[-settings.PROXY_COUNT]
    return str(request.META.get("REMOTE_ADDR", ""))


def pseudonym(address: str) -> str:
    """Return the keyed pseudonym of an address; an IPv6 address counts by its /64, which is one household."""
    try:
        parsed = ipaddress.ip_address(address or "0.0.0.0")  # noqa: S104  a missing address, not a bind
    except ValueError:
        parsed = ipaddress.ip_address("0.0.0.0")  # noqa: S104  as above
    text = str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
    return hmac.digest(settings.NETWORK_KEY, text.encode(), "sha256").hex()[:24]
