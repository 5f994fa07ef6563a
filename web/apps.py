"""The Django app of the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages, components and charts."""

    name = "web"
    verbose_name = "Web"

    def ready(self) -> None:
        """Say how the acts that wait for a second person are described."""
        from backups import services as backups
        from billing.bankaccounts import services as bankaccounts
        from billing.exports import services as exports
        from billing.periods import services as periods
        from patching import accepting
        from training.practice import planning
        from training.services import excuses
        from web.backups import restores
        from web.billing import bank_account, write_off
        from web.books import close
        from web.compliance import exceptions as compliance_exceptions
        from web.compliance import watched
        from web.files import exports as export_pages
        from web.patching import accept
        from web.payments import effects as payment_effects
        from web.people import effects
        from web.training import assignments, campaigns

        compliance_exceptions.register()
        watched.register()
        effects.register_own()
        payment_effects.register()
        write_off.register()
        effects.register(bankaccounts.KIND, bank_account.effect)
        effects.register(periods.KIND, close.effect)
        effects.register(accepting.KIND, accept.effect)
        effects.register(exports.KIND, export_pages.effect)
        effects.register(backups.RESTORE_KIND, restores.effect)
        effects.register(excuses.KIND, assignments.effect)
        effects.register(planning.KIND, campaigns.effect)
