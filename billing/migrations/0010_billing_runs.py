"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0009_catalogue_and_subscriptions")]

    operations: list[migrations.operations.base.Operation] = []
