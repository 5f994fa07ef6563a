"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0013_documents")]

    operations: list[migrations.operations.base.Operation] = []
