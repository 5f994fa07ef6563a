"""Where a request comes from, in words a person recognises: the device, and a name for the network.

Promise kept: a network address is never shown. Equal addresses have equal names, and no name leads back.
"""

import re

from accounts.services.sessions import Origin
from edge import network
from edge.request import Request

_DEVICE_LENGTH = 256
# The first that matches counts: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|HeadlessChrome/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)
_COLOURS = (
    "amber", "azure", "birch", "bronze", "cedar", "chalk", "clay", "cobalt", "copper", "coral", "ebony",
    "fern", "flint", "garnet", "ginger", "granite", "hazel", "heather", "indigo", "iron", "ivory", "jade",
    "linen", "lilac", "maple", "marble", "moss", "oak", "ochre", "olive", "opal", "pearl",
)  # fmt: skip
_PLACES = (
    "abbey", "arbour", "barn", "bay", "bluff", "bridge", "brook", "canal", "cape", "cliff", "cove", "creek",
    "dale", "delta", "dune", "fjord", "forest", "garden", "glen", "grove", "harbour", "heath", "hill",
    "island", "lagoon", "lake", "meadow", "mill", "orchard", "pier", "ridge", "valley",
)  # fmt: skip


def origin(request: Request, *, device_key: str) -> Origin:
    """Say where a sign-in comes from."""
    return Origin(
        network=request.network,
        address=network.client_address(request),
        device=request.headers.get("User-Agent", "")[:_DEVICE_LENGTH],
        device_key=device_key,
    )


def device_words(agent: str | None) -> str:
    """Name a browser and its system: "Firefox on Linux"."""
    browser = next((name for name, pattern in _BROWSERS if re.search(pattern, agent or "")), "")
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, agent or "")), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "A device that does not say what it is"


def network_words(pseudonym: str) -> str:
    """Name a network by its keyed pseudonym: "amber harbour 41"."""
    try:
        number = int(pseudonym[:8], 16)
    except ValueError:
        return "a network we did not see"
    colour = _COLOURS[number % 32]
    place = _PLACES[number // 32 % 32]
    return f"{colour} {place} {number // 1024 % 90 + 10}"
