"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0012_books")]

    operations: list[migrations.operations.base.Operation] = []
