"""The sandbox never runs where money is real: beside a live key or under production settings it does not start."""

from collections.abc import Mapping

LIVE = ("sk_live_", "rk_live_", "pk_live_")
PRODUCTION = "config.settings.base"


class LiveSurroundings(SystemExit):
    """The sandbox was started where real money is moved."""


def check(environment: Mapping[str, str]) -> None:
    """Refuse surroundings that hold a live key or are production's. The key itself is not repeated.

    Raises: LiveSurroundings.
    """
    for name, value in sorted(environment.items()):
        if any(prefix in value for prefix in LIVE):
            raise LiveSurroundings(f"{name} holds a live key: the sandbox gateway does not start beside one.")
    if environment.get("DJANGO_SETTINGS_MODULE") == PRODUCTION:
        raise LiveSurroundings(
            "These are production settings: the sandbox gateway does not start under them."
        )
