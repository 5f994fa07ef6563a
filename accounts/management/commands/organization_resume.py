"""`manage.py organization_resume SLUG --why KIND`."""

from accounts.management.commands import organization_suspend


class Command(organization_suspend.Command):
    """Lets a suspended organization work again."""

    help = "Lets a suspended organization work again."
    suspended = False
