"""Wiring of the tenancy app."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    """Registers the system checks of tenancy."""

    name = "tenancy"

    def ready(self) -> None:
        from tenancy import checks  # noqa: F401  registering is the import's effect
