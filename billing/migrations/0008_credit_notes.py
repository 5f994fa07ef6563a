"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0007_tax_and_lines")]

    operations: list[migrations.operations.base.Operation] = []
