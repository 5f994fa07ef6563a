"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0014_quotes")]

    operations: list[migrations.operations.base.Operation] = []
