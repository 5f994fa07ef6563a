"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0008_credit_notes")]

    operations: list[migrations.operations.base.Operation] = []
