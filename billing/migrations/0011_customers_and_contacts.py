"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0010_billing_runs")]

    operations: list[migrations.operations.base.Operation] = []
