"""The checks themselves: one small function a control. `register_own` makes them known."""

from compliance.controls import registry


def register_own() -> None:
    """Make every control of this package known; called once, when the app is ready."""
    from compliance.controls.checks import (  # noqa: PLC0415  the models must be there
        access,
        assurance,
        cards,
        configuration,
        encryption,
        identity,
        isolation,
        money,
        operation,
        organization,
        privacy,
        trail,
    )

    for module in (
        encryption, identity, access, isolation, trail, money, cards, configuration, operation, assurance,
        privacy, organization,
    ):  # fmt: skip
        registry.register_all(module.CONTROLS)
