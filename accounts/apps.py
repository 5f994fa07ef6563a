"""Registration of events, field diffs and approval executors."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may do what."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare events, what is diffed, and what approvals can execute."""
        from accounts import events, fielddiffs  # noqa: F401  registering is the effect
        from accounts.models import Role
        from accounts.services import escalations

        fielddiffs.register(Role, fields=("rights", "limits"))
        escalations.register()
