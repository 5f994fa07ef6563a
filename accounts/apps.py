"""Registration of events, field diffs and approval executors."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may do what."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Declare events, what is diffed, what approvals can execute, and who looks after webhooks."""
        from accounts import events, fielddiffs, notices  # noqa: F401  registering is the effect
        from accounts.models import Role
        from accounts.services import escalations
        from outbound.webhooks import endings

        fielddiffs.register(Role, fields=("rights", "limits"))
        escalations.register()
        endings.kept_by(notices.keepers_of_webhooks)
